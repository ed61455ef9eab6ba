"""A detector's value against one candidate → the same on the scale of what unrelated suspects get against that candidate.

Stored models differ in how near everybody comes to them, and models of unrelated makers are other suspects than small open
models are. So each candidate's values are centred and scaled by those of suspects of known history that did not learn from
it: z-norm by a cohort of impostors (Auckenthaler, Carey and Lloyd-Thomas 2000, *Digital Signal Processing* 10, 42-54).
Knows values, labels, candidates and groups; knows no detector and no file.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Annotated, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import ConfigDict, Field
from sklearn.base import BaseEstimator

from fingerprints.records import Record

Array = NDArray[np.float64]
PSEUDO_GROUPS = 4.0
_NARROWEST = 1e-6


class Scale(Record):
    """Where the values of unrelated suspects lie for one candidate, how far they spread, how many groups say so."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    centre: float
    spread: Annotated[float, Field(gt=0)]
    groups: Annotated[int, Field(ge=0)]


class CohortNumbers(Record):
    """What a fitted `CohortNorm` knows, as plain numbers: one scale for each candidate, and the one for any other."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    known: dict[str, Scale]
    other: Scale


class CohortNorm(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """z = (value − centre)/spread, by candidate.

    Centre and spread are those of the rows with label 0, independent groups weighing alike; both are shrunken towards the
    centre of all candidates and their mean spread, as if ``pseudo_groups`` more groups had been seen there. A candidate
    that the fit never saw gets the centre of all and a spread that holds how far candidates differ, too: its values come
    out nearer to 0, as they should where nobody knows what strangers get.
    """

    def __init__(self, pseudo_groups: float = PSEUDO_GROUPS) -> None:
        self.pseudo_groups = pseudo_groups

    def fit(self, values: ArrayLike, labels: ArrayLike, candidates: Sequence[str], groups: Sequence[Hashable]) -> Self:
        """Learns from values (rows,), NaN where nothing was measured, labels, candidates and independent groups.

        Raises ValueError for lengths that differ and where no row with label 0 was measured.
        """
        x, y = np.asarray(values, dtype=np.float64), np.asarray(labels)
        if x.ndim != 1 or not len(x) == len(y) == len(candidates) == len(groups):
            raise ValueError("values, labels, candidates and groups need one entry a row")
        rows: dict[str, dict[Hashable, list[float]]] = {}
        for value, label, candidate, group in zip(x.tolist(), y.tolist(), candidates, groups, strict=True):
            if label == 0 and np.isfinite(value):
                rows.setdefault(candidate, {}).setdefault(group, []).append(value)
        if not rows:
            raise ValueError("no unrelated suspect was measured: there is nothing to centre by")
        moments = {candidate: _moments(list(by_group.values())) for candidate, by_group in rows.items()}
        middle = float(np.mean([m for m, _, _ in moments.values()]))
        within = float(np.mean([v for _, v, _ in moments.values()]))
        between = float(np.var([m for m, _, _ in moments.values()]))
        known = {c: self._scale(m, v, n, middle, within) for c, (m, v, n) in sorted(moments.items())}
        total = sum(n for _, _, n in moments.values())
        self.numbers_ = CohortNumbers(known=known, other=Scale(centre=middle, spread=_root(within + between), groups=total))
        return self

    @classmethod
    def from_numbers(cls, numbers: CohortNumbers) -> Self:
        """The estimator as it was fitted, from what `numbers_` held."""
        out = cls()
        out.numbers_ = numbers
        return out

    def transform(self, values: ArrayLike, candidates: Sequence[str]) -> Array:
        """The normalised values, (rows,); NaN stays NaN. Raises ValueError for lengths that differ."""
        x = np.asarray(values, dtype=np.float64)
        if x.ndim != 1 or len(x) != len(candidates):
            raise ValueError("values and candidates need one entry a row")
        scales = [self.numbers_.known.get(c, self.numbers_.other) for c in candidates]
        return np.asarray((x - [s.centre for s in scales]) / [s.spread for s in scales], dtype=np.float64)

    def _scale(self, mean: float, variance: float, n: int, middle: float, within: float) -> Scale:
        share = n / (n + self.pseudo_groups)
        spread = _root(share * variance + (1 - share) * within)
        return Scale(centre=share * mean + (1 - share) * middle, spread=spread, groups=n)


def _moments(by_group: Sequence[Sequence[float]]) -> tuple[float, float, int]:
    """Mean of the groups' means, their variance with the mean variance within groups, number of groups."""
    means = np.array([np.mean(values) for values in by_group])
    return float(means.mean()), float(means.var() + np.mean([np.var(values) for values in by_group])), len(means)


def _root(variance: float) -> float:
    return float(np.sqrt(max(variance, _NARROWEST**2)))
