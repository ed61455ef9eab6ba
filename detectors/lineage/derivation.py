"""How were weights changed on the way from one model to another: rounded, added to by a matrix of
low rank, mixed?

Descriptions of a difference between weights whose common origin was found by other means
(`detectors.lineage.independence`); none of them is evidence of one. Knows arrays; knows no model,
no file and no verdict.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float32]

BLOCKS = (0, 128, 64, 32)
"""Neighbours in a row that share a scale; 0: the whole row."""
TOPS = {4: (7.0, 8.0), 8: (127.0, 128.0)}
"""Bits, and the whole numbers that the largest value of a block may stand for."""
OFF = 0.02
"""How far from a whole number of steps a value on the grid may lie, in steps; the rounding of
its storage comes on top."""
ON_GRID = 0.999
GAP = 8.0
"""A singular value counts where it is so many times what rounding alone would leave."""
EXPLAINED = 0.9
"""A mixture is told where it leaves less than a tenth of what the nearest parent alone leaves."""


@dataclass(frozen=True)
class Grid:
    """Values are whole multiples of a step: ``bits`` wide, ``block`` neighbours share a step (0:
    the whole row)."""

    bits: int
    block: int


@dataclass(frozen=True)
class DifferenceRank:
    """``rank`` of a difference among ``of`` possible, by singular values above the rounding of
    the stored numbers."""

    rank: int
    of: int

    @property
    def low(self) -> bool:
        """Whether it is of low rank: not zero, and at most a quarter of what is possible."""
        return 0 < self.rank <= self.of // 4


@dataclass(frozen=True)
class Mixture:
    """``weights`` of the parents in a mixture, in their order, and the share of the distance to the
    nearest parent that the mixture ``explained``, from 0 to 1."""

    weights: tuple[float, ...]
    explained: float

    @property
    def is_one(self) -> bool:
        """Whether the suspect is a mixture of two or more of them."""
        return self.explained >= EXPLAINED and sum(abs(w) >= 0.02 for w in self.weights) >= 2


def grid(rows: ArrayLike, rounding: float = 2.0**-24) -> Grid | None:
    """The coarsest grid that rows of weights lie on, or None: how a quantised model looks after it
    was stored as plain numbers. As `grids`."""
    return next(grids(rows, rounding), None)


def grids(rows: ArrayLike, rounding: float = 2.0**-24) -> Iterator[Grid]:
    """All grids that rows of weights lie on, the coarsest first: numbers that were rounded twice
    lie on two.

    Tried are 4 and 8 bits with the step that puts a block's largest value on the grid's last point;
    ``rounding`` is the relative rounding of the storage format (2⁻⁸ for bfloat16, 2⁻¹¹ for
    float16). At least 64 values are needed. For steps with an offset, the number of different
    values in a block decides; behind a grid that is known already it would tell nothing new.
    """
    matrix, known = np.asarray(rows, dtype=np.float64), False
    if matrix.size < 64:
        return
    for bits in (4, 8):
        for block in BLOCKS:
            parts = _blocks(matrix, block)
            if parts is not None and (
                _on_steps(parts, bits, rounding) or (not known and _few_values(parts, bits))
            ):
                known = True
                yield Grid(bits, block)


def _blocks(matrix: NDArray[np.float64], block: int) -> NDArray[np.float64] | None:
    if block == 0:
        return matrix
    if matrix.shape[1] % block == 0 and matrix.shape[1] > block:
        return matrix.reshape(-1, block)
    return None


def _on_steps(parts: NDArray[np.float64], bits: int, rounding: float) -> bool:
    top = np.abs(parts).max(axis=1, keepdims=True)
    live = parts[top[:, 0] > 0]
    if not live.size:
        return False
    for last in TOPS[bits]:
        steps = live / (top[top[:, 0] > 0] / last)
        off = np.abs(steps - np.round(steps))
        if (
            np.mean(off <= OFF + rounding * np.abs(steps)) >= ON_GRID
            and OFF + rounding * last < 0.25
        ):
            return True
    return False


def _few_values(parts: NDArray[np.float64], bits: int) -> bool:
    """No more different values in a block than bits can tell, where twice as many would have had
    room."""
    if parts.shape[1] < 2 << bits:
        return False
    ordered = np.sort(parts, axis=1)
    return bool(np.all(1 + np.sum(np.diff(ordered, axis=1) != 0, axis=1) <= 1 << bits))


def difference_rank(one: ArrayLike, other: ArrayLike, rounding: float) -> DifferenceRank:
    """The rank of ``one`` − ``other`` (rows of one matrix in two models) as far as rounding lets it
    be seen.

    ``rounding`` is the relative rounding of the coarser of both formats: what it leaves of an m × n
    difference has singular values up to about (√m + √n) times one number's rounding. LoRA's product
    of two thin matrices has its own rank; full fine-tuning has every rank (Hu et al. 2021, arXiv
    2106.09685).
    """
    a, b = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    if a.shape != b.shape:
        raise ValueError("a difference needs two matrices of one shape")
    left = float(np.sqrt(np.mean(b**2))) * rounding * (np.sqrt(a.shape[0]) + np.sqrt(a.shape[1]))
    difference = a - b if a.shape[0] <= a.shape[1] else (a - b).T
    values = np.sqrt(np.maximum(np.linalg.eigvalsh(difference @ difference.T), 0))
    return DifferenceRank(int(np.sum(values > max(GAP * left, 1e-12))), min(a.shape))


def mixture(suspect: ArrayLike, parents: Sequence[ArrayLike]) -> Mixture:
    """The weights with which parents add up to the suspect, 0 or more each (non-negative least
    squares), over numbers given alike for all of them.

    Linear merges add up to 1; spherical ones a little above it. Raises ValueError for fewer than
    two parents.
    """
    from scipy.optimize import nnls  # loaded where it is needed: its library takes a second

    if len(parents) < 2:
        raise ValueError("a mixture has two parents or more")
    target = np.asarray(suspect, dtype=np.float64).reshape(-1)
    columns = np.stack([np.asarray(p, dtype=np.float64).reshape(-1) for p in parents], axis=1)
    # Parents of one origin differ little: their mean and their differences are far better
    # conditioned than themselves.
    middle = columns.mean(axis=1)
    weights, _ = nnls(*_scaled(columns, target, middle))
    nearest = float(min(np.linalg.norm(target - columns[:, i]) for i in range(columns.shape[1])))
    left = float(np.linalg.norm(target - columns @ weights))
    explained = 0.0 if nearest == 0 else max(0.0, 1 - (left / nearest))
    return Mixture(tuple(float(w) for w in weights), explained)


def _scaled(
    columns: NDArray[np.float64], target: NDArray[np.float64], middle: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The normal equations' square root in a basis of the middle and what the parents add to it:
    small, and well scaled."""
    basis = np.stack([middle, *(columns - middle[:, None]).T], axis=1)
    q, _ = np.linalg.qr(basis)
    return q.T @ columns, q.T @ target
