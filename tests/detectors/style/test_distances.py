"""Distances between models over the prompts that all of them answered."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.style.distances import apart, mean_apart, resampled
from tests.detectors.strangers import prose

PROMPTS = 30


def writer(name: str, like: str = "", share: float = 0.0) -> dict[int, str]:
    """Prose of its own about each prompt's words; the first ``share`` of each answer in
    another's words."""
    kept = round(40 * share)
    return {
        i: f"{prose(f'topic {i}', 20)} {prose(f'{like} {i}', 40)[: 6 * kept]} {prose(f'{name} {i}', 40 - kept)}"
        for i in range(PROMPTS)
    }


def test_whoever_shares_words_is_nearer_than_whoever_shares_the_topic_alone() -> None:
    models = [writer("a"), writer("b", "a", 0.5), writer("c"), writer("d"), writer("e")]
    d = mean_apart(apart(models, PROMPTS))
    off = d + 9 * np.eye(5)
    assert divmod(int(off.argmin()), 5) == (0, 1)
    assert d[0, 1] < 0.9 < np.delete(off[2:].ravel(), off[2:].ravel() > 5).min()
    assert np.allclose(d, d.T)
    assert not np.diag(d).any()


def test_the_same_answers_are_at_distance_nothing_and_order_counts_for_nothing() -> None:
    models = [writer("a"), writer("b"), writer("a"), writer("c")]
    d = mean_apart(apart(models, PROMPTS))
    assert d[0, 2] == pytest.approx(0, abs=1e-6)
    turned = mean_apart(apart(models[::-1], PROMPTS))
    assert turned[::-1, ::-1] == pytest.approx(d, abs=1e-6)


def test_a_topic_shared_by_all_moves_no_distance_much() -> None:
    plain = [{i: prose(f"{name} {i}", 40) for i in range(PROMPTS)} for name in "abcd"]
    topical = [
        {i: f"{prose(f'topic {i}', 20)} {text}" for i, text in said.items()} for said in plain
    ]
    assert mean_apart(apart(topical, PROMPTS)) == pytest.approx(
        mean_apart(apart(plain, PROMPTS)), abs=0.1
    )


def test_two_models_are_compared_as_they_are() -> None:
    d = mean_apart(apart([writer("a"), writer("b")], PROMPTS))
    assert 0 < d[0, 1] < 1
    assert mean_apart(apart([writer("a"), writer("a")], PROMPTS))[0, 1] == pytest.approx(
        0, abs=1e-6
    )


def test_models_that_all_say_the_same_are_nowhere_apart() -> None:
    assert not mean_apart(apart([writer("a")] * 3, PROMPTS)).any()


def test_whole_clusters_are_redrawn_and_a_seed_repeats_them() -> None:
    cube = np.zeros((4, 2, 2), dtype=np.float32)
    cube[:2, 0, 1] = cube[:2, 1, 0] = 1.0
    found = [d[0, 1] for d in resampled(cube, ["q", "q", "r", "r"], 50, seed=0)]
    assert set(found) <= {0.0, 0.5, 1.0}
    assert len(set(found)) == 3
    assert found == [d[0, 1] for d in resampled(cube, ["q", "q", "r", "r"], 50, seed=0)]
    assert found != [d[0, 1] for d in resampled(cube, ["q", "q", "r", "r"], 50, seed=1)]


def test_a_missing_answer_is_refused() -> None:
    with pytest.raises(ValueError, match="every prompt"):
        apart([{0: "a", 1: "b"}, {0: "a"}], 2)
