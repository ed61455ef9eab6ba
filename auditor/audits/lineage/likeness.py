"""How alike the matrices of two aligned models are, layer by layer and kind by kind: the heat map
of a comparison.

An effect size, not a test. Units, heads and signs are laid over each other first, so that a
disguise does not hide likeness.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.audits.lineage.basis import Basis
from auditor.audits.lineage.nearest_units import NearestUnits
from auditor.audits.lineage.sides import Side, runs, sampled
from detectors.lineage.independence import Array, Indices, units
from detectors.lineage.weight_alignment import assigned

KINDS = ("query", "key", "value", "output", "gate", "up", "down")
ROWS = 256
COLUMNS = 64
"""Columns of down and output that are looked at: they are read through the whole matrix, in a
few layers only."""
DEEP = 8
"""Layers in which those are looked at, and heads matched."""
LOST = 0.5
"""Below this likeness of the value matrix, heads are taken to stand in another order, and
matched."""


@dataclass(frozen=True)
class LayerLikeness:
    """Mean cosine of matching rows for each kind of matrix (None: not there, or not looked at), −1
    to 1; whether heads had to be matched; the spread of the factors between matching rows of up
    (1: none); and the share of ``agreeing`` units, whose halves find one unit (``strange``: no more
    do than among strangers). ``attention_of`` is the base's layer that the attention was held
    against."""

    layer: int
    of: int
    cosines: dict[str, float | None]
    heads_moved: bool = False
    rescaled: float = 1.0
    turned_signs: float = 0.0
    agreeing: float = 0.0
    strange: bool = True
    attention_of: int = 0


@dataclass(frozen=True)
class _Pair:
    """Two models in one basis, a layer of each."""

    one: Side
    other: Side
    basis: Basis
    layer: int
    of: int


def layer_likeness(
    one: Side,
    other: Side,
    basis: Basis,
    layers: tuple[int, int, int],
    nearest: NearestUnits,
    deep: bool,
) -> LayerLikeness:
    """How alike the matrices of a layer are to those of the other's, units laid over each other by
    their nearest. ``layers``: the one's, and the other's for its MLP and for its attention."""
    layer, of, attention_of = layers
    cosines: dict[str, float | None] = dict.fromkeys(KINDS)
    spread, signs = _units(_Pair(one, other, basis, layer, of), nearest, cosines, deep)
    moved = _heads(_Pair(one, other, basis, layer, attention_of), cosines, deep)
    found = nearest.agreement(other.mlps(of)[0].units)
    return LayerLikeness(
        layer, of, cosines, moved, spread, signs, found.share, found.strange, attention_of
    )


def _units(
    pair: _Pair, nearest: NearestUnits, cosines: dict[str, float | None], deep: bool
) -> tuple[float, float]:
    chosen = runs(len(nearest.places), ROWS)
    if nearest.gated:
        cosines["gate"] = _mean(nearest.first_cosine[chosen])
    signed = nearest.up_cosine[chosen]
    cosines["up"] = _mean(np.abs(signed))
    if deep:
        few = chosen[sampled(len(chosen), COLUMNS)]
        cosines["down"] = _mean(np.abs(_downs(pair, nearest.places[few], nearest.together[few])))
    factors = nearest.stretched[chosen]
    spread = float(np.exp(min(np.median(np.abs(factors - np.median(factors))), 100.0)))
    return spread, float(np.mean(signed < 0))


def _downs(pair: _Pair, places: Indices, there: Indices) -> NDArray[np.float32]:
    mine, theirs = pair.one.mlps(pair.layer)[0], pair.other.mlps(pair.of)[0]
    return _rowwise(
        pair.basis.laid(pair.one.down(mine, places)),
        pair.basis.beside(pair.other.down(theirs, there)),
    )


def _heads(pair: _Pair, cosines: dict[str, float | None], deep: bool) -> bool:
    """Query, key, value and output, in the order of dimensions as it is; heads are matched where
    values have none in common."""
    for role in ("query", "key", "value", *(("output",) if deep else ())):
        cosines[role] = _rows_alike(pair, role, None)
    value = cosines["value"]
    if value is None or value >= LOST:
        return False
    orders = _matched_heads(pair)
    if orders is None:
        return False
    found = {
        role: _rows_alike(pair, role, orders[role]) for role in ("query", "key", "value", "output")
    }
    if (found["value"] or 0.0) <= max(value, LOST):
        return False
    cosines.update(found)
    return True


def _rows_alike(pair: _Pair, role: str, order: Indices | None) -> float | None:
    """Mean cosine of rows of one kind; ``order`` says which row of the other each row of the one
    is laid over."""
    n = pair.one.attention_width(pair.layer, role)
    if not n or n != pair.other.attention_width(pair.of, role):
        return None
    rows = runs(n, COLUMNS if role == "output" else ROWS)
    mine, theirs = (
        pair.one.attention(pair.layer, role, rows),
        pair.other.attention(pair.of, role, rows if order is None else order[rows]),
    )
    return (
        None
        if mine is None or theirs is None
        else _mean(_rowwise(pair.basis.laid(mine), pair.basis.beside(theirs)))
    )


def _matched_heads(pair: _Pair) -> dict[str, Indices] | None:
    """The order of heads under which values, and within their groups outputs, are most alike;
    None where heads are unknown."""
    a, b = pair.one.anatomy, pair.other.anatomy
    if not (a.heads and a.groups and a.head_width) or (a.heads, a.groups) != (b.heads, b.groups):
        return None
    width, each = a.head_width, a.heads // a.groups
    if (
        a.heads * width != pair.one.attention_width(pair.layer, "query")
        or each * a.groups != a.heads
    ):
        return None
    groups = assigned(_heads_alike(pair, "value", a.groups, width))
    inner = _heads_alike(pair, "output", a.heads, width)
    heads = np.empty(a.heads, dtype=np.intp)
    for mine, theirs in enumerate(groups):
        block = inner[mine * each : (mine + 1) * each, theirs * each : (theirs + 1) * each]
        heads[mine * each : (mine + 1) * each] = theirs * each + assigned(block)
    spread = {
        n: (order[:, None] * width + np.arange(width)).reshape(-1)
        for n, order in (("g", groups), ("h", heads))
    }
    return {"query": spread["h"], "key": spread["g"], "value": spread["g"], "output": spread["h"]}


def _heads_alike(pair: _Pair, role: str, n: int, width: int) -> NDArray[np.float32]:
    """Mean |cosine| of the dimensions of every head with those of every other, at the same
    places within the head, (n, n)."""
    rows = np.arange(n * width, dtype=np.intp)
    mine, theirs = (
        pair.one.attention(pair.layer, role, rows),
        pair.other.attention(pair.of, role, rows),
    )
    if mine is None or theirs is None:
        return np.zeros((n, n), dtype=np.float32)
    a, b = (units(m).reshape(n, -1) for m in (pair.basis.laid(mine), pair.basis.beside(theirs)))
    alike: NDArray[np.float32] = (a @ b.T) / np.float32(width)
    return alike


def _rowwise(one: Array, other: Array) -> NDArray[np.float32]:
    found: NDArray[np.float32] = np.sum(units(one) * units(other), axis=1)
    return found


def _mean(values: NDArray[np.float32]) -> float:
    return float(np.mean(values))


def least(layers: list[LayerLikeness]) -> float | None:
    """The smallest, over kinds of matrix, of the mean over layers: how much of the whole model
    the likeness holds for."""
    by_kind = {
        k: [v for v in (layer.cosines[k] for layer in layers) if v is not None] for k in KINDS
    }
    means = [float(np.mean(values)) for values in by_kind.values() if values]
    return min(means) if means else None
