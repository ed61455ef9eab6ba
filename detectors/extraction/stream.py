"""A stream of windows: p-values that hold whenever one looks, and whether traffic as a whole has
left what was calibrated.

A benign account is as heavy tomorrow as today, so its windows are no independent bets: what may be
multiplied is not their p-values. Instead its highest score so far is compared with the highest that
benign units reached over *all* windows of a calibration: looking earlier can only see less of it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.extraction.calibration import BenignTraffic
from detectors.stats.eprocess import log10_capital
from detectors.stats.screening import tail_p
from fingerprints.records import Record

Array = NDArray[np.float64]
KEPT_P = 0.1
"""Accounts whose p is larger are forgotten until they score higher: they can't be told."""
BY_LUCK = 0.01
"""How often the calibration itself may be so lopsided that `departed` alarms without cause."""


class Watched(Record):
    """An account that scored high: the part of the stream (of as many windows as were calibrated)
    in which it did, its highest score there, and its smallest p so far."""

    part: int
    peak: float
    p_value: float


def watched(
    calibration: BenignTraffic, before: Watched | None, window: int, score: float
) -> Watched | None:
    """What is known of an account after one more window, counted from 0; None: nothing worth
    keeping.

    The stream is cut into parts of as many windows as were calibrated, and the k-th, from 1, may
    spend 2^-k of all false alarms: P(p ever ≤ α) ≤ α for a benign account, at whatever time one
    stops (a union bound over parts; within a part the running maximum is below that of the part).
    """
    part = window // calibration.n_windows
    peak = score if before is None or before.part != part else max(score, before.peak)
    (tail,) = tail_p([peak], calibration.peaks, calibration.n_units)
    p = min(1.0, float(tail) * 2.0 ** (part + 1))
    best = p if before is None else min(p, before.p_value)
    return None if best > KEPT_P else Watched(part=part, peak=peak, p_value=best)


def departed(means: Sequence[float], calibration: BenignTraffic) -> float:
    """log10 of a bet's capital that the stream's new units are rarer than the calibration's.

    ``means`` holds, window by window, the mean of 1 − p over units that are seen for the first
    time. Under exchangeability with the calibration's units each is at most a half on average, but
    for what a finite calibration may be off (Dvoretzky, Kiefer and Wolfowitz 1956, Massart 1990),
    which is granted. Above 2 the calibration is no longer of this traffic, at a rate of false
    alarms of 1 in 100 and that of `BY_LUCK`. 0 without a window.
    """
    off = math.sqrt(math.log(2 / BY_LUCK) / (2 * calibration.n_units))
    mean = 0.5 + off
    if not means or mean >= 1:
        return 0.0
    return float(log10_capital(np.asarray(means), mean).max(initial=0.0))
