"""The order tests: worked examples, uniform p-values where nothing is shared, and certainty
where order is kept."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from detectors.lineage.independence import (
    FLOOR,
    bends,
    cosines,
    far,
    fisher,
    likeness,
    order,
    overall,
    profile_order,
    ranked,
    sidak,
    units,
)


def test_the_rank_correlation_is_scipys_and_one_sided() -> None:
    rng = np.random.default_rng(0)
    nearest = rng.permutation(40)
    found = order(nearest)
    expected = stats.spearmanr(np.arange(40), nearest, alternative="greater")
    assert found.rho == pytest.approx(expected.statistic)
    assert found.p == pytest.approx(expected.pvalue, rel=1e-6)
    assert order(np.arange(40)[::-1]).p > 0.999


def test_p_values_of_random_orders_are_uniform() -> None:
    rng = np.random.default_rng(1)
    p = [order(rng.integers(0, 64, size=64)).p for _ in range(2000)]
    assert stats.kstest(p, "uniform").pvalue > 0.01
    hits = sum(v < 0.01 for v in p)
    assert stats.binomtest(hits, 2000, 0.01).pvalue > 0.01


def test_nearest_rows_of_independent_matrices_keep_no_order() -> None:
    rng = np.random.default_rng(2)
    p = []
    for _ in range(300):
        a, b = (
            rng.normal(size=(48, 12)) + rng.normal(size=12),
            rng.normal(size=(48, 12)) + rng.normal(size=12),
        )
        p.append(order(likeness(a, b, signed=True).argmax(axis=1)).p)
    assert stats.kstest(p, "uniform").pvalue > 0.01


def test_no_p_value_is_smaller_than_one_order_of_all_orders() -> None:
    assert order(np.arange(16)).p == pytest.approx(1 / 20_922_789_888_000, rel=1e-6)
    assert FLOOR <= order(np.arange(1000)).p < 1e-299


def test_hubs_and_constant_answers_say_nothing() -> None:
    found = order(np.zeros(50, dtype=np.intp))
    assert (found.rho, found.p) == (0.0, 1.0)


def test_too_few_units_are_refused() -> None:
    with pytest.raises(ValueError, match="16"):
        order(np.arange(15))


def test_signs_count_only_where_asked() -> None:
    rows = np.eye(3)
    assert np.allclose(np.diag(likeness(rows, -rows, signed=True)), -1)
    assert np.allclose(np.diag(likeness(rows, -rows, signed=False)), 1)


def test_fisher_and_sidak_agree_with_their_formulas() -> None:
    p = [0.01, 0.2, 0.7]
    assert fisher(p) == pytest.approx(stats.combine_pvalues(p).pvalue)
    assert sidak(p) == pytest.approx(1 - 0.99**3)


def test_the_overall_p_value_never_falls_below_its_share() -> None:
    assert overall(0.09, None) == 0.09
    assert overall(0.09, 0.5) == pytest.approx(0.1)
    assert overall(0.9, 0.01) == pytest.approx(0.1)
    with pytest.raises(ValueError, match="no test"):
        overall(None, None)


def test_profiles_of_unrelated_units_have_uniform_p_values_whatever_their_features_share() -> None:
    rng = np.random.default_rng(3)
    p = []
    for _ in range(1000):
        a, b = rng.normal(size=(80, 3)), rng.normal(size=(80, 3))
        a[:, 1] += 2 * a[:, 0]
        b[:, 1] += 3 * b[:, 0]
        p.append(profile_order(ranked(a), ranked(b)).p)
    assert stats.kstest(p, "uniform").pvalue > 0.01


def test_profiles_of_a_noisy_copy_are_told() -> None:
    rng = np.random.default_rng(4)
    a = rng.normal(size=(200, 3))
    assert profile_order(ranked(a), ranked(a + rng.normal(size=a.shape))).p < 1e-12
    with pytest.raises(ValueError, match="one shape"):
        profile_order(ranked(a), ranked(a[:100]))


@pytest.mark.parametrize("size", [1.0, 1e-25, 1e25, 0.0])
def test_cosines_are_likeness_whatever_the_size_of_rows(size: float) -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(5, 40)), rng.normal(size=(7, 40)) * size
    found = cosines(units(one), other.astype(np.float32))
    assert np.allclose(found, likeness(one, other, signed=True), atol=1e-6)


def test_bends_by_far_neighbours_know_no_pattern_that_comes_again() -> None:
    rng = np.random.default_rng(4)
    pattern = np.tile([2.0, 1.0, 0.0, 0.0], 64)[:, None]
    near, apart = [], []
    for _ in range(200):
        a, b = (pattern + rng.normal(size=(256, 2)) for _ in range(2))
        near.append(profile_order(ranked(bends(a)), ranked(bends(b))).p)
        a, b = (bends(x, far(256)) for x in (a, b))
        assert len(a) == 64
        apart.append(profile_order(ranked(a), ranked(b)).p)
    assert np.mean(np.array(near) < 1e-3) > 0.5
    assert stats.kstest(apart, "uniform").pvalue > 0.01


def test_bends_by_far_neighbours_know_a_copy() -> None:
    rng = np.random.default_rng(5)
    a = rng.normal(size=(256, 4))
    b = a + 0.5 * rng.normal(size=a.shape)
    stride = far(256)
    assert profile_order(ranked(bends(a, stride)), ranked(bends(b, stride))).p < 1e-10
