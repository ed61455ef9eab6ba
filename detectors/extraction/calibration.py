"""What a score is worth: how many benign units reach it, in one window and over a whole log.

Half of the benign units make the scale, the other half are what is compared with (split-conformal):
whatever the scale is, a benign unit's p-value falls at or below α at most a share α of the time, as
far as the log's benign traffic is like that which was calibrated on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from detectors.extraction.scale import LEAST_UNITS, BenignScale, fit_scale
from detectors.stats.screening import tail_p
from fingerprints.records import Record

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
FORMAT: Literal["logs-calibration/2"] = "logs-calibration/2"
MOST_KEPT = 20_000
"""Largest scores that are kept; whoever is below all of them is not rare."""


class BenignTraffic(Record):
    """A calibration: the scale, and the scores of benign units that it was not made of.

    ``peaks`` are the largest of ``n_units`` units' highest scores over ``n_windows`` windows of
    ``window_seconds``; ``window_scores`` the largest of all their windows' scores, each with its
    share of one unit. ``columns`` are those that its accounts were tied by, where they tie;
    ``simulated``: its traffic is made up.
    """

    format: Literal["logs-calibration/2"] = FORMAT
    source: str
    simulated: bool
    created: str
    window_seconds: float
    n_windows: int
    n_units: int
    n_accounts: int
    n_fitted: int
    columns: tuple[str, ...]
    scale: BenignScale
    peaks: tuple[float, ...]
    window_scores: tuple[float, ...]
    window_shares: tuple[float, ...]

    @property
    def floor(self) -> float:
        """The smallest p-value that can come out."""
        return 1 / (self.n_units + 1)

    def window_p(self, scores: Array) -> Array:
        """p of each score in its own window: a benign unit counts by the share of its windows that
        reach it (Lee, Barber and Willett 2023)."""
        kept = np.asarray(self.window_scores)
        order = np.argsort(kept)
        reached = np.append(np.cumsum(np.asarray(self.window_shares)[order][::-1])[::-1], 0.0)
        at = np.searchsorted(kept[order], scores, side="left")
        p = (1 + reached[at]) / (self.n_units + 1)
        below = (at == 0) & (len(kept) >= MOST_KEPT)
        return np.asarray(np.where(below, 1.0, np.minimum(p, 1.0)), dtype=np.float64)


def fit_calibration(
    unit: Ints, signals: Array, halves: NDArray[np.bool_], **told: object
) -> BenignTraffic:
    """The calibration of judged benign rows: each row's unit and signals, and whether its unit is
    of the half that makes the scale. ``told`` are the record's other fields.

    Raises ValueError where either half has fewer than 20 units.
    """
    scale = fit_scale(signals[halves])
    own = unit[~halves]
    scores = scale.score(signals[~halves])
    peaks, n = _peaks(own, scores)
    if n < LEAST_UNITS:
        raise ValueError(
            f"a calibration needs {LEAST_UNITS} benign units beside its scale, not {n}"
        )
    _, at, counts = np.unique(own, return_inverse=True, return_counts=True)
    order = np.argsort(-scores, kind="stable")[:MOST_KEPT]
    return BenignTraffic.model_validate(
        {
            **told,
            "n_units": n,
            "n_fitted": len(np.unique(unit[halves])),
            "scale": scale,
            "peaks": np.sort(peaks)[::-1][:MOST_KEPT].tolist(),
            "window_scores": scores[order].tolist(),
            "window_shares": (1 / counts[at])[order].tolist(),
        }
    )


def _peaks(unit: Ints, scores: Array) -> tuple[Array, int]:
    names, at = np.unique(unit, return_inverse=True)
    peaks = np.full(len(names), -np.inf)
    np.maximum.at(peaks, at, scores)
    return peaks, len(names)


@dataclass(frozen=True)
class Judged:
    """Units in order: each one's p over the whole log, its highest score and its window, and the p
    of each judged row in its own window."""

    unit: Ints
    p_value: Array
    peak: Array
    row_p: Array
    row_score: Array


def judge(calibration: BenignTraffic, unit: Ints, window: Ints, signals: Array) -> Judged:
    """Scores judged rows. A unit's p compares its highest score with benign units' highest over as
    many windows; a log of more windows is cut into parts, whose smallest p counts times their
    number (Bonferroni)."""
    scores = calibration.scale.score(signals)
    names, at = np.unique(unit, return_inverse=True)
    part = (window - (window.min() if len(window) else 0)) // calibration.n_windows
    n_parts = int(part.max()) + 1 if len(part) else 1
    tops = np.full((len(names), n_parts), -np.inf)
    np.maximum.at(tops, (at, part), scores)
    p = np.ones(len(names))
    for i in range(n_parts):
        seen = np.isfinite(tops[:, i])
        p[seen] = np.minimum(p[seen], tail_p(tops[seen, i], calibration.peaks, calibration.n_units))
    return Judged(
        names, np.minimum(1.0, p * n_parts), tops.max(axis=1), calibration.window_p(scores), scores
    )


def fitting_half(keys: Sequence[int] | NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which units make the scale: half of them, by their keys, whatever their order."""
    mixed = np.asarray(keys, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return np.asarray((mixed >> np.uint64(63)) == 0, dtype=bool)
