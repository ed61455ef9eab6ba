"""Tail probabilities of four distributions, by closed forms and one continued fraction: what the
tests of lineage need, without loading a library that takes as long as comparing two models.

All are probabilities from 0 to 1, deterministic, and agree with scipy's to nine digits wherever
they exceed 1e-300.
"""

from __future__ import annotations

import math

STEPS = 20_000
"""Steps after which the continued fraction is taken as it is; it needs about the square root of
its larger parameter."""
NEAR, LEAST = 1e-15, 1e-300
"""When two steps of the fraction count as one value, and what stands for nothing in a divisor."""


def normal_tail(z: float) -> float:
    """The chance of a standard normal number above ``z``.

    >>> normal_tail(0.0)
    0.5
    """
    return math.erfc(z / math.sqrt(2)) / 2


def student_tail(t: float, freedom: float) -> float:
    """The chance of a number above ``t`` by Student's distribution, of so many degrees of freedom.

    >>> round(student_tail(2.0, 10), 4)
    0.0367
    """
    square = t * t
    whole = freedom + square
    half = beta_share(freedom / 2, 0.5, freedom / whole, square / whole) / 2
    return half if t >= 0 else 1 - half


def binomial_tail(k: int, n: int, p: float) -> float:
    """The chance of ``k`` or more of ``n``, each with probability ``p``.

    >>> binomial_tail(2, 2, 0.5)
    0.25
    """
    if k <= 0:
        return 1.0
    return 0.0 if k > n else beta_share(k, n - k + 1, p, 1 - p)


def chi_square_tail(x: float, pairs: int) -> float:
    """The chance of a number above ``x`` by the χ² distribution of 2 × ``pairs`` degrees of
    freedom: as many terms of the Poisson distribution.

    >>> round(chi_square_tail(5.991, 1), 3)
    0.05
    """
    half = x / 2
    if half <= 0:
        return 1.0
    logs = [j * math.log(half) - math.lgamma(j + 1) - half for j in range(pairs)]
    most = max(logs)
    return min(1.0, math.exp(most) * math.fsum(math.exp(log - most) for log in logs))


def beta_share(a: float, b: float, x: float, y: float) -> float:
    """The regularised incomplete beta function I_x(a, b), 0 to 1, by its continued fraction (Lentz
    1976; DLMF 8.17.22). ``y`` is 1 − x, told apart since the smaller of both would lose its
    digits."""
    if x <= 0 or y <= 0:
        return 0.0 if x <= 0 else 1.0
    log = (
        math.lgamma(a + b)
        - math.lgamma(a)
        - math.lgamma(b)
        + a * (math.log(x) if x < 0.5 else math.log1p(-y))
        + b * (math.log(y) if y < 0.5 else math.log1p(-x))
    )
    front = math.exp(log) if log > -745 else 0.0
    if x < (a + 1) / (a + b + 2):
        return min(1.0, front * _fraction(a, b, x) / a)
    return max(0.0, 1 - front * _fraction(b, a, y) / b)


def _fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1 / _apart(1 - (a + b) * x / (a + 1))
    found = d
    for m in range(1, STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for part in (even, odd):
            d, c = 1 / _apart(1 + part * d), _apart(1 + part / c)
            found *= c * d
        if abs(c * d - 1) < NEAR:
            break
    return found


def _apart(value: float) -> float:
    return value if abs(value) > LEAST else LEAST
