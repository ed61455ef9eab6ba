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
from detectors.lineage.independence import Array, Indices, likeness

MAPPED = 48
"""Units by which layers are told from each other."""
AMONG = 1024
"""How many of the other model's units those are looked for among."""
FEW_PAIRS = 9
"""From so many pairs of layers on, the middle of the table tells what unrelated layers have."""


@dataclass(frozen=True)
class Affinity:
    """For each pair of layers the mean of the best cosines of some units, (layers, layers of the
    other), in a basis."""

    basis: Basis
    table: NDArray[np.float32]

    @property
    def layers(self) -> tuple[int, ...]:
        """The other model's nearest layer for each of the one's."""
        return tuple(int(k) for k in self.table.argmax(axis=1))

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
    tables = [np.zeros((one.layers, other.layers), dtype=np.float32) for _ in bases]
    for theirs in range(other.layers):
        against = _rows(other, theirs, runs(other.mlps(theirs)[0].units, AMONG))
        for basis, table in zip(bases, tables, strict=True):
            laid = [basis.beside(rows) for rows in against]
            for layer, rows in enumerate(mine):
                table[layer, theirs] = _best([basis.laid(r) for r in rows], laid)
    return [Affinity(basis, table) for basis, table in zip(bases, tables, strict=True)]


def _rows(side: Side, layer: int, places: Indices) -> list[Array]:
    """What units read, and what opens them where there are gates."""
    mlp = side.mlps(layer)[0]
    gate = side.gate(layer, mlp, places)
    return [side.up(layer, mlp, places), *([] if gate is None else [gate])]


def _best(mine: list[Array], theirs: list[Array]) -> float:
    halves = [
        likeness(a, b, signed=i == 1) for i, (a, b) in enumerate(zip(mine, theirs, strict=False))
    ]
    return float(np.mean(np.sum(halves, axis=0).max(axis=1))) / len(halves)
