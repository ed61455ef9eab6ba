"""Normalisation by a cohort of unrelated suspects: by hand, shrinkage, unknown candidates, and
what it is for."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.stats.cohort_norm import CohortNorm, CohortNumbers
from detectors.stats.log_lr import LogLikelihoodRatio


def test_centre_and_spread_by_hand() -> None:
    """Two groups a candidate; without pseudo-groups the centre is that of the candidate's own
    unrelated rows."""
    norm = CohortNorm(pseudo_groups=0.0).fit(
        [1.0, 3.0, 9.0, 10.0, 12.0], [0, 0, 1, 0, 0], list("aaabb"), list("ghiGH")
    )
    assert norm.numbers_.known["a"].value == 2.0
    assert norm.numbers_.spread == 1.0
    assert norm.transform([9.0, 9.0], ["a", "b"]).tolist() == [7.0, -2.0]


def test_rows_of_one_group_count_once() -> None:
    norm = CohortNorm(pseudo_groups=0.0).fit(
        [0.0] * 9 + [1.0], [0] * 10, ["a"] * 10, ["g"] * 9 + ["h"]
    )
    assert norm.numbers_.known["a"].value == 0.5
    assert norm.numbers_.known["a"].groups == 2


def test_few_groups_are_drawn_to_the_middle_of_all_candidates() -> None:
    values, candidates = [0.0] * 40 + [10.0], ["a"] * 40 + ["b"]
    norm = CohortNorm().fit(values, [0] * 41, candidates, [f"g{i}" for i in range(41)])
    assert norm.numbers_.known["b"].value == pytest.approx(0.2 * 10 + 0.8 * 5)
    assert norm.numbers_.known["a"].value < 0.5


def test_a_row_is_held_out_of_its_own_centre() -> None:
    norm = CohortNorm(pseudo_groups=0.0).fit([1.0, 3.0, 8.0], [0, 0, 0], ["a"] * 3, list("ghi"))
    assert norm.held_out_[2] == pytest.approx((8.0 - 2.0) / 1.0)


def test_an_unknown_candidate_gets_a_wider_scale() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(mean, 1, 30) for mean in (-5, 0, 5)])
    norm = CohortNorm().fit(x, np.zeros(90), ["a"] * 30 + ["b"] * 30 + ["c"] * 30, list(range(90)))
    assert abs(norm.transform([6.0], ["d"])[0]) < abs(norm.transform([6.0], ["b"])[0]) / 3


def test_numbers_bring_it_back_and_silence_stays_silence() -> None:
    norm = CohortNorm().fit([1.0, 2.0, np.nan, 4.0], [0, 0, 0, 1], list("abab"), list("wxyz"))
    again = CohortNorm.from_numbers(
        CohortNumbers.model_validate_json(norm.numbers_.model_dump_json())
    )
    one, other = (
        norm.transform([1.0, np.nan], ["a", "b"]),
        again.transform([1.0, np.nan], ["a", "b"]),
    )
    assert np.array_equal(one, other, equal_nan=True)
    assert np.isnan(one[1])


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="one entry a row"):
        CohortNorm().fit([1.0], [0, 0], ["a"], ["g"])
    with pytest.raises(ValueError, match="nothing to centre by"):
        CohortNorm().fit([1.0, np.nan], [1, 0], ["a", "a"], ["g", "h"])


def test_a_candidate_that_everybody_comes_near_no_longer_hides_students() -> None:
    """Strangers lie 3 higher for candidate "hub"; students of "plain" are 2 above its own
    strangers."""
    rng = np.random.default_rng(1)
    strangers = np.concatenate([rng.normal(0, 1, 40), rng.normal(3, 1, 40)])
    values = np.concatenate([strangers, rng.normal(2, 1, 20)])
    labels, groups = np.r_[np.zeros(80), np.ones(20)], list(range(100))
    candidates = ["plain"] * 40 + ["hub"] * 40 + ["plain"] * 20
    raw = LogLikelihoodRatio().fit(values, labels, groups)
    z = CohortNorm().fit(values, labels, candidates, groups).transform(values, candidates)
    normal = LogLikelihoodRatio().fit(z, labels, groups)
    assert normal.log10_lr(z)[80:].mean() > raw.log10_lr(values)[80:].mean() + 0.2


def test_each_candidate_may_have_a_spread_of_its_own_drawn_to_that_of_all() -> None:
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.normal(0, 1, 40), rng.normal(0, 9, 40)])
    labels, whom, groups = np.zeros(80), ["a"] * 40 + ["b"] * 40, list(range(80))
    common = CohortNorm().fit(x, labels, whom, groups)
    each = CohortNorm(each=True).fit(x, labels, whom, groups)
    assert {c.spread for c in common.numbers_.known.values()} == {None}
    narrow, wide = (each.numbers_.known[c].spread for c in ("a", "b"))
    assert narrow is not None
    assert wide is not None
    assert 1 < narrow < common.numbers_.spread < wide < 9.5
    assert each.transform([9.0], ["b"])[0] < common.transform([9.0], ["b"])[0]
    again = CohortNorm.from_numbers(
        CohortNumbers.model_validate_json(each.numbers_.model_dump_json())
    )
    assert again.transform([3.0, 3.0], ["a", "b"]).tolist() == pytest.approx(
        each.transform([3.0, 3.0], ["a", "b"]).tolist()
    )
