"""Two residual streams laid over each other by sums over a layer's rows, which turn with the stream
and depend on no order within the layer.

Of rows that read or write a stream of d coordinates, A (n × d) and B (n × d), the products AᵀA, BᵀB
and AᵀB are sums over rows: in another order of units, or of heads, they stay as they are, and in a
stream turned by R they are R M Rᵀ. A copy's have one R for all of its layers. It is looked for in a
pair of layers first (directions that a sum is largest in, their signs told by all the others), then
in all layers together. Sums over hundreds of rows stand training on for long, where single rows
have lost their nearest ones. Knows arrays; knows no model, no file and no verdict.

That signs of eigenvectors are told by what else turns with them is angular synchronisation (Singer
2011, arXiv 0905.3174); a step of the ascent is the nearest rotation to the gradient (orthogonal
Procrustes, Schönemann 1966).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.lineage.independence import Array, Indices
from detectors.lineage.weight_alignment import assigned

LEADING = 48
"""Directions of a layer that a pair of layers is laid over by."""
PAIR_STEPS, STEPS = 10, 8
"""Steps of the ascent for one pair of layers, and for all together."""
ROUNDS = 2
"""How often layers are paired anew between ascents."""
LISTED, TRIED = 8, 3
"""Pairs of layers whose map is tried on all layers, and how many of these maps are improved."""
KEPT = 0.8
"""Layers that are less alike than this share of the middle one take no part: they may be another
model's."""
SETTLED = 1e-4
"""An ascent that gains less than this has ended."""


@dataclass(frozen=True)
class Turn:
    """``turn`` (d × d, orthogonal) lays the one stream over the other: rows of the one times it.
    ``layers``: the other's layer that each of the one's is most like, ``alike`` how much on
    average (mean cosine of their sums, −1 to 1). The sign of the whole is open."""

    turn: Array
    layers: tuple[int, ...]
    alike: float


def sums(one: Array, other: Array) -> Array:
    """The three sums of a layer's rows, (3, d, d), each without what it has of the identity, which
    any rotation keeps, and of length one."""
    made = np.stack([one.T @ one, other.T @ other, one.T @ other]).astype(np.float32)
    width = made.shape[1]
    made -= np.trace(made, axis1=1, axis2=2)[:, None, None] / width * np.eye(width)
    length = np.linalg.norm(made, axis=(1, 2), keepdims=True)
    out: Array = (made / np.where(length > 0, length, 1)).astype(np.float32)
    return out


def laid_over(one: Sequence[Array], other: Sequence[Array]) -> Turn:
    """The rotation under which the sums of the one model's layers are most like the other's, by
    whatever layer is most alike. ``one`` and ``other`` hold what `sums` gives, a layer each.

    Deterministic; an ascent from several starts, so that it may miss the best. Raises ValueError
    without a layer or for other widths.
    """
    if not one or not other or one[0].shape != other[0].shape:
        raise ValueError("layers of two streams of one width are needed")
    mine, theirs = [_leading(m) for m in one], [_leading(m) for m in other]
    small = [_within(m, p) for m, p in zip(one, mine, strict=True)]
    their_small = [_within(m, p) for m, p in zip(other, theirs, strict=True)]
    starts = list[tuple[float, Array]]()
    for p, a in zip(mine, small, strict=True):
        for q, b in zip(theirs, their_small, strict=True):
            turn, alike = _ascended([(a, b)], np.diag(_signs(a, b)), PAIR_STEPS)
            whole: Array = (p @ turn @ q.T).astype(np.float32)
            starts.append((alike, whole))
    listed = [turn for _, turn in sorted(starts, key=lambda s: -s[0])[:LISTED]]
    best = sorted(listed, key=lambda turn: -float(_paired(one, other, turn)[1].mean()))[:TRIED]
    return max((_all_layers(one, other, turn) for turn in best), key=lambda t: t.alike)


def _leading(sums_: Array) -> Array:
    """The directions that a layer's own sums are largest in, as columns, (d, r)."""
    _, vectors = np.linalg.eigh(sums_[0] + sums_[1])
    found: Array = vectors.astype(np.float32)[:, ::-1][:, :LEADING]
    return found


def _within(sums_: Array, directions: Array) -> Array:
    found: Array = (directions.T @ sums_ @ directions).astype(np.float32)
    return found


def _signs(one: Array, other: Array) -> Array:
    """Which way each direction of the one points, as the other's do: what most of their products
    with all the other directions say."""
    weight = np.sum(one * other, axis=0)
    weight = weight + weight.T
    np.fill_diagonal(weight, 0)
    _, vectors = np.linalg.eigh(weight)
    signs = np.where(vectors[:, -1] < 0, -1, 1)
    for _ in range(STEPS):
        told = np.where(weight @ signs < 0, -1, 1)
        if np.array_equal(told, signs):
            break
        signs = told
    return signs.astype(np.float32)


def _ascended(pairs: Sequence[tuple[Array, Array]], turn: Array, steps: int) -> tuple[Array, float]:
    """A rotation under which the pairs are more alike, and their mean cosine under it."""
    last = -1.0
    for _ in range(steps):
        uphill = np.zeros_like(turn)
        for a, b in pairs:
            uphill += np.sum(a @ turn @ b.transpose(0, 2, 1), axis=0)
            uphill += np.sum(a.transpose(0, 2, 1) @ turn @ b, axis=0)
        left, _, right = np.linalg.svd(uphill)
        turn = left @ right
        alike = float(np.mean([_alike(a, b, turn) for a, b in pairs]))
        if alike < last + SETTLED:
            break
        last = alike
    return turn, max(last, alike)


def _alike(one: Array, other: Array, turn: Array) -> float:
    return float(np.sum(one * (turn @ other @ turn.T))) / len(one)


def _all_layers(one: Sequence[Array], other: Sequence[Array], turn: Array) -> Turn:
    """From a map that one pair of layers gave to one that all of them give."""
    for _ in range(ROUNDS):
        layers, alike = _paired(one, other, turn)
        kept = np.flatnonzero(alike >= KEPT * np.median(alike))
        pairs = [(one[int(i)], other[int(layers[i])]) for i in kept]
        turn, _ = _ascended(pairs, turn, STEPS)
    layers, alike = _paired(one, other, turn)
    return Turn(turn, tuple(int(i) for i in layers), float(alike.mean()))


def _paired(
    one: Sequence[Array], other: Sequence[Array], turn: Array
) -> tuple[Indices, NDArray[np.float64]]:
    table = np.zeros((len(one), len(other)))
    for j, theirs in enumerate(other):
        laid = turn @ theirs @ turn.T
        table[:, j] = [float(np.sum(a * laid)) / len(a) for a in one]
    # One layer for each where there are enough: else whichever is largest draws all to itself.
    found = assigned(table) if len(one) <= len(other) else table.argmax(axis=1)
    return found, table[np.arange(len(one)), found]
