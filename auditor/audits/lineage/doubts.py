"""Why independence can't be told of two models of which no common origin was seen."""

from __future__ import annotations

import numpy as np

from auditor.audits.lineage.compared_pair import ComparedPair
from auditor.audits.lineage.sides import MOST_MLPS
from auditor.evidence.codes import ReasonCode
from detectors.lineage.independence import FEWEST
from detectors.lineage.weight_alignment import CONVERGED

SORTED = (
    "units or coordinates of both stand in a like order at large, and no more of them in the very"
    " same place than beside it: so do those of unrelated models that were sorted by one property,"
    " as pruning tools do"
)
ORDER_ALONE = (
    "units or coordinates stand in the base's order, and are themselves no more alike than those of"
    " unrelated models in one order: whoever puts a model's units in the order in which they are"
    " most like another's, which changes nothing that it computes, leaves that too"
)
UNTOLD = (
    "too few tokens can be told by their text to lay one residual stream over the other: a rotated"
    " copy would not be seen; give both tokenizers"
)
ALIKE = "the hidden units of one of the two can't be told from each other"
AGREEING = (
    "more of the units agree than in unrelated models, and too few for a common origin to be told"
)
HEADS_AGREEING = (
    "more of the attention heads, or of the dimensions of their values, agree than in unrelated"
    " models, and too few for a common origin to be told"
)
EMBEDDED = 0.9
"""From this mean cosine of laid-over embeddings on, the embedding alone may be the base's. That of
independent runs stands in the benchmarks."""
EMBEDDING_ALIKE = (
    "after turning one residual stream, the embeddings are as alike as those of a copy, and no"
    " hidden unit and no head is: the embedding alone may be the base's"
)
MISSING = (
    "one kind of evidence is missing, since the hidden units or the coordinates are too few, either"
    " half of a unit tells the other, or no token is shared: a copy of what was not compared would"
    " not be seen"
)
NO_ATTENTION = (
    "the attention of one of the two, or that of some of its layers, is of a kind that is not"
    " compared head by head: a copy of the attention alone would not be seen"
)
NO_EXPERTS = (
    f"of each layer {MOST_MLPS} MLPs are compared, and one of the two has more: a copy of experts"
    " after them would not be seen"
)
GUESSED = (
    "the tensors' names are not known, and which of them is what was guessed from shapes: a copy of"
    " what was taken for something else would not be seen"
)
WEAK = (
    "a simulated copy, its units in another order and its residual stream turned, would not have"
    " been found among models of these sizes and shared tokens"
)
PART_WEAK = (
    "a simulated whole copy would have been found, and one of which the attention alone or the MLPs"
    " alone were kept, in another order and in a turned stream, would not have been among models of"
    " these sizes"
)
DOUBTS: dict[ReasonCode, str] = {
    "units_alike": ALIKE,
    "sorted_units": SORTED,
    "order_alone": ORDER_ALONE,
    "units_agree": AGREEING,
    "heads_agree": HEADS_AGREEING,
    "embedding_alike": EMBEDDING_ALIKE,
    "tokens_untold": UNTOLD,
    "evidence_missing": MISSING,
    "roles_guessed": GUESSED,
    "attention_unread": NO_ATTENTION,
    "experts_unread": NO_EXPERTS,
    "too_weak": WEAK,
    "part_too_weak": PART_WEAK,
}
OPEN: frozenset[ReasonCode | None] = frozenset(
    {"units_alike", "sorted_units", "units_agree", "heads_agree", "embedding_alike"}
)
"""Doubts because of what was seen, and not because of what could not be."""


def _heads_agree(found: ComparedPair, alpha: float) -> bool:
    """Whether heads alone would tell a common origin, were nothing else tested."""
    return any(
        agreed is not None and agreed.p < alpha
        for agreed in (found.heads, found.free_heads, found.halves)
    )


def doubt_of(
    found: ComparedPair, alpha: float, attention: bool, guessed: bool, experts: bool
) -> ReasonCode | None:
    """Why independence can't be told; None where nothing stands against it but the power of the
    tests. ``attention``: whether that of every layer of both could be looked at; ``guessed``:
    whether what tensors are was guessed; ``experts``: whether some of either were left out."""
    agreed = found.agreement
    # Of units whose halves are one and the same, as where a gate was made of its up, none agrees.
    halved = agreed is not None and agreed.n >= FEWEST
    missing = found.unit_p is None or found.coordinate_p is None or not halved
    alike = bool(found.pairings) and all(np.ptp(p.nearest.together) == 0 for p in found.pairings)
    doubts: tuple[tuple[bool, ReasonCode], ...] = (
        (alike, "units_alike"),
        (found.trend_p < alpha, "sorted_units"),
        (missing, "evidence_missing"),
        (agreed is not None and agreed.share > CONVERGED, "units_agree"),
        (_heads_agree(found, alpha), "heads_agree"),
        (not found.basis.known, "tokens_untold"),
        ((found.embedding or 0.0) >= EMBEDDED, "embedding_alike"),
        (guessed, "roles_guessed"),
        (found.heads is None or not attention, "attention_unread"),
        (experts, "experts_unread"),
    )
    return next((code for holds, code in doubts if holds), None)
