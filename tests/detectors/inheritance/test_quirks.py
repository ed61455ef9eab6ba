"""Shared wrong answers: by hand, under letter habits, among unrelated models and for planted
copies."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from detectors.base import Measurement, NotMeasured
from detectors.inheritance.quirks import Quirks
from detectors.registry import load_detector
from detectors.stats.wrong_answers import Sheet, agreement, own_errors, usual_errors
from tests.detectors.strangers import case_of, chooser, errors_of, teacher


def sheet(*rows: list[int]) -> Sheet:
    n = len(rows[0])
    return Sheet(np.array(rows), np.zeros(n, dtype=np.int64), np.full(n, 4))


def measured(suspect: str, others: list[str], candidate: int = 0) -> Measurement | NotMeasured:
    teachers = [
        teacher(chooser(letters, f"m{i:02d}"), f"m{i:02d}") for i, letters in enumerate(others)
    ]
    said = chooser(suspect)
    return Quirks().fit(teachers, said).measure(case_of(said, teachers, candidate))


def test_the_registry_loads_it() -> None:
    assert isinstance(load_detector("quirks"), Quirks)


def test_usual_errors_are_counted_and_smoothed_by_two_models() -> None:
    found = sheet([1], [1], [2], [0])
    usual = usual_errors(found.errors(), found.possible, np.array([True] * 4))
    assert usual[0] == pytest.approx([0, (2 + 2 / 3) / 5, (1 + 2 / 3) / 5, (2 / 3) / 5])


def test_kappa_by_hand_without_habits() -> None:
    one, other = [1, 2, 3] * 10, [1, 2, 3, 2, 3, 1] * 5
    found = sheet(one, other)
    result = agreement(
        *found.errors(), usual_errors(found.errors(), found.possible, np.zeros(2, dtype=bool))
    )
    assert result.expected == pytest.approx(np.full(30, 1 / 3), abs=1e-4)
    assert result.kappa == pytest.approx((0.5 - 1 / 3) / (1 - 1 / 3), abs=1e-3)


def test_a_models_own_letter_rates_are_reproduced() -> None:
    found = sheet([1] * 160 + [2] * 30 + [3] * 10)
    usual = usual_errors(found.errors(), found.possible, np.array([False]))
    own = own_errors(usual, found.errors()[0])
    assert own[0] == pytest.approx([0, 0.8, 0.15, 0.05], abs=0.005)


def test_two_models_that_always_say_b_are_no_kin() -> None:
    result = measured("B" * 120, ["B" * 120, *errors_of(1, 8)])
    assert isinstance(result, NotMeasured)
    assert "letter habits" in result.reason


def test_two_models_that_mostly_say_c_are_expected_to_agree() -> None:
    dice = np.random.default_rng(5)
    rows = [
        "".join("C" if dice.random() < 0.8 else "ABD"[dice.integers(3)] for _ in range(120))
        for _ in range(2)
    ]
    result = measured(rows[0], [rows[1], *errors_of(1, 8)])
    assert isinstance(result, Measurement)
    assert result.interval is not None
    assert result.interval[0] < 0 < result.interval[1]


def test_too_few_shared_errors_are_not_measured() -> None:
    result = measured("AB" * 60, errors_of(1, 4))
    assert isinstance(result, NotMeasured)
    assert result.reason.startswith("only 0 choices")


def test_a_planted_copy_is_found_and_its_answers_are_quoted() -> None:
    rows = errors_of(3, 13)
    dice = np.random.default_rng(0)
    student = "".join(
        t if dice.random() < 0.5 else own for t, own in zip(rows[0], rows[12], strict=True)
    )
    result = measured(student, rows[:12])
    assert isinstance(result, Measurement)
    assert result.null is not None
    assert result.rank is not None
    assert result.rank.position == 1
    assert result.null.p == pytest.approx(1 / 12)
    assert result.interval is not None
    assert result.interval[0] > 0
    assert {e.source for e in result.exhibits} == {"suspect", "m00"}
    assert all(e.answer[s.start : s.end] in "ABCD" for e in result.exhibits for s in e.spans)
    assert all(len(row) == len(t.columns) for t in result.tables for row in t.rows)


def test_a_suspect_cannot_change_which_option_is_right() -> None:
    rows = errors_of(3, 6)
    said = chooser(rows[0])
    twisted = {k: p.model_copy(update={"answer": "delta"}) for k, p in said.probes.items()}
    teachers = [teacher(chooser(letters, f"m{i}"), f"m{i}") for i, letters in enumerate(rows[1:])]
    plain = Quirks().measure(case_of(said, teachers))
    other = Quirks().measure(case_of(type(said)(said.header, twisted, said.replies), teachers))
    assert isinstance(plain, Measurement)
    assert isinstance(other, Measurement)
    assert plain.value == other.value


def test_unrelated_models_are_seldom_under_five_per_cent() -> None:
    rounds, low = 24, 0
    for world in range(rounds):
        rows = errors_of(100 + world, 22)
        result = measured(rows[0], rows[1:])
        assert isinstance(result, Measurement)
        assert result.null is not None
        assert result.null.n >= 19
        low += (result.null.p or 1.0) <= 0.05
    assert low <= stats.binom.ppf(0.995, rounds, 0.05)


def test_the_order_of_the_models_counts_for_nothing() -> None:
    rows = errors_of(7, 6)
    said = chooser(rows[0])
    teachers = [teacher(chooser(letters, f"m{i}"), f"m{i}") for i, letters in enumerate(rows[1:])]
    one = Quirks().fit(teachers, said).measure(case_of(said, teachers))
    other = Quirks().fit(teachers[::-1], said).measure(case_of(said, teachers))
    assert one == other
