"""Which layer of one model is most like which of another's, and in which basis: a table of all
pairs of layers.

Neither changes when units stand in another order, and the few units that are looked at are left out
of the test of order afterwards, so that the choice leaves that test exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.audits.lineage.basis import Basis
from auditor.audits.lineage.sides import Side, runs
from detectors.lineage.independence import Array, Indices, units

MAPPED = 48
"""Units by which layers are told from each other."""
AMONG = 1024
"""How many of the other model's units those are looked for among."""
FEW_PAIRS = 9
"""From so many pairs of layers on, the middle of the table tells what unrelated layers have."""

TIED = 1e-4
"""Layers that are alike by so nearly the same cosine are copies of each other, and rounding told
them apart."""


@dataclass(frozen=True)
class Affinity:
    """For each pair of layers the mean of the best cosines of some units, (layers, layers of the
    other), in a basis."""

    basis: Basis
    table: NDArray[np.float32]

    @property
    def layers(self) -> tuple[int, ...]:
        """The other model's nearest layer for each of the one's: of copies of one layer that of the
        same number."""
        same = np.arange(len(self.table))
        known = np.flatnonzero(same < self.table.shape[1])
        found = self.table.argmax(axis=1)
        tied = self.table[known, known] >= self.table[known, found[known]] - TIED
        found[known[tied]] = known[tied]
        return tuple(int(k) for k in found)

    @property
    def nearness(self) -> tuple[float, ...]:
        """How alike each of the one's layers is to its nearest one."""
        return tuple(float(x) for x in self.table.max(axis=1))

    @property
    def height(self) -> float:
        """How far the better half of the nearest layers stands above the middle of the table:
        copies stand out in the basis in which they are copies, and in no other."""
        best = np.sort(self.table.max(axis=1))[-(1 + len(self.table) // 2) :]
        ground = float(np.median(self.table)) if self.table.size >= FEW_PAIRS else 0.0
        return float(best.mean()) - ground


def told_by(side: Side, layer: int) -> Indices:
    """The places of the units by which a layer is told from others: a quarter of them at most,
    since the test of their order leaves them out."""
    return told_places(side.mlps(layer)[0].units)


def told_places(units: int) -> Indices:
    """The same of any layer, or matrix, of so many units or rows."""
    return runs(units, min(MAPPED, max(1, units // 4)))


def affinities(one: Side, other: Side, bases: Sequence[Basis]) -> list[Affinity]:
    """The table of layers in every basis. Reads some rows of every layer once."""
    mine = [_rows(one, layer, told_by(one, layer)) for layer in range(one.layers)]
    laid = [[_laid(basis, half) for half in zip(*mine, strict=False)] for basis in bases]
    starts = np.cumsum([0, *(len(rows[0]) for rows in mine[:-1])])
    counts = np.diff(starts, append=sum(len(rows[0]) for rows in mine))
    tables = [np.zeros((one.layers, other.layers), dtype=np.float32) for _ in bases]
    for theirs in range(other.layers):
        against = _rows(other, theirs, runs(other.mlps(theirs)[0].units, AMONG))
        for basis, rows, table in zip(bases, laid, tables, strict=True):
            best = _best(rows, [units(basis.beside(half)) for half in against])
            table[:, theirs] = np.add.reduceat(best, starts) / counts
    return [Affinity(basis, table) for basis, table in zip(bases, tables, strict=True)]


def _laid(basis: Basis, halves: Sequence[Array]) -> Array:
    """One half of the units of all layers, in a basis, of length one."""
    return units(basis.laid(np.concatenate(halves)))


def _rows(side: Side, layer: int, places: Indices) -> list[Array]:
    """What units read, and what opens them where there are gates."""
    mlp = side.mlps(layer)[0]
    gate = side.gate(layer, mlp, places)
    return [side.up(layer, mlp, places), *([] if gate is None else [gate])]


def _best(mine: Sequence[Array], theirs: Sequence[Array]) -> NDArray[np.float32]:
    """Of every unit the best cosine, its halves' mean. What opens a unit has a sign."""
    found: NDArray[np.float32] = np.zeros((len(mine[0]), len(theirs[0])), dtype=np.float32)
    halves = list(zip(mine, theirs, strict=False))
    for number, (a, b) in enumerate(halves):
        cosines = a @ b.T
        found += cosines if number == 1 else np.abs(cosines, out=cosines)
    best: NDArray[np.float32] = found.max(axis=1) / len(halves)
    return best
