"""Detectors' values → one log10 likelihood ratio: a map for each detector, then their fusion across
models.

An estimator like those in `detectors`, so that it can be held out as a whole. Knows arrays; knows
no case and no file.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from copy import copy
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from detectors.stats.cohort_norm import CohortNorm, CohortNumbers
from detectors.stats.fusion import STRENGTHS, FusedLogLikelihoodRatio, FusedNumbers
from detectors.stats.fusion_design import held_cost
from detectors.stats.grouping import grouped
from detectors.stats.log_lr import FEWEST_MODELS, LogLikelihoodRatio, LogLrNumbers

Array = NDArray[np.float64]
Scale = Literal["plain", "common", "each"]
SCALES: tuple[Scale, ...] = ("plain", "common", "each")
"""How a detector's values are scaled, the simplest first, which wins where none costs less."""


class Weigher(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Maps (rows, detectors) of values, NaN where a detector measured nothing, to log10 LRs of all
    of them together.

    Each detector's `LogLikelihoodRatio` is fitted on the rows that it measured, on its values as
    they are or on the scale of what unrelated suspects get against the same candidate
    (`CohortNorm`, with one spread for all candidates or one for each; a row's own group left out),
    whichever costs least on left-out groups; ``scaled`` says what was chosen before. The fusion is
    fitted on the ratios that these rows get from maps without their own group. A detector that
    measured fewer than two independent models of either kind is left out (``used_`` names the
    others).
    ``strengths`` are the fusion's numbers of unseen models to choose from. Deterministic.

    Rows may come from several populations, measured on other prompts against other stores. What
    unrelated suspects get is then learned in each by itself, and every detector is scaled: on that
    scale the populations share one map. Rows that come later are scaled as those of the first
    population; `of` gives the weigher of another.
    """

    def __init__(
        self,
        detectors: tuple[str, ...],
        strengths: tuple[float, ...] = STRENGTHS,
        scaled: Mapping[str, Scale] | None = None,
    ) -> None:
        self.detectors = detectors
        self.strengths = strengths
        self.scaled = scaled

    def fit(
        self,
        values: ArrayLike,
        labels: ArrayLike,
        groups: Sequence[Hashable],
        candidates: Sequence[str],
        populations: Sequence[str] | None = None,
    ) -> Self:
        """Learns scales, maps and the fusion; ``candidates`` and ``populations`` name each row's.

        ``held_out_`` (rows,) are the fused ratios without each row's own group, of whatever
        population its rows are.

        Raises ValueError where no detector measured two independent models of either kind.
        """
        x, y = _two_dimensional(values, len(self.detectors)), np.asarray(labels)
        of = np.asarray([""] * len(x) if populations is None else populations, dtype=np.str_)
        self.maps_: dict[str, LogLikelihoodRatio] = {}
        self.norms_: dict[str, CohortNorm] = {}
        self.scales_: dict[str, dict[str, CohortNorm]] = {}
        self.chosen_: dict[str, Scale] = {}
        columns = []
        for number, name in enumerate(self.detectors):
            seen = np.flatnonzero(np.isfinite(x[:, number]))
            own, whom = [groups[i] for i in seen.tolist()], [candidates[i] for i in seen.tolist()]
            if not _enough(y[seen], own):
                continue
            fitted = self._map(name, x[seen, number], y[seen], own, whom, of[seen])
            held = np.full(len(x), np.nan)
            held[seen] = fitted.held_out_
            self.maps_[name] = fitted
            columns.append(held)
        if not columns:
            raise ValueError(
                f"no detector measured {FEWEST_MODELS} independent models of either kind"
            )
        self.used_ = tuple(self.maps_)
        self.fusion_ = FusedLogLikelihoodRatio(self.used_, self.strengths).fit(
            np.column_stack(columns), y, groups
        )
        self.held_out_ = self.fusion_.held_out_
        return self

    def _map(
        self,
        name: str,
        values: Array,
        labels: NDArray[np.int_],
        groups: Sequence[Hashable],
        candidates: Sequence[str],
        populations: NDArray[np.str_],
    ) -> LogLikelihoodRatio:
        """One detector's map, on its values as they are or scaled by population and candidate."""
        tried: dict[Scale, tuple[dict[str, CohortNorm], LogLikelihoodRatio]] = {}
        for scale in self._scales(name, len(set(populations.tolist())) > 1):
            norms, x = _scaled(values, labels, candidates, groups, populations, scale)
            tried[scale] = norms, LogLikelihoodRatio().fit(x, labels, groups)
        data = grouped(labels, groups)
        chosen = min(tried, key=lambda k: (held_cost(tried[k][1].held_out_, data), SCALES.index(k)))
        norms, fitted = tried[chosen]
        self.chosen_[name] = chosen
        if norms:
            self.scales_[name] = norms
            self.norms_[name] = next(iter(norms.values()))
        return fitted

    def _scales(self, name: str, several: bool) -> tuple[Scale, ...]:
        """The scales that are tried for a detector: the one that was chosen before, or all;
        populations share a map on a scale of strangers only."""
        known = SCALES if self.scaled is None else (self.scaled.get(name, "plain"),)
        kept = tuple(s for s in known if s != "plain" or not several)
        return kept or SCALES[1:]

    def of(self, population: str) -> Self:
        """The same weigher for cases that are like those of one population: its scales apply."""
        out = copy(self)
        out.norms_ = {d: norms[population] for d, norms in self.scales_.items()}
        return out

    @classmethod
    def from_numbers(
        cls,
        detectors: tuple[str, ...],
        norms: dict[str, CohortNumbers],
        maps: dict[str, LogLrNumbers],
        fusion: FusedNumbers,
    ) -> Self:
        """The estimator as it was fitted, from plain numbers; `held_out_` does not come back."""
        out = cls(detectors)
        out.norms_ = {name: CohortNorm.from_numbers(known) for name, known in norms.items()}
        out.maps_ = {name: LogLikelihoodRatio.from_numbers(maps[name]) for name in fusion.detectors}
        out.used_ = fusion.detectors
        out.fusion_ = FusedLogLikelihoodRatio.from_numbers(fusion)
        return out

    def parts(self, values: ArrayLike, candidates: Sequence[str]) -> Array:
        """Each used detector's own log10 LR, (rows, used), before the fusion and within its
        bounds; NaN where it was silent."""
        return self._by_detector(values, candidates, lambda fitted, z: fitted.log10_lr(z))

    def uncapped(self, values: ArrayLike, candidates: Sequence[str]) -> Array:
        """The fused log10 LR before the fusion's bounds, (rows,): for validation and conformal
        ranks; never for a report."""
        return self.fusion_.uncapped(self._inputs(values, candidates))

    def log10_lr(self, values: ArrayLike, candidates: Sequence[str]) -> Array:
        """The fused log10 LR of each row, (rows,), within the bounds."""
        return self.fusion_.log10_lr(self._inputs(values, candidates))

    def interval(self, values: ArrayLike, candidates: Sequence[str], level: float = 0.95) -> Array:
        """Lower and upper end for each row, (rows, 2), within the bounds: what other models
        could have made of it."""
        return self.fusion_.interval(self._inputs(values, candidates), level)

    def outside(self, values: ArrayLike, candidates: Sequence[str]) -> Array:
        """1 where a used detector's value lies beyond all that it was fitted on, 0 within, NaN
        where silent; (rows, used)."""
        return self._by_detector(
            values, candidates, lambda fitted, z: fitted.outside(z).astype(np.float64)
        )

    def _inputs(self, values: ArrayLike, candidates: Sequence[str]) -> Array:
        return self._by_detector(values, candidates, lambda fitted, z: fitted.uncapped(z))

    def _by_detector(
        self,
        values: ArrayLike,
        candidates: Sequence[str],
        of: Callable[[LogLikelihoodRatio, Array], Array],
    ) -> Array:
        x = _two_dimensional(values, len(self.detectors))
        out = np.full((len(x), len(self.used_)), np.nan)
        for place, name in enumerate(self.used_):
            z = x[:, self.detectors.index(name)]
            if name in self.norms_:
                z = self.norms_[name].transform(z, candidates)
            seen = np.isfinite(z)
            out[seen, place] = of(self.maps_[name], z[seen])
        return out


def _scaled(
    values: Array,
    labels: NDArray[np.int_],
    candidates: Sequence[str],
    groups: Sequence[Hashable],
    populations: NDArray[np.str_],
    scale: Scale,
) -> tuple[dict[str, CohortNorm], Array]:
    """The scales of each population, and the values on them, each row's own group left out; no
    scales and the values as they are where they are ``plain``."""
    norms: dict[str, CohortNorm] = {}
    if scale == "plain":
        return norms, values
    out = np.empty(len(values))
    for population in dict.fromkeys(populations.tolist()):
        rows = np.flatnonzero(populations == population)
        whom, own = [candidates[i] for i in rows.tolist()], [groups[i] for i in rows.tolist()]
        norm = CohortNorm(each=scale == "each").fit(values[rows], labels[rows], whom, own)
        # Where no other group tells what strangers get, the whole cohort does.
        alone = np.isnan(norm.held_out_)
        out[rows] = np.where(alone, norm.transform(values[rows], whom), norm.held_out_)
        norms[population] = norm
    return norms, out


def _two_dimensional(values: ArrayLike, columns: int) -> Array:
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] != columns or np.isinf(x).any():
        raise ValueError(f"values are rows by {columns} detectors, finite or NaN")
    return x


def _enough(labels: NDArray[np.int_], groups: Sequence[Hashable]) -> bool:
    if not (labels == 1).any() or not (labels == 0).any():
        return False
    return min(grouped(labels, groups).models) >= FEWEST_MODELS
