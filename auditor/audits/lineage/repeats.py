"""Which MLPs within one model are copies of each other: repeated layers, and experts that were made
from one dense MLP.

Their units share an order. Where two models both repeat, the tests of several pairs say one thing
over again, and must not count as if they were independent.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from auditor.audits.lineage.sides import Side, sampled
from auditor.audits.lineage.units import Pairing
from detectors.lineage.independence import units

LOOKED_AT = 16
"""Units of each MLP by which copies are told."""
LIKE = 5.0
"""Mean cosine at the same places, in standard errors above that at other places, from which two
MLPs count as copies."""

Block = tuple[int, int]


def together(one: Side, other: Side, pairings: Sequence[Pairing]) -> list[list[Pairing]]:
    """The pairings in groups that are independent of each other: one each, but where both models
    repeat the same."""
    mine, theirs = [(p.layer, p.mlp) for p in pairings], [(p.of, p.theirs) for p in pairings]
    linked = repeats(one, mine)
    linked[~np.eye(len(mine), dtype=bool)] &= repeats(other, theirs)[~np.eye(len(mine), dtype=bool)]
    label = np.arange(len(mine))
    for i, j in np.argwhere(np.triu(linked, 1)):
        label[label == label[j]] = label[i]
    return [[p for p, at in zip(pairings, label, strict=True) if at == k] for k in np.unique(label)]


def repeats(side: Side, blocks: Sequence[Block]) -> NDArray[np.bool_]:
    """Whether each of some MLPs (layer, number) is a copy of each other one, by units at the same
    places: (n, n).

    One that is named twice is a copy of itself. Reads a few rows of each.
    """
    distinct = sorted(set(blocks))
    at = np.array([distinct.index(b) for b in blocks])
    found = np.eye(len(distinct), dtype=bool)
    for size in {_units(side, b) for b in distinct}:
        some = [i for i, b in enumerate(distinct) if _units(side, b) == size]
        if len(some) > 1 and size > 1:
            found[np.ix_(some, some)] |= _copies(side, [distinct[i] for i in some], size)
    return np.asarray(found[np.ix_(at, at)])


def _units(side: Side, block: Block) -> int:
    return side.mlps(block[0])[block[1]].units


def _copies(side: Side, blocks: Sequence[Block], size: int) -> NDArray[np.bool_]:
    which = sampled(size, LOOKED_AT)
    rows = np.stack(
        [units(side.up(layer, side.mlps(layer)[k], which)) for layer, k in blocks], axis=1
    )
    # (units, blocks, blocks): cosines at the same place, and at the next one, which no order links.
    same, beside = (
        np.abs(rows @ np.swapaxes(other, 1, 2)) for other in (rows, np.roll(rows, 1, axis=0))
    )
    error = np.maximum(beside.std(axis=0), 1e-9) / np.sqrt(len(which))
    above = same.mean(axis=0) > beside.mean(axis=0) + LIKE * error
    return np.asarray(above | above.T)
