"""Are two rates different that were seen on the same questions? McNemar's exact test, and the
difference of the rates.

Only the questions on which the two sides differ say anything (McNemar 1947, *Psychometrika* 12).
Knows counts; knows no model.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Literal

from detectors.stats.intervals import Estimate, clustered_mean, clustered_rate

Side = Literal["greater", "two-sided"]


def mcnemar(first_only: int, second_only: int, side: Side = "two-sided") -> float:
    """The exact p-value that ``first_only`` of the differing questions fall to the first side, if
    both sides were alike.

    Binomial with one half; ``greater`` asks whether the first side has more. Without a differing
    question it is 1. Raises ValueError for negative counts.

    >>> mcnemar(8, 0), mcnemar(8, 0, "greater"), mcnemar(0, 0)
    (0.0078125, 0.00390625, 1.0)
    """
    if min(first_only, second_only) < 0:
        raise ValueError("counts can't be negative")
    n = first_only + second_only
    from scipy import stats  # loaded where it is needed: the library takes a second

    return 1.0 if n == 0 else float(stats.binomtest(first_only, n, 0.5, side).pvalue)


def difference(
    first: Sequence[bool], second: Sequence[bool], clusters: Sequence[Hashable], seed: int = 0
) -> Estimate:
    """The rate of ``first`` minus that of ``second`` on the same questions, −1 to 1, with a 95 %
    interval by clusters.

    Each cluster weighs the same. Where no pair differs, and where every pair does, the interval is
    that of a rate of nothing (or all) among so many clusters, so that agreement on a few questions
    is not taken for certainty. Raises ValueError for empty input or lengths that differ.
    """
    steps = [float(a) - float(b) for a, b in zip(first, second, strict=True)]
    found = clustered_mean(steps, clusters, seed=seed)
    if len(set(steps)) > 1:
        return Estimate(
            found.value, max(-1.0, found.low), min(1.0, found.high), found.clusters, found.n
        )
    edge = clustered_rate([abs(s) for s in steps], clusters, seed=seed)
    if steps[0] == 0:
        return Estimate(0.0, -edge.high, edge.high, found.clusters, found.n)
    low, high = sorted((steps[0] * edge.low, steps[0] * edge.high))
    return Estimate(steps[0], low, high, found.clusters, found.n)
