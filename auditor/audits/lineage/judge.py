"""From tests to relations: what a suspect's weights are to each base's, corrected for the number of
bases.

Decides by p-values; how alike the weights are tells derivation from what a shared initialisation
leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from auditor.audits.lineage.arranged import arranged
from auditor.audits.lineage.basis import CERTAIN
from auditor.audits.lineage.compared_pair import ComparedPair
from auditor.audits.lineage.doubts import DOUBTS, OPEN, doubt_of
from auditor.audits.lineage.heads import whole
from auditor.audits.lineage.kinds import FoundMerge, kinds_of, merge_of
from auditor.audits.lineage.likeness import least
from auditor.audits.lineage.pair import compare
from auditor.audits.lineage.parts import in_part, kept_parts, of_kept, parts_told
from auditor.audits.lineage.power import simulated_power
from auditor.audits.lineage.read_against import read_pair
from auditor.audits.lineage.records import (
    RELATED,
    KeptPart,
    Relation,
    WeightComparison,
    WeightTest,
)
from auditor.audits.lineage.sides import Side
from auditor.evidence.codes import Outcome, ReasonCode
from detectors.stats.pvalues import holm
from fingerprints.errors import AuditError
from fingerprints.progress import SILENT, Told

ALPHA = 1e-3
"""The chance of any false common origin among all bases of one audit, unless another is asked
for."""
DERIVED = 0.7
"""From this least likeness of any kind of matrix on, a common origin is called derivation.
Fine-tuned, pruned, merged and disguised copies of the weight zoo have 0.96 or more, continued
pretraining 0.73 or more, runs from one initialisation 0.65 or less."""
UNITS, HEADS = "hidden units", "attention heads"
WITHIN = "order within attention heads"
HEADS_ABOUT = "heads whose nearest one is the same by where they look and by what they carry"
FREE_ABOUT = "the same by singular values alone, which no basis changes"
DIRECTIONS_ABOUT = "directions in which tokens hardly differ that the other embedding tells"
HALVES_ABOUT = "dimensions of values whose nearest one is the same by either half"
WORDS: dict[Relation, str] = {
    "derived": "derived weights",
    "derived_in_part": "weights derived in part",
    "common_origin": "derivation or a shared initialisation",
    "independent": "independent weights",
    "none_found": "no common origin found",
    "unclear": "unclear",
    "not_compared": "not compared",
}
OUTCOMES: dict[Relation, Outcome] = {
    "derived": "supported",
    "derived_in_part": "supported",
    "common_origin": "supported",
    "independent": "not_supported",
    "none_found": "inconclusive",
    "unclear": "inconclusive",
    "not_compared": "not_assessable",
}


@dataclass(frozen=True)
class JudgedPair:
    """One base with what was found: ``found`` is None where nothing could be compared, and
    ``told`` says why. ``suspect``: with its roles as they were read against this base."""

    side: Side
    found: ComparedPair | None
    told: WeightComparison
    suspect: Side


def judged(
    suspect: Side, bases: Sequence[Side], alpha: float = ALPHA, progress: Told = SILENT
) -> list[JudgedPair]:
    """The suspect against every base, in their order, p-values Holm-corrected over those that were
    compared.

    Deterministic. ``progress`` is told shares of the whole in thousandths. A base whose weights
    can't be read is told, and the others are compared all the same. Raises what reading the
    suspect's weights raises, or the first base's where none can be read.
    """
    out, broken = list[JudgedPair](), list[AuditError]()
    for number, base in enumerate(bases):
        try:
            mine, theirs = read_pair(suspect, base)
            found = compare(mine, theirs, _part(progress, number, len(bases)))
            out.append(JudgedPair(theirs, found, _told(mine, theirs, found), mine))
        except AuditError as error:
            out.append(_unread(suspect, base, error))
            broken.append(error)
    # Corrected for those that could be compared: one that can't be gives no false alarm.
    tested = [j.told.p for j in out if j.told.p is not None]
    raised = iter(holm(tested).tolist() if tested else [])
    decided = []
    for one in out:
        p_holm = None if one.told.p is None else next(raised)
        try:
            decided.append(
                one if p_holm is None else _decided(one.suspect, one, p_holm, alpha, len(tested))
            )
        except AuditError as error:
            decided.append(_unread(suspect, one.side, error))
            broken.append(error)
    if broken and len(broken) == len(bases):
        raise broken[0]
    return decided


def _unread(suspect: Side, base: Side, error: AuditError) -> JudgedPair:
    """A base that can't be read; raises the error again where it is not the base's."""
    if error.where is None or not base.holds(error.where) or suspect.holds(error.where):
        raise error
    told = WeightComparison(
        base=base.name,
        spec=base.weights.spec,
        relation="not_compared",
        reason=error.what,
        reason_code="unreadable",
    )
    return JudgedPair(base, None, told, suspect)


def merged(found: Sequence[JudgedPair]) -> FoundMerge | None:
    """The mixture of the bases with a common origin that their suspect is, or None."""
    parents = [j for j in found if j.told.relation in RELATED and j.found is not None]
    # One whose roles were guessed may have been read against each of them in another way.
    mine = {j.suspect.anatomy: j.suspect for j in parents}
    if len(mine) != 1:
        return None
    return merge_of(
        next(iter(mine.values())),
        [j.side for j in parents],
        [j.found for j in parents if j.found is not None],
    )


def merge_told(merge: FoundMerge, names: Sequence[str]) -> str:
    """The mixture in words: of whom, with which weights and their range over layers."""
    parts = [
        f"{weight:.2f} ({low:.2f} to {high:.2f}) of {name}"
        for name, weight, (low, high) in zip(names, merge.whole.weights, merge.ranges, strict=True)
        if abs(weight) >= 0.02
    ]
    return (
        f"merge: {' and '.join(parts)}; it explains {merge.whole.explained:.1%} of the distance to"
        " the nearest of them"
    )


def _part(progress: Told, number: int, of: int) -> Told:
    return lambda done, total: progress(int(1000 * (number + done / max(1, total))), 1000 * of)


def _told(suspect: Side, base: Side, found: ComparedPair | None) -> WeightComparison:
    nothing = WeightComparison(base=base.name, spec=base.weights.spec, relation="not_compared")
    if found is None or (found.unit_p is None and found.coordinate_p is None):
        wide = f"{suspect.anatomy.hidden:,} and {base.anatomy.hidden:,} coordinates"
        reason = (
            f"the residual streams have {wide}, and too few tokens are shared to lay one over the"
            " other"
        )
        return nothing.model_copy(update={"reason": reason, "reason_code": "other_widths"})
    return nothing.model_copy(
        update={
            "relation": "unclear",
            "p": found.p,
            "likeness": least(list(found.likeness)),
            "tests": tuple(_tests(found)),
            "facts": _facts(suspect, base, found),
        }
    )


def _tests(found: ComparedPair) -> list[WeightTest]:
    coordinates, agreed = found.basis.coordinates, found.agreement
    made: list[tuple[str, str, float | None, bool, float, int, str]] = [
        (
            "order of hidden units",
            "rank correlation of the nearest units' order",
            found.unit_p,
            True,
            found.rho,
            found.units,
            UNITS,
        )
    ]
    if coordinates is not None:
        about = "rank correlation of the nearest coordinates' order"
        told = (True, coordinates.rho, coordinates.n, "coordinates")
        made.append(("order of residual coordinates", about, found.coordinate_p, *told))
    if found.dimensions:
        about = "rank correlation of the nearest dimensions' order within heads"
        rho = float(np.mean([o.rho for o in found.dimensions]))
        n = sum(o.n for o in found.dimensions)
        told = (True, rho, n, "dimensions of values")
        made.append((WITHIN, about, found.dimension_p, *told))
    for name, about, agreeing, unit in (
        (
            "agreement of unit halves",
            "units whose nearest one is the same by either half",
            agreed,
            UNITS,
        ),
        ("agreement of heads", HEADS_ABOUT, found.heads, HEADS),
        ("agreement of heads, in any basis", FREE_ABOUT, found.free_heads, HEADS),
        ("agreement of value halves", HALVES_ABOUT, found.halves, "dimensions of values"),
        ("directions of a turned embedding", DIRECTIONS_ABOUT, found.directions, "directions"),
    ):
        if agreeing is not None:
            measured = (False, agreeing.share, agreeing.n, unit)
            made.append((name, about, agreeing.p, *measured))
    return [
        WeightTest(name=name, p=p, exact=exact, effect=effect, effect_name=about, n=n, n_unit=unit)
        for name, about, p, exact, effect, n, unit in made
        if p is not None
    ]


def _facts(suspect: Side, base: Side, found: ComparedPair) -> dict[str, str]:
    a, b = suspect.anatomy, base.anatomy
    out = {
        "layers": f"{suspect.layers} and {base.layers}",
        "residual coordinates": f"{a.hidden:,} and {b.hidden:,}",
        "hidden units": f"{max(a.units):,} and {max(b.units):,}",
        "vocabulary": f"{a.embedding.outputs:,} and {b.embedding.outputs:,}",
        "tokens compared": f"{found.basis.tokens:,}",
        "basis": _basis_told(found),
    }
    if a.guessed or b.guessed:
        whose = [s.name for s in (suspect, base) if s.anatomy.guessed]
        out["roles guessed from shapes"] = " and ".join(whose)
    if found.basis.embedding is not None:
        out["mean cosine of embeddings"] = f"{found.basis.embedding:.3f}"
    return out


LAID_BY = {
    "embedding": "tokens",
    "output_layer": "tokens of the output layer",
    "heads": "attention heads",
    "looks": "where attention heads look",
    "units": "what hidden units read and write",
}


def _basis_told(found: ComparedPair) -> str:
    basis = found.basis
    if basis.turn is None:
        return "as it is"
    return f"laid over by {LAID_BY.get(basis.by, 'tokens')} ({basis.kind})"


def _decided(suspect: Side, one: JudgedPair, p_holm: float, alpha: float, bases: int) -> JudgedPair:
    if one.found is None:
        return one
    if p_holm < alpha and arranged(suspect, one.side, one.found):
        return replace(one, told=_ordered(one.told, p_holm))
    if p_holm < alpha:
        return replace(one, told=_related(suspect, one, one.found, p_holm))
    attention = whole(suspect) and whole(one.side)
    guessed = suspect.anatomy.guessed or one.side.anatomy.guessed
    experts = suspect.mlps_left + one.side.mlps_left > 0
    doubt, power = doubt_of(one.found, alpha, attention, guessed, experts), None
    if doubt is None:
        power = simulated_power(suspect, one.side, alpha, bases)
        if not power.found:
            doubt = "too_weak"
        elif power.missed:
            doubt = "part_too_weak"
    relation: Relation = "independent" if doubt is None else "none_found"
    told = one.told.model_copy(
        update={
            "relation": "unclear" if doubt in OPEN else relation,
            "p_holm": p_holm,
            "power": power,
            "reason": "" if doubt is None else DOUBTS[doubt],
            "reason_code": doubt,
        }
    )
    return replace(one, told=told)


def _ordered(told: WeightComparison, p_holm: float) -> WeightComparison:
    """An order that may have been put there: it neither shows nor excludes a common origin."""
    code: ReasonCode = "order_alone"
    return told.model_copy(
        update={
            "relation": "unclear",
            "p_holm": p_holm,
            "likeness": None,
            "reason": DOUBTS[code],
            "reason_code": code,
        }
    )


def _related(
    suspect: Side, one: JudgedPair, found: ComparedPair, p_holm: float
) -> WeightComparison:
    """A common origin, with what was kept and how it was changed."""
    parts = kept_parts(suspect, one.side, found)
    if suspect.anatomy.guessed or one.side.anatomy.guessed:
        parts = tuple(_at_most_open(part) for part in parts)
    kept = of_kept(suspect, found, parts)
    # Where nothing places the layers, they were laid over each other by number, and are not alike.
    likeness = least(list(kept.likeness)) if found.placed else None
    partial = in_part(parts)
    relation: Relation = "common_origin"
    if likeness is not None and likeness >= DERIVED:
        relation = "derived_in_part" if partial else "derived"
    kinds: tuple[str, ...] = ()
    if suspect.anatomy.guessed and one.side.anatomy.guessed:
        # Without a known side neither norms nor numbers of layers are sure: how the one was made of
        # the other can't be described.
        likeness, relation = None, "common_origin"
    elif found.placed:
        kinds = kinds_of(suspect, one.side, kept, parts)
    elif found.coordinate_p is not None and found.coordinate_p < CERTAIN:
        kinds = (EMBEDDING_ALONE,)
    elif found.by_directions:
        kinds = (TURNED_EMBEDDING,)
    if partial:
        kinds = (f"kept of it: {parts_told(parts)}", *kinds)
    return one.told.model_copy(
        update={
            "relation": relation,
            "p_holm": p_holm,
            "likeness": likeness,
            "kinds": kinds,
            "parts": parts,
            "laid_by_parts": found.basis.by in ("heads", "looks", "units"),
        }
    )


def _at_most_open(part: KeptPart) -> KeptPart:
    """A part that is not seen to be kept may have been taken for another one."""
    return part.model_copy(update={"state": "open"}) if part.state == "other" else part


TURNED_EMBEDDING = (
    "the embedding is the base's in a turned stream; the hidden units have not been seen to be"
)
EMBEDDING_ALONE = "the embedding has the base's coordinates; the hidden units have not been seen to"
