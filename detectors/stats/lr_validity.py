"""How good a set of likelihood ratios is: Cllr and its two parts, and how well they tell the two
kinds of models apart.

Everything takes log10 LRs under H1 and under H2 and, where models have several rows, the rows'
weights (each model's sum to one). LRs must be held out for the figures to mean anything. Knows
arrays; knows no detector.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.isotonic import IsotonicRegression

from detectors.stats.grouping import finite, grouped, mass_at_least, rounds_of_groups
from detectors.stats.intervals import Estimate, clopper_pearson

Array = NDArray[np.float64]
Statistic = Callable[[Array, Array, Array, Array], float]
LOG2_10 = float(np.log2(10))
RESAMPLES = 1000


def cllr(
    h1: ArrayLike, h2: ArrayLike, w1: ArrayLike | None = None, w2: ArrayLike | None = None
) -> float:
    """The log-likelihood-ratio cost in bits: ½·mean over H1 of log2(1 + 1/LR) + ½·mean over H2 of
    log2(1 + LR).

    0 is perfect, 1 is what LR = 1 everywhere costs, above 1 misleads. (Brümmer and du Preez 2006,
    *Computer Speech & Language* 20, 230-275.) Infinite LRs are allowed: on the wrong side they cost
    infinitely much.

    >>> cllr([0.0, 0.0], [0.0])
    1.0
    """
    one, two, a, b = both_sides(h1, h2, w1, w2)
    cost_one, cost_two = np.logaddexp2(0, -one * LOG2_10), np.logaddexp2(0, two * LOG2_10)
    # A row that a bootstrap round didn't draw weighs nothing, whatever it would cost: 0 · ∞ is not
    # a number.
    return float((a[a > 0] @ cost_one[a > 0] + b[b > 0] @ cost_two[b > 0]) / 2)


def pav(
    h1: ArrayLike, h2: ArrayLike, w1: ArrayLike | None = None, w2: ArrayLike | None = None
) -> tuple[Array, Array]:
    """The log10 LRs after the best monotone recalibration on this very set, under (H1, H2), by
    pooling adjacent violators.

    Ends where only one proposition occurs become −∞ or +∞, as is usual; they lie on their right
    side and cost nothing. Tied values stay tied. (Zadrozny and Elkan 2002; Brümmer and du Preez
    2006.) For validation only: as LRs they overfit. A row of weight 0 moves nothing; beyond all
    others it gets the nearest one's value.
    """
    one, two, a, b = both_sides(h1, h2, w1, w2)
    x = np.concatenate([one, two])
    truth = np.concatenate([np.ones_like(one), np.zeros_like(two)])
    fitted = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
    p = fitted.fit_transform(_places(x), truth, sample_weight=np.concatenate([a, b]))
    with np.errstate(divide="ignore"):
        out = np.log10(p) - np.log10(1 - p)
    return out[: len(one)], out[len(one) :]


def _places(x: Array) -> Array:
    """The order of the values as whole numbers: it is all that counts, and infinite values have
    one too."""
    return np.asarray(np.unique(x, return_inverse=True)[1], dtype=np.float64)


def cllr_min(
    h1: ArrayLike, h2: ArrayLike, w1: ArrayLike | None = None, w2: ArrayLike | None = None
) -> float:
    """What is left of Cllr after the best monotone recalibration, in bits: the lack of
    discrimination, 0 to 1."""
    one, two = pav(h1, h2, w1, w2)
    return cllr(one, two, w1, w2)


def auc(
    h1: ArrayLike, h2: ArrayLike, w1: ArrayLike | None = None, w2: ArrayLike | None = None
) -> float:
    """How often a value under H1 is above one under H2, ties half: 0.5 is chance, 1 is perfect.
    Any values, not only LRs."""
    one, two, a, b = both_sides(h1, h2, w1, w2)
    places = _places(np.concatenate([one, two]))
    mine, others = places[: len(one)], places[len(one) :]
    at_least, above = mass_at_least(mine, a, others), mass_at_least(mine, a, others + 1)
    return float(np.clip(b @ (at_least + above) / 2, 0.0, 1.0))


@dataclass(frozen=True)
class RateAt:
    """The true-positive rate at a stated false-positive rate, with exact intervals for both rates
    as observed.

    ``tpr`` and ``fpr`` count values at or above ``threshold``, which is infinite where even the
    highest value has too many false alarms. ``n_h1``, ``n_h2`` count models. Where 1/n_h2 exceeds
    ``wanted``, no false alarm at all was allowed, and ``fpr_interval`` says how little that shows.
    """

    wanted: float
    threshold: float
    tpr: float
    tpr_interval: tuple[float, float]
    fpr: float
    fpr_interval: tuple[float, float]
    n_h1: int
    n_h2: int


def tpr_at_fpr(
    h1: ArrayLike,
    h2: ArrayLike,
    wanted: float,
    groups_h1: Sequence[Hashable] | None = None,
    groups_h2: Sequence[Hashable] | None = None,
    level: float = 0.95,
) -> RateAt:
    """The true-positive rate at the lowest threshold whose false-positive rate is at most
    ``wanted``.

    With groups, rates are means over models and the intervals have n the number of models. The
    intervals are Clopper and Pearson's (1934); a rate between two counts takes the lower count's
    lower end and the higher count's upper end. Thresholds are values that occur, so that the rates
    are those of a rule that could have been stated.
    """
    if not 0 <= wanted < 1:
        raise ValueError("the wanted false-positive rate lies between 0 and 1")
    one, two, a, b = both_sides(h1, h2, _shares(groups_h1), _shares(groups_h2))
    n = [
        len(values) if names is None else len(set(names))
        for values, names in ((one, groups_h1), (two, groups_h2))
    ]
    edges = np.unique(np.concatenate([one, two]))
    allowed = mass_at_least(two, b, edges) <= wanted + 1e-12
    threshold = float(edges[allowed][0]) if allowed.any() else float("inf")
    rates = [float(np.clip(w[x >= threshold].sum(), 0.0, 1.0)) for x, w in ((one, a), (two, b))]
    exact = [_between_counts(rate, k, level) for rate, k in zip(rates, n, strict=True)]
    return RateAt(wanted, threshold, rates[0], exact[0], rates[1], exact[1], n[0], n[1])


def _between_counts(rate: float, n: int, level: float) -> tuple[float, float]:
    count = rate * n
    low = clopper_pearson(int(np.floor(count + 1e-9)), n, level)[0]
    return low, clopper_pearson(min(n, int(np.ceil(count - 1e-9))), n, level)[1]


def _shares(groups: Sequence[Hashable] | None) -> Array | None:
    if groups is None:
        return None
    numbers: dict[Hashable, int] = {}
    of = np.array([numbers.setdefault(group, len(numbers)) for group in groups], dtype=np.intp)
    return np.asarray(1.0 / np.bincount(of)[of])


def resampled(
    statistic: Statistic,
    values: ArrayLike,
    labels: ArrayLike,
    groups: Sequence[Hashable],
    *,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """A statistic of ``(h1, h2, w1, w2)``, such as `cllr` or `auc`, with a percentile interval over
    resampled models.

    Whole groups are drawn (`rounds_of_groups`); each weighs one. Where no round differs from
    another, as with an AUC of 1, and the value is 0 or 1, the interval is Clopper and Pearson's
    with n the smaller number of models. ``clusters`` of the result counts groups, ``n`` rows.
    Deterministic for a seed.
    """
    data = grouped(labels, groups)
    x = finite(values, len(data.h1))

    def of(weights: Array) -> float:
        """The statistic under weights of rows, (rows,)."""
        return statistic(x[data.h1], x[~data.h1], weights[data.h1], weights[~data.h1])

    value = of(data.shares())
    draws = np.array([of(data.shares(drawn)) for drawn in rounds_of_groups(data, resamples, seed)])
    tail = (1 - level) / 2
    low, high = (float(end) for end in np.quantile(draws, [tail, 1 - tail]))
    if np.ptp(draws) < 1e-12 and min(value, 1 - value) < 1e-12:
        n = min(data.models)
        low, high = clopper_pearson(round(value) * n, n, level)
    return Estimate(value, min(low, value), max(high, value), len(data.names), len(x))


def both_sides(
    h1: ArrayLike, h2: ArrayLike, w1: ArrayLike | None, w2: ArrayLike | None
) -> tuple[Array, Array, Array, Array]:
    """The values under H1 and under H2 as vectors, and their weights scaled to a sum of one.

    Raises ValueError for NaN, no value or impossible weights.
    """
    one, two = np.asarray(h1, dtype=np.float64), np.asarray(h2, dtype=np.float64)
    if one.ndim != 1 or two.ndim != 1 or not len(one) or not len(two):
        raise ValueError("both propositions need values, as vectors")
    if np.isnan(one).any() or np.isnan(two).any():
        raise ValueError("a value is not a number")
    weights = []
    for values, given in ((one, w1), (two, w2)):
        w = np.ones_like(values) if given is None else finite(given, len(values))
        if w.min() < 0 or w.sum() <= 0:
            raise ValueError("weights are 0 or more, and not all 0")
        weights.append(w / w.sum())
    return one, two, weights[0], weights[1]
