"""A detector's raw value → log10 likelihood ratio, learned from models of known history.

Knows values, labels and groups of independent models; knows no detector, no file and no word. The
numbers that a fit leaves are a record, so that a calibration is read from JSON and never from a
pickle.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import ConfigDict, Field
from scipy import stats
from sklearn.base import BaseEstimator

from detectors.stats.grouping import Grouped, finite, grouped, soft_weights
from detectors.stats.logistic import curvature, soft_lines, soft_logistic
from detectors.stats.lr_bounds import Bounds, bounds
from fingerprints.records import Record

Array = NDArray[np.float64]
Direction = Literal["higher", "lower"]
LN10 = float(np.log(10))
FEWEST_MODELS = 2
_AT_ONCE = 16
"""Models that are left out together: as many as stay in a processor's nearer memory."""


class LogLrNumbers(Record):
    """What a fitted `LogLikelihoodRatio` knows, as plain numbers.

    ln LR = ``intercept`` + ``slope``·z with z = (±value − ``centre``)/``scale``; ``covariance``
    holds var(intercept), their covariance and var(slope). ``lowest`` and ``highest`` are the span
    of the values that it was fitted on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    direction: Direction
    pseudo_models: Annotated[float, Field(gt=0)]
    centre: float
    scale: Annotated[float, Field(gt=0)]
    intercept: float
    slope: Annotated[float, Field(ge=0)]
    covariance: tuple[float, float, float]
    lowest: float
    highest: float
    n_rows: Annotated[int, Field(ge=2)]
    bounds: Bounds


class LogLikelihoodRatio(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """The weight of a detector's value: log10 of how many times likelier it is under H1 than under
    H2.

    Logistic regression on the value (Brümmer and du Preez 2006, *Computer Speech & Language* 20,
    230-275; Morrison 2013, *Australian Journal of Forensic Sciences* 45, 173-197) with equal prior
    odds, so that its log-odds are the log LR.

    - **Monotone.** ``direction`` says which values speak for H1; where the data say the opposite
      the slope is 0 and the LR 1.
    - **Shrunken.** ``pseudo_models`` unseen models for each proposition lie over both kinds of
      values (`soft_weights`). With
      two of them, n models of either kind that are told apart without an error, at one value each,
      give LR = n + 1 and no
      more, the ceiling that counting the models gives too; 3 and 3 models never give much, and 300
      are hardly shrunken.
      Firth's penalty (Jeffreys' prior) was not taken: it keeps the slope finite, but well above
      that ceiling.
    - **A model counts once**, however many of its rows there are: the number of groups is the
      amount of evidence.
    - **Bounded**, by the empirical bounds over LRs of left-out models and by the number of models
      (`Bounds`).

    No density estimate is offered: with tens of models its tails, which are all that matters, are
    the kernel's own.
    """

    def __init__(self, direction: Direction = "higher", pseudo_models: float = 2.0) -> None:
        self.direction: Direction = direction
        self.pseudo_models = pseudo_models

    def fit(self, values: ArrayLike, labels: ArrayLike, groups: Sequence[Hashable]) -> Self:
        """Learns the map from values (rows,), labels (1 for H1, 0 for H2) and each row's
        independent model. Deterministic.

        ``held_out_`` (rows,) keeps the LRs that each row gets, unbounded, from the map fitted
        without its own model, ``without_`` that map's intercept and slope by model. Raises
        ValueError for values that are not finite, other labels, or fewer than two models of either
        kind.
        """
        if self.direction not in ("higher", "lower") or not self.pseudo_models > 0:
            raise ValueError("direction is 'higher' or 'lower', and pseudo_models above 0")
        data = grouped(labels, groups)
        if min(data.models) < FEWEST_MODELS:
            raise ValueError(
                f"each proposition needs at least {FEWEST_MODELS} independent models, there are"
                f" {data.models}"
            )
        raw = finite(values, len(data.h1))
        x = self._turned(raw)
        centre, scale = _location(x, data)
        columns = np.column_stack([np.ones_like(x), (x - centre) / scale])
        beta, covariance = _fitted(columns, *soft_weights(data, self.pseudo_models))
        self.held_out_, without = self._left_out(columns, data, beta)
        self.without_: dict[Hashable, tuple[float, float]] = {
            name: (float(a), float(b)) for name, (a, b) in zip(data.names, without, strict=True)
        }
        shares = data.shares()
        self.numbers_ = LogLrNumbers(
            direction=self.direction,
            pseudo_models=self.pseudo_models,
            centre=centre,
            scale=scale,
            intercept=float(beta[0]),
            slope=float(beta[1]),
            covariance=(float(covariance[0, 0]), float(covariance[0, 1]), float(covariance[1, 1])),
            lowest=float(raw.min()),
            highest=float(raw.max()),
            n_rows=len(x),
            bounds=bounds(
                self.held_out_[data.h1],
                self.held_out_[~data.h1],
                shares[data.h1],
                shares[~data.h1],
                data.models,
            ),
        )
        return self

    @classmethod
    def from_numbers(cls, numbers: LogLrNumbers) -> Self:
        """The estimator as it was fitted, from what `numbers_` held. `held_out_` does not come
        back."""
        out = cls(numbers.direction, numbers.pseudo_models)
        out.numbers_ = numbers
        return out

    def uncapped(self, values: ArrayLike) -> Array:
        """log10 LR of each value, (rows,), before the bounds: for validation; never for a
        report."""
        return (
            np.asarray(self._columns(values) @ [self.numbers_.intercept, self.numbers_.slope])
            / LN10
        )

    def log10_lr(self, values: ArrayLike) -> Array:
        """log10 LR of each value, (rows,), within the bounds; above 0 speaks for H1. Raises
        ValueError for NaN or infinity."""
        return self.numbers_.bounds.clip(self.uncapped(values))

    def interval(self, values: ArrayLike, level: float = 0.95) -> Array:
        """Lower and upper end for each value, (rows, 2), within the bounds: how far other models of
        the same kinds and number could have moved the map. From the curvature of the
        log-likelihood, with Student's t for so many models."""
        var_a, cov, var_b = self.numbers_.covariance
        z = self._columns(values)[:, 1]
        sd = np.sqrt(np.maximum(var_a + 2 * z * cov + z * z * var_b, 0.0)) / LN10
        return spread(self.uncapped(values), sd, self.numbers_.bounds, level)

    def outside(self, values: ArrayLike) -> NDArray[np.bool_]:
        """Which values lie beyond all those that the map was fitted on, (rows,): there it
        extrapolates, and says so."""
        x = finite(values)
        return np.asarray((x < self.numbers_.lowest) | (x > self.numbers_.highest), dtype=np.bool_)

    def _turned(self, values: Array) -> Array:
        return values if self.direction == "higher" else -values

    def _columns(self, values: ArrayLike) -> Array:
        x = (self._turned(finite(values)) - self.numbers_.centre) / self.numbers_.scale
        return np.column_stack([np.ones_like(x), x])

    def _left_out(self, columns: Array, data: Grouped, start: Array) -> tuple[Array, Array]:
        """Each row's log10 LR without its own model, (rows,), and the coefficients without each
        model, (models, 2)."""
        without = np.empty((len(data.names), 2))
        x, every = columns[:, 1], np.eye(len(data.names), dtype=np.bool_)
        for at in range(0, len(every), _AT_ONCE):
            some = [
                soft_weights(data, self.pseudo_models, np.where(left, 0.0, 1.0))
                for left in every[at : at + _AT_ONCE]
            ]
            one, two = (np.stack(side) for side in zip(*some, strict=True))
            without[at : at + _AT_ONCE] = soft_lines(x, one, two, start)
        own = without[data.of]
        return (own[:, 0] + own[:, 1] * x) / LN10, without


_SIGNED = np.array([True, False])


def _fitted(columns: Array, one: Array, two: Array) -> tuple[Array, Array]:
    beta = soft_logistic(columns, one, two, _SIGNED)
    return beta, curvature(columns, one + two, beta)


def _location(x: Array, data: Grouped) -> tuple[float, float]:
    """Centre and spread with either proposition weighing half; they only help the minimiser and
    move no LR."""
    weights = data.shares() * np.where(data.h1, 1 / data.models[0], 1 / data.models[1]) / 2
    centre = float(weights @ x)
    scale = float(np.sqrt(weights @ (x - centre) ** 2))
    return centre, scale if scale > 1e-12 * max(1.0, abs(centre)) else 1.0


def spread(log10_lr: Array, sd: Array, limits: Bounds, level: float) -> Array:
    """Intervals (rows, 2) of log10 LRs with standard errors ``sd``: Student's t with the models'
    number less two, bounded."""
    half = float(stats.t.ppf((1 + level) / 2, max(1, limits.n_h1 + limits.n_h2 - 2))) * sd
    return limits.clip(np.column_stack([log10_lr - half, log10_lr + half]))
