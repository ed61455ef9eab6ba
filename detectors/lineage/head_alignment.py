"""Do two models' attention heads agree, by what they compute and not by where they stand?

A head reads the residual stream by two products: query with key decides where it looks, value with
output what it carries over. Neither depends on the order of heads, nor on that of the dimensions
within one; their singular values don't even depend on the residual stream's basis. Knows arrays;
knows no model, no file and no verdict.

After Zhou et al. 2025 and Zeng et al. 2025 (AWM, arXiv 2510.06738), who compare attention matrices
through products that rotations leave as they are; that the two products of one head are looked up
apart, and must find one head, is what Zhu et al. 2025 (arXiv 2502.12292) do with the two halves of
an MLP's unit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from detectors.lineage.independence import Array, Indices, units
from detectors.lineage.weight_alignment import CONVERGED, UnitAgreement, at_least

Root = tuple[NDArray[np.float64], NDArray[np.float64]]
Made = TypeVar("Made")

SKETCH = 32
"""A product of two matrices is kept as so many times so many numbers: its cosines with others are
then off by about one in so many."""
FLAT = 1e-3
"""Singular values below this share of the largest are rounding, and count as this."""
TWINS = 0.5
"""From this cosine of products on, two heads of one model count as copies of each other."""


@dataclass(frozen=True)
class HeadParts:
    """One head's matrices as rows over the residual stream, (width, d) each."""

    query: Array
    key: Array
    value: Array
    output: Array


@dataclass(frozen=True)
class HeadProducts:
    """What is kept of the heads of a model, in the order of ``layers``: where each stands, and of
    either product a sketch, (n, SKETCH²), of length one, and its singular values, (n, features), as
    logarithms."""

    layers: Indices
    looks: Array
    carries: Array
    looks_free: Array
    carries_free: Array

    def only(self, chosen: Indices) -> HeadProducts:
        """Some of the heads."""
        return HeadProducts(
            self.layers[chosen],
            self.looks[chosen],
            self.carries[chosen],
            self.looks_free[chosen],
            self.carries_free[chosen],
        )


def sketcher(width: int) -> tuple[Array, Array]:
    """Two fixed random maps of a stream into few numbers: the same ones for the same width."""
    drawn = np.random.default_rng(1).standard_normal((2, width, min(SKETCH, width)))
    return drawn[0].astype(np.float32), drawn[1].astype(np.float32)


def free_values(heads: Sequence[HeadParts]) -> tuple[Array, Array]:
    """What no basis changes of where heads look, and of what they carry, (n, features) each."""
    root = _once(_root)
    return (
        np.stack([_free(root(h.query), root(h.key)) for h in heads]),
        np.stack([_free(root(h.value), root(h.output)) for h in heads]),
    )


def _once(made: Callable[[Array], Made]) -> Callable[[Array], Made]:
    """The same of each array once: heads of one group have one key and one value. For arrays that
    stay where they are as long as it is asked."""
    known: dict[int, Made] = {}

    def of(rows: Array) -> Made:
        """What was made of this very array before, or is made now."""
        if id(rows) not in known:
            known[id(rows)] = made(rows)
        return known[id(rows)]

    return of


def products(
    heads: Sequence[HeadParts],
    layers: Sequence[int],
    maps: tuple[Array, Array],
    free: tuple[Array, Array],
) -> HeadProducts:
    """The products of heads. ``maps`` come from `sketcher`, laid into the model's own stream where
    that is compared in another basis: sketches of two models are then of one space.

    A product of zeros has a sketch of zeros. Raises ValueError without a head.
    """
    if not heads:
        raise ValueError("no head to compare")
    left, right = (_once(partial(_laid, maps=laid)) for laid in maps)
    looks = [_sketch(left(h.query), right(h.key)) for h in heads]
    carries = [_sketch(left(h.value), right(h.output)) for h in heads]
    return HeadProducts(
        np.asarray(layers, dtype=np.intp),
        units(np.stack(looks)),
        units(np.stack(carries)),
        *free,
    )


def _laid(rows: Array, maps: Array) -> Array:
    return rows @ maps


def _sketch(reads: Array, writes: Array) -> Array:
    found: Array = (reads.T @ writes).reshape(-1)
    return found


def _free(one: Root, other: Root) -> Array:
    """What no rotation of the stream changes, and no order within the head: the logarithms of the
    singular values of the product and of both factors, each set without its mean, since factors may
    be scaled against each other."""
    (a, of_one), (b, of_other) = one, other
    found = (np.linalg.svd(a @ b.T, compute_uv=False), of_one, of_other)
    logs = [np.log(np.maximum(s, max(FLAT * s[0], 1e-30))) for s in found]
    return np.concatenate([s - s.mean() for s in logs]).astype(np.float32)


def _root(rows: Array) -> Root:
    """A matrix that has the products of rows as those of its columns: what is left of rows where
    only their products count; and its singular values, the largest first."""
    values, vectors = np.linalg.eigh((rows @ rows.T).astype(np.float64))
    sizes: NDArray[np.float64] = np.sqrt(np.maximum(values, 0))
    return sizes[:, None] * vectors.T, sizes[::-1]


def joined(parts: Sequence[HeadProducts]) -> HeadProducts:
    """The heads of several layers together. Raises ValueError without any."""
    return HeadProducts(
        np.concatenate([p.layers for p in parts]),
        np.concatenate([p.looks for p in parts]),
        np.concatenate([p.carries for p in parts]),
        np.concatenate([p.looks_free for p in parts]),
        np.concatenate([p.carries_free for p in parts]),
    )


def heads_agree(one: HeadProducts, other: HeadProducts, *, free: bool) -> UnitAgreement:
    """Of the one model's heads, how many find one and the same head of the other by where they look
    and by what they carry; ``free``: by singular values alone, whatever the basis.

    Heads of neighbouring layers are alike in models that share nothing, so that both look-ups may
    well end in one layer: chance is counted within layers. p is binomial under the hypothesis that
    a tenth agrees by convergence, or as many as chance makes where that is more; it is measured,
    and not exact.
    """
    by_looks, by_carries = nearest_heads(one, other, free=free)
    n, agreeing = len(by_looks), int(np.sum(by_looks == by_carries))
    chance = _chance(by_looks, by_carries, other.layers)
    return UnitAgreement(
        n, agreeing, chance, at_least(agreeing, n, min(1.0, max(CONVERGED, chance / n)))
    )


def nearest_heads(one: HeadProducts, other: HeadProducts, *, free: bool) -> tuple[Indices, Indices]:
    """For each head of the one model, the other's nearest by where it looks, and by what it
    carries."""
    if not free:
        return (
            (one.looks @ other.looks.T).argmax(axis=1),
            (one.carries @ other.carries.T).argmax(axis=1),
        )
    return (
        _distances(one.looks_free, other.looks_free).argmin(axis=1),
        _distances(one.carries_free, other.carries_free).argmin(axis=1),
    )


def _distances(one: Array, other: Array) -> NDArray[np.float32]:
    found: NDArray[np.float32] = (
        (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1) - 2 * one @ other.T
    )
    return found


def _chance(by_looks: Indices, by_carries: Indices, layers: Indices) -> float:
    """How many heads would agree, were the two look-ups drawn apart from each other within the
    layers that they end in."""
    total = 0.0
    for layer in np.unique(layers):
        both = (layers[by_looks] == layer) & (layers[by_carries] == layer)
        count = int(both.sum())
        if count:
            size = len(layers)
            a, b = (
                np.bincount(found[both], minlength=size).astype(np.float64)
                for found in (by_looks, by_carries)
            )
            within = int((layers == layer).sum())
            total += max(float(a @ b) / count, count / within)
    return total


def matched(one: HeadProducts, other: HeadProducts) -> tuple[Indices, NDArray[np.float32]]:
    """For each head of the one model, the other's nearest by both products together, and the mean
    cosine of the two; it does not depend on any order within heads."""
    alike = (one.looks @ other.looks.T + one.carries @ other.carries.T) / 2
    best = alike.argmax(axis=1)
    return best, alike[np.arange(len(best)), best]


def distinct(heads: HeadProducts) -> NDArray[np.bool_]:
    """Which heads are no copies of an earlier one of the same model, as repeated layers hold."""
    same = np.abs(heads.carries @ heads.carries.T) >= TWINS
    return np.asarray(~np.triu(same, 1).any(axis=0))
