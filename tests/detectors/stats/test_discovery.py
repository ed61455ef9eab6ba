"""False discoveries among many tests stay below the stated share, whatever their dependence."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.stats.discovery import benjamini_yekutieli, e_benjamini_hochberg


def test_the_adjusted_values_are_those_worked_out_by_hand() -> None:
    p = [0.01, 0.02, 0.03, 0.9]
    factor = 4 * (1 + 1 / 2 + 1 / 3 + 1 / 4)
    # The third is the tightest of the first three: all of them are found where it is.
    expected = [factor * 0.03 / 3] * 3 + [1.0]
    assert benjamini_yekutieli(p) == pytest.approx(expected)
    assert e_benjamini_hochberg(np.log10([100.0, 50.0, 0.5])) == pytest.approx([0.03, 0.03, 1.0])


def test_order_and_ties_do_not_matter() -> None:
    p = np.array([0.2, 0.001, 0.001, 0.04])
    turned = benjamini_yekutieli(p[::-1])[::-1]
    assert benjamini_yekutieli(p) == pytest.approx(turned)


def test_nothing_and_numbers_that_are_none_are_refused() -> None:
    for bad in ([], [1.2], [-0.1]):
        with pytest.raises(ValueError, match="p-values lie"):
            benjamini_yekutieli(bad)
    for bad in ([], [float("nan")], [float("inf")]):
        with pytest.raises(ValueError, match="e-values are"):
            e_benjamini_hochberg(bad)


def test_an_e_value_of_nothing_is_never_found() -> None:
    assert e_benjamini_hochberg([-np.inf, -400.0, 5.0]).tolist()[:2] == [1.0, 1.0]


@pytest.mark.parametrize("shared", [0.0, 0.9])
def test_the_share_of_false_discoveries_is_kept_where_tests_depend_on_each_other(
    shared: float,
) -> None:
    """Two thirds of forty tests are null; all share a part of their noise. Mean false share over
    400 fleets, at q = 0.2, with room for chance."""
    from scipy.stats import norm

    rng = np.random.default_rng(7)
    false, found_any = [], 0
    for _ in range(400):
        noise = np.sqrt(shared) * rng.normal() + np.sqrt(1 - shared) * rng.normal(size=39)
        z = noise + np.where(np.arange(39) < 13, 4.0, 0.0)
        found = benjamini_yekutieli(norm.sf(z)) <= 0.2
        false.append(found[13:].sum() / max(1, found.sum()))
        found_any += bool(found[:13].any())
    assert np.mean(false) <= 0.2 + 0.03
    # And it finds: a procedure that never does would keep any rate.
    assert found_any > 300


def test_e_values_keep_it_too() -> None:
    """Likelihood ratios of N(3, 1) against N(0, 1) are e-values; nine in ten of them are null."""
    rng = np.random.default_rng(8)
    false, found_any = [], 0
    for _ in range(400):
        x = rng.normal(size=50) + np.where(np.arange(50) < 5, 4.5, 0.0)
        found = e_benjamini_hochberg((3 * x - 4.5) / np.log(10)) <= 0.2
        false.append(found[5:].sum() / max(1, found.sum()))
        found_any += bool(found[:5].any())
    assert np.mean(false) <= 0.2
    assert found_any > 300
