"""Several detectors' likelihood ratios → one, learned across models: never a product.

Detectors read the same answers and largely see the same thing, so that multiplying their ratios
counts it over and over. Knows log10 likelihood ratios of named detectors, labels and groups; knows
no detector and no file.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import ConfigDict, Field, model_validator
from sklearn.base import BaseEstimator

from detectors.stats.fusion_design import Design, columns_of, held_cost
from detectors.stats.grouping import Grouped, grouped
from detectors.stats.log_lr import FEWEST_MODELS, LN10, spread
from detectors.stats.lr_bounds import Bounds, bounds
from fingerprints.records import Record

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Weight = Annotated[float, Field(ge=0)]
STRENGTHS = (2.0, 4.0, 8.0, 16.0, 32.0)
"""In doublings from the two unseen models of a single detector's map on."""


@dataclass(frozen=True)
class FusedWithout:
    """What a fusion is without one of the models that it was fitted on: its coefficients (1 + 2·d,
    natural logarithms) and its bounds."""

    coefficients: tuple[float, ...]
    bounds: Bounds


class FusedNumbers(Record):
    """What a fitted `FusedLogLikelihoodRatio` knows, as plain numbers; one weight and one
    abstention term per detector.

    ln LR = ``intercept`` + Σ ``weights``·ln LR of those that spoke + Σ ``abstained`` of those that
    did not. ``covariance`` is that of (intercept, weights, abstained), square.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    detectors: tuple[str, ...]
    pseudo_models: Annotated[float, Field(gt=0)]
    intercept: float
    weights: tuple[Weight, ...]
    abstained: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    n_rows: Annotated[int, Field(ge=2)]
    bounds: Bounds

    @model_validator(mode="after")
    def _one_of_each_per_detector(self) -> Self:
        n = len(self.detectors)
        sizes = {len(self.covariance), *(len(row) for row in self.covariance)}
        if (
            len(set(self.detectors)) != n
            or {len(self.weights), len(self.abstained)} != {n}
            or sizes != {1 + 2 * n}
        ):
            raise ValueError(
                "a fusion needs one weight and one abstention term for each of its detectors"
            )
        return self


class FusedLogLikelihoodRatio(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """The weight of what all detectors say together: log10 LR from the log10 LRs of ``detectors``.

    Logistic regression across models on the detectors' log LRs (Pigeon, Druyts and Verlinde 2000,
    *Digital Signal Processing* 10; Brümmer and others 2007, *IEEE Transactions on Audio, Speech and
    Language Processing* 15), with three differences that make it fit for detectors which see the
    same thing:

    - **The penalty is on what comes out, not on the weights.** ``pseudo_models`` unseen models for
      either proposition lie
      over the real ones (`soft_weights`): each row with fused log-odds f costs log(1 + e^f) + log(1
      + e^−f) =
      2·log 2 + f²/4 + … more, a ridge on f. A ridge on weights would be halved by splitting a
      weight over a copy.
    - **No weight is negative.** More support from one detector never lowers the whole, and
      near-copies cannot be played
      off against each other.
    - **An abstention is said.** A detector that abstained (NaN) contributes log LR 0 and a term of
      its own, learned where
      abstentions occur and shrunken on its own account: each pattern of abstentions gets half as
      many unseen models of
      either kind again, so that a few chance abstentions say nothing. Where all abstained the LR is
      1.

    *Copies do not move it.* The loss depends on f and on its part from abstentions alone, convexly
    and strictly so in f, and f ranges over the cone that the detectors' columns span (abstentions
    and the intercept: their linear span). A copy of a column, or any other combination with weights
    of 0 or more, adds nothing to the cone, so the minimiser f is the same function of the rows; the
    choice of strength sees f only, too. A near-copy widens the cone by a sliver: f moves little.
    Equal columns share one coefficient equally, so that abstentions unseen in the fit cannot tell
    copies apart either.

    ``strengths`` are the numbers of pseudo-models to choose from, by Cllr over models left out one
    at a time; of equals the strongest.
    """

    def __init__(
        self, detectors: tuple[str, ...], strengths: tuple[float, ...] = STRENGTHS
    ) -> None:
        self.detectors = detectors
        self.strengths = strengths

    def fit(self, values: ArrayLike, labels: ArrayLike, groups: Sequence[Hashable]) -> Self:
        """Learns from log10 LRs (rows, detectors), NaN where a detector abstained, labels and
        independent models.

        The log10 LRs should be held out (`LogLikelihoodRatio.held_out_`): those
        of a map fitted on the same models are too good. Rows on which every detector abstained
        teach nothing and are not counted. ``held_out_`` (rows,) keeps each row's unbounded LR from
        the fusion without its own model. Deterministic. Raises ValueError for another shape, fewer
        than two models of either kind, or a detector that never spoke.
        """
        if (
            not self.strengths
            or min(self.strengths) <= 0
            or len(set(self.detectors)) != len(self.detectors)
        ):
            raise ValueError("strengths are above 0, and detectors have different names")
        spoken, silent = self._inputs(values)
        heard: Flags = np.logical_not(silent.all(axis=1))
        mute = [
            name
            for name, seen in zip(self.detectors, (~silent).sum(axis=0), strict=True)
            if not seen
        ]
        if mute:
            raise ValueError(
                f"{mute[0]!r} measured nothing in any model; leave it out of the fusion"
            )
        if len(groups) != len(spoken) or np.shape(labels) != (len(spoken),):
            raise ValueError("values, labels and groups need the same number of rows")
        data = grouped(
            np.asarray(labels)[heard], [groups[row] for row in np.flatnonzero(heard).tolist()]
        )
        if min(data.models) < FEWEST_MODELS:
            raise ValueError(
                f"each proposition needs at least {FEWEST_MODELS} independent models, there are"
                f" {data.models}"
            )
        design = Design.of(spoken[heard], silent[heard])
        tried = [
            (strength, design.left_out(data, strength))
            for strength in sorted(self.strengths, reverse=True)
        ]
        # Of equals the strongest penalty: the list begins with it, and `min` keeps the first.
        strength, (held, without) = min(tried, key=lambda t: round(held_cost(t[1][0], data), 7))
        self.held_out_ = np.zeros(len(spoken))
        self.held_out_[heard] = held
        self.numbers_ = self._numbers(design, data, strength, held)
        self._fitted_on = data, held, without
        return self

    def without_each(self) -> dict[Hashable, FusedWithout | None]:
        """What the fusion is without each of the models that it was fitted on, by name; None where
        too few would be left. Not known of one that was read from numbers."""
        data, held, without = self._fitted_on
        return {
            name: _without(data, number, held, without[number])
            for number, name in enumerate(data.names)
        }

    @classmethod
    def from_numbers(cls, numbers: FusedNumbers) -> Self:
        """The estimator as it was fitted, from what `numbers_` held. `held_out_` does not come
        back."""
        out = cls(numbers.detectors)
        out.numbers_ = numbers
        return out

    def uncapped(self, values: ArrayLike) -> Array:
        """log10 LR of each row of (rows, detectors), before the bounds: for validation; never
        for a report."""
        spoken, silent = self._inputs(values)
        known = self.numbers_
        f = columns_of(spoken, silent) @ np.array(
            [known.intercept, *known.weights, *known.abstained]
        )
        return np.where(silent.all(axis=1), 0.0, f / LN10)

    def log10_lr(self, values: ArrayLike) -> Array:
        """log10 LR of each row, (rows,), within the bounds; 0 where every detector abstained
        (NaN)."""
        return self.numbers_.bounds.clip(self.uncapped(values))

    def interval(self, values: ArrayLike, level: float = 0.95) -> Array:
        """Lower and upper end for each row, (rows, 2), within the bounds: how far other models of
        the same kinds and number could have moved the fusion. The whole span of the bounds where
        every detector abstained."""
        spoken, silent = self._inputs(values)
        columns = columns_of(spoken, silent)
        variance = np.einsum("ij,jk,ik->i", columns, np.array(self.numbers_.covariance), columns)
        sd = np.where(silent.all(axis=1), np.inf, np.sqrt(np.maximum(variance, 0.0)) / LN10)
        return spread(self.uncapped(values), sd, self.numbers_.bounds, level)

    def _inputs(self, values: ArrayLike) -> tuple[Array, Flags]:
        """Natural log LRs with 0 for an abstention, and where the abstentions are."""
        x = np.asarray(values, dtype=np.float64)
        if x.ndim != 2 or x.shape[1] != len(self.detectors) or not x.shape[1]:
            raise ValueError(f"log10 LRs are rows by {len(self.detectors)} detectors, at least one")
        if np.isinf(x).any():
            raise ValueError("log10 LRs are finite, or NaN where a detector abstained")
        silent = np.asarray(np.isnan(x), dtype=np.bool_)
        return np.where(silent, 0.0, x) * LN10, silent

    def _numbers(self, design: Design, data: Grouped, strength: float, held: Array) -> FusedNumbers:
        beta, covariance = design.fitted(data, strength)
        n, shares = len(self.detectors), data.shares()
        return FusedNumbers(
            detectors=tuple(self.detectors),
            pseudo_models=strength,
            intercept=float(beta[0]),
            weights=tuple(map(float, beta[1 : 1 + n])),
            abstained=tuple(map(float, beta[1 + n :])),
            covariance=tuple(tuple(map(float, row)) for row in covariance),
            n_rows=len(held),
            bounds=bounds(
                held[data.h1], held[~data.h1], shares[data.h1], shares[~data.h1], data.models
            ),
        )


def _without(data: Grouped, number: int, held: Array, coefficients: Array) -> FusedWithout | None:
    """The fusion without one model, from its coefficients; its bounds are those of the others'
    held-out ratios."""
    kept = data.of != number
    models = tuple(len(np.unique(data.of[kept & side])) for side in (data.h1, ~data.h1))
    if min(models) < FEWEST_MODELS:
        return None
    one, two, shares = kept & data.h1, kept & ~data.h1, data.shares()
    found = bounds(held[one], held[two], shares[one], shares[two], (models[0], models[1]))
    return FusedWithout(tuple(map(float, coefficients)), found)
