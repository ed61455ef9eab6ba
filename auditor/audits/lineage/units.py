"""Which hidden units of one model are nearest to which of another's, layer by layer, and what their
order says.

Reads a few rows of each layer; a model's weights are never held as a whole.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.audits.lineage.basis import Basis
from auditor.audits.lineage.nearest_units import NearestUnits
from auditor.audits.lineage.sides import Side, runs
from detectors.lineage.independence import (
    FEWEST,
    HUGE,
    TINY,
    Array,
    Indices,
    Order,
    cosines,
    order,
    units,
)
from detectors.lineage.weight_alignment import apart
from fingerprints.weights import Mlp

UNITS = 512
"""Units of a layer whose order is tested."""
FIRST = 128
"""Those that are looked at first, where there are many."""
MATCHED = 256
"""Units of a layer that are looked up among all of the other model's."""
PORTION = 2048
"""Units of the other model that are held at once."""


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
        held = (one, layer, mine), (other, of, theirs)
        left_out = without if i == 0 else None
        # Where units plainly stand in one order a few tell as much as many.
        few = _ordered(*held, basis, FIRST, left_out) if mine.units >= UNITS else None
        if few is not None and few[1].sure:
            found, tested = few
        else:
            found, tested = _ordered(*held, basis, UNITS, left_out)
        tested = tested if few is None else tested.looked_again()
        out.append(Pairing(layer, of, found, tested, i, i if many else 0))
    return out


Held = tuple[Side, int, Mlp]


def _ordered(
    one: Held, other: Held, basis: Basis, most: int, without: Indices | None
) -> tuple[NearestUnits, Order]:
    """So many units of an MLP, and the test of their order."""
    mine, theirs = one[2], other[2]
    same = mine.units == theirs.units
    places = runs(mine.units, most)
    among = places if same else np.arange(theirs.units, dtype=np.intp)
    if without is not None and len(places) - len(without) >= FEWEST:
        places = np.setdiff1d(places, without)
    found = nearest(one, other, basis, places, among).live(FEWEST)
    return found, order(found.together, found.places, theirs.units if same else None, among)


def _as_many(mlps: tuple[Mlp, ...], n: int) -> tuple[Mlp, ...]:
    """A dense layer stands for all experts that may have been copied from it."""
    return mlps * n if len(mlps) == 1 else mlps


def looked_up(one: Side, other: Side, basis: Basis, layer: int, of: int) -> NearestUnits:
    """Some units of a layer, looked up among all units of the other's layer, whatever their
    order."""
    known = basis.looked.get((layer, of))
    if known is None:
        mine, theirs = one.mlps(layer)[0], other.mlps(of)[0]
        among = np.arange(theirs.units, dtype=np.intp)
        places = runs(mine.units, MATCHED)
        known = nearest((one, layer, mine), (other, of, theirs), basis, places, among).live(1)
        basis.looked[layer, of] = known
    return known


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
    first, lengths, up = units(first), _lengths(up), units(up)
    rest = apart(first, up)
    # Where what opens a unit is made of what it reads, what it writes is its other half.
    twins = rest is not up
    third = _third(side, mlp, places, theirs, basis.laid) if twins else None
    rest = units(rest if third is None else apart(first, units(third))) if twins else up
    # A gate's activation fixes its sign; up's may be turned together with down's.
    gated = mlp.gate is not None and theirs.gate is not None
    tops = [_Top(len(places)) for _ in range(3)]
    kept = np.zeros((3, len(places)), dtype=np.float32)
    for start in range(0, len(among), PORTION):
        some = among[start : start + PORTION]
        their_first, their_up = (
            basis.beside(rows) for rows in _halves(against, of, theirs, some, mlp)
        )
        signed = cosines(first, their_first), cosines(up, their_up)
        halves = signed[0] if gated else np.abs(signed[0]), np.abs(signed[1])
        better, at = tops[0].see(halves[0] + halves[1], some)
        kept[:2, better] = [half[better, at] for half in signed]
        kept[2, better] = lengths[better] - _lengths(their_up)[at]
        alone = halves[1]
        if twins:
            their_third = _third(against, theirs, some, mlp, basis.beside)
            alone = np.abs(cosines(rest, their_up if their_third is None else their_third))
        for top, scores in zip(tops[1:], (halves[0], alone), strict=True):
            top.see(scores, some)
    together, by_first, by_up = tops
    return NearestUnits(
        places,
        together.where,
        by_first.where,
        by_up.where,
        np.clip(together.score / 2, 0, 1),
        kept[0],
        kept[1],
        kept[2],
        gated,
        (by_first.score > 0) & (by_up.score > 0),
    )


def _lengths(rows: Array) -> NDArray[np.float32]:
    """Logarithms of the rows' lengths."""
    with np.errstate(over="ignore"):
        squares = np.vecdot(rows, rows)
    if not (len(squares) and squares.min() > TINY and squares.max() < HUGE):
        squares = np.sum(rows.astype(np.float64) ** 2, axis=1)
    return np.asarray(np.log(np.maximum(squares, 1e-200)) / 2, dtype=np.float32)


def _halves(side: Side, layer: int, mlp: Mlp, units: Indices, other: Mlp) -> tuple[Array, Array]:
    """What opens the units, or what they write where one of the two models has no gates; and
    what they read."""
    gate = side.gate(layer, mlp, units) if other.gate is not None else None
    return (side.down(mlp, units) if gate is None else gate), side.up(layer, mlp, units)


def _third(
    side: Side, mlp: Mlp, units: Indices, other: Mlp, laid: Callable[[Array], Array]
) -> Array | None:
    """What units write, where both models have gates; else that is one of their two halves."""
    gated = mlp.gate is not None and other.gate is not None
    return laid(side.down(mlp, units)) if gated else None


class _Top:
    """The best score of each row so far, and where it stood."""

    def __init__(self, n: int) -> None:
        self.score: NDArray[np.float32] = np.full(n, -np.inf, dtype=np.float32)
        self.where: Indices = np.zeros(n, dtype=np.intp)

    def see(self, scores: NDArray[np.float32], some: Indices) -> tuple[Indices, Indices]:
        """Looks at the scores of further candidates, (n, m): which rows have a better one now,
        and which candidate that is."""
        best = scores.argmax(axis=1)
        value = scores[np.arange(len(best)), best]
        better = np.flatnonzero(value > self.score)
        self.score[better], self.where[better] = value[better], some[best[better]]
        return better, best[better]
