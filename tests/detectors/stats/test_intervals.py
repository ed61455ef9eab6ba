from __future__ import annotations

import numpy as np
import pytest

from detectors.stats.intervals import (
    clopper_pearson,
    cluster_means,
    clustered_mean,
    clustered_rate,
    effective_n,
    wilson,
)


def simulated(
    rng: np.random.Generator, questions: int, rate: float, spread: float, answers: int
) -> tuple[list[float], list[int]]:
    """Answers to questions whose own rates vary (beta, mean ``rate``): the truth is the
    population's mean."""
    own = rng.beta(rate * spread, (1 - rate) * spread, size=questions)
    said = rng.random((questions, answers)) < own[:, None]
    return [float(x) for x in said.ravel()], [q for q in range(questions) for _ in range(answers)]


@pytest.mark.parametrize(
    ("rate", "spread"), [(0.1, 1.0), (0.3, 1.0), (0.5, 0.5), (0.5, 20.0), (0.03, 2.0)]
)
def test_a_95_percent_interval_over_20_questions_covers_the_truth_at_least_90_times_in_100(
    rate: float, spread: float
) -> None:
    rng = np.random.default_rng(7)
    covered = 0
    for _ in range(300):
        values, clusters = simulated(rng, 20, rate, spread, 6)
        estimate = clustered_rate(values, clusters, resamples=400)
        covered += estimate.low <= rate <= estimate.high
    assert covered / 300 >= 0.90


def test_answers_counted_as_independent_would_cover_far_too_seldom() -> None:
    rng = np.random.default_rng(7)
    naive = 0
    for _ in range(300):
        values, _ = simulated(rng, 20, 0.3, 0.5, 20)
        low, high = clopper_pearson(int(sum(values)), len(values))
        naive += low <= 0.3 <= high
    assert naive / 300 < 0.75


def test_a_mean_over_20_clusters_covers_the_truth_at_least_90_times_in_100() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(300):
        shift = rng.normal(size=20)
        values = [float(s + e) for s in shift for e in rng.normal(size=3)]
        estimate = clustered_mean(values, [i for i in range(20) for _ in range(3)], resamples=400)
        covered += estimate.low <= 0.0 <= estimate.high
    assert covered / 300 >= 0.90


def test_where_no_cluster_holds_a_claim_the_interval_is_the_exact_one_for_the_number_of_clusters() -> (
    None
):
    estimate = clustered_rate([0.0] * 60, [i // 3 for i in range(60)])
    assert estimate.interval == clopper_pearson(0, 20)
    assert (estimate.clusters, estimate.n) == (20, 60)
    assert estimate.high == pytest.approx(0.1684, abs=1e-3)


def test_where_every_cluster_agrees_on_one_the_upper_end_is_one() -> None:
    estimate = clustered_rate([1.0, 1.0], ["a", "b"])
    assert estimate.high == 1.0
    assert estimate.low < 0.2


def test_one_cluster_gives_a_wide_interval_and_an_infinite_one_for_means() -> None:
    rate = clustered_rate([1.0, 0.0], ["a", "a"])
    assert rate.high - rate.low > 0.8
    mean = clustered_mean([1.0, 2.0], ["a", "a"])
    assert np.isinf(mean.low)
    assert np.isinf(mean.high)


def test_every_cluster_weighs_the_same_however_many_answers_it_holds() -> None:
    estimate = clustered_rate([1.0] + [0.0] * 9, ["a"] + ["b"] * 9)
    assert estimate.value == 0.5


def test_the_same_seed_gives_the_same_interval_and_the_order_of_answers_does_not_matter() -> None:
    values, clusters = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0], ["a", "a", "b", "c", "d", "e"]
    forward = clustered_rate(values, clusters, seed=5)
    assert forward == clustered_rate(values, clusters, seed=5)
    assert forward == clustered_rate(values[::-1], clusters[::-1], seed=5)


def test_wider_levels_give_wider_intervals() -> None:
    values, clusters = [1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0], list("abcdefgh")
    assert clustered_rate(values, clusters, 0.99).high > clustered_rate(values, clusters, 0.8).high


def test_the_interval_never_leaves_the_unit_range_and_holds_the_value() -> None:
    rng = np.random.default_rng(0)
    for questions in (2, 3, 5, 40):
        values, clusters = simulated(rng, questions, 0.2, 1.0, 4)
        e = clustered_rate(values, clusters, resamples=100)
        assert 0.0 <= e.low <= e.value <= e.high <= 1.0


def test_effective_n_lies_between_the_clusters_and_the_answers() -> None:
    assert effective_n(np.array([0.0, 1.0, 0.0, 1.0]), 400) == 4
    agreeing = effective_n(np.full(20, 0.5), 60)
    assert 20 < agreeing <= 60


def test_wilson_and_clopper_pearson_give_the_textbook_values() -> None:
    assert wilson(0.5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert clopper_pearson(3, 10) == pytest.approx((0.0667, 0.6525), abs=1e-4)
    assert clopper_pearson(10, 10)[1] == 1.0


@pytest.mark.parametrize(
    ("values", "clusters"),
    [([], []), ([1.0], ["a", "b"]), ([2.0], ["a"]), ([-0.1], ["a"])],
    ids=["none", "lengths", "above", "below"],
)
def test_impossible_input_is_refused(values: list[float], clusters: list[str]) -> None:
    with pytest.raises(ValueError, match=r"same length|between 0 and 1"):
        clustered_rate(values, clusters)


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and n"):
        clopper_pearson(5, 3)
    with pytest.raises(ValueError, match="above 0"):
        wilson(0.5, 0)


def test_clusters_of_mixed_types_are_ordered_by_name() -> None:
    assert cluster_means([1.0, 0.0, 0.0], [2, "a", 2]).tolist() == [0.0, 0.5]
