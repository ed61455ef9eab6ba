"""Which hidden units of one model are nearest to which of another's, layer by layer, and what their
order says.

Reads a few rows of each layer; a model's weights are never held as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.audits.lineage.basis import Basis
from auditor.audits.lineage.sides import Side, runs
from detectors.lineage.independence import FEWEST, Array, Indices, Order, likeness, order
from fingerprints.weights import Mlp

UNITS = 512
"""Units of a layer whose order is tested."""
MATCHED = 256
"""Units of a layer that are looked up among all of the other model's."""
PORTION = 2048
"""Units of the other model that are held at once."""


@dataclass(frozen=True)
class NearestUnits:
    """For each of the one model's units at ``places``: where its nearest one stands in the other,
    by all halves together, by its first half alone (gate, or down where there is none) and by up
    alone; and the cosine of the nearest, 0 to 1."""

    places: Indices
    together: Indices
    by_first: Indices
    by_up: Indices
    cosine: NDArray[np.float32]


@dataclass(frozen=True)
class Pairing:
    """One MLP of the suspect against one of the base: the layers, the nearest units, and the test
    of their order, and which of their layers' MLPs the two are."""

    layer: int
    of: int
    nearest: NearestUnits
    order: Order
    mlp: int = 0
    theirs: int = 0


def paired(
    one: Side, other: Side, basis: Basis, layer: int, of: int, without: Indices | None = None
) -> list[Pairing]:
    """The test of unit order for every MLP of a layer; MLPs with too few units to have an order
    are left out. ``without``: places that layer or basis were chosen by, which the test then leaves
    out.
    """
    out = []
    many = len(other.mlps(of)) > 1
    for i, (mine, theirs) in enumerate(
        zip(one.mlps(layer), _as_many(other.mlps(of), len(one.mlps(layer))), strict=False)
    ):
        if mine.units < FEWEST:
            continue
        same = mine.units == theirs.units
        places = runs(mine.units, UNITS)
        among = places if same else np.arange(theirs.units, dtype=np.intp)
        if without is not None and i == 0 and len(places) - len(without) >= FEWEST:
            places = np.setdiff1d(places, without)
        found = nearest((one, layer, mine), (other, of, theirs), basis, places, among)
        tested = order(found.together, places, theirs.units if same else None, among)
        out.append(Pairing(layer, of, found, tested, i, i if many else 0))
    return out


def _as_many(mlps: tuple[Mlp, ...], n: int) -> tuple[Mlp, ...]:
    """A dense layer stands for all experts that may have been copied from it."""
    return mlps * n if len(mlps) == 1 else mlps


def looked_up(one: Side, other: Side, basis: Basis, layer: int, of: int) -> NearestUnits:
    """Some units of a layer, looked up among all units of the other's layer, whatever their
    order."""
    mine, theirs = one.mlps(layer)[0], other.mlps(of)[0]
    among = np.arange(theirs.units, dtype=np.intp)
    return nearest((one, layer, mine), (other, of, theirs), basis, runs(mine.units, MATCHED), among)


def nearest(
    one: tuple[Side, int, Mlp],
    other: tuple[Side, int, Mlp],
    basis: Basis,
    places: Indices,
    among: Indices,
) -> NearestUnits:
    """The nearest of the other's units ``among`` for the one's units at ``places``; the other's
    come in portions."""
    (side, layer, mlp), (against, of, theirs) = one, other
    first, up = (basis.laid(rows) for rows in _halves(side, layer, mlp, places, theirs))
    gated = mlp.gate is not None and theirs.gate is not None
    tops = [_Top(len(places)) for _ in range(3)]
    for start in range(0, len(among), PORTION):
        some = among[start : start + PORTION]
        their_first, their_up = (
            basis.beside(rows) for rows in _halves(against, of, theirs, some, mlp)
        )
        # A gate's activation fixes its sign; up's may be turned together with down's.
        by_first, by_up = (
            likeness(first, their_first, signed=gated),
            likeness(up, their_up, signed=False),
        )
        for top, scores in zip(tops, (by_first + by_up, by_first, by_up), strict=True):
            top.see(scores, some)
    return NearestUnits(
        places, tops[0].where, tops[1].where, tops[2].where, np.clip(tops[0].score / 2, 0, 1)
    )


def _halves(side: Side, layer: int, mlp: Mlp, units: Indices, other: Mlp) -> tuple[Array, Array]:
    """What opens the units, or what they write where one of the two models has no gates; and
    what they read."""
    gate = side.gate(layer, mlp, units) if other.gate is not None else None
    return (side.down(mlp, units) if gate is None else gate), side.up(layer, mlp, units)


class _Top:
    """The best score of each row so far, and where it stood."""

    def __init__(self, n: int) -> None:
        self.score: NDArray[np.float32] = np.full(n, -np.inf, dtype=np.float32)
        self.where: Indices = np.zeros(n, dtype=np.intp)

    def see(self, scores: NDArray[np.float32], some: Indices) -> None:
        """Looks at the scores of further candidates, (n, m)."""
        best = scores.argmax(axis=1)
        value = scores[np.arange(len(best)), best]
        better = value > self.score
        self.score[better], self.where[better] = value[better], some[best[better]]
