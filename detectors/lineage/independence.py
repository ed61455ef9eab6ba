"""Do two models' weights keep an order that only a common origin explains?

Hidden units and residual coordinates of a network have no order of their own: training treats them
all alike, so that in a model that shares nothing with another one every order of them was equally
likely. Where the nearest units of two models stand in the same order, that is either chance, of a
probability that is known exactly, or a common origin. Knows arrays; knows no model, no file and no
verdict.

After Zhu et al. 2025, Independence Tests for Language Models (arXiv 2502.12292), whose statistic
matches rows of the up-projection by assignment; here each row takes its nearest one, which keeps a
null distribution that is known (see `order`) and costs no assignment.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Array = NDArray[np.float32]
Indices = NDArray[np.intp]

FLOOR = 1e-300
"""No p-value is told below this: sums of so many logarithms say nothing more."""
FEWEST = 16
"""Fewer units or coordinates than this have too few orders."""
SURE = 1e-100
"""Below this p-value, of the order and of the very places, a look at a few units is enough."""
PART = 32
"""Within this part of all places, a nearest one counts as near its own: there, an order by any
smooth property is flat."""
TINY, HUGE = 1e-20, 1e30
"""Between these, a sum of squares lost nothing that float32 can't hold."""
EXACT_SHARE = 0.9
"""What share of the allowed false alarms the exact tests get; the rest is for the test of
agreement."""


@dataclass(frozen=True)
class Order:
    """How far nearest ones stand in the same order: Spearman's ``rho`` (−1 to 1), one-sided ``p``,
    the share ``kept`` whose nearest one stands at the very same place (None where the two differ in
    number), and ``n``. ``spots`` and ``steps`` are what `precise` asks: whether single places are
    kept, and not a trend alone. ``added``: what ``p`` was raised by since a few were looked at
    first, which `precise` raises its own by."""

    rho: float
    p: float
    kept: float | None
    n: int
    spots: Closely | None = None
    steps: Closely | None = None
    added: float = 0.0

    @property
    def sure(self) -> bool:
        """Whether no more need be looked at."""
        return max(self.p, precise([self])) < SURE

    def looked_again(self) -> Order:
        """The same as the last of two looks, the first of which would have been told instead had
        it been sure: under either null hypothesis that is no likelier than what is added."""
        return replace(self, p=min(1.0, self.p + SURE), added=SURE)


@dataclass(frozen=True)
class Closely:
    """Of ``near`` ones, how many are ``exact``; ``chance`` is how many of them would be, were
    there a trend alone (0 to 1)."""

    near: int
    exact: int
    chance: float


def units(rows: ArrayLike) -> Array:
    """Rows divided by their length, shape kept; a row of zeros stays one. Raises ValueError for
    what is not a matrix."""
    matrix = np.asarray(rows, dtype=np.float32)
    if matrix.ndim != 2:
        raise ValueError("rows of numbers are needed")
    with np.errstate(all="ignore"):
        squares = np.vecdot(matrix, matrix)
    if len(squares) and squares.min() > TINY and squares.max() < HUGE:
        plain: Array = matrix / np.sqrt(squares)[:, None]
        return plain
    # By the largest number first: squares of very large and very small ones leave what float32 can
    # hold.
    peak = np.abs(matrix).max(axis=1, keepdims=True, initial=0)
    matrix = (matrix / np.where(peak > 0, peak, np.float32(1))).astype(np.float32, copy=False)
    length = np.linalg.norm(matrix, axis=1, keepdims=True)
    out: Array = (matrix / np.where(length > 0, length, np.float32(1))).astype(
        np.float32, copy=False
    )
    return out


def likeness(one: ArrayLike, other: ArrayLike, *, signed: bool) -> Array:
    """Cosine of every row of ``one`` (n × d) with every row of ``other`` (m × d): n × m, in [−1,
    1]; unsigned in [0, 1].

    Signs of an up-projection and its down-projection can be turned together without changing what a
    network computes; those of a gate can't.
    """
    cosines: Array = units(one) @ units(other).T
    return cosines if signed else np.abs(cosines, out=cosines)


def cosines(few: Array, many: Array) -> Array:
    """Cosine of every one of a few rows, which are of length one already, with every one of many:
    n × m, as `likeness`, signed. What is long is not made anew: the products are divided."""
    with np.errstate(all="ignore"):
        squares = np.vecdot(many, many)
    if len(squares) and squares.min() > TINY and squares.max() < HUGE:
        found: Array = few @ many.T
        found /= np.sqrt(squares)
        return found
    return np.asarray(few @ units(many).T)


def order(
    nearest: Indices,
    places: Indices | None = None,
    of: int | None = None,
    among: Indices | None = None,
) -> Order:
    """Whether the nearest ones of a sequence stand in its order: ``nearest[i]`` is where the i-th
    one's nearest stands.

    ``places`` are where the sequence's own members stand (0 to n − 1 by default), ``of`` how many
    the other model has, where equal numbers make "the same place" meaningful, ``among`` the
    ascending places that nearest ones were looked for at (all of them by default). If the sequence
    is exchangeable and independent of the other model, then ``nearest`` is an exchangeable sequence
    (each entry depends on its own member alone), every order of its values is equally likely, and
    Spearman's rho has its permutation distribution: p is exact up to the usual approximation of
    that distribution by Student's t with n − 2 degrees of freedom. One-sided: the same order
    counts, the reverse one does not. Raises ValueError for fewer than 16.

    >>> order(np.arange(20)).kept
    1.0
    >>> round(order(np.array([3, 1, 2, 0] * 5)).p, 2)
    0.51
    """
    n = len(nearest)
    if n < FEWEST:
        raise ValueError(f"fewer than {FEWEST} units have too few orders")
    own = np.arange(n, dtype=np.intp) if places is None else places
    ranks, theirs = midranks(own), midranks(nearest)
    kept = float(np.mean(nearest == own)) if of is None or of >= n else None
    if np.ptp(theirs) == 0:
        return Order(0.0, 1.0, kept, n)
    rho = float(np.clip(np.corrcoef(ranks, theirs)[0, 1], -1, 1))
    grid = (
        np.arange(max(of or 0, int(max(nearest.max(), own.max())) + 1), dtype=np.intp)
        if among is None
        else among
    )
    return Order(
        rho, _spearman_p(rho, n), kept, n, *_closely(nearest, own, grid, same=kept is not None)
    )


def _closely(
    nearest: Indices, own: Indices, grid: Indices, *, same: bool
) -> tuple[Closely | None, Closely]:
    """Which of those near their own place are in it, and which near neighbours' nearest ones
    step forward."""
    at, reach = np.searchsorted(grid, nearest), max(4, len(grid) // PART)
    steps = np.diff(at)
    close = (steps != 0) & (np.abs(steps) <= reach)
    forward = Closely(int(close.sum()), int(np.sum(close & (steps > 0))), 0.5)
    if not same:
        return None, forward
    mine = np.searchsorted(grid, own)
    near = np.abs(at - mine) <= reach
    window = 1 + np.minimum(mine, reach) + np.minimum(len(grid) - 1 - mine, reach)
    chance = float(np.mean(1 / window[near])) if near.any() else 1.0
    return Closely(int(near.sum()), int(np.sum(at == mine)), chance), forward


def precise(orders: Sequence[Order]) -> float:
    """Whether units keep their very places, and not a trend alone: one p-value over layers.

    Tools sort units: pruning by importance leaves the largest first. Two unrelated models that were
    sorted by one property then show a trend (nearest units are of like size), and `order` is
    significant without a common origin. A trend is flat at close range: of those that are near
    their place no more stand in it than beside it, and of neighbours whose nearest ones are close
    as many step back as forward. Two binomial tests, Bonferroni-corrected; where places have no
    counterpart the second alone. Valid under the null hypothesis of `order` as well, so that the
    larger of both p-values is a valid one.

    >>> precise([order(np.arange(64))]) < 1e-30
    True
    """
    found = [
        [c for c in kind if c is not None]
        for kind in ([o.spots for o in orders], [o.steps for o in orders])
    ]
    tested = [_binomial(kind) for kind in found if kind]
    added = sum(o.added for o in orders)
    return min(1.0, len(tested) * min(tested) + added) if tested else 1.0


def _binomial(parts: list[Closely]) -> float:
    near, exact = sum(p.near for p in parts), sum(p.exact for p in parts)
    chance = min(1.0, sum(p.near * p.chance for p in parts) / near) if near else 1.0
    return 1.0 if exact <= 0 else float(max(special.bdtrc(exact - 1, near, chance), FLOOR))


def midranks(values: ArrayLike) -> NDArray[np.float64]:
    """Ranks from 1, equal values sharing the middle of theirs.

    >>> midranks([10, 20, 10]).tolist()
    [1.5, 3.0, 1.5]
    """
    given = np.asarray(values)
    order_of = np.argsort(given)
    ascending = given[order_of]
    first = np.concatenate([[0], np.flatnonzero(ascending[1:] != ascending[:-1]) + 1])
    counts = np.diff(first, append=len(given))
    middle: NDArray[np.float64] = np.empty(len(given))
    middle[order_of] = np.repeat(first + (counts + 1) / 2, counts)
    return middle


def _spearman_p(rho: float, n: int) -> float:
    if rho >= 1:
        return float(
            max(math.exp(-min(690.0, math.lgamma(n + 1))), FLOOR)
        )  # one order of n! is this one
    if rho <= -1:
        return 1.0
    t = rho * math.sqrt((n - 2) / ((1 - rho) * (1 + rho)))
    return float(max(special.stdtr(n - 2, -t), FLOOR, math.exp(-min(690.0, math.lgamma(n + 1)))))


def fisher(p_values: Sequence[float]) -> float:
    """One p-value of independent ones: −2 Σ ln p against χ² with 2k degrees of freedom (Fisher
    1932). Never below 1e-300.

    Layers are independent under the null hypothesis, since each one's units could have been put in
    order by themselves.

    >>> round(fisher([0.05, 0.05]), 4)
    0.0175
    """
    if not len(p_values):
        raise ValueError("no p-value to combine")
    total = -2 * float(np.sum(np.log(np.maximum(p_values, FLOOR))))
    return float(max(special.chdtrc(2 * len(p_values), total), FLOOR))


def sidak(p_values: Sequence[float]) -> float:
    """The smallest of k independent p-values, raised for having looked at k: 1 − (1 − p)^k (Šidák
    1967).

    >>> round(sidak([0.01, 0.5]), 4)
    0.0199
    """
    smallest = min(p_values)
    return float(max(-math.expm1(len(p_values) * math.log1p(-min(smallest, 1 - 1e-16))), FLOOR))


def overall(exact: float | None, agreement: float | None) -> float:
    """One p-value of the exact tests' and the agreement's: the smaller one, each raised by its
    share of the false alarms.

    A weighted Bonferroni bound, valid whatever the dependence: 0.9 of the allowance for the exact
    tests, 0.1 for the other one. With one of them it is that one. Raises ValueError without either.
    """
    shares = [
        (p, share)
        for p, share in ((exact, EXACT_SHARE), (agreement, 1 - EXACT_SHARE))
        if p is not None
    ]
    if not shares:
        raise ValueError("no test was made")
    if len(shares) == 1:
        return shares[0][0]
    return float(min(1.0, *(p / share for p, share in shares)))


@dataclass(frozen=True)
class Ranked:
    """A profile's standardised ranks (n × k), and their products with each other (k × k): what
    `profile_order` asks of either model, made once for a model that is held against many."""

    ranks: NDArray[np.float64]
    products: NDArray[np.float64]


def ranked(profile: ArrayLike) -> Ranked:
    """The ranks of units with several known features, (n, k). Raises ValueError for what is no
    such matrix, or has fewer than 16 units."""
    values = np.asarray(profile, dtype=np.float64)
    if values.ndim != 2 or len(values) < FEWEST:
        raise ValueError(f"two profiles of one shape, of {FEWEST} units or more, are needed")
    ranks = _standard_ranks(values)
    return Ranked(ranks, ranks.T @ ranks)


def profile_order(one: Ranked, other: Ranked) -> Order:
    """Whether units with several known features (n × k) stand in the same order in two models: of
    one layer, n units each, as `ranked` has them.

    For models of which such features were kept, and not their rows: ``rho`` is the mean of the
    features' rank correlations. Features of one unit depend on each other; under a common
    reordering of one model's units the covariance of two rank correlations is r·s/(n − 1), r and s
    being their features' rank correlations within either model, so that the mean's variance is
    known exactly. p is the normal approximation's, one-sided. Raises ValueError for other shapes.
    """
    a, b = one.ranks, other.ranks
    if a.shape != b.shape:
        raise ValueError(f"two profiles of one shape, of {FEWEST} units or more, are needed")
    n = len(a)
    rhos = np.sum(a * b, axis=0) / n
    spread = float(np.sum(one.products * other.products)) / (n * n * (n - 1))
    if spread <= 0:
        return Order(0.0, 1.0, None, n)
    z = float(rhos.sum()) / math.sqrt(spread)
    return Order(float(rhos.mean()), float(max(special.ndtr(-z), FLOOR)), None, n)


def bends(profile: ArrayLike, stride: int = 1) -> NDArray[np.float64]:
    """How far every third unit's features lie above the middle of those of the units ``stride``
    places before and behind it: (n, k) to (about n / 3, k).

    Free of any trend along the units, as sorting by a feature leaves it, and of any pattern that
    comes again after ``stride`` places, and each unit enters once: `profile_order` of two models'
    bends is exact where that of the profiles is, and asks for the very places. Fewer than 48 units
    give fewer than the 16 that it needs.
    """
    values = np.asarray(profile, dtype=np.float64)
    whole = len(values) // (3 * stride) * 3 * stride
    triples = values[:whole].reshape(-1, 3, stride, values.shape[1])
    found = triples[:, 1] - (triples[:, 0] + triples[:, 2]) / 2
    return np.asarray(found.reshape(-1, values.shape[1]))


def far(n: int) -> int:
    """How far apart places are of which bends are free of short patterns, such as keeping two
    weights of every four leaves: the largest power of two up to 32 for which n places, 48 or more,
    give 16 bends.

    >>> far(48), far(95), far(96), far(4096)
    (16, 16, 32, 32)
    """
    strides = (s for s in (32, 16, 8, 4, 2) if n // (3 * s) * s >= FEWEST)
    return next(strides, 1)


def _standard_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    ranks = np.stack([midranks(column) for column in values.T], axis=1) - (len(values) + 1) / 2
    size = np.sqrt(np.mean(ranks**2, axis=0))
    out: NDArray[np.float64] = ranks / np.where(size > 0, size, 1.0)
    return out
