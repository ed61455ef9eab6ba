"""The columns of a fusion: log likelihood ratios and abstentions, with equal columns made one, and
the fits on them.

Knows arrays; knows no detector's name and no bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from detectors.stats.grouping import Grouped, soft_weights
from detectors.stats.logistic import curvature, soft_logistic
from detectors.stats.lr_validity import cllr

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
LN10 = float(np.log(10))


def columns_of(spoken: Array, silent: Flags) -> Array:
    """An intercept, each detector's natural log LR (0 for an abstention) and each one's
    abstention, (rows, 1 + 2·d)."""
    return np.column_stack([np.ones(len(spoken)), spoken, silent.astype(np.float64)])


@dataclass(frozen=True)
class Design:
    """What a fusion is fitted on.

    ``merged`` (distinct, 1 + 2·d) averages equal columns into one. ``rows`` (rows, distinct) are
    the models' columns so merged, ``patterns`` (patterns, distinct) the abstentions that occur, by
    themselves. ``signed`` (distinct,) marks the coefficients that may be negative: the intercept
    and the abstentions.
    """

    merged: Array
    rows: Array
    patterns: Array
    signed: Flags

    @classmethod
    def of(cls, spoken: Array, silent: Flags) -> Self:
        """The design for natural log LRs (rows, d), 0 where ``silent``. Raises nothing;
        deterministic."""
        d = spoken.shape[1]
        merged = _merged(spoken, silent)
        seen = np.unique(silent.astype(np.float64), axis=0)
        alone = np.column_stack([np.zeros((len(seen), 1 + d)), seen])[seen.any(axis=1)]
        signed = np.asarray((merged[:, 1 : 1 + d] == 0).all(axis=1), dtype=np.bool_)
        return cls(merged, columns_of(spoken, silent) @ merged.T, alone @ merged.T, signed)

    def fitted(self, data: Grouped, strength: float) -> tuple[Array, Array]:
        """Coefficients (1 + 2·d,) and their covariance, spread over equal columns.

        For the covariance a weight is taken to be known to within about one before any model is
        seen, since a log LR is already in the right unit: without that, the difference of two
        near-copies would be thought quite unknown.
        """
        columns, one, two = self._weighed(data, strength)
        beta = soft_logistic(columns, one, two, self.signed)
        covariance = curvature(columns, one + two, beta, np.where(self.signed, 0.0, 1.0))
        return self.merged.T @ beta, self.merged.T @ covariance @ self.merged

    def left_out(self, data: Grouped, strength: float) -> tuple[Array, Array]:
        """Each row's log10 LR, (rows,), from the fit without its own model; and the coefficients
        without each model, (models, 1 + 2·d), spread over equal columns."""
        out, without = np.empty(len(self.rows)), np.empty((len(data.names), self.merged.shape[1]))
        start = soft_logistic(*self._weighed(data, strength), self.signed)
        for group in range(len(data.names)):
            drawn = np.ones(len(data.names))
            drawn[group] = 0.0
            beta = soft_logistic(*self._weighed(data, strength, drawn), self.signed, start)
            out[data.of == group] = self.rows[data.of == group] @ beta / LN10
            without[group] = self.merged.T @ beta
        return out, without

    def _weighed(
        self, data: Grouped, strength: float, drawn: Array | None = None
    ) -> tuple[Array, Array, Array]:
        one, two = soft_weights(data, strength, drawn)
        unseen = np.full(len(self.patterns), strength / 2)
        return np.vstack([self.rows, self.patterns]), np.append(one, unseen), np.append(two, unseen)


def held_cost(held: Array, data: Grouped) -> float:
    """Cllr of the rows' log10 LRs, a model counting once under either proposition."""
    shares = data.shares()
    return cllr(held[data.h1], held[~data.h1], shares[data.h1], shares[~data.h1])


def _merged(spoken: Array, silent: Flags) -> Array:
    """Rows that average equal columns. Abstentions that never occur appear in none; the distinct
    columns are in an order of their own, whatever order the detectors came in."""
    d = spoken.shape[1]
    rows = [np.eye(1, 1 + 2 * d)[0]]
    for first, block in ((1, spoken), (1 + d, silent.astype(np.float64))):
        distinct, of = np.unique(block, axis=1, return_inverse=True)
        for number in range(distinct.shape[1]):
            alike = np.flatnonzero(of.ravel() == number)
            if first == 1 or distinct[:, number].any():
                row = np.zeros(1 + 2 * d)
                row[first + alike] = 1 / len(alike)
                rows.append(row)
    return np.array(rows)
