"""Dealt habits: found where they were learned, and by chance no oftener than promised."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.inheritance.canary_habits import HabitCount, counts, fits, power_of, smallest
from detectors.text.habits import bank

IDS = list(bank())


def suspect(rng: np.random.Generator, habits: dict[str, float], n: int) -> dict[str, HabitCount]:
    """Someone with ``n`` answers that has some habits of its own, whoever dealt what."""
    return {
        id: HabitCount(int(rng.binomial(n, habits.get(id, 0.001))), n, bank()[id].usual)
        for id in IDS
    }


def test_a_suspect_with_an_accounts_habits_fits_it_and_nobody_else() -> None:
    rng = np.random.default_rng(0)
    dealt = [list(rng.permutation(IDS)[:6]) for _ in range(40)]
    found = suspect(rng, dict.fromkeys(dealt[7], 0.06), 200)
    p = fits(found, dealt)
    assert np.argmin(p) == 7
    assert p[7] == pytest.approx(smallest(36, 6))
    assert sorted(p)[1] > 0.001


def test_by_chance_an_account_fits_no_oftener_than_promised() -> None:
    """A suspect with strong habits of its own, and 600 accounts dealt by lot."""
    rng = np.random.default_rng(1)
    found = suspect(rng, {IDS[3]: 0.5, IDS[8]: 0.2, IDS[20]: 0.1}, 150)
    p = np.array(fits(found, [list(rng.permutation(IDS)[:6]) for _ in range(600)]))
    for alpha in (0.01, 0.05, 0.2):
        assert np.mean(p <= alpha) <= alpha + 3 * np.sqrt(alpha * (1 - alpha) / 600)


def test_a_common_habit_weighs_what_it_exceeds_the_usual() -> None:
    assert HabitCount(30, 100, 0.3).weight == pytest.approx(0, abs=6)
    assert HabitCount(30, 100, 0.001).weight > 500
    assert HabitCount(0, 100, 0.3).weight < 0


def test_a_base_says_what_is_usual_where_there_is_one() -> None:
    one = dict.fromkeys(IDS, 0) | {IDS[0]: 20}
    with_base = counts(one, 100, bank(), one, 100)
    without = counts(one, 100, bank())
    assert abs(with_base[IDS[0]].weight) < 60 < without[IDS[0]].weight


def test_the_power_rises_with_what_is_expected() -> None:
    found = suspect(np.random.default_rng(2), {}, 200)
    weak, strong = (power_of(found, 6, share, 0.001) for share in (0.005, 0.05))
    assert weak < 0.5
    assert strong > 0.9
    assert power_of(found, 6, 0.05, 0.001) == strong
