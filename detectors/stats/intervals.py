"""Intervals for rates and means whose observations come in clusters (several answers to one
question).

Knows arrays; knows no model. n is the number of clusters, never of answers: per-question rates
differ so much that binomial intervals over answers are several times too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
"""The ends of a 95 % interval then rest on fifty resamples each."""
_DRAWN = 4
"""Clusters that the prior of `effective_n` weighs."""


@dataclass(frozen=True)
class Estimate:
    """A mean over clusters with its interval: ``clusters`` of them held ``n`` observations."""

    value: float
    low: float
    high: float
    clusters: int
    n: int

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end."""
        return (self.low, self.high)

    @property
    def row(self) -> tuple[int, int, float, float, float]:
        """Clusters, observations, mean, and the interval's ends: cells of a table."""
        return (self.clusters, self.n, self.value, self.low, self.high)


def cluster_means(values: Sequence[float], clusters: Sequence[Hashable]) -> NDArray[np.float64]:
    """The mean of each cluster, in order of the clusters' names. Raises ValueError for lengths
    that differ or no values."""
    if len(values) != len(clusters) or not values:
        raise ValueError("values and clusters need the same length, at least one")
    groups: dict[Hashable, list[float]] = {}
    for value, cluster in zip(values, clusters, strict=True):
        groups.setdefault(cluster, []).append(float(value))
    return np.array([np.mean(groups[key]) for key in sorted(groups, key=repr)])


def clustered_rate(
    values: Sequence[float],
    clusters: Sequence[Hashable],
    level: float = 0.95,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Estimate:
    """The mean over clusters of a rate in [0, 1], with an interval that resamples whole clusters.

    Each cluster weighs the same however many answers it holds. The interval is the wider, at either
    end, of the percentile bootstrap over clusters (Efron and Tibshirani 1993, chapter 13; Field and
    Welsh 2007 for clusters) and of Wilson's for the number of independent answers that would spread
    as the clusters do (``effective_n``); where all clusters agree on 0 or on 1 it is Clopper and
    Pearson's (1934) with n the number of clusters. Deterministic for a seed. Raises ValueError for
    empty input or values outside [0, 1].
    """
    means = cluster_means(values, clusters)
    if means.min() < 0 or means.max() > 1:
        raise ValueError("a rate lies between 0 and 1")
    value, n = float(means.mean()), len(means)
    if means.min() == means.max() and value in (0.0, 1.0):
        low, high = clopper_pearson(round(value * n), n, level)
    else:
        boot_low, boot_high = _percentiles(means, level, seed, resamples)
        wide_low, wide_high = wilson(value, effective_n(means, len(values)), level)
        low, high = min(boot_low, wide_low), max(boot_high, wide_high)
    return Estimate(value, max(0.0, min(low, value)), min(1.0, max(high, value)), n, len(values))


def clustered_mean(
    values: Sequence[float],
    clusters: Sequence[Hashable],
    level: float = 0.95,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Estimate:
    """The mean over clusters of any number, with the wider of the percentile bootstrap over
    clusters and Student's interval.

    With one cluster the interval is infinite: one question says nothing of other questions.
    Deterministic for a seed.
    """
    from scipy import special  # loaded where it is needed: its library takes a sixth of a second

    means = cluster_means(values, clusters)
    value, n = float(means.mean()), len(means)
    if n == 1:
        return Estimate(value, float("-inf"), float("inf"), 1, len(values))
    low, high = _percentiles(means, level, seed, resamples)
    half = float(special.stdtrit(n - 1, (1 + level) / 2) * means.std(ddof=1) / np.sqrt(n))
    return Estimate(value, min(low, value - half), max(high, value + half), n, len(values))


def _percentiles(
    means: NDArray[np.float64], level: float, seed: int, resamples: int
) -> tuple[float, float]:
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, len(means), size=(resamples, len(means)))
    tail = (1 - level) / 2
    low, high = np.quantile(means[draws].mean(axis=1), [tail, 1 - tail])
    return float(low), float(high)


def effective_n(means: NDArray[np.float64], answers: int) -> float:
    """How many independent yes-or-no answers would spread as the clusters' mean does: at most
    ``answers``.

    The clusters' variance is drawn toward its largest possible value v(1 − v) with the weight of
    four clusters, so that a handful of clusters that happen to agree is not taken for certainty.
    """
    value, n = float(means.mean()), len(means)
    largest = value * (1 - value)
    if n < 2 or largest <= 0:
        return float(n)
    variance = ((n - 1) * float(means.var(ddof=1)) + _DRAWN * largest) / (n - 1 + _DRAWN)
    return float(min(max(n, n * largest / variance), max(n, answers)))


def wilson(rate: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval (1927) for a rate of ``n`` independent answers; ``n`` may be
    fractional, and is above 0."""
    from scipy import special  # loaded where it is needed: its library takes a sixth of a second

    if n <= 0:
        raise ValueError("n must be above 0")
    z = float(special.ndtri((1 + level) / 2))
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = (
        z / (1 + z * z / n) * float(np.sqrt(max(0.0, rate * (1 - rate) / n + z * z / (4 * n * n))))
    )
    return max(0.0, middle - half), min(1.0, middle + half)


def clopper_pearson(successes: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """The exact interval of Clopper and Pearson (1934) for ``successes`` of ``n`` independent
    answers.

    >>> [round(x, 3) for x in clopper_pearson(0, 20)]
    [0.0, 0.168]
    """
    if not 0 <= successes <= n or n < 1:
        raise ValueError("successes must lie between 0 and n, and n be at least 1")
    tail = (1 - level) / 2
    if successes == 0:
        return 0.0, -math.expm1(math.log(tail) / n)
    if successes == n:
        return tail ** (1 / n), 1.0
    from scipy import special  # loaded where it is needed: its library takes a sixth of a second

    low = float(special.betaincinv(successes, n - successes + 1, tail))
    return low, float(special.betaincinv(successes + 1, n - successes, 1 - tail))
