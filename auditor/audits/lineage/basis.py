"""In which basis two residual streams can be compared: the same one, or one laid over the other by
what tokens mean.

The choice never depends on the order of hidden units, so that the test of that order stays exact.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from auditor.audits.lineage.nearest_units import NearestUnits
from auditor.audits.lineage.sides import Side, shared_tokens
from detectors.lineage.independence import FEWEST, Array, Indices, Order, precise, units
from detectors.lineage.weight_alignment import order_of_coordinates, rotation, turned

TOKENS, FEW_TOKENS = 4096, 2048
"""Tokens that a map between streams is learned from, at least (twice the wider stream where that is
more), and tokens that the order of coordinates is tested on."""
HELD_OUT = 5
"""Every so manyth of these tokens is kept out of the map, to see how alike the rest makes them."""
CERTAIN = 1e-6
"""Below this p-value the coordinates are taken to stand in one order."""


@dataclass(frozen=True)
class Basis:
    """``turn`` maps either model's residual stream into one space, None where both are compared as
    they are.

    ``kind`` says what the map is; ``coordinates`` is the test of the coordinates' order, None where
    no token is shared. ``tokens`` counts what it was learned from, ``embedding`` is the mean cosine
    of embeddings after it, of tokens that it was not learned from. ``known``: tokens were told
    by their text, and were enough to see through a change of basis. ``by``: what of the two models
    was laid over each other; ``learned``: the pairs of layers it was learned from, where not
    tokens.
    """

    turn: tuple[Array, Array] | None
    kind: str
    coordinates: Order | None
    tokens: int
    embedding: float | None
    known: bool = False
    by: str = ""
    learned: tuple[tuple[int, int], ...] = ()

    @cached_property
    def looked(self) -> dict[tuple[int, int], NearestUnits]:
        """Units that were looked up in it, by the layers of both models: tests and the description
        ask for the same ones, and a basis is made for one pair of models."""
        return {}

    def laid(self, rows: Array) -> Array:
        """Rows of the one model, in the space where both are compared."""
        return rows if self.turn is None else rows @ self.turn[0]

    def beside(self, rows: Array) -> Array:
        """Rows of the other model, in that space."""
        return rows if self.turn is None else rows @ self.turn[1]


def candidate_bases(one: Side, other: Side) -> list[Basis]:
    """The bases that a pair of models may be compared in, the one as it is first where both streams
    are of one width; none where they differ and too few tokens are shared to lay them.

    One alone where the coordinates plainly stand in one order: nothing has to be laid over then.
    Else tokens are laid by what they are read as, and, where that is another matrix, by what they
    are written as: an embedding that was made anew leaves the latter.
    """
    width, theirs = one.anatomy.hidden, other.anatomy.hidden
    few = shared_tokens(one, other, FEW_TOKENS)
    n = len(few[0])
    if n < FEWEST:
        return [Basis(None, "identity", None, n, None)] if width == theirs else []
    a, b = one.embedding(few[0]), other.embedding(few[1])
    ordered = order_of_coordinates(a, b)
    known = bool(one.vocabulary and other.vocabulary)
    as_it_is = Basis(None, "identity", ordered, n, _alike(a, b) if width == theirs else None)
    if width == theirs and ordered is not None and max(ordered.p, precise([ordered])) < CERTAIN:
        return [as_it_is]
    many, told = learned_from(one, other)
    if told.sum() < max(width, theirs):
        return [as_it_is] if width == theirs else []
    found = [replace(as_it_is, known=known)] if width == theirs else []
    laid = ("embedding", "output_layer") if one.untied or other.untied else ("embedding",)
    for by in laid:
        # One pair of tables at a time: at 8,192 coordinates each takes half a gigabyte.
        mine, his = (
            side.embedding(ids) if by == "embedding" else side.written_tokens(ids)
            for side, ids in zip((one, other), many, strict=True)
        )
        turn = rotation(mine[told], his[told])
        # Whether coordinates were moved is told by as many tokens as the narrowest map is.
        some = slice(None, None, max(1, len(mine) // TOKENS))
        kind = turned(mine[some], his[some]) if width == theirs else "rotation"
        # By tokens that the map was not learned from: of those that it was, any two are alike.
        alike = _alike(mine[~told] @ turn[0], his[~told] @ turn[1])
        found.append(Basis(turn, kind, ordered, int(told.sum()), alike, known, by))
    return found


def held_out_tokens(one: Side, other: Side) -> tuple[Indices, Indices]:
    """The ids, in either model, of shared tokens that no map of `candidate_bases` is learned
    from."""
    many, told = learned_from(one, other)
    return many[0][~told], many[1][~told]


def learned_from(one: Side, other: Side) -> tuple[tuple[Indices, Indices], NDArray[np.bool_]]:
    """Shared tokens, and of which of them a map is learned."""
    widest = max(one.anatomy.hidden, other.anatomy.hidden)
    many = shared_tokens(one, other, max(TOKENS, 2 * widest))
    return many, np.arange(len(many[0])) % HELD_OUT != HELD_OUT - 1


def _alike(one: Array, other: Array) -> float:
    a, b = units(one), units(other)
    known = a.any(axis=1) & b.any(axis=1)
    return float(np.mean(np.sum(a * b, axis=1)[known])) if known.any() else 0.0
