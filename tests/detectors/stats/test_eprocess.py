"""Evidence that may be looked at after every answer."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from detectors.stats.eprocess import EProcess, log10_capital


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


def test_one_process_and_many_streams_are_the_same_sum() -> None:
    x = np.random.default_rng(2).random(40)
    for side in ("above", "below"):
        process = EProcess(0.4, side)
        for number in x:
            process = process.after(float(number))
        assert process.log10_capital == pytest.approx(log10_capital(x, 0.4, side)[-1], abs=1e-10)
        assert process.log10_best == pytest.approx(
            max(0.0, log10_capital(x, 0.4, side).max()), abs=1e-10
        )
        assert process.p_value == pytest.approx(10**-process.log10_best)


def test_the_first_bets_worked_by_hand() -> None:
    # m = 0.4: before any number μ̂ = ½ and σ̂² = ¼, so λ = 0.1/(0.25 + 0.01) = 0.3846. After x = 1:
    # K = 1 + 0.3846·0.6.
    process = EProcess(0.4)
    assert process.bet() == pytest.approx(0.1 / 0.26)
    process = process.after(1.0)
    assert 10**process.log10_capital == pytest.approx(1 + 0.6 * 0.1 / 0.26)
    # μ̂ = 1.5/2, σ̂² = (¼ + ¼²)/2 = 0.15625: λ = 0.35/(0.15625 + 0.1225) = 1.2556, cut to ½/0.4 =
    # 1.25.
    assert process.bet() == pytest.approx(1.25)


def test_what_was_won_is_not_lost_again() -> None:
    process = EProcess(0.5)
    for number in [1.0] * 20 + [0.0] * 40:
        process = process.after(number)
    assert process.rejects(0.05)
    assert process.log10_capital < process.log10_best


def test_numbers_and_levels_that_make_no_bet_are_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        EProcess(0.5).after(1.2)
    with pytest.raises(ValueError, match="between 0 and 1"):
        EProcess(1.0)
    with pytest.raises(ValueError, match="alpha"):
        EProcess(0.5).rejects(1.0)
    with pytest.raises(ValueError, match="between 0 and 1"):
        log10_capital([0.2, float("nan")], 0.5)
