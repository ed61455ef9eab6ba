"""Whether two embeddings share more than what tokens mean: directions in which they hardly differ.

Embeddings of models that were trained apart are alike once they are turned, since words mean the
same to both, and the directions in which tokens differ most are the same ones. What is left is each
run's own: of one model's least varied directions none is told well by the other model's rows. Of a
copy's nearly all are, however it was turned. Knows arrays; knows no model and no verdict.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.lineage.independence import FEWEST, midranks
from detectors.lineage.weight_alignment import CONVERGED, UnitAgreement, at_least

TOLD = 0.9
"""From this correlation, of values and of ranks, over tokens that nothing was learned from, a
direction is told by the other model. Among the less varied half of directions seven pairs of
published models had 0.71 at most by values; the middle of a fine-tuned copy's is 0.98."""
FLAT, RIDGE = 1e-6, 1e-9
"""Directions of less variance than this share of the largest are rounding; and what is added to the
other model's, so that what it lacks can be solved for."""

Values = NDArray[np.float64]


def shared_directions(
    one: ArrayLike, other: ArrayLike, held_out: NDArray[np.bool_]
) -> UnitAgreement | None:
    """Of the less varied half of the directions of ``one``, how many the rows of ``other`` tell.

    Rows are the same tokens of both, (n, d) and (n, e); the narrower one is told by the other.
    ``held_out``: tokens that no map is learned from, by which a direction is judged. p is binomial
    under the hypothesis that a tenth of such directions is shared by models that were trained
    apart: measured, not exact. None where directions or tokens are fewer than 16, or tokens fewer
    than the wider rows are wide. Deterministic.
    """
    a, b = (_scaled(rows) for rows in (one, other))
    if a.shape[1] > b.shape[1]:
        a, b = b, a
    learned = ~held_out
    if min(held_out.sum(), a.shape[1]) < FEWEST or learned.sum() <= b.shape[1]:
        return None
    a, b = a - a[learned].mean(axis=0), b - b[learned].mean(axis=0)
    spread, turn = np.linalg.eigh(a[learned].T @ a[learned])
    known = np.flatnonzero(spread > FLAT * max(spread[-1], np.finfo(np.float64).tiny))
    least = known[: len(known) // 2]
    if len(least) < FEWEST:
        return None
    told = _correlations(a @ turn[:, least], b, held_out)
    agreeing = int(np.sum(told >= TOLD))
    chance = CONVERGED * len(least)
    return UnitAgreement(len(least), agreeing, chance, at_least(agreeing, len(least), CONVERGED))


def _scaled(rows: ArrayLike) -> Values:
    values = np.asarray(rows, dtype=np.float64)
    return values / (np.abs(values).max(initial=0) or 1.0)


def _correlations(mine: Values, theirs: Values, held_out: NDArray[np.bool_]) -> Values:
    """How well linear functions of ``theirs`` tell columns of ``mine``, over tokens held out: the
    lesser of the correlations of values and of ranks."""
    learned = theirs[~held_out]
    square = learned.T @ learned
    square[np.diag_indices_from(square)] += RIDGE * np.trace(square) / len(square)
    guess = theirs[held_out] @ np.linalg.solve(square, learned.T @ mine[~held_out])
    by_value = _columns_alike(guess, mine[held_out])
    # A token whose row is far larger than all others in both models makes any two columns
    # correlate, its sign being chance. Among ranks it is one token of many.
    by_rank = _columns_alike(_ranks(guess), _ranks(mine[held_out]))
    least: Values = np.minimum(by_value, by_rank)
    return least


def _ranks(columns: Values) -> Values:
    return np.stack([midranks(column) for column in columns.T], axis=1)


def _columns_alike(one: Values, other: Values) -> Values:
    """The correlation of every column with the other's of the same number; 0 of a flat one."""
    a, b = (v - v.mean(axis=0) for v in (one, other))
    sizes = np.sqrt(np.sum(a * a, axis=0) * np.sum(b * b, axis=0))
    found: Values = np.sum(a * b, axis=0) / np.where(sizes > 0, sizes, 1.0)
    return found
