"""Many ridge regressions on the rows of one Gram matrix at once, each on rows of its own.

A fit that leaves out a seed, and one of another candidate, are the same equations but for a few
rows. So the matrix is decomposed once, and what a fit leaves out or weighs more is mended by
Woodbury's identity in a small system (Hager 1989, *SIAM Review* 31, 221-239). The scores are those
of a fit by itself up to rounding. Knows arrays; knows no shadow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Indices = NDArray[np.intp]
PENALTY = 1.0
"""Ridge penalty in units of the mean squared length of the directions. Not tuned beyond the
decades 0.1 to 3."""
STILL = 1e-9
AT_ONCE = 24
"""Fits that are mended together: as many as stay in a processor's nearer memory."""


@dataclass(frozen=True)
class Spectrum:
    """A Gram matrix, centred, with its eigenvalues (rows,) and eigenvectors (rows, rows)."""

    centred: Array
    values: Array
    vectors: Array

    @classmethod
    def of(cls, gram: Array) -> Spectrum:
        """That of a matrix (rows, rows) that holds the products of all rows' directions."""
        mean = gram.mean(axis=0)
        # Moved to their mean, which no score sees: what is left is not lost beside it.
        centred = gram - mean - mean[:, None] + mean.mean()
        values, vectors = np.linalg.eigh((centred + centred.T) / 2)
        return cls(centred, np.maximum(values, 0.0), vectors)


@dataclass(frozen=True)
class _SomeFits:
    """Some fits, as arrays: ``place`` (fits, mended + 2) the rows that are mended, padded with
    rows of no account, then the two right-hand sides; ``extra`` (fits, mended) is true where a
    mended row is one of the smaller side, ``spare`` where it is padding, and else it is left out.
    ``at`` (fits,) is where the tested row is among the mended, ``label`` (fits,) its label."""

    place: Indices
    extra: Flags
    spare: Flags
    at: Indices
    label: Array
    small: Array
    large: Array
    weights: Array


class RidgeFits:
    """Fits of +1 for the taught rows that each keeps and −1 for its others, either side weighing
    half, and the score that each gives to one row that it doesn't keep.

    The regression is centred by its own weights, and its penalty is `PENALTY` times the mean
    eigenvalue of its weighted, centred matrix. Deterministic.
    """

    def __init__(self, kept: Flags, taught: Flags, test: Sequence[int] | Indices) -> None:
        """``kept`` and ``taught`` (fits, rows): what each fit learns from, and what is taught for
        it; ``test`` (fits,): the row that it scores. Raises ValueError where a fit keeps no row of
        one side, or the row that it scores."""
        tests = np.asarray(test, dtype=np.intp)
        if kept[np.arange(len(tests)), tests].any():
            raise ValueError("a fit may not keep the row that it scores")
        if not ((kept & taught).any(axis=1) & (kept & ~taught).any(axis=1)).all():
            raise ValueError("a fit needs rows of both sides")
        sides, of = np.unique(taught, axis=0, return_inverse=True)
        # One right-hand side is all ones, the others are labels; many fits have the same.
        self._right = np.concatenate([np.ones((1, kept.shape[1])), np.where(sides, 1.0, -1.0)])
        parts = (slice(at, at + AT_ONCE) for at in range(0, len(tests), AT_ONCE))
        self._parts = [
            _part(kept[some], taught[some], tests[some], of.reshape(-1)[some]) for some in parts
        ]

    def scores(self, known: Spectrum) -> Array:
        """The scores of the tested rows, (fits,), above 0 where one is nearer to the taught."""
        table = np.concatenate([known.vectors, self._right @ known.vectors])
        return np.concatenate([np.zeros(0), *(_scores(known, table, p) for p in self._parts)])


def _part(kept: Flags, taught: Flags, test: Indices, right: Indices) -> _SomeFits:
    sides = np.stack([kept & taught, kept & ~taught])
    counts = sides.sum(axis=2)
    few = np.where(counts[0] <= counts[1], 0, 1)
    every = np.arange(len(test))
    extra = sides[few, every]
    mended = ~kept | extra
    width = int(mended.sum(axis=1).max(initial=0))
    place = np.argsort(~mended, axis=1, kind="stable")[:, :width]
    rows = kept.shape[1]
    return _SomeFits(
        place=np.column_stack([place, np.full(len(test), rows), rows + 1 + right]),
        extra=np.take_along_axis(extra, place, axis=1),
        spare=~np.take_along_axis(mended, place, axis=1),
        at=(place == test[:, None]).argmax(axis=1),
        label=np.where(taught[every, test], 1.0, -1.0),
        small=counts[few, every].astype(np.float64),
        large=counts[1 - few, every].astype(np.float64),
        weights=(sides / (2.0 * counts[:, :, None])).sum(axis=0),
    )


def _scores(known: Spectrum, table: Array, part: _SomeFits) -> Array:
    """Every fit is a solution of (G + ρ/w)·a = y + b with Σ a = 0, for weights w, labels y and
    the penalty ρ. Its matrix is G + μ on all rows, μ = 2·ρ·large, but for the rows that are mended:
    the smaller side has another diagonal, and what is left out an infinite one. There the unknown
    is what the row would need to be fitted, ``q``, and that of the tested row tells its score.
    """
    penalty = _penalties(known, part)
    shift = 2 * penalty * part.large
    z = table[part.place]
    z *= (1 / np.sqrt(known.values + shift[:, None]))[:, None, :]
    inverse = z @ z.transpose(0, 2, 1)
    n, every = part.extra.shape[1], np.arange(len(part.at))
    scale = np.where(part.extra, (2 * penalty * (part.small - part.large))[:, None], shift[:, None])
    system = np.where(part.spare, 0.0, scale)[:, :, None] * inverse[:, :n]
    matrix, right = system[:, :, :n], system[:, :, n:]
    matrix[:, np.arange(n), np.arange(n)] += part.extra | part.spare
    q = np.linalg.solve(matrix, right)
    # Σ a for either right-hand side; with the constant b they come to nothing.
    sums = inverse[:, n, n:] - (inverse[:, n, None, :n] @ q)[:, 0]
    constant = -sums[:, 1] / sums[:, 0]
    needed = q[every, part.at]
    return np.asarray(part.label - needed[:, 1] - constant * needed[:, 0])


def _penalties(known: Spectrum, part: _SomeFits) -> Array:
    inner = ((part.weights @ known.centred) * part.weights).sum(axis=1)
    trace = part.weights @ np.diag(known.centred) - inner
    return np.asarray(PENALTY * np.maximum(trace / (part.small + part.large), STILL))


def fit_alone(gram: Array, rows: Indices, taught: Flags) -> tuple[Array, Array, Array]:
    """One such fit by itself, on ``rows`` (kept,) of which some are ``taught`` (kept,): (root
    weights, dual weights, centre weights), each (kept,)."""
    weights = np.where(taught, 0.5 / taught.sum(), 0.5 / (~taught).sum())
    root = np.sqrt(weights)
    part = gram[np.ix_(rows, rows)]
    centred = part - weights @ part - (part @ weights)[:, None] + weights @ part @ weights
    kernel = root[:, None] * centred * root
    ridge = PENALTY * max(float(np.trace(kernel)) / len(kernel), STILL)
    alpha = np.linalg.solve(
        kernel + ridge * np.eye(len(kernel)), root * np.where(taught, 1.0, -1.0)
    )
    return root, alpha, weights
