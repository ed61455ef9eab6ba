"""How unlike benign traffic a unit is: each signal against benign units of like volume, and one
score of all.

Learned from benign units only. The score may be any function of them: what it is worth is told by
other benign units (`calibration`), so a poor score finds little and accuses nobody more.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf

from detectors.extraction.signals import NAMES, SIGNALS
from fingerprints.records import Record

Array = NDArray[np.float64]
MOST_BINS, LEAST_IN_BIN = 10, 60
LOW, HIGH = -2.0, 8.0
"""A signal can't speak louder: one extreme figure is no campaign."""
UPPER = 90.0
"""Percentile whose distance from the median is a signal's unit: signals lean to the right."""
FLOOR = 0.25
"""A bin's unit is at least this share of that of all bins: a bin may be uniform by chance."""
LEAST_UNITS = 20


class BenignScale(Record):
    """Medians and units of each signal by volume, and each signal's weight; 0: not used.

    ``edges`` are logarithms of rows in a window; rows of ``medians`` and ``units`` are the bins
    between them, columns the signals by ``signals``.
    """

    signals: tuple[str, ...]
    edges: tuple[float, ...]
    medians: tuple[tuple[float, ...], ...]
    units: tuple[tuple[float, ...], ...]
    weights: tuple[float, ...]

    def loudness(self, figures: Array) -> Array:
        """How far above benign traffic of like volume each signal is, in its units: (rows, signals)
        from -2 to 8; 0 where a figure is absent or not used."""
        at = np.searchsorted(self.edges, figures[:, NAMES.index("volume")], side="right")
        medians, units = np.asarray(self.medians)[at], np.asarray(self.units)[at]
        z = np.clip((figures - medians) / units, LOW, HIGH)
        return np.where(np.isfinite(z) & (np.asarray(self.weights) > 0), z, 0.0)

    def score(self, figures: Array) -> Array:
        """One number a row; larger is less like benign traffic."""
        return np.asarray(self.loudness(figures) @ np.asarray(self.weights), dtype=np.float64)


def fit_scale(figures: Array) -> BenignScale:
    """The scale of benign units' figures, (rows, signals) with NaN where absent.

    Weights are Fisher's direction for a shift of every signal by one unit, under the benign
    covariance (Ledoit and Wolf 2004): signals that move together count once. Deterministic. Raises
    ValueError for fewer than 20 rows.
    """
    if len(figures) < LEAST_UNITS:
        raise ValueError(f"a scale needs {LEAST_UNITS} benign units, not {len(figures)}")
    volume = figures[:, NAMES.index("volume")]
    n_bins = max(1, min(MOST_BINS, len(figures) // LEAST_IN_BIN))
    edges = np.unique(np.quantile(volume, np.linspace(0, 1, n_bins + 1)[1:-1]))
    at = np.searchsorted(edges, volume, side="right")
    middle, unit = _centre(figures)
    medians = np.tile(middle, (len(edges) + 1, 1))
    units = np.tile(unit, (len(edges) + 1, 1))
    by_volume = np.array([s.by_volume for s in SIGNALS])
    for i in range(len(edges) + 1):
        own, width = _centre(figures[at == i])
        usable = by_volume & np.isfinite(own)
        medians[i] = np.where(usable, own, middle)
        units[i] = np.where(usable, np.fmax(width, FLOOR * unit), unit)
    used = np.isfinite(unit)
    medians, units = np.where(used, medians, 0.0), np.where(used, units, 1.0)
    drawn = BenignScale(
        signals=NAMES,
        edges=tuple(edges.tolist()),
        medians=_rows(medians),
        units=_rows(units),
        weights=tuple(used.astype(float).tolist()),
    )
    return drawn.model_copy(update={"weights": _weights(drawn.loudness(figures), used)})


def _centre(figures: Array) -> tuple[Array, Array]:
    """Median and unit of each signal; NaN where nobody has it."""
    middle, unit = np.full(len(NAMES), np.nan), np.full(len(NAMES), np.nan)
    for i in range(len(NAMES)):
        x = figures[:, i][np.isfinite(figures[:, i])]
        if len(x):
            middle[i] = np.median(x)
            spread = max(np.percentile(x, UPPER) - middle[i], float(np.std(x)) / 2)
            unit[i] = max(spread, SIGNALS[i].least)
    return middle, unit


def _weights(loudness: Array, used: NDArray[np.bool_]) -> tuple[float, ...]:
    weights = np.zeros(len(used))
    if used.any():
        covariance, _ = ledoit_wolf(loudness[:, used])
        n = int(used.sum())
        # A ridge keeps a signal that hardly moves among benign units from deciding alone.
        ridge = 0.5 * np.trace(covariance) / n * np.eye(n)
        raw = np.clip(np.linalg.solve(covariance + ridge, np.ones(n)), 0, None)
        weights[used] = raw / raw.sum()
    return tuple(weights.tolist())


def _rows(values: Array) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in values.tolist())
