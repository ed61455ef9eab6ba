"""The map from a detector's value to a log10 likelihood ratio."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError
from sklearn.base import clone

from detectors.stats.grouping import grouped, rounds_of_groups, soft_weights
from detectors.stats.log_lr import LogLikelihoodRatio, LogLrNumbers
from detectors.stats.logistic import soft_logistic

Array = NDArray[np.float64]


def cohort(n: int, apart: float, seed: int) -> tuple[Array, Array, list[int]]:
    """n models of either kind whose values are normal with spread 1: the true ln LR of x is
    apart·(x − apart/2)."""
    rng = np.random.default_rng(seed)
    values = np.concatenate([rng.normal(apart, 1, n), rng.normal(0, 1, n)])
    return values, np.repeat([1.0, 0.0], n), list(range(2 * n))


@pytest.mark.parametrize("n", [2, 3, 10, 50])
def test_n_models_of_either_kind_told_apart_without_an_error_give_a_ratio_of_n_plus_1(
    n: int,
) -> None:
    # All H1 models at 1, all H2 models at 0, two pseudo-models more of either kind, one at each
    # value. At 1 there are then (n + 1)/(n + 2) of H1 and 1/(n + 2) of H2: LR = n + 1. A logistic
    # curve goes through two points exactly.
    fitted = LogLikelihoodRatio().fit(
        np.repeat([1.0, 0.0], n), np.repeat([1, 0], n), list(range(2 * n))
    )
    assert 10 ** fitted.uncapped([1.0, 0.5, 0.0]) == pytest.approx(
        [n + 1, 1, 1 / (n + 1)], rel=1e-9
    )


def test_three_models_of_either_kind_never_give_much_and_many_give_the_truth() -> None:
    few = LogLikelihoodRatio().fit([9.0, 8, 7, 0, 1, 2], [1, 1, 1, 0, 0, 0], list("abcdef"))
    assert few.log10_lr([1000.0])[0] <= np.log10(4)
    many = LogLikelihoodRatio().fit(*cohort(150, 1.5, 1))
    x = np.array([-1.0, 0.75, 2.0])
    assert many.uncapped(x) == pytest.approx(1.5 * (x - 0.75) / np.log(10), abs=0.3)


def test_where_high_values_speak_against_what_was_declared_the_ratio_is_one() -> None:
    values, labels, groups = cohort(30, 2.0, 2)
    wrong = LogLikelihoodRatio("lower").fit(values, labels, groups)
    assert wrong.numbers_.slope == 0
    assert wrong.log10_lr([-5.0, 5.0]) == pytest.approx([0, 0], abs=1e-12)
    turned = LogLikelihoodRatio("lower").fit(-values, labels, groups)
    right = LogLikelihoodRatio().fit(values, labels, groups)
    assert turned.log10_lr(-values) == pytest.approx(right.log10_lr(values), abs=1e-9)


@settings(max_examples=10, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-1e3, 1e3), st.booleans()), min_size=1, max_size=6),
    st.floats(-2e3, 2e3),
    st.floats(0, 1e3),
)
def test_more_of_what_speaks_for_it_never_lowers_the_ratio_and_the_bounds_hold(
    rows: list[tuple[float, bool]], x: float, more: float
) -> None:
    labels = [int(label) for _, label in rows] + [1, 1, 0, 0]
    values = [value for value, _ in rows] + [0.0, 1.0, 0.0, 1.0]
    fitted = LogLikelihoodRatio().fit(values, labels, list(range(len(labels))))
    low, high = fitted.log10_lr([x, x + more])
    assert low <= high + 1e-9
    ends = fitted.interval([x])[0]
    assert (
        -np.log10(sum(labels) + 1)
        <= ends[0]
        <= low + 1e-12
        <= ends[1] + 2e-12
        <= np.log10(labels.count(0) + 1) + 3e-12
    )


def test_a_model_counts_once_however_many_rows_it_has() -> None:
    values, labels, groups = cohort(12, 1.5, 3)
    once = LogLikelihoodRatio().fit(values, labels, groups)
    often = LogLikelihoodRatio().fit(
        np.repeat(values, 9), np.repeat(labels, 9), [g for g in groups for _ in range(9)]
    )
    assert often.uncapped(values) == pytest.approx(once.uncapped(values), abs=1e-9)
    assert often.interval(values) == pytest.approx(once.interval(values), abs=1e-9)
    assert (often.numbers_.bounds.n_h1, often.numbers_.bounds.n_h2) == (12, 12)
    assert often.numbers_.bounds.high == pytest.approx(once.numbers_.bounds.high)


def test_the_cohorts_prior_odds_fall_out() -> None:
    rng = np.random.default_rng(4)
    values = np.concatenate([rng.normal(1.5, 1, 20), rng.normal(0, 1, 200)])
    fitted = LogLikelihoodRatio().fit(values, np.repeat([1, 0], [20, 200]), list(range(220)))
    assert fitted.uncapped([0.75])[0] == pytest.approx(
        0.0, abs=0.4
    )  # unbalanced odds would put it at log10(1/10) = −1


def test_held_out_ratios_are_those_of_a_fit_without_the_model() -> None:
    values, labels, groups = cohort(6, 1.0, 5)
    fitted = LogLikelihoodRatio().fit(values, labels, groups)
    keep = np.arange(12) != 3
    without = LogLikelihoodRatio().fit(values[keep], labels[keep], [g for g in groups if g != 3])
    assert fitted.held_out_[3] == pytest.approx(without.uncapped([values[3]])[0], abs=1e-8)


def test_a_95_percent_interval_covers_the_true_ratio_at_least_90_times_in_100() -> None:
    covered = []
    for seed in range(40):
        fitted = LogLikelihoodRatio().fit(*cohort(12, 1.0, 100 + seed))
        bounds = fitted.numbers_.bounds
        for x in (0.0, 1.2):
            low, high = fitted.interval([x])[0]
            covered.append(low <= bounds.clip(1.0 * (x - 0.5) / np.log(10)) <= high)
    assert np.mean(covered) >= 0.90


def test_an_interval_narrows_with_the_number_of_models() -> None:
    few, many = (LogLikelihoodRatio().fit(*cohort(n, 1.0, 6)).interval([0.5])[0] for n in (8, 80))
    assert np.ptp(few) > 1.5 * np.ptp(many)


def test_a_value_beyond_the_cohorts_is_told() -> None:
    fitted = LogLikelihoodRatio().fit([1.0, 2, 3, 4], [0, 0, 1, 1], list("abcd"))
    assert fitted.outside([0.9, 1.0, 4.0, 4.1]).tolist() == [True, False, False, True]


def test_a_map_comes_back_from_json_to_the_last_digit() -> None:
    fitted = LogLikelihoodRatio("lower", 3.0).fit(*cohort(9, -1.0, 7))
    again = LogLikelihoodRatio.from_numbers(
        LogLrNumbers.model_validate_json(fitted.numbers_.model_dump_json())
    )
    x = [-3.0, 0.1, 2.5]
    assert again.log10_lr(x).tolist() == fitted.log10_lr(x).tolist()
    assert again.interval(x).tolist() == fitted.interval(x).tolist()
    assert clone(again).get_params() == {"direction": "lower", "pseudo_models": 3.0}


@pytest.mark.parametrize(
    "change",
    [
        {"slope": -1.0},
        {"intercept": float("nan")},
        {"scale": 0.0},
        {"centre": float("inf")},
        {"extra": 1},
    ],
)
def test_numbers_that_no_fit_leaves_are_refused(change: dict[str, float]) -> None:
    held = LogLikelihoodRatio().fit(*cohort(9, 1.0, 7)).numbers_.model_dump()
    with pytest.raises(ValidationError):
        LogLrNumbers.model_validate(held | change)


@pytest.mark.parametrize(
    ("values", "labels", "groups", "why"),
    [
        ([1.0, 2, 3, 4], [1, 1, 0, 0], "aabc", "at least 2"),
        ([1.0, 2, 3, float("nan")], [1, 1, 0, 0], "abcd", "finite"),
        ([1.0, 2, 3], [1, 1, 0, 0], "abcd", "one number per row"),
        ([1.0, 2, 3, 4], [1, 1, 1, 1], "abcd", "both labels"),
        ([1.0, 2, 3, 4], [1, 1, 0, 2], "abcd", "a label is 1"),
        ([1.0, 2, 3, 4], [1, 1, 0, 0], "abc", "same length"),
    ],
)
def test_what_can_not_be_learned_from_is_refused(
    values: list[float], labels: list[int], groups: str, why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        LogLikelihoodRatio().fit(values, labels, list(groups))
    fitted = LogLikelihoodRatio().fit([1.0, 2, 3, 4], [0, 0, 1, 1], list("abcd"))
    with pytest.raises(ValueError, match="finite"):
        fitted.log10_lr([float("nan")])


def test_pseudo_models_lie_under_both_labels_and_the_odds_are_even() -> None:
    # H1: model a (two rows, half each); H2: models b, c. Two pseudo-models for either: half a one
    # over each kind's rows, spread as these are. Masses 1 + 2 and 2 + 2, harmonic mean 24/7.
    data = grouped([1, 1, 0, 0], ["a", "a", "b", "c"])
    one, two = soft_weights(data, 2.0)
    assert one * 3 / (24 / 7) == pytest.approx([1.0, 1.0, 0.5, 0.5])
    assert two * 4 / (24 / 7) == pytest.approx([0.5, 0.5, 1.5, 1.5])


def test_rounds_of_groups_keep_both_labels_and_the_number_of_groups_of_each_kind() -> None:
    data = grouped(
        [1, 1, 0, 0, 0], ["a", "b", "b", "c", "d"]
    )  # a: H1 only, b: both, c and d: H2 only
    drawn = rounds_of_groups(data, 50, 0)
    assert (drawn[:, :2] == 1).all()
    assert (drawn[:, 2:].sum(axis=1) == 2).all()
    assert len(np.unique(drawn, axis=0)) == 3
    assert (drawn == rounds_of_groups(data, 50, 0)).all()


def test_dependent_columns_leave_the_fitted_values_as_they_are() -> None:
    rng = np.random.default_rng(8)
    x, y = rng.normal(size=(40, 2)), rng.random(40)
    ones = np.ones((40, 1))
    few = soft_logistic(np.hstack([ones, x]), y, 1 - y, np.array([True, False, False]))
    wide = np.hstack([ones, x, x[:, :1] * 3, x.sum(axis=1, keepdims=True), ones])
    many = soft_logistic(wide, y, 1 - y, np.array([True, False, False, False, False, True]))
    assert wide @ many == pytest.approx(np.hstack([ones, x]) @ few, abs=1e-8)
    assert (many[1:5] >= 0).all()
