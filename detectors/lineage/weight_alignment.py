"""Seeing through a change of basis: the rotation between two residual streams, and units that agree
in spite of it.

A network computes the same when its residual stream is turned and its units are shuffled; the order
tests of `detectors.lineage.independence` then see nothing. What the disguise keeps is told by
tokens: they mean the same in both models. Knows arrays; knows no model, no file and no verdict.

After Zeng et al. 2025 (AWM, arXiv 2510.06738), who recover permutation and signs on the embeddings,
and Zhu et al. 2025 (arXiv 2502.12292), whose robust test matches gate and up-projection separately
and compares the two matchings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from detectors.lineage.independence import (
    FEWEST,
    FLOOR,
    Array,
    Indices,
    Order,
    likeness,
    order,
    units,
)

CONVERGED = 0.10
"""What share of units may agree without a common origin. Models that were trained apart share a few
units once their tokens are laid over each other: one to five in a hundred in GPT-2 (Gurnee et al.
2024, arXiv 2401.12181), under four in a hundred among the tiny models of the weight zoo. Twice the
larger one is allowed."""
STRANGE = 0.01
"""Above this p-value no more halves agree than among strangers."""
TWIN_HALVES, ROUNDED = 0.5, 1e-4
"""From this cosine of the two halves of one unit on (the root of its mean square over units), one
half tells of the other (just below it 0.9 % of random strangers' halves agree, of 0.5 % without);
and how much of a half may be rounding."""
WIDE, DIRECTIONS = 1024, 512
"""Up to so many coordinates the map between streams is found whole; beyond, in so many
directions."""
GLANCED, MIXED = 256, 0.5
"""Coordinates that are looked at before all are, and how alike their nearest ones must be for more
to be looked at."""
PURE, MOVED = 0.98, 0.6
"""What share of coordinates must have a nearest one of their own, and how alike the two must be,
for a stream to count as put in another order and not mixed."""


@dataclass(frozen=True)
class UnitAgreement:
    """Of ``n`` units, how many have the same nearest unit by gate and by up-projection; ``chance``
    is how many would, were the two unrelated. ``p`` is under the hypothesis that up to a tenth of
    the units agree by convergence. ``distinct`` (None: as many as agree) is how many different
    units they agree on: copies of one unit agree together or not at all, and count once in p."""

    n: int
    agreeing: int
    chance: float
    p: float
    distinct: int | None = None

    @property
    def share(self) -> float:
        """Agreeing units out of all, 0 to 1; 0 without any."""
        return self.agreeing / self.n if self.n else 0.0

    @property
    def strange(self) -> bool:
        """Whether no more agree than among strangers; of none that could nothing is known."""
        return self.n > 0 and self.p > STRANGE


def rotation(one: ArrayLike, other: ArrayLike, *, centred: bool = True) -> tuple[Array, Array]:
    """Maps L (d × r) and R (e × r) of two residual streams into one space, by the same tokens:
    ``one`` @ L ≈ ``other`` @ R.

    Rows are the same tokens of both (n × d, n × e), at least as many as the wider stream; or other
    matching rows, whose mean means something (``centred`` false). Each one counts alike; L Rᵀ is
    the solution of the orthogonal Procrustes problem (Schönemann 1966): it turns back any rotation,
    permutation or change of signs of the residual stream, and between models that share nothing it
    is the nearest there is. Above 1,024 coordinates it is solved in the 512 directions that rows
    differ in most, by a randomised decomposition with a fixed seed (Halko et al. 2011, arXiv
    0909.4061): hundreds of directions tell units apart as well as thousands. Deterministic. Raises
    ValueError for too few rows.
    """
    a, b = (units(_centred(matrix) if centred else matrix) for matrix in (one, other))
    if len(a) != len(b) or len(a) < max(a.shape[1], b.shape[1]):
        raise ValueError("as many tokens as the stream is wide are needed, the same of both models")
    if min(a.shape[1], b.shape[1]) <= WIDE:
        left, _, right = np.linalg.svd(a.T @ b, full_matrices=False)
        return left.astype(np.float32), right.T.astype(np.float32)
    drawn = np.random.default_rng(0).standard_normal(
        (b.shape[1], DIRECTIONS + 16), dtype=np.float32
    )
    # The product aᵀb is never made: its own products with few columns cost less than it does.
    reach, _ = np.linalg.qr(a.T @ (b @ (b.T @ (a @ (a.T @ (b @ drawn))))))
    inner, _, right = np.linalg.svd((a @ reach).T @ b, full_matrices=False)
    left = reach @ inner[:, :DIRECTIONS]
    return left.astype(np.float32), right[:DIRECTIONS].T.astype(np.float32)


def _centred(matrix: ArrayLike) -> Array:
    values = np.asarray(matrix, dtype=np.float32)
    # Sums of the largest numbers leave what float32 can hold.
    peak = max(values.max(initial=0), -values.min(initial=0)) or 1
    centred: Array = values / np.float32(peak)
    centred -= centred.mean(axis=0, keepdims=True)
    return centred


def coordinates(one: ArrayLike, other: ArrayLike) -> Indices:
    """For every residual coordinate of one model, the coordinate of the other whose values over the
    tokens are most alike.

    Inputs are rows of the same tokens (n × d, n × e); the answer has d entries from 0 to e − 1.
    Signs don't count. It depends on each coordinate of ``one`` alone, as
    `detectors.lineage.independence.order` asks.
    """
    nearest: Indices = likeness(_centred(one).T, _centred(other).T, signed=False).argmax(axis=1)
    return nearest


def coordinates_alike(one: ArrayLike, other: ArrayLike) -> Array:
    """How alike every residual coordinate of one model is to the other's of the same number, by its
    values over the same tokens (both n × d), 0 to 1; those that are the same for all tokens are
    left out."""
    mine, theirs = units(_centred(one).T), units(_centred(other).T)
    found: Array = np.abs(np.vecdot(mine, theirs))[live(one) & live(other)]
    return found


def live(rows: ArrayLike) -> NDArray[np.bool_]:
    """Which columns are not the same number in all rows: such a coordinate tells nothing of
    tokens, and is near to nothing."""
    values = np.asarray(rows)
    found: NDArray[np.bool_] = (values != values[:1]).any(axis=0)
    return found


def order_of_coordinates(one: ArrayLike, other: ArrayLike) -> Order | None:
    """The test of the coordinates' order (`detectors.lineage.independence.order`), by rows of the
    same tokens, (n × d) and (n × e), without those that are the same for all tokens: what was set
    to zero at the same places in two strangers would stand in one order. None where fewer than 16
    are left in either."""
    a, b = np.asarray(one), np.asarray(other)
    mine, theirs = np.flatnonzero(live(a)), np.flatnonzero(live(b))
    if min(len(mine), len(theirs)) < FEWEST:
        return None
    if len(mine) == a.shape[1] and len(theirs) == b.shape[1]:
        return order(coordinates(a, b), of=len(theirs))
    found = theirs[coordinates(a[:, mine], b[:, theirs])]
    # Places have counterparts where the whole streams are as wide.
    of = b.shape[1] if a.shape[1] == b.shape[1] else None
    return order(found, mine, of, theirs)


def apart(first: Array, second: Array) -> Array:
    """The second halves of units less what they have of the first, rows of length one, (n × d).

    Where halves are alike within a model (`TWIN_HALVES`), as where a gate was made of its up, one
    finds what the other finds, in strangers too. As they are elsewhere. What is left of a half that
    is all of the other is zero.
    """
    shared = np.vecdot(first, second)
    if not len(shared) or float(np.sqrt(np.mean(shared**2))) < TWIN_HALVES:
        return second
    left = second - shared[:, None] * first
    left[shared**2 > 1 - ROUNDED] = 0
    return np.asarray(left, dtype=np.float32)


def agreement(by_gate: Indices, by_up: Indices, of: int) -> UnitAgreement:
    """How many units have one nearest unit in the other model, whichever half of them is looked at.

    ``by_gate`` and ``by_up`` are where the nearest rows stand, of ``of`` candidates. Under no
    relation the two agree by chance as often as their hubs make them (the sum over candidates of
    both counts, over n); p is binomial under the more careful hypothesis that a tenth agrees
    because both learned the same features. It is no exact p-value: how often unrelated models reach
    it is measured, not proven.

    >>> agreement(np.zeros(40, dtype=np.intp), np.zeros(40, dtype=np.intp), 64).p
    1.0
    """
    agreed = by_gate == by_up
    n, agreeing = len(by_gate), int(np.sum(agreed))
    counts = [np.bincount(found, minlength=of).astype(np.float64) for found in (by_gate, by_up)]
    chance = float(counts[0] @ counts[1]) / max(1, n)
    return _agreement(n, agreeing, chance, len(np.unique(by_up[agreed])))


def pooled(parts: list[UnitAgreement]) -> UnitAgreement:
    """The agreement over several layers together. Raises ValueError without any."""
    if not parts:
        raise ValueError("no layer was compared")
    n, agreeing = sum(p.n for p in parts), sum(p.agreeing for p in parts)
    distinct = sum(p.agreeing if p.distinct is None else p.distinct for p in parts)
    return _agreement(n, agreeing, sum(p.chance for p in parts), distinct)


def _agreement(n: int, agreeing: int, chance: float, distinct: int) -> UnitAgreement:
    allowed = min(1.0, max(CONVERGED, chance / max(1, n)))
    return UnitAgreement(n, agreeing, chance, at_least(distinct, n, allowed), distinct)


def at_least(k: int, n: int, p: float) -> float:
    """The chance of k or more of n, each with probability p; never below 1e-300."""
    return 1.0 if k <= 0 else float(max(special.bdtrc(k - 1, n, p), FLOOR))


def turned(one: ArrayLike, other: ArrayLike) -> str:
    """What lies between two residual streams, by the same tokens of both: "identity", "signs",
    "permutation", "signed permutation" or "rotation".

    A coordinate was moved, and not mixed, where the nearest one of the other stream is nobody
    else's and nearly as it is.
    """
    mine, theirs = units(_centred(one).T), units(_centred(other).T)
    # A few coordinates first: where these were mixed, all were.
    few = mine[:: max(1, len(mine) // GLANCED)]
    if np.median(np.abs(few @ theirs.T).max(axis=1)) < MIXED:
        return "rotation"
    alike = mine @ theirs.T
    nearest = np.abs(alike).argmax(axis=1)
    values = alike[np.arange(len(alike)), nearest]
    if np.median(np.abs(values)) < MOVED or len(np.unique(nearest)) < PURE * len(nearest):
        return "rotation"
    kept, signs = (
        bool(np.mean(nearest == np.arange(len(nearest))) >= PURE),
        bool(np.mean(values < 0) >= 1 - PURE),
    )
    return (
        ("signs" if signs else "identity")
        if kept
        else ("signed permutation" if signs else "permutation")
    )


def assigned(similar: ArrayLike) -> Indices:
    """The one-to-one matching of rows to columns with the largest sum (linear assignment); at
    most as many rows as columns."""
    from scipy.optimize import (
        linear_sum_assignment,
    )  # loaded where it is needed: its library takes a second

    rows, columns = linear_sum_assignment(np.asarray(similar), maximize=True)
    found: Indices = columns[np.argsort(rows)]
    return found
