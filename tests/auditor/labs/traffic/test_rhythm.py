"""Arrivals: weeks, starts and gaps do what their numbers say."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from auditor.labs.traffic.book import Gap, Spread, load_book
from auditor.labs.traffic.mixing import below, fraction, mix
from auditor.labs.traffic.rhythm import (
    DAY,
    WEEK,
    Week,
    chance_starts,
    lengths,
    mean_length,
    timer_starts,
    volumes,
    within,
)

MONDAY = 1_772_409_600.0  # 2026-03-02, 00:00 UTC
HOURS = [0.0] * 9 + [1.0] * 8 + [0.0] * 7


def test_a_seed_depends_on_every_argument_and_their_order() -> None:
    n = np.arange(10_000)
    assert np.unique(mix(n, 1)).size == n.size
    assert not np.array_equal(mix(n, 1), mix(n, 2))
    assert mix(3, 4) != mix(4, 3)
    assert abs(fraction(mix(n, 5)).mean() - 0.5) < 0.02
    drawn = below(mix(n, 6), 7)
    assert set(drawn.tolist()) == set(range(7))


def test_when_undoes_amount_in_hours_that_are_busy() -> None:
    week = Week.of(HOURS, weekend=0.5)
    times = MONDAY + np.array([9.5, 12.0, 16.9, 24 + 10.0, 5 * 24 + 11.0]) * 3600
    assert np.allclose(week.when(week.amount(times)), times, atol=0.01)


def test_a_week_holds_seven_days_worth_and_its_weekend_is_thinner() -> None:
    week = Week.of(HOURS, weekend=0.5)
    days = week.amount(MONDAY + np.arange(8) * DAY)
    worth = np.diff(days)
    assert worth.sum() == pytest.approx(7)
    assert worth[5] == pytest.approx(worth[0] / 2)


def test_starts_come_at_their_rate_and_only_in_open_hours_of_the_zone() -> None:
    rng = np.random.default_rng(1)
    week = Week.of(HOURS, weekend=1)
    zones = np.full(200, 5 * 3600.0)
    who, times = chance_starts(rng, week, np.full(200, 3.0), zones, MONDAY, MONDAY + WEEK)
    assert abs(who.size / (200 * 7 * 3.0) - 1) < 0.05
    local = ((times + zones[who]) % DAY) / 3600
    assert local.min() >= 9 - 1e-3
    assert local.max() <= 17 + 1e-3


def test_stretches_share_a_log_without_losing_or_doubling_starts_of_a_timer() -> None:
    week, n = Week.of([1.0] * 24, 1), 50
    zones, seeds = np.zeros(n), mix(np.arange(n), 3)
    rng = np.random.default_rng(2)
    edges = MONDAY + np.arange(0, 15) * 0.5 * DAY
    counts = [
        timer_starts(rng, week, np.full(n, 4.0), zones, seeds, a, b)[0].size
        for a, b in itertools.pairwise(edges)
    ]
    assert sum(counts) == n * 4 * 7


@pytest.mark.parametrize(("shape", "low", "high"), [(0.5, 1.2, 1.7), (20, 0.15, 0.3)])
def test_gaps_are_bursty_below_shape_one_and_regular_far_above(
    shape: float, low: float, high: float
) -> None:
    rng = np.random.default_rng(3)
    counts = np.full(20, 2000)
    session, times = within(rng, np.zeros(20), counts, Gap(mean=10, shape=shape, pace=0))
    gaps = np.concatenate([np.diff(times[session == i]) for i in range(20)])
    assert gaps.mean() == pytest.approx(10, rel=0.05)
    assert low < gaps.std() / gaps.mean() < high


def test_sessions_are_as_long_on_average_as_the_mean_says() -> None:
    spread = Spread(median=4, sigma=0.9, most=80)
    drawn = lengths(np.random.default_rng(4), spread, 50_000)
    assert drawn.mean() == pytest.approx(mean_length(spread), rel=0.03)
    assert drawn.min() >= 1


def test_few_accounts_send_most() -> None:
    sent = np.sort(volumes(np.random.default_rng(5), load_book("first").kinds["rag"].tail, 20_000))
    assert sent.mean() == pytest.approx(1)
    assert sent[-2000:].sum() > 0.35 * sent.sum()
