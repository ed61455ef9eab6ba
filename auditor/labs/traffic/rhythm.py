"""When requests come: weeks of hours, starts of sessions, gaps within them. Arrays of seconds in,
arrays of seconds out; all chance comes from the generator that is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auditor.labs.traffic.book import Gap, Spread
from auditor.labs.traffic.mixing import fraction, mix

Seconds = NDArray[np.float64]
Indices = NDArray[np.int64]
DAY, WEEK = 86_400.0, 604_800.0
# 1970-01-01 was a Thursday: so many seconds after a Monday's midnight.
SINCE_MONDAY = 3 * DAY
# A session of any kind ends within so many draws of its length's mean; fixed, so that no seed of a
# log changes how many accounts it has.
MEAN_DRAWS = 20_000


@dataclass(frozen=True)
class Week:
    """How much of an average day's activity has passed at any second of local time."""

    cumulative: NDArray[np.float64]

    @classmethod
    def of(cls, hours: Sequence[float], weekend: float) -> Week:
        """A week of five days and two that are ``weekend`` times as busy; in all seven days'
        worth."""
        days = [np.asarray(hours, float) * (weekend if day > 4 else 1.0) for day in range(7)]
        passed = np.concatenate([[0.0], np.cumsum(np.concatenate(days))])
        return cls(passed / passed[-1] * 7.0)

    def amount(self, local: Seconds) -> Seconds:
        """Days' worth of activity until then."""
        weeks, rest = np.divmod(local + SINCE_MONDAY, WEEK)
        within_week = np.interp(rest, np.arange(169) * 3600.0, self.cumulative)
        return np.asarray(weeks * 7.0 + within_week)

    def when(self, amount: Seconds) -> Seconds:
        """The local second at which so much has passed: the inverse of `amount`."""
        weeks, rest = np.divmod(amount, 7.0)
        # Hours without any activity would make the inverse ambiguous; a grain of slope settles it.
        rising = self.cumulative + np.arange(169) * 1e-12
        seconds = np.interp(rest, rising, np.arange(169) * 3600.0)
        return np.asarray(weeks * WEEK + seconds - SINCE_MONDAY)


def spread_draws(rng: np.random.Generator, spread: Spread, n: int) -> Seconds:
    """Draws of a log-normal number, cut at its largest, at least 1."""
    drawn = spread.median * np.exp(spread.sigma * rng.standard_normal(n))
    return np.clip(drawn, 1.0, spread.most)


def mean_length(spread: Spread) -> float:
    """The mean number of requests of a session."""
    return float(lengths(np.random.default_rng(0), spread, MEAN_DRAWS).mean())


def lengths(rng: np.random.Generator, spread: Spread, n: int) -> Indices:
    """How many requests each of n sessions has."""
    return np.rint(spread_draws(rng, spread, n)).astype(np.int64)


def chance_starts(
    rng: np.random.Generator, week: Week, rates: Seconds, zones: Seconds, start: float, end: float
) -> tuple[Indices, Seconds]:
    """Starts of sessions by an inhomogeneous Poisson process: whose, and when (UTC).

    ``rates``: sessions a day of each account, ``zones``: its seconds east of Greenwich.
    """
    low, high = week.amount(start + zones), week.amount(end + zones)
    who = np.repeat(np.arange(rates.size), rng.poisson(rates * (high - low)))
    passed = low[who] + rng.random(who.size) * (high - low)[who]
    return who, np.clip(week.when(passed) - zones[who], start, end - 1e-3)


def timer_starts(
    rng: np.random.Generator,
    week: Week,
    rates: Seconds,
    zones: Seconds,
    seeds: NDArray[np.uint64],
    start: float,
    end: float,
) -> tuple[Indices, Seconds]:
    """Starts of sessions on a timer of each account's own period, at a place of the day that its
    seed and the week choose, a few seconds late."""
    period = DAY / rates
    middle = week.when(fraction(mix(seeds, 1))) - week.when(np.zeros(1))
    phase = np.mod(middle - zones, DAY)
    first = np.ceil((start - phase) / period)
    count = np.maximum(np.ceil((end - phase) / period) - first, 0).astype(np.int64)
    who = np.repeat(np.arange(rates.size), count)
    step = np.arange(who.size) - np.repeat(np.cumsum(count) - count, count)
    times = phase[who] + (first[who] + step) * period[who] + rng.gamma(2.0, 3.0, who.size)
    return who, np.clip(times, start, end - 1e-3)


def within(
    rng: np.random.Generator, starts: Seconds, counts: Indices, gap: Gap
) -> tuple[Indices, Seconds]:
    """The requests of sessions: which session each belongs to, and when it comes."""
    session = np.repeat(np.arange(starts.size), counts)
    pace = np.exp(gap.pace * rng.standard_normal(starts.size))
    gaps = rng.gamma(gap.shape, gap.mean / gap.shape, session.size) * pace[session]
    first = np.cumsum(counts) - counts
    gaps[first[counts > 0]] = 0.0
    passed = np.cumsum(gaps)
    return session, starts[session] + passed - np.repeat(
        passed[first[counts > 0]], counts[counts > 0]
    )


def volumes(rng: np.random.Generator, tail: float, n: int) -> Seconds:
    """How much more or less than the mean each of n accounts sends: Pareto, cut at 100 times the
    least, mean 1. Few accounts send most."""
    drawn = np.minimum((1.0 - rng.random(n)) ** (-1.0 / tail), 100.0)
    return np.asarray(drawn / drawn.mean())
