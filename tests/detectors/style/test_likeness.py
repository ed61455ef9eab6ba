"""Bets on likeness: decided for a student, not for strangers more often than promised, the same
when looked at again."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.base import Teacher
from detectors.style.likeness import Sequential, betting_order
from tests.detectors.authors import Author, speaker, stored, transcript

N = 60


@pytest.fixture(scope="module")
def teachers() -> list[Teacher]:
    return [stored(seed, N) for seed in range(1, 7)]


@pytest.fixture(scope="module")
def watched(teachers: list[Teacher]) -> Sequential:
    return Sequential(teachers)


def test_a_student_is_decided_before_all_is_asked(watched: Sequential) -> None:
    student = transcript([Author(3).write(i, salt=9) for i in range(N)], "student")
    bets = {b.vendor: b for b in watched.bets(student, taught=0.8)}
    after, decision = bets["vendor-3"].decided(0.05 / 6)
    assert decision == "more"
    assert after is not None
    assert after < N
    assert bets["vendor-3"].rate > 0.9
    others = [bets[v].decided(0.05 / 6)[1] for v in bets if v != "vendor-3"]
    assert "more" not in others
    assert others.count("less") >= 3


def test_where_many_strangers_are_known_another_is_hardly_ever_called_more_alike(
    watched: Sequential,
) -> None:
    level = max(
        float(watched.shares(speaker(seed, N)).mean(axis=0).max()) for seed in range(200, 230)
    )
    found = [
        b.decided(0.05 / 6)[1]
        for seed in range(300, 330)
        for b in watched.bets(speaker(seed, N), untaught=level)
    ]
    assert len(found) == 180
    assert found.count("more") <= 3


def test_five_stored_strangers_alone_are_a_weak_null(watched: Sequential) -> None:
    found = [
        b.decided(0.05 / 6)[1] for seed in range(300, 330) for b in watched.bets(speaker(seed, N))
    ]
    assert (
        0.05 < found.count("more") / 180 < 0.4
    )  # about 1 in 6 must be expected: the report says so


def test_the_level_of_the_taught_is_bet_against_only_where_it_is_known(watched: Sequential) -> None:
    assert all(b.log10_less is None for b in watched.bets(speaker(999, N)))


def test_shares_are_between_nothing_and_all_and_average_a_half(watched: Sequential) -> None:
    shares = watched.shares(speaker(999, N))
    assert shares.shape == (N, 6)
    assert ((shares >= 0) & (shares <= 1)).all()
    assert np.allclose(shares.mean(axis=1), 0.5)


def test_more_answers_change_no_earlier_bet(watched: Sequential, teachers: list[Teacher]) -> None:
    whole = speaker(999, N)
    order = sorted(whole.probes.values(), key=lambda p: betting_order(p.prompt_sha256()))
    early = {p.id for p in order[:30]}
    part = type(whole)(
        whole.header, whole.probes, tuple(r for r in whole.replies if r.probe_id in early)
    )
    for one, two in zip(watched.bets(part), watched.bets(whole), strict=True):
        assert np.allclose(one.log10_more, two.log10_more[:30])


def test_three_vendors_are_too_few_to_bet_on(teachers: list[Teacher]) -> None:
    few = Sequential(teachers[:3])
    assert few.attribution is None
    assert few.bets(speaker(999, N)) == []
