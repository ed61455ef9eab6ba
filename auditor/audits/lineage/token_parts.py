"""Whether a suspect's embedding, and its output layer where that is another matrix, are a base's:
in the basis in which their layers were found.

Describes pairs whose common origin was found by tests. Weighs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from auditor.audits.lineage.basis import CERTAIN, FEW_TOKENS, held_out_tokens
from auditor.audits.lineage.compared_pair import PLAIN_HEADS, ComparedPair
from auditor.audits.lineage.records import KeptPart, PartName, PartState
from auditor.audits.lineage.sides import Side, sampled, shared_tokens
from detectors.lineage.independence import FEWEST, Array, Indices, precise, units
from detectors.lineage.weight_alignment import order_of_coordinates

KEPT, OTHER = 0.7, 0.25
"""From this mean cosine of tokens' rows a matrix counts as kept, up to that one as another's. Both
in a basis that layers told: rows of unrelated models have about 0 there."""
ASKED, PORTION = 64, 4096
"""Rows that are looked for among all of the base's, whatever tokens they are said to be of."""
MOST_TOKENS = 1 << 20
"""Of a base that claims more tokens than this, several times the most of any published model, not
all are looked through: a file of holes may claim billions."""

RowsOf = Callable[[Side, Indices], Array]


def token_parts(one: Side, other: Side, found: ComparedPair) -> Iterator[KeptPart]:
    """The embedding, and the output layer where the suspect has one of its own. Raises what reading
    the weights raises."""
    state = _embedding(one, other, found)
    yield KeptPart(part="embedding", state=state[0], likeness=state[1])
    if one.untied:
        state = _state(one, other, found, "head")
        yield KeptPart(part="head", state=state[0], likeness=state[1])


def _embedding(one: Side, other: Side, found: ComparedPair) -> tuple[PartState, float | None]:
    if found.coordinate_p is not None and found.coordinate_p < CERTAIN:
        return "kept", found.basis.embedding
    if found.basis.turn is not None and found.basis.by == "embedding" and laid_right(found):
        # A map that was learned from unrelated embeddings places no unit and no head.
        return "kept", found.basis.embedding
    return _state(one, other, found, "embedding")


def laid_right(found: ComparedPair) -> bool:
    """Whether the basis is known to be right: units or heads were found in it, the embedding is
    the base's in it, or coordinates stand in one order as they are."""
    if found.basis.turn is None and found.by_coordinates:
        return True
    agreed = [a.p for a in (found.heads, found.halves) if a is not None]
    dimensions = 1.0 if found.dimension_p is None else found.dimension_p
    heads = min(dimensions, *agreed, 1.0) < PLAIN_HEADS or found.basis.by == "heads"
    return found.by_order or found.by_agreement or found.by_directions or heads


ROWS: dict[PartName, RowsOf] = {"embedding": Side.embedding, "head": Side.written_tokens}


def _state(
    one: Side, other: Side, found: ComparedPair, part: PartName
) -> tuple[PartState, float | None]:
    """What can be told of one of both matrices by itself, and how alike its rows are."""
    if _in_order(one, other, part):
        return "kept", _alike(one, other, found, part) if found.basis.turn is None else None
    if not laid_right(found):
        return "open", None
    alike = _alike(one, other, found, part)
    if alike is None:
        return "open", None
    if alike >= KEPT:
        return "kept", alike
    told = bool(one.vocabulary and other.vocabulary)
    if not told or alike > OTHER or _anywhere(one, other, found, part):
        return "open", alike
    return "other", alike


def _in_order(one: Side, other: Side, part: PartName) -> bool:
    """Whether the matrix's coordinates stand in the base's order, by an exact test."""
    mine, theirs = shared_tokens(one, other, FEW_TOKENS)
    if len(mine) < FEWEST:
        return False
    found = order_of_coordinates(ROWS[part](one, mine), ROWS[part](other, theirs))
    return found is not None and max(found.p, precise([found])) < CERTAIN


def _alike(one: Side, other: Side, found: ComparedPair, part: PartName) -> float | None:
    """Mean cosine of tokens' rows, less the mean over tokens, which any two models share part of;
    of tokens that no map was learned from. None where too few are shared."""
    mine, theirs = held_out_tokens(one, other)
    if len(mine) < FEWEST:
        return None
    a, b = (
        units(rows - rows.mean(axis=0))
        for rows in (
            found.basis.laid(ROWS[part](one, mine)),
            found.basis.beside(ROWS[part](other, theirs)),
        )
    )
    return float(np.mean(np.sum(a * b, axis=1)))


def _anywhere(one: Side, other: Side, found: ComparedPair, part: PartName) -> bool:
    """Whether rows may be the base's under other tokens, as where a vocabulary was shuffled: more
    alike than the nearest of as many unrelated rows are, or too many to be looked through."""
    whole = (other.anatomy.head if part == "head" else None) or other.anatomy.embedding
    if whole.outputs > MOST_TOKENS:
        return True
    asked = sampled(one.anatomy.embedding.outputs, ASKED)
    rows = units(found.basis.laid(ROWS[part](one, asked)))
    best = np.full(len(rows), -1.0, dtype=np.float32)
    for start in range(0, whole.outputs, PORTION):
        some = np.arange(start, min(start + PORTION, whole.outputs), dtype=np.intp)
        theirs = units(found.basis.beside(ROWS[part](other, some)))
        best = np.maximum(best, (rows @ theirs.T).max(axis=1))
    by_chance = float(np.sqrt(2 * np.log(whole.outputs) / rows.shape[1]))
    return float(np.median(best)) > max(KEPT, by_chance)
