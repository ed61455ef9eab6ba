"""Two residual streams laid over each other by nothing but what opens their hidden units: for a
copy of which neither the embedding nor the attention was kept.

The directions that a layer's gates vary in most turn with the stream and don't care for the order
of units; which way each one points is told by its skew. From there, units that find each other tell
the map, and the map tells more of them. The gates alone are used, so that what the units read stays
for the test.
"""

from __future__ import annotations

import numpy as np

from auditor.audits.lineage.basis import Basis
from auditor.audits.lineage.sides import Side, sampled
from detectors.lineage.independence import Array, likeness, units
from detectors.lineage.weight_alignment import principal, rotation

LARGEST = 1 << 28
"""Numbers in the gates of a model up to which this is tried: beyond, it costs more than all other
tests together."""
TRIED = 4
"""Layers of the suspect by which it is tried."""
ROUNDS = 6
"""How often map and nearest units are found anew from each other."""
MUTUAL = 0.3
"""What share of units must be each other's nearest for a map to be worth going on with."""


def laid_by_units(one: Side, other: Side) -> Basis | None:
    """The basis in which the gates of some layer of the one model best lie over those of a layer of
    the other; None where a model has no gates, is too large, or is of another width."""
    if one.anatomy.hidden != other.anatomy.hidden or not _small(one) or not _small(other):
        return None
    theirs = [_gates(other, i) for i in range(other.layers)]
    known = [(t, principal(t)) for t in theirs if t is not None and len(t) >= t.shape[1]]
    best, turn = MUTUAL, None
    for layer in sampled(one.layers, TRIED):
        mine = _gates(one, int(layer))
        if mine is None or len(mine) < mine.shape[1]:
            continue
        directions = principal(mine)
        for rows, others in known:
            found, share = _improved(mine, rows, (directions, others))
            if share > best:
                best, turn = share, found
    if turn is None:
        return None
    return Basis(turn, "rotation", None, 0, None, known=True, by="units")


def _small(side: Side) -> bool:
    first = side.mlps(0)[0]
    return side.layers * first.units * side.anatomy.hidden <= LARGEST


def _gates(side: Side, layer: int) -> Array | None:
    mlp = side.mlps(layer)[0]
    rows = side.gate(layer, mlp, np.arange(mlp.units, dtype=np.intp))
    return None if rows is None else units(rows)


def _improved(
    mine: Array, theirs: Array, turn: tuple[Array, Array]
) -> tuple[tuple[Array, Array], float]:
    """The map after some rounds, and the share of units that are each other's nearest under it."""
    share = 0.0
    for _ in range(ROUNDS):
        alike = likeness(mine @ turn[0], theirs @ turn[1], signed=True)
        forth, back = alike.argmax(axis=1), alike.argmax(axis=0)
        mutual = np.flatnonzero(back[forth] == np.arange(len(forth)))
        strong = mutual[alike[mutual, forth[mutual]] >= np.median(alike[mutual, forth[mutual]])]
        share = float(np.mean(alike[mutual, forth[mutual]])) * len(mutual) / len(forth)
        if len(strong) < 2:
            break
        few = strong if len(strong) >= mine.shape[1] else mutual
        if len(few) < mine.shape[1]:
            break
        turn = rotation(mine[few], theirs[forth[few]], centred=False)
    return turn, share
