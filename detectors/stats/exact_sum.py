"""How often does chance alone give so large a sum, where each unit's share of it could as well have
been any of its alternatives?

Exact at any depth: the distribution of the sum is convolved on a grid of whole numbers, tilted so
that the observed sum lies in its middle, where doubles are accurate (1e-70 as well as 0.4). Knows
numbers; knows no model.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.signal import fftconvolve
from scipy.special import logsumexp

Array = NDArray[np.float64]
Whole = NDArray[np.int64]
CELLS = 1 << 20
"""The most cells of the whole distribution: about a second of convolving."""
FINEST = 128
"""Cells to one root mean square of the scores; a finer grid would change no decision."""
STEEPEST = 60.0
"""Tilt per cell beyond which all but the largest alternatives are lost in a double."""
SHORT = 64
"""Arrays below this length are convolved directly: exactly, and faster than by FFT."""


@dataclass(frozen=True)
class ExactSum:
    """The chance of a sum at least as large (``log10_p``), and the smallest that could have come
    out (``log10_floor``)."""

    log10_p: float
    log10_floor: float

    @property
    def p_value(self) -> float:
        """The p-value, at least 1e-300: below that doubles lose their digits."""
        return _bounded(self.log10_p)

    @property
    def p_floor(self) -> float:
        """The smallest p-value that could have come out, at least 1e-300."""
        return _bounded(self.log10_floor)


def _bounded(log10: float) -> float:
    return float(min(1.0, 10.0 ** max(-300.0, log10)))


def exact_sum(scores: ArrayLike) -> ExactSum:
    """The exact test of Σ_i s_i0 where each s_i0 is uniform over its row {s_i0 … s_im}, rows
    independent of each other; high sums count.

    ``scores`` (n, m + 1), column 0 observed. They are first rounded to a grid whose step knows
    nothing of the columns: the test of the rounded scores is exact by itself, so that rounding
    costs power alone (a hundredth of a standard deviation a unit; with very many units more).
    Rows may tie. Deterministic. Raises ValueError for an empty table, one column, and what is not
    finite.

    >>> exact_sum([[3, 1, 0], [2, 0, 1]]).p_value
    0.1111111111111111
    """
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or table.shape[0] < 1 or table.shape[1] < 2:
        raise ValueError("an exact sum needs rows of at least two alternatives")
    if not np.isfinite(table).all():
        raise ValueError("scores that are not finite have no sum")
    cells = on_grid(table)
    low = cells.min(axis=1)
    cells = cells - low[:, None]
    observed = int(cells[:, 0].sum())
    width = cells.shape[1]
    log10_floor = float(np.log10((cells == cells.max(axis=1)[:, None]).sum(axis=1) / width).sum())
    log10_p = 0.0 if observed == 0 else _log_tail(cells, observed) / math.log(10)
    log10_p = min(0.0, max(log10_p, log10_floor))
    return ExactSum(log10_p, log10_floor)


def two_sided(scores: ArrayLike) -> float:
    """Twice the smaller of both tails of `exact_sum`, at most 1: whether the observed column
    differs in either direction."""
    table = np.asarray(scores, dtype=np.float64)
    return min(1.0, 2 * min(exact_sum(table).p_value, exact_sum(-table).p_value))


def on_grid(table: Array) -> Whole:
    """The scores as whole numbers of a step that depends on the table only as a set of rows of
    sets: its spread and its size."""
    centred = table - table.mean(axis=1, keepdims=True)
    spread = math.sqrt(float((centred**2).mean()))
    if spread == 0:
        return np.zeros(table.shape, dtype=np.int64)
    reach = float((table.max(axis=1) - table.min(axis=1)).sum())
    step = max(spread / FINEST, reach / CELLS)
    return np.asarray(np.rint(centred / step), dtype=np.int64)


def _log_tail(cells: Whole, observed: int) -> float:
    """ln P(sum ≥ observed), cells ≥ 0. The law tilted by e^(θx) has its mean at the observed sum;
    untilted, what lies above it counts less and less, so errors do too."""
    theta = _tilt(cells, observed)
    top = cells.max(axis=1)
    weights = np.exp(theta * (cells - top[:, None])) / cells.shape[1]
    mass = weights.sum(axis=1)
    parts = [
        np.asarray(np.bincount(row, weights=share), dtype=np.float64)
        for row, share in zip(cells, weights / mass[:, None], strict=True)
    ]
    tilted = _convolved(parts)
    beyond = np.arange(len(tilted) - observed)
    with np.errstate(divide="ignore"):
        left = np.log(tilted[observed:]) - theta * beyond
    # Σ top − observed is exact, and small where θ is large: apart they would cancel.
    return float(logsumexp(left) + np.log(mass).sum() + theta * float(top.sum() - observed))


def _tilt(cells: Whole, observed: int) -> float:
    """The θ ≥ 0 at which the tilted mean is the observed sum; 0 where it is not above the mean."""
    below = cells - cells.max(axis=1, keepdims=True)

    def excess(theta: float) -> float:
        """The sum's mean under a tilt, less what was observed; rises with θ."""
        weights = np.exp(theta * below)
        return float(((weights * cells).sum(axis=1) / weights.sum(axis=1)).sum()) - observed

    if excess(0.0) >= 0:
        return 0.0
    if excess(STEEPEST) <= 0:
        return STEEPEST
    return float(brentq(excess, 0.0, STEEPEST, xtol=1e-14, rtol=1e-12))


def _convolved(parts: list[Array]) -> Array:
    """The convolution of all, smallest first, two by two."""
    while len(parts) > 1:
        parts.sort(key=len)
        paired = [_both(a, b) for a, b in zip(parts[::2], parts[1::2], strict=False)]
        parts = paired + (parts[-1:] if len(parts) % 2 else [])
    return parts[0]


def _both(one: Array, other: Array) -> Array:
    if min(len(one), len(other)) < SHORT:
        return np.convolve(one, other)
    # FFT leaves noise of either sign where there is nothing.
    return np.asarray(np.maximum(fftconvolve(one, other), 0.0))
