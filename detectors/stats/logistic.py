"""Logistic regression with soft labels and coefficients that may not be negative.

scikit-learn's estimator has neither sign constraints nor a penalty on the fitted values, and both
are what makes a weight of evidence monotone and indifferent to duplicated inputs; the least squares
inside are numpy's and scipy's. Knows arrays; knows no detector.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.special import expit

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
_EXACT, _STILL = 1e-12, 1e-7
_STEPS = 100
"""No step moves a log-odds by more than one, so that so many reach 100."""


def soft_logistic(
    columns: Array, one: Array, two: Array, signed: Flags, start: Array | None = None
) -> Array:
    """Coefficients (columns,) that minimise Σ one·log(1 + e^−f) + two·log(1 + e^f) with f = columns
    @ coefficients.

    ``one`` and ``two`` (rows,) say how much each row speaks for either class. Coefficients are 0 or
    more, free where ``signed``. The loss depends on the coefficients through f alone and is
    strictly convex in f, so f on the rows is unique even where columns are linearly dependent and
    the coefficients are not. ``start`` saves steps and moves nothing. Iteratively reweighted least
    squares: Newton's steps, none moving any f by more than one. Deterministic; natural logarithms.
    Raises ArithmeticError where it stops short of the minimum.
    """
    counted = one + two > 0  # a left-out row must not slow the others down
    columns, one, two = columns[counted], one[counted], two[counted]
    beta, both = np.zeros(columns.shape[1]) if start is None else start, one + two
    for _ in range(_STEPS):
        f = columns @ beta
        p = expit(f)
        # A row that is all but certain has no weight, and its working response would be divided by
        # it.
        root = np.sqrt(np.maximum(both * p * (1 - p), _EXACT * both.max()))
        step = (
            _least_squares(columns * root[:, None], root * f + (one - both * p) / root, signed)
            - beta
        )
        far = float(np.abs(columns @ step).max())
        beta = beta + step / max(1.0, far)
        if far < 1e-9:  # the step taken was of second order: what is left is the square of it
            break
    slope = (
        columns.T
        @ (both * expit(columns @ beta) - one)
        / (both.sum() * max(1.0, float(np.abs(columns).max())))
    )
    if not np.where((beta > 0) | signed, np.abs(slope), -slope).max() < _STILL:
        raise ArithmeticError(
            "the logistic regression did not converge; are the values of very different sizes?"
        )
    return beta


def soft_lines(x: Array, one: Array, two: Array, start: Array) -> Array:
    """Many `soft_logistic` at once on one column of values, with a free intercept and a slope of 0
    or more: (fits, 2), intercept and slope.

    ``x`` (rows,), ``one`` and ``two`` (fits, rows), ``start`` (2,). The same minima up to
    rounding; the least squares of two columns are solved in closed form, so that leaving out each
    of hundreds of models takes as long as a few did. Deterministic. Raises ArithmeticError where
    one stops short.
    """
    both = one + two
    # A left-out row has no weight; one that is all but certain has a little.
    floor = np.where(both > 0, _EXACT * both.max(axis=1, keepdims=True), 0.0)
    beta = np.tile(np.asarray(start, dtype=np.float64), (len(one), 1))
    left = np.arange(len(one))
    for _ in range(_STEPS):
        some, now = both[left], beta[left]
        p = expit(now[:, :1] + now[:, 1:] * x)
        weight = np.maximum(some * p * (1 - p), floor[left])
        step = _line_step(x, weight, one[left] - some * p, now)
        far = np.abs(np.where(some > 0, step[:, :1] + step[:, 1:] * x, 0.0)).max(axis=1)
        beta[left] = now + step / np.maximum(1.0, far)[:, None]
        left = left[far >= 1e-9]
        if not len(left):
            break
    off = both * expit(beta[:, :1] + beta[:, 1:] * x) - one
    size = both.sum(axis=1) * np.maximum(1.0, np.where(both > 0, np.abs(x), 0.0).max(axis=1))
    intercept, slope = off.sum(axis=1) / size, (off @ x) / size
    held = np.where(beta[:, 1] > 0, np.abs(slope), -slope)
    if not np.maximum(np.abs(intercept), held).max(initial=0.0) < _STILL:
        raise ArithmeticError(
            "the logistic regression did not converge; are the values of very different sizes?"
        )
    return beta


def _line_step(x: Array, weight: Array, off: Array, now: Array) -> Array:
    """Newton's step of each fit, (fits, 2), its slope not led below 0."""
    total, middle = weight.sum(axis=1), weight @ x
    middle = middle / total
    apart = x - middle[:, None]
    spread = np.einsum("fr,fr,fr->f", weight, apart, apart)
    rest = off.sum(axis=1) / total
    tilt = np.einsum("fr,fr->f", apart, off) / np.where(spread > 0, spread, np.inf)
    tilt = np.maximum(tilt, -now[:, 1])
    # Where the slope stays short of its best the intercept makes up for it around the middle.
    return np.column_stack([rest - tilt * middle, tilt])


def _least_squares(columns: Array, target: Array, signed: Flags) -> Array:
    """Coefficients of the nearest combination, 0 or more except where ``signed``: these are
    projected out, then put back."""
    free, held = columns[:, signed], columns[:, ~signed]
    both = np.column_stack([held, target])
    rest = both - free @ np.linalg.lstsq(free, both, rcond=1e-12)[0]
    # The triangle has the same least squares and as few rows as columns, which is all that nnls
    # then turns over.
    triangle = np.asarray(np.linalg.qr(rest, mode="r"), dtype=np.float64)
    out = np.empty(columns.shape[1])
    out[~signed] = nnls(triangle[:, :-1], triangle[:, -1])[0]
    out[signed] = np.linalg.lstsq(free, target - held @ out[~signed], rcond=1e-12)[0]
    return out


def curvature(columns: Array, weight: Array, beta: Array, known: Array | None = None) -> Array:
    """The inverse of the loss's second derivative at ``beta``, (columns, columns): the
    coefficients' covariance.

    A pseudo-inverse: the variance of a fitted value in the rows' span is the same whichever columns
    spell the span. ``known`` (columns,) is the precision with which each coefficient is known
    without the rows; 0 where it is not.
    """
    p = expit(columns @ beta)
    second = (columns.T * (weight * p * (1 - p))) @ columns
    if known is not None:
        second = second + np.diag(known)
    return np.asarray(np.linalg.pinv(second, rcond=1e-10, hermitian=True))
