"""Rows that come from the same model count once: weights, strata and resampling of whole groups.

A group is what was trained or drawn independently: a model, or a lineage of models. Knows arrays
and group names; knows no likelihood ratio.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Grouped:
    """Labelled rows and the groups that they belong to.

    ``h1`` (rows,) is true where the first proposition holds; ``of`` (rows,) numbers the group of
    each row, in the order of first appearance; ``names`` are the groups' names. A group may hold
    rows of both labels: a student is a positive for its teacher and a negative for every other
    candidate.
    """

    h1: Flags
    of: Indices
    names: tuple[Hashable, ...]

    @property
    def models(self) -> tuple[int, int]:
        """How many groups have rows under H1, and how many under H2."""
        return len(np.unique(self.of[self.h1])), len(np.unique(self.of[~self.h1]))

    def shares(self, drawn: Array | None = None) -> Array:
        """The weight of each row, (rows,): a group's rows of one label sum to one, however many
        they are.

        ``drawn`` (groups,) multiplies the groups: how often each one was drawn by a bootstrap
        round, or 0 to leave it out.
        """
        key = 2 * self.of + self.h1
        weights = 1.0 / np.bincount(key)[key]
        return weights if drawn is None else weights * drawn[self.of]


def grouped(labels: ArrayLike, groups: Sequence[Hashable]) -> Grouped:
    """Rows with their labels (1 or true for H1, 0 or false for H2) and groups. Raises ValueError
    for other labels, lengths that differ or a label without any row."""
    found = np.asarray(labels)
    if found.ndim != 1 or len(found) != len(groups):
        raise ValueError("labels and groups need the same length")
    if not np.isin(found, (0, 1)).all():
        raise ValueError("a label is 1 (the first proposition holds) or 0")
    if not (found == 1).any() or not (found == 0).any():
        raise ValueError("both labels are needed: models of known history for either proposition")
    numbers: dict[Hashable, int] = {}
    of = np.array([numbers.setdefault(group, len(numbers)) for group in groups], dtype=np.intp)
    return Grouped(np.asarray(found == 1, dtype=np.bool_), of, tuple(numbers))


def finite(values: ArrayLike, rows: int | None = None) -> Array:
    """Values as a vector. Raises ValueError for another shape, another length than ``rows``,
    infinity or NaN."""
    out = np.asarray(values, dtype=np.float64)
    if out.ndim != 1 or (rows is not None and len(out) != rows):
        raise ValueError("values must be one number per row")
    if not np.isfinite(out).all():
        raise ValueError("values must be finite; leave out a row that was not measured")
    return out


def soft_weights(
    data: Grouped, pseudo_models: float, drawn: Array | None = None
) -> tuple[Array, Array]:
    """How much each row speaks for H1 and for H2, two vectors (rows,), with pseudo-models and
    without prior odds.

    Each proposition gets ``pseudo_models`` more models that nobody saw, spread over the values of
    both kinds of real models, half of them over either kind: every row also stands, with a small
    weight, under the other label (regularised logistic regression in the manner of Morrison and Poh
    2018, *Science & Justice* 58, 200-218). With two of them a proposition's share of models at the
    other's values is never taken to be under 1/(n + 2): Laplace's rule of succession.

    Both vectors have the same sum, the harmonic mean of the two numbers of models (pseudo-models
    with them), so that prior odds of the cohort fall out and the curvature of the log-likelihood is
    that of so many independent models.
    """
    shares = data.shares(drawn)
    one, two = np.where(data.h1, shares, 0.0), np.where(data.h1, 0.0, shares)
    pool = pseudo_models * (one / one.sum() + two / two.sum()) / 2
    masses = one.sum() + pseudo_models, two.sum() + pseudo_models
    total = 2 / (1 / masses[0] + 1 / masses[1])
    return (one + pool) * total / masses[0], (two + pool) * total / masses[1]


def rounds_of_groups(data: Grouped, rounds: int, seed: int) -> Array:
    """How often each group is drawn in each bootstrap round, (rounds, groups); whole groups, with
    replacement.

    Groups with rows under H1 only, under H2 only and under both are drawn among their like, so that
    every round has both labels (a stratified cluster bootstrap: Field and Welsh 2007, *JRSS B* 69).
    Deterministic for a seed.
    """
    rng = np.random.default_rng(seed)
    groups = len(data.names)
    kind = np.zeros(groups, dtype=np.intp)
    np.bitwise_or.at(kind, data.of, np.where(data.h1, 1, 2))
    out = np.zeros((rounds, groups))
    for stratum in np.unique(kind):
        members = np.flatnonzero(kind == stratum)
        out[:, members] = rng.multinomial(
            len(members), np.full(len(members), 1 / len(members)), size=rounds
        )
    return out


def mass_at_least(values: Array, weights: Array, edges: Array) -> Array:
    """The summed weight of the values at or above each edge, (edges,)."""
    order = np.argsort(values, kind="stable")
    above = np.append(np.cumsum(weights[order][::-1])[::-1], 0.0)
    return np.asarray(above[np.searchsorted(values[order], edges, side="left")])
