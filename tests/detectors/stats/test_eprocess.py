"""Evidence that may be looked at after every answer."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from detectors.stats.eprocess import log10_capital


@pytest.mark.parametrize(
    ("kind", "mean"), [("coin", 0.1), ("coin", 0.5), ("beta", 0.3), ("dependent", 0.5)]
)
def test_of_500_true_nulls_looked_at_after_every_answer_at_most_the_stated_share_is_rejected(
    kind: str, mean: float
) -> None:
    rng = np.random.default_rng(0)
    if kind == "beta":
        x = rng.beta(3 * mean, 3 * (1 - mean), size=(500, 300))
    elif kind == "coin":
        x = (rng.random((500, 300)) < mean).astype(float)
    else:  # each number's spread follows the one before it, its mean does not
        x = np.full((500, 300), mean)
        for i in range(1, 300):
            wide = np.where(x[:, i - 1] > mean, 0.5, 0.05)
            x[:, i] = mean + wide * np.where(rng.random(500) < 0.5, 1, -1)
    most = stats.binom.ppf(0.999, 500, 0.05)
    for side in ("above", "below"):
        assert (log10_capital(x, mean, side).max(axis=1) >= -np.log10(0.05)).sum() <= most


def test_a_p_value_recomputed_after_every_answer_would_reject_far_too_often() -> None:
    x = (np.random.default_rng(0).random((500, 300)) < 0.5).astype(float)
    n = np.arange(1, 301)
    naive = stats.binom.sf(x.cumsum(axis=1) - 1, n, 0.5).min(axis=1) <= 0.05
    assert naive.sum() > 2 * stats.binom.ppf(0.999, 500, 0.05)


def test_where_the_mean_is_higher_the_bet_is_won_and_sooner_the_higher_it_is() -> None:
    rng = np.random.default_rng(1)
    stops = []
    for truth in (0.5, 0.8):
        rich = log10_capital((rng.random((100, 300)) < truth).astype(float), 0.3) >= -np.log10(0.05)
        assert rich.any(axis=1).mean() >= 0.95
        stops.append(np.median(rich.argmax(axis=1)))
    assert stops[1] < stops[0] / 2


def test_one_stream_and_many_at_once_are_the_same_sum() -> None:
    x = np.random.default_rng(2).random((3, 40))
    for side in ("above", "below"):
        many = log10_capital(x, 0.4, side)
        for row, found in zip(x, many, strict=True):
            assert log10_capital(row, 0.4, side) == pytest.approx(found, abs=1e-10)
        # What was won before does not depend on what comes later.
        assert log10_capital(x[:, :10], 0.4, side) == pytest.approx(many[:, :10], abs=1e-10)


def test_the_first_bets_worked_by_hand() -> None:
    # m = 0.4: before any number μ̂ = ½ and σ̂² = ¼, so λ = 0.1/(0.25 + 0.01) = 0.3846. After x = 1:
    # K = 1 + 0.3846·0.6.
    first, second = 10 ** log10_capital([1.0, 1.0], 0.4)
    assert first == pytest.approx(1 + 0.6 * 0.1 / 0.26)
    # μ̂ = 1.5/2, σ̂² = (¼ + ¼²)/2 = 0.15625: λ = 0.35/(0.15625 + 0.1225) = 1.2556, cut to ½/0.4 =
    # 1.25.
    assert second / first == pytest.approx(1 + 0.6 * 1.25)


def test_what_was_won_can_be_lost_again_and_the_best_still_rejects() -> None:
    capital = log10_capital([1.0] * 20 + [0.0] * 40, 0.5)
    assert capital.max() >= -np.log10(0.05)
    assert capital[-1] < capital.max()


@pytest.mark.parametrize(
    ("numbers", "mean"), [([1.2], 0.5), ([0.5], 1.0), ([0.2, float("nan")], 0.5), ([], 0.5)]
)
def test_numbers_and_means_that_make_no_bet_are_refused(numbers: list[float], mean: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        log10_capital(numbers, mean)
