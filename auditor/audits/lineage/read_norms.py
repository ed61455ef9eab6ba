"""Which norm stands before which block, in a model whose tensors have nobody's names: by the gains
of another model's norms.

A norm's gains are compared as they stand and sorted, since the stream may be in another order. The
choice knows nothing of the order of hidden units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from auditor.audits.lineage.sides import Side
from fingerprints.weights import Norm
from fingerprints.weights.guessed import ShapeReading

QUANTILES = 64
"""Numbers by which the gains of two norms are compared whatever the order of coordinates."""
NORMS = ("attention_norm", "mlp_norm")
CLEARLY = 0.5
"""Nearest gains at most so far, of the middle of all distances, tell which norm is which as they
stand."""
Vector = NDArray[np.float32]
Far = NDArray[np.float64]
Norms = Mapping[str, tuple[Norm | None, ...]]


def told_norms(reading: ShapeReading, guessed: Side, known: Side) -> tuple[Norms, Norm | None]:
    """The norms before attention and before MLP, one for each layer where names count layers, else
    for each of the known model's; and the last one. None where the known model has none, or the
    guessed one no vector. Raises what reading the weights raises."""
    layers = range(known.layers)
    theirs = {
        role: [known.gain(i, mlp=role == "mlp_norm") for i in layers] for role in _apart_of(known)
    }
    listed = reading.norms if reading.numbered else (reading.last,)
    stored = [[guessed.vector(name) for name in series] for series in listed]
    # What is called a gain is one more than what is stored in some families, in all norms alike.
    plain, more = (_told(reading, stored, theirs, plus_one) for plus_one in (False, True))
    plus_one = more[0] < plain[0]
    found = (more if plus_one else plain)[1]
    bare = {
        role: all(getattr(layer, role) is None for layer in known.anatomy.layers) for role in NORMS
    }
    norms = {
        role: tuple(
            None if name is None or bare[role] else Norm(name, reading.hidden, plus_one)
            for name in found.get(role, found["mlp_norm"])
        )
        for role in NORMS
    }
    return norms, _last(reading, guessed, known, plus_one)


def _apart_of(known: Side) -> tuple[str, ...]:
    """The roles of norms; one where attention and MLP read the same norm."""
    shared = all(layer.attention_norm == layer.mlp_norm for layer in known.anatomy.layers)
    return NORMS[1:] if shared else NORMS


def _told(
    reading: ShapeReading,
    stored: Sequence[Sequence[Vector]],
    theirs: Mapping[str, Sequence[Vector]],
    plus_one: bool,
) -> tuple[float, dict[str, list[str | None]]]:
    """How far the chosen norms are from the known ones in all, and their names by role."""
    if not any(stored):
        count = reading.layers if reading.numbered else len(theirs["mlp_norm"])
        return 0.0, {role: [None] * count for role in theirs}
    more = np.float32(plus_one)
    mine = [[v + more for v in series] for series in stored]
    return (_by_series if reading.numbered else _by_layer)(reading, mine, theirs)


def _by_series(
    reading: ShapeReading, mine: Sequence[Sequence[Vector]], theirs: Mapping[str, Sequence[Vector]]
) -> tuple[float, dict[str, list[str | None]]]:
    """A series of norms for each role."""
    far = _nearer(
        np.array(
            [
                [
                    np.mean([np.min([apart(v, t) for t in wanted], axis=0) for v in series], axis=0)
                    for wanted in theirs.values()
                ]
                for series in mine
            ]
        )
    )
    which = [0] * len(theirs)
    if len(mine) > 1:
        rows, columns = _assigned(far)
        which = [int(rows[list(columns).index(j)]) for j in range(len(theirs))]
    told: dict[str, list[str | None]] = {
        role: list(reading.norms[k]) for role, k in zip(theirs, which, strict=True)
    }
    return float(sum(far[k, j] for j, k in enumerate(which))), told


def _by_layer(
    reading: ShapeReading, mine: Sequence[Sequence[Vector]], theirs: Mapping[str, Sequence[Vector]]
) -> tuple[float, dict[str, list[str | None]]]:
    """A norm for each role of each known layer, each used as seldom as numbers allow."""
    names, (flat,) = reading.last, mine
    wanted = [t for some in theirs.values() for t in some]
    far = _nearer(np.array([[apart(v, t) for t in wanted] for v in flat]))
    far = np.tile(far, (-(-len(wanted) // len(flat)), 1))
    rows, columns = _assigned(far)
    name_of = {int(c): names[int(r) % len(flat)] for r, c in zip(rows, columns, strict=True)}
    count = len(theirs["mlp_norm"])
    told: dict[str, list[str | None]] = {
        role: [name_of[j * count + i] for i in range(count)] for j, role in enumerate(theirs)
    }
    return float(far[rows, columns].sum()), told


def _nearer(far: Far) -> Far:
    """Distances (n, roles) from (n, roles, 2): as gains stand where that tells some from others,
    else sorted, as for a stream in another order."""
    placed = far[..., 0]
    best = placed.min(axis=0)
    stands = np.isfinite(placed).all() and np.median(best) <= CLEARLY * np.median(placed)
    return placed if stands else far[..., 1]


def _assigned(far: Far) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    from scipy.optimize import linear_sum_assignment  # its library takes a while to load

    rows, columns = linear_sum_assignment(far)
    return rows, columns


def _last(reading: ShapeReading, guessed: Side, known: Side, plus_one: bool) -> Norm | None:
    """Of the vectors of no layer the one that is nearest to the known model's last gains."""
    if known.anatomy.last_norm is None or not reading.last:
        return None
    theirs = known.weights.gain(known.anatomy.last_norm, known.anatomy.hidden)
    found = [Norm(name, reading.hidden, plus_one) for name in reading.last]
    gains = [guessed.weights.gain(norm, reading.hidden) for norm in found]
    far = _nearer(np.array([[apart(gain, theirs)] for gain in gains]))
    return found[int(far[:, 0].argmin())]


def apart(one: Vector, other: Vector) -> tuple[float, float]:
    """How far two norms' gains are from each other, relative to the other's size: as they stand
    (infinite for other widths), and sorted."""
    size = float(np.sqrt(np.mean(other.astype(np.float64) ** 2))) or 1.0
    at = np.linspace(0, 1, QUANTILES)
    shape = np.quantile(one, at) - np.quantile(other, at)
    placed = np.inf
    if len(one) == len(other):
        placed = float(np.sqrt(np.mean((one.astype(np.float64) - other) ** 2))) / size
    return placed, float(np.sqrt(np.mean(shape**2))) / size
