"""Validation that leaves out whole teachers, whole bases, whole lineages: never rows.

Knows names and row numbers; knows no model.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone

from auditor.calibration.held_out import Split

Array = NDArray[np.float64]


class LogLrEstimator(Protocol):
    """What `held_out` needs of an estimator: fit on rows, labels and groups, and give log10 LRs."""

    def fit(self, values: ArrayLike, labels: ArrayLike, groups: Sequence[Hashable]) -> Self:
        """Learns from rows."""

    def log10_lr(self, values: ArrayLike) -> Array:
        """log10 LR of rows."""


def hold_out(*partitions: Sequence[Hashable]) -> Iterator[Split]:
    """Splits that leave out a whole group of every partition at once: ``hold_out(teachers,
    bases)``.

    Each partition names one group per row; a row that belongs to several (a candidate and the true
    teacher, say) names a frozenset of them, and a row that belongs to none (a model without a
    teacher) an empty one. One split for every combination that occurs: its rows are the test, and
    the rows that share *no* group with it, in any partition, are what is learned from. Rows that
    share only some are left aside. Every row is tested exactly once; order and content are
    deterministic. Raises ValueError for lengths that differ, and for a combination that leaves
    nothing to learn from.
    """
    if not partitions or len({len(p) for p in partitions}) != 1 or not len(partitions[0]):
        raise ValueError("partitions need the same length, at least one row")
    cells: dict[tuple[Hashable, ...], list[int]] = {}
    for row, cell in enumerate(zip(*partitions, strict=True)):
        cells.setdefault(cell, []).append(row)
    for cell, test in cells.items():
        train = [row for other, rows in cells.items() if not _kin(cell, other) for row in rows]
        if not train:
            raise ValueError(
                f"nothing is left to learn from without {_told(cell)}: the cohort needs more groups"
            )
        yield Split(np.array(sorted(train), dtype=np.intp), np.array(test, dtype=np.intp), cell)


def held_out(
    estimator: LogLrEstimator,
    values: ArrayLike,
    labels: ArrayLike,
    groups: Sequence[Hashable],
    splits: Iterable[Split],
) -> Array:
    """The log10 LR of every row, (rows,), from the estimator fitted without what the row's split
    leaves out; capped by the fitted bounds; NaN for a row that no split tests.

    ``values`` is (rows,) or (rows, detectors). The estimator itself is not fitted. Raises
    ValueError, naming what was left out, where a split leaves too few models of either kind.
    """
    x, y = np.asarray(values, dtype=np.float64), np.asarray(labels)
    out = np.full(len(x), np.nan)
    for split in splits:
        fresh: LogLrEstimator = clone(estimator)
        try:
            fresh.fit(x[split.train], y[split.train], [groups[row] for row in split.train])
        except ValueError as problem:
            raise ValueError(f"without {_told(split.left_out)}: {problem}") from problem
        out[split.test] = fresh.log10_lr(x[split.test])
    return out


def _members(entry: Hashable) -> frozenset[Hashable]:
    return entry if isinstance(entry, frozenset) else frozenset([entry])


def _kin(cell: tuple[Hashable, ...], other: tuple[Hashable, ...]) -> bool:
    return cell == other or any(_members(a) & _members(b) for a, b in zip(cell, other, strict=True))


def _told(cell: tuple[Hashable, ...]) -> str:
    return " and ".join(", ".join(sorted(map(str, _members(entry)))) or "none" for entry in cell)
