"""Detectors' values → one log10 likelihood ratio: a map for each detector, then their fusion across models.

An estimator like those in `detectors`, so that it can be held out as a whole. Knows arrays; knows no case and no file.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from detectors.calibration import FEWEST_MODELS, LogLikelihoodRatio, LogLrNumbers
from detectors.fusion import STRENGTHS, FusedLogLikelihoodRatio, FusedNumbers
from detectors.grouping import grouped

Array = NDArray[np.float64]


class Weigher(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Maps (rows, detectors) of values, NaN where a detector measured nothing, to log10 LRs of all of them together.

    Each detector's `LogLikelihoodRatio` is fitted on the rows that it measured; the fusion is fitted on the ratios that
    these rows get from maps without their own group. A detector that measured fewer than two independent models of either
    kind is left out (``used_`` names the others). ``strengths`` are the fusion's numbers of unseen models to choose from.
    Deterministic.
    """

    def __init__(self, detectors: tuple[str, ...], strengths: tuple[float, ...] = STRENGTHS) -> None:
        self.detectors = detectors
        self.strengths = strengths

    def fit(self, values: ArrayLike, labels: ArrayLike, groups: Sequence[Hashable]) -> Self:
        """Learns the maps and the fusion. ``held_out_`` (rows,) are the fused ratios without each row's own group.

        Raises ValueError where no detector measured two independent models of either kind.
        """
        x, y = _two_dimensional(values, len(self.detectors)), np.asarray(labels)
        self.maps_: dict[str, LogLikelihoodRatio] = {}
        columns = []
        for number, name in enumerate(self.detectors):
            seen = np.flatnonzero(np.isfinite(x[:, number]))
            if not _enough(y[seen], [groups[i] for i in seen.tolist()]):
                continue
            fitted = LogLikelihoodRatio().fit(x[seen, number], y[seen], [groups[i] for i in seen.tolist()])
            held = np.full(len(x), np.nan)
            held[seen] = fitted.held_out_
            self.maps_[name] = fitted
            columns.append(held)
        if not columns:
            raise ValueError(f"no detector measured {FEWEST_MODELS} independent models of either kind")
        self.used_ = tuple(self.maps_)
        self.fusion_ = FusedLogLikelihoodRatio(self.used_, self.strengths).fit(np.column_stack(columns), y, groups)
        self.held_out_ = self.fusion_.held_out_
        return self

    @classmethod
    def from_numbers(cls, detectors: tuple[str, ...], maps: dict[str, LogLrNumbers], fusion: FusedNumbers) -> Self:
        """The estimator as it was fitted, from plain numbers; `held_out_` does not come back."""
        out = cls(detectors)
        out.maps_ = {name: LogLikelihoodRatio.from_numbers(maps[name]) for name in fusion.detectors}
        out.used_ = fusion.detectors
        out.fusion_ = FusedLogLikelihoodRatio.from_numbers(fusion)
        return out

    def parts(self, values: ArrayLike) -> Array:
        """Each used detector's own log10 LR, (rows, used), before the fusion and within its bounds; NaN where it was silent."""
        x = _two_dimensional(values, len(self.detectors))
        out = np.full((len(x), len(self.used_)), np.nan)
        for place, name in enumerate(self.used_):
            column = x[:, self.detectors.index(name)]
            seen = np.isfinite(column)
            out[seen, place] = self.maps_[name].log10_lr(column[seen])
        return out

    def uncapped(self, values: ArrayLike) -> Array:
        """The fused log10 LR before the fusion's bounds, (rows,): for validation and conformal ranks; never for a report."""
        return self.fusion_.uncapped(self._inputs(values))

    def log10_lr(self, values: ArrayLike) -> Array:
        """The fused log10 LR of each row, (rows,), within the bounds."""
        return self.fusion_.log10_lr(self._inputs(values))

    def interval(self, values: ArrayLike, level: float = 0.95) -> Array:
        """Lower and upper end for each row, (rows, 2), within the bounds: what other models could have made of it."""
        return self.fusion_.interval(self._inputs(values), level)

    def _inputs(self, values: ArrayLike) -> Array:
        x = _two_dimensional(values, len(self.detectors))
        out = np.full((len(x), len(self.used_)), np.nan)
        for place, name in enumerate(self.used_):
            column = x[:, self.detectors.index(name)]
            seen = np.isfinite(column)
            out[seen, place] = self.maps_[name].uncapped(column[seen])
        return out


def _two_dimensional(values: ArrayLike, columns: int) -> Array:
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] != columns or np.isinf(x).any():
        raise ValueError(f"values are rows by {columns} detectors, finite or NaN")
    return x


def _enough(labels: NDArray[np.int_], groups: Sequence[Hashable]) -> bool:
    if not (labels == 1).any() or not (labels == 0).any():
        return False
    return min(grouped(labels, groups).models) >= FEWEST_MODELS
