"""How unlike benign traffic a unit is: each signal against benign units of like volume, and one
score of all.

Learned from benign units only. The score may be any function of them: what it is worth is told by
other benign units (`calibration`), so a poor score finds little and accuses nobody more.
"""

from __future__ import annotations

from collections.abc import Sequence

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
CEILING = 1.5
"""And at most so many times it: services of much traffic differ so widely that, by their own
spread, nothing would stand out among them, and a campaign be found less the louder it is."""
LEAST_UNITS = 20
ONE_IN = 0.01
"""Share of benign rows above 1 in each direction: what makes directions comparable."""


class BenignScale(Record):
    """Medians and units of each signal by volume, and what is looked for: a weight a signal in each
    direction, 0 where it is not used there.

    ``edges`` are logarithms of rows in a window; rows of ``medians`` and ``units`` are the bins
    between them, columns the signals by ``signals``, as in ``directions``.
    """

    signals: tuple[str, ...]
    edges: tuple[float, ...]
    medians: tuple[tuple[float, ...], ...]
    units: tuple[tuple[float, ...], ...]
    used: tuple[bool, ...]
    directions: tuple[tuple[float, ...], ...]

    def loudness(self, figures: Array) -> Array:
        """How far above benign traffic of like volume each signal is, in its units: (rows, signals)
        from -2 to 8; 0 where a figure is absent or not used."""
        at = np.searchsorted(self.edges, figures[:, NAMES.index("volume")], side="right")
        medians, units = np.asarray(self.medians)[at], np.asarray(self.units)[at]
        z = np.clip((figures - medians) / units, LOW, HIGH)
        return np.where(np.isfinite(z) & np.asarray(self.used), z, 0.0)

    def score(self, figures: Array) -> Array:
        """One number a row, that of the direction in which it stands out most; larger is less like
        benign traffic, 1 as much as one in a hundred benign rows in a direction. The loudest signal
        is left out of it: what shows in one figure alone is no kind of traffic."""
        along = _along(self.loudness(figures), self.directions)
        return np.asarray(along.max(axis=1, initial=-np.inf), dtype=np.float64)


def fit_scale(figures: Array) -> BenignScale:
    """The scale of benign units' figures, (rows, signals) with NaN where absent.

    A direction is Fisher's for campaigns as far above benign traffic as simulated ones were, under
    the benign covariance (Ledoit and Wolf 2004): signals that move together count once.
    Deterministic. Raises ValueError for fewer than 20 rows.
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
        near = np.clip(width, FLOOR * unit, CEILING * unit)
        units[i] = np.where(usable, np.where(np.isfinite(near), near, unit), unit)
    used = np.isfinite(unit)
    drawn = BenignScale(
        signals=NAMES,
        edges=tuple(edges.tolist()),
        medians=_rows(np.where(used, medians, 0.0)),
        units=_rows(np.where(used, units, 1.0)),
        used=tuple(used.tolist()),
        directions=(),
    )
    loud = drawn.loudness(figures)
    return drawn.model_copy(update={"directions": _directions(loud, used)})


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


def _along(loudness: Array, directions: Sequence[Sequence[float]]) -> Array:
    """(rows, directions): the weighted sum of all signals but the one that adds most."""
    out = np.zeros((len(loudness), len(directions)))
    for i, weights in enumerate(directions):
        parts = loudness * np.asarray(weights)
        out[:, i] = parts.sum(axis=1) - np.maximum(parts.max(axis=1, initial=0.0), 0.0)
    return out


def _directions(loudness: Array, used: NDArray[np.bool_]) -> tuple[tuple[float, ...], ...]:
    """One for each kind of campaign, scaled so that a hundredth of benign rows are above 1."""
    if not used.any():
        return ((0.0,) * len(used),)
    covariance, _ = ledoit_wolf(loudness[:, used])
    n = int(used.sum())
    # A ridge keeps a signal that hardly moves among benign units from deciding alone, and alike
    # units from having no inverse.
    within = covariance + 0.5 * (np.trace(covariance) / n or 1.0) * np.eye(n)
    found = []
    for shift in ([s.shown for s in SIGNALS], [s.plain for s in SIGNALS]):
        weights = np.zeros(len(used))
        weights[used] = np.clip(np.linalg.solve(within, np.array(shift)[used]), 0, None)
        rare = float(np.quantile(_along(loudness, (tuple(weights),)), 1 - ONE_IN))
        found.append(tuple((weights / (rare if rare > 0 else 1.0)).tolist()))
    return tuple(found)


def _rows(values: Array) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in values.tolist())
