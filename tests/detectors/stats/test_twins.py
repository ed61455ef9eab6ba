"""Served or twin: no false alarms whatever answers are like, power where something was learned, and
an e-value that may be watched."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detectors.stats.exact_sum import exact_sum
from detectors.stats.twins import (
    adjusted,
    log10_e_path,
    power_at,
    scaled,
    served_or_twin,
    units_needed,
)

N, M = 96, 3
LOOKS = range(32, N + 1, 16)


def drawn(rng: np.random.Generator, learned: float = 0.0, share: float = 1.0) -> tuple:
    """A suspect's scores of answers that differ in length and in how likely base and teacher find
    them; the served ones, in a share of rows, learned."""
    length = rng.lognormal(3, 0.5, size=(N, M + 1))
    base, teacher = (
        -2 * length + rng.normal(size=length.shape),
        -length + rng.normal(size=length.shape),
    )
    suspect = 0.7 * base + 0.2 * teacher - 0.1 * length + rng.standard_t(3, size=length.shape)
    suspect[: int(share * N), 0] += learned
    return suspect, [base, teacher, length]


def test_innocents_are_rejected_as_often_as_chance_says_with_or_without_adjustment() -> None:
    rng = np.random.default_rng(0)
    for known in (True, False):
        p, e = [], []
        for _ in range(200):
            suspect, covariates = drawn(rng)
            found = served_or_twin(suspect, covariates if known else ())
            p.append(found.p_value)
            e.append(found.log10_path.max())
        assert np.mean(np.array(p) <= 0.05) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 200)
        assert 0.42 < np.mean(p) < 0.58
        # Ville: the capital ever reaches 20 in at most one run of 20.
        assert np.mean(np.array(e) >= math.log10(20)) <= 0.05


def test_what_was_learned_shows_and_the_adjustment_is_what_shows_it() -> None:
    suspect, covariates = drawn(np.random.default_rng(1), learned=1.5)
    found, bare = served_or_twin(suspect, covariates), served_or_twin(suspect)
    assert found.p_value < 1e-8 < 1e-4 < bare.p_value
    assert 3 < found.log10_e < -found.test.log10_p


def test_the_fit_does_not_know_which_answer_was_served() -> None:
    rng = np.random.default_rng(2)
    suspect, covariates = drawn(rng, learned=2.0)
    order = np.argsort(rng.random(suspect.shape), axis=1)

    def turn(table: np.ndarray) -> np.ndarray:
        return np.take_along_axis(table, order, axis=1)

    mixed = adjusted(turn(suspect), [turn(c) for c in covariates])
    np.testing.assert_allclose(mixed, turn(adjusted(suspect, covariates)), atol=1e-9)
    np.testing.assert_allclose(mixed.sum(axis=1), 0, atol=1e-9)


def test_a_covariate_that_never_varies_or_comes_twice_changes_nothing() -> None:
    suspect, (base, teacher, length) = drawn(np.random.default_rng(3), learned=1.0)
    plain = served_or_twin(suspect, [base, teacher, length])
    more = served_or_twin(suspect, [base, teacher, length, np.full_like(base, 7.0), base])
    assert more.test.log10_p == pytest.approx(plain.test.log10_p, abs=0.05)


def test_a_suspect_that_is_its_base_says_nothing() -> None:
    _, (base, teacher, _) = drawn(np.random.default_rng(4))
    found = served_or_twin(base, [base, teacher])
    assert found.p_value == 1.0
    assert found.log10_e == pytest.approx(0.0)


def test_the_sequence_of_e_values_is_a_martingale_also_where_the_fit_grows_with_what_is_seen() -> (
    None
):
    rng = np.random.default_rng(6)
    capital, stopped = [], []
    for _ in range(200):
        suspect, covariates = drawn(rng)
        path = served_or_twin(suspect, covariates, LOOKS).log10_path
        capital.append(10 ** path[-1])
        stopped.append(10 ** next((v for v in path if v >= 1), path[-1]))
    for won in (capital, stopped):
        assert np.mean(won) <= 1 + 3 * np.std(won) / math.sqrt(len(won))
    learned, covariates = drawn(rng, learned=2.0)
    assert served_or_twin(learned, covariates, LOOKS).log10_e > 4


def test_what_was_won_does_not_change_when_more_is_seen() -> None:
    suspect, covariates = drawn(np.random.default_rng(7), learned=1.0)
    for looks in (LOOKS, (29, 30, 64, 71)):
        whole = served_or_twin(suspect, covariates, looks).log10_path
        seen = [k for k in looks if k <= 64]
        part = served_or_twin(suspect[:64], [c[:64] for c in covariates], seen).log10_path
        np.testing.assert_allclose(whole[:64], part, atol=1e-12)
    for bad in ((0, 16), (len(suspect) + 1,)):
        with pytest.raises(ValueError, match="look"):
            served_or_twin(suspect, covariates, bad)


def test_one_bet_alone_would_lose_where_the_mixture_wins() -> None:
    table = scaled(drawn(np.random.default_rng(8), learned=0.4)[0])
    assert log10_e_path(table)[-1] > -1


def test_the_mean_of_the_bets_is_one_over_all_relabellings() -> None:
    rng = np.random.default_rng(9)
    table = rng.normal(size=(3, 3))
    won = []
    for a in range(3):
        for b in range(3):
            for c in range(3):
                rolled = np.stack([np.roll(table[i], -j) for i, j in enumerate((a, b, c))])
                won.append(10 ** log10_e_path(rolled)[-1])
    assert np.mean(won) == pytest.approx(1.0)


def test_the_plan_says_how_many_and_its_power_holds() -> None:
    assert units_needed(0.5, 0.1) == pytest.approx((6.03 / 0.05) ** 2, rel=0.01)
    assert power_at(units_needed(0.5, 0.5, p=0.001), 0.5, 0.5) == pytest.approx(0.9, abs=0.002)
    assert units_needed(0.5, 0.1, p=1e-50) == pytest.approx((16.2 / 0.05) ** 2, rel=0.02)
    rng = np.random.default_rng(10)
    n, hits = units_needed(0.5, 1.0, p=0.001), 0
    for _ in range(200):
        table = scaled(adjusted(rng.normal(size=(n, 4)), ()))
        table[:, 0] += 0.5 * 4 / 3  # centred within its row, a half
        hits += exact_sum(table).p_value <= 0.001
    assert 0.82 < hits / 200 < 0.96


@pytest.mark.parametrize(
    ("scores", "covariates"),
    [
        ([[1.0, math.nan]], []),
        ([[1.0, 2.0]], [[[1.0, math.inf]]]),
        ([[1.0, 2.0]], [[[1.0, 2.0, 3.0]]]),
        ([[1.0], [2.0]], []),
        ([], []),
    ],
)
def test_what_is_not_a_whole_table_is_refused(scores: list, covariates: list) -> None:
    with pytest.raises(ValueError, match=r"table|finite|shape"):
        served_or_twin(scores, covariates)


@pytest.mark.parametrize("bad", [(0.0, 0.1), (0.5, 0.0), (0.5, 1.2), (math.nan, 0.5)])
def test_a_plan_of_nothing_is_refused(bad: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="above zero"):
        units_needed(*bad)
