"""Tippett and empirical cross-entropy curves of a set of likelihood ratios, as points that a
renderer draws.

Knows log10 likelihood ratios; draws nothing.
"""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import model_validator

from detectors.stats.grouping import mass_at_least
from detectors.stats.lr_validity import LOG2_10, both_sides, pav
from fingerprints.records import Record

Array = NDArray[np.float64]
PRIORS = tuple(round(float(x), 3) for x in np.linspace(-3, 3, 61))


class TippettCurve(Record):
    """The share of models whose log10 LR is at or above each threshold, under either proposition;
    both fall.

    ``misleading_h1`` is the share under H1 with an LR below 1, ``misleading_h2`` that under H2 with
    an LR above 1.
    """

    log10_lr: tuple[float, ...]
    h1: tuple[float, ...]
    h2: tuple[float, ...]
    misleading_h1: float
    misleading_h2: float

    @model_validator(mode="after")
    def _as_long_as_each_other(self) -> Self:
        if not len(self.log10_lr) == len(self.h1) == len(self.h2):
            raise ValueError("a Tippett curve has as many thresholds as rates")
        return self


class EceCurve(Record):
    """Empirical cross-entropy in bits against log10 prior odds: of the LRs, of LR = 1, and of the
    LRs best recalibrated.

    Above ``neutral`` the LRs do harm at that prior; what lies between ``method`` and
    ``recalibrated`` is calibration loss.
    """

    log10_prior_odds: tuple[float, ...]
    method: tuple[float, ...]
    neutral: tuple[float, ...]
    recalibrated: tuple[float, ...]


def tippett(
    h1: ArrayLike, h2: ArrayLike, w1: ArrayLike | None = None, w2: ArrayLike | None = None
) -> TippettCurve:
    """The Tippett curve of finite log10 LRs, one point at each value that occurs and at 0 (Evett
    and Buckleton 1996)."""
    one, two, a, b = both_sides(h1, h2, w1, w2)
    edges = np.unique(np.concatenate([one, two, [0.0]]))
    if not np.isfinite(edges).all():
        raise ValueError("a Tippett curve needs finite likelihood ratios")
    return TippettCurve(
        log10_lr=_plain(edges),
        h1=_plain(mass_at_least(one, a, edges)),
        h2=_plain(mass_at_least(two, b, edges)),
        misleading_h1=float(a[one < 0].sum()),
        misleading_h2=float(b[two > 0].sum()),
    )


def ece(
    h1: ArrayLike,
    h2: ArrayLike,
    log10_prior_odds: ArrayLike = PRIORS,
    w1: ArrayLike | None = None,
    w2: ArrayLike | None = None,
) -> EceCurve:
    """Empirical cross-entropy at each log10 prior odds o: P(H1)·mean over H1 of log2(1 +
    1/(LR·10^o)) + P(H2)·mean over H2 of log2(1 + LR·10^o) (Ramos and Gonzalez-Rodriguez 2013,
    *Forensic Science International* 230, 156-169).

    At equal odds it is Cllr, and for LR = 1 the entropy of the prior.
    """
    one, two, a, b = both_sides(h1, h2, w1, w2)
    odds = np.atleast_1d(np.asarray(log10_prior_odds, dtype=np.float64))
    best = pav(one, two, a, b)
    nothing = np.zeros_like(one), np.zeros_like(two)
    curves = [_plain(_entropy(x, y, a, b, odds)) for x, y in ((one, two), nothing, best)]
    return EceCurve(
        log10_prior_odds=_plain(odds), method=curves[0], neutral=curves[1], recalibrated=curves[2]
    )


def _entropy(one: Array, two: Array, a: Array, b: Array, odds: Array) -> Array:
    p = 1 / (1 + 10.0**-odds)
    cost_one = np.logaddexp2(0, -(one[None, :] + odds[:, None]) * LOG2_10) @ a
    cost_two = np.logaddexp2(0, (two[None, :] + odds[:, None]) * LOG2_10) @ b
    return np.asarray(p * cost_one + (1 - p) * cost_two)


def _plain(values: Array) -> tuple[float, ...]:
    return tuple(float(x) for x in values)
