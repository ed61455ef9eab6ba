"""One maker's models among each other: a difference on every prompt tells them apart, noise
doesn't, and which of them is named first counts for nothing."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.inheritance.siblings import among_siblings, two_sided_p
from detectors.lineup import Lineup, lineup
from detectors.measurement import AmongSiblings
from tests.detectors.authors import stored

PROMPTS = 60


def models(*makers: str) -> Lineup:
    from dataclasses import replace

    return lineup(
        [replace(stored(i + 1, 1), name=f"m{i}", vendor=maker) for i, maker in enumerate(makers)]
    )


def shares(seed: int, *means: float) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.asarray(rng.normal(0, 0.3, (PROMPTS, len(means))) + np.array(means))


def told(centred: np.ndarray, line: Lineup, place: int) -> AmongSiblings:
    found = among_siblings(centred, line, place)
    assert found is not None
    return found


def test_the_nearest_is_told_from_its_siblings_where_it_is_nearer_on_most_prompts() -> None:
    line = models("Acme", "acme", "ACME", "Bolt")
    centred = shares(0, 0.0, 0.5, 0.0, 9.0)
    first = told(centred, line, 1)
    assert (first.position, first.of, first.prompts) == (1, 3, PROMPTS)
    assert set(first.p_values) == {"m0", "m2"}
    assert max(first.p_values.values()) <= 0.01
    assert told(centred, line, 0).p_values == {}
    assert told(centred, line, 0).position in (2, 3)


def test_equal_siblings_are_told_apart_at_most_as_often_as_the_test_allows() -> None:
    line = models("Acme", "Acme", "Bolt")
    rounds = 200
    apart = 0
    for seed in range(rounds):
        centred = shares(seed, 0.0, 0.0, 0.0)
        first = max((told(centred, line, i) for i in (0, 1)), key=lambda f: f.score)
        apart += max(first.p_values.values()) <= 0.05
    assert apart <= 18  # 5 % of 200, and its binomial spread


def test_only_prompts_that_all_siblings_answered_count() -> None:
    line, centred = models("Acme", "Acme", "Bolt"), shares(0, 0.0, 0.5, 0.0)
    centred[:35, 0] = np.nan
    assert told(centred, line, 1).prompts == PROMPTS - 35
    centred[:45, 0] = np.nan
    assert among_siblings(centred, line, 0) is None


def test_a_maker_with_one_model_and_a_store_of_one_maker_have_no_siblings() -> None:
    centred = shares(0, 0.0, 0.5, 0.0)
    assert among_siblings(centred, models("Acme", "Acme", "Bolt"), 2) is None
    assert among_siblings(centred, models("Acme", "Acme", "Acme"), 1) is None


def test_the_p_of_flipped_signs_is_exact_and_two_sided() -> None:
    steps = np.array([[1.0], [1.0], [1.0], [1.0]])
    assert two_sided_p(steps, flips=20_000)[0] == pytest.approx(2 / 16, abs=0.01)
    assert two_sided_p(-steps, flips=20_000)[0] == pytest.approx(2 / 16, abs=0.01)
    assert two_sided_p(np.zeros((4, 1)))[0] == 1.0
