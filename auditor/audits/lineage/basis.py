"""In which basis two residual streams can be compared: the same one, or one laid over the other by
what tokens mean.

The choice never depends on the order of hidden units, so that the test of that order stays exact.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from auditor.audits.lineage.sides import Side, runs, shared_tokens
from detectors.lineage.independence import FEWEST, Array, Order, likeness, order, precise, units
from detectors.lineage.weight_alignment import coordinates, rotation, turned

TOKENS, FEW_TOKENS = 4096, 2048
"""Tokens that a map between streams is learned from, at least (twice the wider stream where that is
more), and tokens that the order of coordinates is tested on."""
CERTAIN = 1e-6
"""Below this p-value the coordinates are taken to stand in one order."""
TRIED = 128
"""Units by which two bases are compared."""


@dataclass(frozen=True)
class Basis:
    """``turn`` maps either model's residual stream into one space, None where both are compared as
    they are.

    ``kind`` says what the map is; ``coordinates`` is the test of the coordinates' order, None where
    no token is shared. ``tokens`` counts what it was learned from, ``embedding`` is the mean cosine
    of tokens' embeddings after it. ``known``: tokens were told by their text, and were enough to
    see through a change of basis.
    """

    turn: tuple[Array, Array] | None
    kind: str
    coordinates: Order | None
    tokens: int
    embedding: float | None
    known: bool = False

    def laid(self, rows: Array) -> Array:
        """Rows of the one model, in the space where both are compared."""
        return rows if self.turn is None else rows @ self.turn[0]

    def beside(self, rows: Array) -> Array:
        """Rows of the other model, in that space."""
        return rows if self.turn is None else rows @ self.turn[1]


def find_basis(one: Side, other: Side) -> Basis | None:
    """The basis for a pair of models; None where their streams differ in width and too few
    tokens are shared to lay them."""
    width, theirs = one.anatomy.hidden, other.anatomy.hidden
    few = shared_tokens(one, other, FEW_TOKENS)
    n = len(few[0])
    if n < FEWEST:
        return Basis(None, "identity", None, n, None) if width == theirs else None
    a, b = one.embedding(few[0]), other.embedding(few[1])
    ordered = order(coordinates(a, b), of=theirs) if width >= FEWEST else None
    as_it_is = Basis(None, "identity", ordered, n, _alike(a, b) if width == theirs else None)
    # The cheap test first: where coordinates keep their places nothing has to be laid over.
    if width == theirs and ordered is not None and max(ordered.p, precise([ordered])) < CERTAIN:
        return as_it_is
    many = shared_tokens(one, other, max(TOKENS, 2 * max(width, theirs)))
    if len(many[0]) < max(width, theirs):
        return as_it_is if width == theirs else None
    turn = rotation(one.embedding(many[0]), other.embedding(many[1]))
    known = bool(one.vocabulary and other.vocabulary)
    # A rotation that was fitted to noise hides an order that was there: it must bring units nearer.
    if width == theirs and _better_as_it_is(one, other, turn):
        return replace(as_it_is, known=known)
    kind = turned(a, b) if width == theirs else "rotation"
    return Basis(turn, kind, ordered, len(many[0]), _alike(a @ turn[0], b @ turn[1]), known)


def _alike(one: Array, other: Array) -> float:
    a, b = units(one), units(other)
    known = a.any(axis=1) & b.any(axis=1)
    return float(np.mean(np.sum(a * b, axis=1)[known])) if known.any() else 0.0


def _better_as_it_is(one: Side, other: Side, turn: tuple[Array, Array]) -> bool:
    """Whether units find nearer ones in the basis as it is: by the mean of their best cosine, in
    whatever order they stand."""
    layer, theirs = one.layers // 2, other.layers // 2
    mine, his = one.mlps(layer)[0], other.mlps(theirs)[0]
    rows = one.up(layer, mine, runs(mine.units, TRIED))
    against = other.up(theirs, his, runs(his.units, 8 * TRIED))
    plain = likeness(rows, against, signed=False).max(axis=1).mean()
    laid = likeness(rows @ turn[0], against @ turn[1], signed=False).max(axis=1).mean()
    return bool(plain >= laid)
