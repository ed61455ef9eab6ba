"""A detector's value against one candidate → the same on the scale of what unrelated suspects get
against that candidate.

Stored models differ in how near everybody comes to them, and models of unrelated makers are other
suspects than small open models are. So each candidate's values are centred and scaled by those of
suspects of known history that did not learn from it: z-norm by a cohort of impostors (Auckenthaler,
Carey and Lloyd-Thomas 2000, *Digital Signal Processing* 10, 42-54). Knows values, labels,
candidates and groups; knows no detector and no file.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Annotated, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import ConfigDict, Field
from sklearn.base import BaseEstimator

from fingerprints.records import Record

Array = NDArray[np.float64]
PSEUDO_GROUPS = 4.0
"""A candidate that few groups were measured against has hardly a centre of its own: with four it is
half its own and half that of all."""
_NARROWEST = 1e-6
"""Equal values have no spread, by which any difference would be infinite."""


class Centre(Record):
    """Where the values of unrelated suspects lie for one candidate, how far they scatter there
    (None where one spread was taken for all candidates), and how many independent groups say so."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    value: float
    spread: Annotated[float, Field(gt=0)] | None = None
    groups: Annotated[int, Field(ge=1)]


class CohortNumbers(Record):
    """What a fitted `CohortNorm` knows, as plain numbers.

    ``known`` are the candidates' centres and spreads, ``spread`` is how far unrelated suspects lie
    from a centre on average; ``other`` and ``other_spread`` are the same for a candidate that was
    never seen.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    known: dict[str, Centre]
    spread: Annotated[float, Field(gt=0)]
    other: float
    other_spread: Annotated[float, Field(gt=0)]


class CohortNorm(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """z = (value − the candidate's centre)/the candidate's spread.

    A candidate's centre is the mean of its rows with label 0, independent groups weighing alike,
    shrunken towards the mean of all candidates as if ``pseudo_groups`` more groups had been seen
    there. The spread is one for all candidates (the root of their mean variance), or with ``each``
    the candidate's own, shrunken towards that of all likewise: a maker of whom a single odd model
    is stored is near to some strangers, and a value that is common there is rare elsewhere. A
    candidate that the fit never saw gets the
    mean of all and a spread that holds how far candidates differ, too: its values come out nearer
    to 0, as they should where nobody knows what strangers get.
    """

    def __init__(self, pseudo_groups: float = PSEUDO_GROUPS, each: bool = False) -> None:
        self.pseudo_groups = pseudo_groups
        self.each = each

    def fit(
        self,
        values: ArrayLike,
        labels: ArrayLike,
        candidates: Sequence[str],
        groups: Sequence[Hashable],
    ) -> Self:
        """Learns from values (rows,), NaN where nothing was measured, labels, candidates and
        independent groups.

        ``held_out_`` (rows,) keeps each row's normalised value from the scales without its own
        group, NaN where no other group was measured. Raises ValueError for lengths that differ and
        where no row with label 0 was measured.
        """
        x, y = np.asarray(values, dtype=np.float64), np.asarray(labels)
        if x.ndim != 1 or not len(x) == len(y) == len(candidates) == len(groups):
            raise ValueError("values, labels, candidates and groups need one entry a row")
        rows: dict[str, dict[Hashable, list[float]]] = {}
        for value, label, candidate, group in zip(
            x.tolist(), y.tolist(), candidates, groups, strict=True
        ):
            if label == 0 and np.isfinite(value):
                rows.setdefault(candidate, {}).setdefault(group, []).append(value)
        if not rows:
            raise ValueError("no unrelated suspect was measured: there is nothing to centre by")
        # Once for all rounds: each leaves out one group, and the others' moments stay.
        moments = {
            c: {g: (float(np.mean(v)), float(np.var(v))) for g, v in by.items()}
            for c, by in rows.items()
        }
        self.numbers_ = self._numbers(moments)
        self.held_out_ = np.full(len(x), np.nan)
        # A row that helped to make its own scale lies nearer to 0 on it than a new model's would.
        for group in dict.fromkeys(groups):
            rest = {
                c: kept
                for c, by in moments.items()
                if (kept := {g: v for g, v in by.items() if g != group})
            }
            mine = [i for i, other in enumerate(groups) if other == group]
            if rest:
                norm = CohortNorm.from_numbers(self._numbers(rest))
                self.held_out_[mine] = norm.transform(x[mine], [candidates[i] for i in mine])
        return self

    def _numbers(
        self, by_candidate: Mapping[str, Mapping[Hashable, tuple[float, float]]]
    ) -> CohortNumbers:
        """From each candidate's groups, a mean and a variance within each."""
        moments = {c: _moments(list(by_group.values())) for c, by_group in by_candidate.items()}
        middle = float(np.mean([m for m, _, _ in moments.values()]))
        within = float(np.mean([v for _, v, _ in moments.values()]))
        between = float(np.var([m for m, _, _ in moments.values()]))
        known = {}
        for candidate, (mean, variance, n) in sorted(moments.items()):
            share = n / (n + self.pseudo_groups)
            known[candidate] = Centre(
                value=share * mean + (1 - share) * middle,
                spread=_root(share * variance + (1 - share) * within) if self.each else None,
                groups=n,
            )
        return CohortNumbers(
            known=known, spread=_root(within), other=middle, other_spread=_root(within + between)
        )

    @classmethod
    def from_numbers(cls, numbers: CohortNumbers) -> Self:
        """The estimator as it was fitted, from what `numbers_` held."""
        out = cls()
        out.numbers_ = numbers
        return out

    def transform(self, values: ArrayLike, candidates: Sequence[str]) -> Array:
        """The normalised values, (rows,); NaN stays NaN. Raises ValueError for lengths that
        differ."""
        x = np.asarray(values, dtype=np.float64)
        if x.ndim != 1 or len(x) != len(candidates):
            raise ValueError("values and candidates need one entry a row")
        numbers = self.numbers_
        unseen = numbers.other, numbers.other_spread
        scales = [
            (numbers.known[c].value, numbers.known[c].spread or numbers.spread)
            if c in numbers.known
            else unseen
            for c in candidates
        ]
        centres, spreads = np.array(scales, dtype=np.float64).reshape(-1, 2).T
        return np.asarray((x - centres) / spreads, dtype=np.float64)


def _moments(by_group: Sequence[tuple[float, float]]) -> tuple[float, float, int]:
    """Mean of the groups' means, their variance with the mean variance within groups, number of
    groups."""
    means, variances = np.array(by_group, dtype=np.float64).T
    return float(means.mean()), float(means.var() + variances.mean()), len(means)


def _root(variance: float) -> float:
    return float(np.sqrt(max(variance, _NARROWEST**2)))
