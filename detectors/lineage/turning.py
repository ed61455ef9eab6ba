"""Two residual streams laid over each other by sums over a layer's rows, which turn with the stream
and depend on no order within the layer.

Of rows that read or write a stream of d coordinates, A (n × d) and B (n × d), the products AᵀA, BᵀB
and AᵀB are sums over rows: in another order of units, or of heads, they stay as they are, and in a
stream turned by R they are R M Rᵀ. A copy's have one R for all of its layers. It is looked for in a
pair of layers first (directions that a sum is largest in, their signs told by all the others), then
in all layers together, and of a wide stream in the directions that its layers use most. Sums over
hundreds of rows stand training on for long, where single rows have lost their nearest ones. Knows
arrays; knows no model, no file and no verdict.

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

REACH, FIRST_REACH = 256, 64
"""Directions of a stream that it is laid over in, where it has more, and those in which the first
maps are improved: hundreds tell units apart as well as thousands, and the cost of a rotation grows
with their third power."""
LEADING = 48
"""Directions of a layer that a pair of layers is laid over by."""
PAIR_STEPS, STEPS = 10, 8
"""Steps of the ascent for one pair of layers, and for all together."""
ROUNDS = 2
"""How often layers are paired anew between ascents."""
LISTED, TRIED = 8, 3
"""Pairs of layers whose map is tried on all layers, and how many of these maps are improved."""
KEPT, MOST = 0.8, 4
"""Layers that are less alike than this share of the middle one take no part, since they may be
another model's; of the others the most alike, so many."""
POWERS = 1
"""How often the directions are sought from those before: an ascent's steps go on from each other,
so that few are enough."""
SETTLED = 1e-3
"""An ascent that gains less than this has ended."""


@dataclass(frozen=True)
class Turn:
    """``one`` (d × r) and ``other`` (d × r), orthonormal, lay the streams over each other: rows of
    the one model times ``one`` are like rows of the other times ``other``. ``layers``: the other's
    layer that each of the one's is most like, ``alike`` how much (mean cosine of their sums, −1 to
    1), ``kept`` which of the one's layers it was learned from. The sign of the whole is open."""

    one: Array
    other: Array
    layers: tuple[int, ...]
    alike: float
    kept: tuple[int, ...]


def sums(one: Array, other: Array) -> Array:
    """The three sums of a layer's rows, (3, d, d), each without what it has of the identity, which
    any rotation keeps, and of length one."""
    made = np.stack([one.T @ one, other.T @ other, one.T @ other]).astype(np.float32, copy=False)
    width = made.shape[1]
    np.einsum("kii->ki", made)[:] -= np.trace(made, axis1=1, axis2=2)[:, None] / width
    length = np.linalg.norm(made.reshape(3, -1), axis=1)
    made /= np.where(length > 0, length, 1)[:, None, None]
    return made


def laid_over(one: Sequence[Array], other: Sequence[Array]) -> Turn:
    """The rotation under which the sums of the one model's layers are most like the other's, by
    whatever layer is most alike. ``one`` and ``other`` hold what `sums` gives, a layer each.

    Deterministic; an ascent from several starts, so that it may miss the best. Raises ValueError
    without a layer or for other widths.
    """
    if not one or not other or one[0].shape != other[0].shape:
        raise ValueError("layers of two streams of one width are needed")
    starts = _starts(one, other)
    reached = [float(_paired(one, other, start)[1].mean()) for start in starts]
    first = sorted(range(len(starts)), key=lambda i: -reached[i])[:TRIED]
    tried = [_all_layers(one, other, starts[i], FIRST_REACH, 1) for i in first]
    best = max(tried, key=lambda turn: turn.alike)
    return _all_layers(one, other, (best.one, best.other), REACH, ROUNDS)


def _leading(sums_: Array) -> Array:
    """The directions that a layer's own sums are largest in, as columns, (d, r)."""
    from scipy.linalg import eigh  # loaded where it is needed: a pair in one order does without

    width = len(sums_[0])
    _, vectors = eigh(sums_[0] + sums_[1], subset_by_index=(max(0, width - LEADING), width - 1))
    return np.ascontiguousarray(vectors[:, ::-1], dtype=np.float32)


def _within(sums_: Array, directions: Array) -> Array:
    return np.asarray(directions.T @ sums_ @ directions, dtype=np.float32)


Maps = tuple[Array, Array]
"""Of either stream into one space, (d × r) each."""


def _starts(one: Sequence[Array], other: Sequence[Array]) -> list[Maps]:
    """Maps that lay one pair of layers over each other, by the directions that these use most: of
    the pairs of which that goes best."""
    mine, theirs = [_leading(m) for m in one], [_leading(m) for m in other]
    small = [_within(m, p) for m, p in zip(one, mine, strict=True)]
    their_small = [_within(m, p) for m, p in zip(other, theirs, strict=True)]
    found = list[tuple[float, Maps]]()
    for p, a in zip(mine, small, strict=True):
        for q, b in zip(theirs, their_small, strict=True):
            left, right = ascended([(a, b)], _signs(a, b), len(a[0]), PAIR_STEPS)
            alike = float(np.sum(_within(a, left) * _within(b, right)))
            found.append((alike, (p @ left, q @ right)))
    return [maps for _, maps in sorted(found, key=lambda start: -start[0])[:LISTED]]


def _signs(one: Array, other: Array) -> Maps:
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
    return np.diag(signs).astype(np.float32), np.eye(len(signs), dtype=np.float32)


def ascended(pairs: Sequence[Maps], maps: Maps, reach: int, steps: int = STEPS) -> Maps:
    """Maps, of at most so many directions, under which pairs of layers, as `sums` gives them, are
    more alike."""
    last = -1.0
    for _ in range(steps):
        slope = _uphill(pairs, maps)
        # What the slope has of the rotation itself is twice how alike the pairs are under it.
        alike = float(np.sum((slope @ maps[1]) * maps[0])) / (2 * sum(len(a) for a, _ in pairs))
        if alike < last + SETTLED:
            break
        last = alike
        maps = _nearest_rotation(slope, maps[1], reach)
    return maps


def _uphill(pairs: Sequence[Maps], maps: Maps) -> Array:
    """The slope of how alike the sums of pairs of layers are, (d, d): of the first two, which are
    symmetric, both halves are one."""
    found = np.zeros((len(maps[0]), len(maps[1])), dtype=np.float32)
    for one, other in pairs:
        a, b = one @ maps[0], other @ maps[1]
        found += 2 * (a[0] @ b[0].T + a[1] @ b[1].T) + a[2] @ b[2].T
        found += (one[2].T @ maps[0]) @ (other[2].T @ maps[1]).T
    return found


def _nearest_rotation(slope: Array, right: Array, reach: int) -> Maps:
    """The rotation of the directions that a slope is largest in, at most so many, that is nearest
    to it; of more directions than that, sought from ``right``."""
    width = len(slope)
    if reach < width:
        drawn = np.random.default_rng(0).standard_normal((width, reach), dtype=np.float32)
        drawn[:, : right.shape[1]] = right[:, :reach]
        for _ in range(POWERS):
            left, _ = np.linalg.qr(slope @ drawn)
            drawn, _ = np.linalg.qr(slope.T @ left)
        turned, _, back = np.linalg.svd(left.T @ slope @ drawn)
        return left @ turned, drawn @ back.T
    turned, _, back = np.linalg.svd(slope)
    return turned, back.T


def _all_layers(
    one: Sequence[Array], other: Sequence[Array], maps: Maps, reach: int, rounds: int
) -> Turn:
    """From maps that one pair of layers gave to some that all of them give."""
    for _ in range(rounds):
        layers, alike = _paired(one, other, maps)
        kept = np.flatnonzero(alike >= KEPT * np.median(alike))
        kept = kept[np.argsort(-alike[kept], kind="stable")][:MOST]
        maps = ascended([(one[int(i)], other[int(layers[i])]) for i in kept], maps, reach, STEPS)
    layers, alike = _paired(one, other, maps)
    told, learned = (tuple(int(i) for i in found) for found in (layers, kept))
    return Turn(*maps, told, float(alike.mean()), learned)


def _paired(
    one: Sequence[Array], other: Sequence[Array], maps: Maps
) -> tuple[Indices, NDArray[np.float64]]:
    mine, theirs = (
        np.stack([_within(m, by).reshape(-1) for m in side])
        for side, by in ((one, maps[0]), (other, maps[1]))
    )
    table = (mine @ theirs.T).astype(np.float64) / len(one[0])
    # One layer for each where there are enough: else whichever is largest draws all to itself.
    found = assigned(table) if len(one) <= len(other) else table.argmax(axis=1)
    return found, table[np.arange(len(one)), found]
