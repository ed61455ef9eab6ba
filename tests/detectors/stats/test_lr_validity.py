"""Cllr, its parts, Tippett and ECE curves, AUC and rates: worked by hand, and against closed
forms."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from detectors.stats.intervals import clopper_pearson
from detectors.stats.lr_curves import EceCurve, TippettCurve, ece, tippett
from detectors.stats.lr_validity import (
    auc,
    cllr,
    cllr_min,
    pav,
    resampled,
    tpr_at_fpr,
)
from tests.detectors.stats.test_lr_bounds import H1, H2

RATIOS = st.lists(st.integers(-40, 40).map(lambda i: i / 10), min_size=1, max_size=15)


def test_the_ratio_one_everywhere_costs_one_bit() -> None:
    assert cllr([0.0] * 7, [0.0] * 2) == pytest.approx(1.0)
    assert cllr_min([0.0] * 7, [0.0] * 2) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("lr_h1", "lr_h2", "bits"),
    [
        ([3], [1 / 3], np.log2(4 / 3)),  # ½·log2(1 + 1/3) twice: 0.4150
        ([100], [1 / 100], np.log2(1.01)),  # 0.0144
        ([1 / 2], [2], np.log2(3)),  # misleading: 1.5850, worse than saying nothing
        (
            [1, 3],
            [1],
            (np.log2(2) + np.log2(4 / 3)) / 4 + 1 / 2,
        ),  # means over either kind, then their mean: 0.8538
        ([15], [1], np.log2(16 / 15) / 2 + 1 / 2),
    ],
)
def test_cllr_of_small_sets_worked_by_hand(
    lr_h1: list[float], lr_h2: list[float], bits: float
) -> None:
    assert cllr(np.log10(lr_h1), np.log10(lr_h2)) == pytest.approx(bits)


def test_infinite_ratios_cost_nothing_on_their_side_and_everything_on_the_other() -> None:
    assert cllr([np.inf], [-np.inf]) == 0.0
    assert cllr([-np.inf], [0.0]) == np.inf


def test_figures_of_a_mixed_set_are_those_of_an_independent_implementation() -> None:
    # The forensic package lir 0.1.29 (metrics.cllr, metrics.cllr_min) gives the same digits for
    # this set.
    assert cllr(H1, H2) == pytest.approx(0.7074517157448057, abs=1e-12)
    assert cllr_min(H1, H2) == pytest.approx(0.4878131717253844, abs=1e-12)
    assert cllr(H1, H2) - cllr_min(H1, H2) == pytest.approx(
        0.7074517157448057 - 0.4878131717253844, abs=1e-12
    )


def test_pooling_adjacent_violators_worked_by_hand() -> None:
    # In order: H2 at 0, H1 at 1, H2 at 2, H1 at 3; either kind weighs 1, each value ½. Only 1 and 2
    # violate the order: they pool to ½, LR 1. The ends hold one kind only: −∞ and +∞. Cllr_min =
    # ½·(½·1 + ½·0) twice = ½.
    one, two = pav([1.0, 3.0], [0.0, 2.0])
    assert one.tolist() == [0.0, np.inf]
    assert two.tolist() == [-np.inf, 0.0]
    assert cllr_min([1.0, 3.0], [0.0, 2.0]) == pytest.approx(0.5)


def test_of_well_calibrated_normal_ratios_cllr_is_the_closed_form() -> None:
    # ln LR normal with mean ±s²/2 and variance s² is calibrated (van Leeuwen and Brümmer 2013,
    # arXiv 1304.1199): Cllr is then the expectation of log2(1 + e^−x) for x ~ N(s²/2, s²), found
    # here by quadrature.
    s = 2.0
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    expected = float(
        weights @ np.logaddexp2(0, -(s * s / 2 + s * nodes) / np.log(2)) / weights.sum()
    )
    z = stats.norm.ppf((np.arange(4000) + 0.5) / 4000)
    h1, h2 = (s * s / 2 + s * z) / np.log(10), (-s * s / 2 + s * z) / np.log(10)
    assert cllr(h1, h2) == pytest.approx(expected, abs=1e-3)
    assert cllr(h1, h2) - cllr_min(h1, h2) < 0.005
    assert auc(h1, h2) == pytest.approx(stats.norm.cdf(s / np.sqrt(2)), abs=1e-3)
    assert (
        cllr(h1 * 3, h2 * 3) - cllr_min(h1 * 3, h2 * 3) > 0.1
    )  # three times the confidence: worse calibrated, not better discriminating
    assert cllr_min(h1 * 3, h2 * 3) == pytest.approx(cllr_min(h1, h2))


@settings(max_examples=30, deadline=None)
@given(RATIOS, RATIOS)
def test_no_monotone_recalibration_does_better_than_cllr_min(
    h1: list[float], h2: list[float]
) -> None:
    least = cllr_min(h1, h2)
    assert -1e-12 <= least <= min(1.0, cllr(h1, h2)) + 1e-9
    for scale in (0.3, 0.7, 2.0):
        assert least <= cllr(np.array(h1) * scale + 0.1, np.array(h2) * scale + 0.1) + 1e-9
    pairs = [(a > b) + (a == b) / 2 for a in h1 for b in h2]
    assert auc(h1, h2) == pytest.approx(np.mean(pairs))


def test_weights_count_as_copies_do() -> None:
    assert cllr([1.0, 2.0], [0.5], [3, 1], [1]) == pytest.approx(cllr([1.0, 1, 1, 2], [0.5]))
    assert cllr_min([1.0, 2.0], [0.5, 3], [3, 1], [1, 2]) == pytest.approx(
        cllr_min([1.0, 1, 1, 2], [0.5, 3, 3])
    )
    assert auc([1.0, 2.0], [1.5], [3, 1], [1]) == 0.25


def test_a_tippett_curve_worked_by_hand() -> None:
    curve = tippett([-1.0, 1.0, 2.0, 2.0], [-2.0, 1.0])
    assert curve.log10_lr == (-2.0, -1.0, 0.0, 1.0, 2.0)
    assert curve.h1 == (1.0, 1.0, 0.75, 0.75, 0.5)
    assert curve.h2 == (1.0, 0.5, 0.5, 0.5, 0.0)
    assert (curve.misleading_h1, curve.misleading_h2) == (0.25, 0.5)
    assert TippettCurve.model_validate_json(curve.model_dump_json()) == curve
    with pytest.raises(ValueError, match="finite"):
        tippett([np.inf], [0.0])


def test_empirical_cross_entropy_is_cllr_at_even_odds_and_the_priors_entropy_for_ratio_one() -> (
    None
):
    curve = ece(H1, H2, [0.0, np.log10(1 / 3)])
    assert curve.method[0] == pytest.approx(cllr(H1, H2))
    assert curve.recalibrated[0] == pytest.approx(cllr_min(H1, H2))
    # Prior ¼: ¼·log2 4 + ¾·log2(4/3) = 0.8113 bits.
    assert curve.neutral == pytest.approx((1.0, 0.25 * 2 + 0.75 * np.log2(4 / 3)))
    assert EceCurve.model_validate_json(curve.model_dump_json()) == curve


def test_empirical_cross_entropy_of_one_model_of_either_kind_worked_by_hand() -> None:
    # Odds 1/3, LR 3 under H1 and 1/3 under H2: ¼·log2(1 + 1/(3·⅓)) + ¾·log2(1 + ⅓·⅓) = ¼·1 +
    # ¾·log2(10/9) = 0.3640.
    curve = ece([np.log10(3)], [-np.log10(3)], [np.log10(1 / 3)])
    assert curve.method == pytest.approx((0.25 + 0.75 * np.log2(10 / 9),))
    assert curve.recalibrated == pytest.approx((0.0,))


def test_the_default_ece_curve_has_no_recalibrated_point_above_the_neutral_one() -> None:
    curve = ece(H1, H2)
    assert len(curve.method) == len(curve.log10_prior_odds) == 61
    assert all(r <= n + 1e-9 for r, n in zip(curve.recalibrated, curve.neutral, strict=True))


def test_the_rate_at_5_percent_is_that_of_the_lowest_threshold_that_keeps_it() -> None:
    null = list(range(100))
    rate = tpr_at_fpr([94.0, 95, 96, 200], null, 0.05)
    assert (rate.threshold, rate.tpr, rate.fpr) == (95.0, 0.75, 0.05)
    assert rate.tpr_interval == clopper_pearson(3, 4)
    assert rate.fpr_interval == clopper_pearson(5, 100)
    none_allowed = tpr_at_fpr([94.0, 99, 100, 200], null, 0.005)
    assert (none_allowed.threshold, none_allowed.tpr, none_allowed.fpr) == (100.0, 0.5, 0.0)
    assert none_allowed.fpr_interval[1] == pytest.approx(
        0.036, abs=1e-3
    )  # zero of 100: still up to 3.6 %


def test_where_a_null_model_leads_no_threshold_keeps_the_rate() -> None:
    rate = tpr_at_fpr([1.0, 2.0], [3.0, 0.0], 0.01)
    assert (rate.threshold, rate.tpr, rate.fpr) == (np.inf, 0.0, 0.0)


def test_rates_over_groups_count_models_not_rows() -> None:
    rate = tpr_at_fpr(
        [5.0, 5, 5, 0], [1.0, 2.0], 0.0, groups_h1=["a", "a", "a", "b"], groups_h2=["c", "d"]
    )
    assert (rate.tpr, rate.n_h1, rate.n_h2) == (0.5, 2, 2)
    assert rate.tpr_interval == clopper_pearson(1, 2)
    half = tpr_at_fpr(
        [5.0, 0.0, 5.0], [1.0, 2.0], 0.0, groups_h1=["a", "a", "b"], groups_h2=["c", "d"]
    )
    assert half.tpr_interval == (clopper_pearson(1, 2)[0], clopper_pearson(2, 2)[1])


def test_an_interval_over_resampled_models_is_wider_than_one_over_rows() -> None:
    rng = np.random.default_rng(0)
    own = rng.normal(size=20)
    values = np.repeat(own + np.repeat([0.8, 0.0], 10), 10) + rng.normal(size=200) / 10
    labels = np.repeat([1, 0], 100)
    by_model = resampled(auc, values, labels, [i // 10 for i in range(200)], resamples=200)
    by_row = resampled(auc, values, labels, list(range(200)), resamples=200)
    assert by_model.high - by_model.low > 2 * (by_row.high - by_row.low)
    assert (by_model.clusters, by_model.n) == (20, 200)
    assert by_model == resampled(auc, values, labels, [i // 10 for i in range(200)], resamples=200)
    assert by_model.low <= by_model.value <= by_model.high


def test_a_perfect_auc_of_few_models_has_no_perfect_interval() -> None:
    perfect = resampled(auc, [3.0, 4, 5, 0, 1], [1, 1, 1, 0, 0], list("abcde"), resamples=50)
    assert (perfect.value, perfect.low) == (1.0, clopper_pearson(2, 2)[0])
    assert (
        resampled(cllr, [3.0, 4, 5, 0, 1], [1, 1, 1, 0, 0], list("abcde"), resamples=50).high > 0.5
    )


def test_a_row_without_weight_is_a_row_that_is_not_there() -> None:
    # The rows left out lie beyond both ends and on the wrong side, where the recalibrated ratio is
    # infinite.
    kept = cllr_min([1.0, 3.0], [0.0, 2.0])
    assert cllr_min([-9.0, 1.0, 3.0], [0.0, 2.0, 9.0], [0, 1, 1], [1, 1, 0]) == pytest.approx(kept)
    assert cllr([-np.inf, 1.0], [0.0], [0, 1], [1]) == pytest.approx(cllr([1.0], [0.0]))


def test_the_least_cllr_has_an_interval_although_a_round_may_leave_out_either_end() -> None:
    values, labels = [5.0, 1.0, 2.0, 0.0, 1.5, -5.0], [1, 1, 1, 0, 0, 0]
    found = resampled(cllr_min, values, labels, list("abcdef"), resamples=200)
    assert found.value == pytest.approx(cllr_min(values[:3], values[3:]))
    assert 0.0 <= found.low <= found.value <= found.high <= 1.0
    assert found.high > found.low


def test_what_is_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="not a number"):
        cllr([float("nan")], [0.0])
    with pytest.raises(ValueError, match="both propositions"):
        cllr([], [0.0])
    with pytest.raises(ValueError, match="weights"):
        cllr([1.0], [0.0], [0.0], [1.0])
    with pytest.raises(ValueError, match="between 0 and 1"):
        tpr_at_fpr([1.0], [0.0], 1.0)
