"""Tail probabilities agree with scipy's, over the sizes that comparing models asks for."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from detectors.stats.tails import binomial_tail, chi_square_tail, normal_tail, student_tail

DIGITS = 2e-9
SMALLEST = 1e-290
"""Below, floats lose digits, and no p-value is told."""


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20261130)


def same(mine: float, theirs: float) -> bool:
    return abs(mine - theirs) <= DIGITS * theirs or max(mine, theirs) < SMALLEST


def test_the_binomial_tail_is_scipys(rng: np.random.Generator) -> None:
    for _ in range(800):
        n, p = int(10 ** rng.uniform(0, 5)), float(10 ** rng.uniform(-5, 0))
        near = min(n, max(1, int(n * p * rng.uniform(0.3, 4))))
        for k in (near, int(rng.integers(1, n + 1))):
            assert same(binomial_tail(k, n, p), special.bdtrc(k - 1, n, p)), (k, n, p)


@pytest.mark.parametrize(
    ("k", "n", "p", "told"),
    [(0, 5, 0.1, 1.0), (6, 5, 0.9, 0.0), (3, 5, 1.0, 1.0), (3, 5, 0.0, 0.0), (0, 0, 0.3, 1.0)],
)
def test_the_binomial_tail_is_right_at_its_ends(k: int, n: int, p: float, told: float) -> None:
    assert binomial_tail(k, n, p) == told


def test_students_tail_is_scipys_on_both_sides_and_near_the_middle(
    rng: np.random.Generator,
) -> None:
    for _ in range(800):
        freedom = int(10 ** rng.uniform(1, 4.5))
        t = float(rng.normal() * 10 ** rng.uniform(-6, 1.7))
        assert same(student_tail(t, freedom), special.stdtr(freedom, -t)), (t, freedom)
    assert student_tail(0.0, 30) == 0.5


def test_the_chi_square_tail_is_scipys(rng: np.random.Generator) -> None:
    for _ in range(800):
        pairs, x = int(10 ** rng.uniform(0, 2.5)), float(10 ** rng.uniform(-2, 3.5))
        assert same(chi_square_tail(x, pairs), special.chdtrc(2 * pairs, x)), (x, pairs)
    assert chi_square_tail(0.0, 3) == 1.0


def test_the_normal_tail_is_scipys(rng: np.random.Generator) -> None:
    for z in rng.normal(0, 10, 400):
        assert same(normal_tail(float(z)), special.ndtr(-z)), z
