"""Shared wording: rarity by hand, makers' margins, students among strangers, and what is not
measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from detectors.base import Measurement, NotMeasured, Teacher, Value
from detectors.inheritance.shared_wording import SharedWording
from detectors.inheritance.wording_margins import contrasts
from detectors.lineup import lineup
from detectors.registry import load_detector
from detectors.style.wording import LEAST, Wording, _played, _runs, _said
from fingerprints.transcript import Transcript
from tests.detectors.authors import speaker, stored
from tests.detectors.strangers import case_of, teacher, writer

N = 30
COHORT = [stored(seed, N) for seed in range(6)]


def measured(suspect: Transcript, teachers: list[Teacher], candidate: int = 0) -> Measurement:
    result = SharedWording().fit(teachers, suspect).measure(case_of(suspect, teachers, candidate))
    assert isinstance(result, Measurement)
    return result


def test_the_registry_loads_it() -> None:
    assert isinstance(load_detector("shared_wording"), SharedWording)


def test_the_share_of_rare_words_by_hand() -> None:
    """One model says "red blue", one "red green"; the suspect "red blue": red is said by both,
    blue by one of two."""
    cohort = lineup([teacher(writer(n, 1), n) for n in ("a", "b")])
    wording = Wording([{0: "red blue"}, {0: "red green"}], ["Which one?"], cohort)
    found = wording.shared({0: "red blue"})
    red, one = np.log(3 / 2.5), np.log(3 / 1.5)
    with_b = red / (red + one)
    nothing = np.log(LEAST)
    assert found[0, 0] == pytest.approx((2 * np.log(1 + LEAST) + 2 * nothing) / 4, abs=1e-5)
    assert found[0, 1] == pytest.approx((np.log(with_b + LEAST) + 3 * nothing) / 4, abs=1e-5)


def test_a_stranger_plays_with_its_own_makers_words_left_out_of_what_is_rare() -> None:
    """Of single words: a1 plays among b and c alone, so that a2's words count for nothing; who
    is silent plays with nobody."""
    texts = {"a1": "red blue", "a2": "red pink", "b": "red blue green", "c": "blue grey", "d": ""}
    cohort = lineup([replace(teacher(writer(n, 1), n), vendor=n[0]) for n in texts])
    held = [set(t.split()) for t in texts.values()]
    said = [_said(*_runs(list(texts.values()), "Which one?")[0], 4)]
    found = _played(said[0], cohort.vendors, np.array([not t for t in texts.values()]))
    weight = {w: np.log(3 / (sum(w in h for h in held[2:]) + 0.5)) for h in held for w in h}
    shared, mine, theirs = (
        sum(weight[w] for w in words) for words in (held[0] & held[2], held[0], held[2])
    )
    assert found[0, 2] == pytest.approx(np.log(shared / np.sqrt(mine * theirs) + LEAST), abs=1e-5)
    assert np.isnan(found[0, :2]).all()
    whole = Wording([{0: t} for t in texts.values()], ["Which one?"], cohort).strangers[0]
    assert np.isnan(whole[4]).all()
    assert np.isnan(whole[:, 4]).all()
    assert np.isfinite(whole[0, 2:4]).all()


def test_words_of_the_prompt_do_not_count() -> None:
    cohort = lineup([teacher(writer(n, 1), n) for n in ("a", "b")])
    wording = Wording([{0: "red"}, {0: "green"}], ["Is it red?"], cohort)
    assert wording.shared({0: "red"})[0, 0] == pytest.approx(np.log(LEAST))


def test_a_maker_is_its_models_mean_against_the_best_other_maker() -> None:
    vendors = np.array(["a", "a", "b", "c"])
    scores = np.array([[1.0, 3.0, 0.5, 1.5], [np.nan, 1.0, np.nan, np.nan]])
    found = contrasts(scores, vendors)
    assert found[0].tolist() == [0.5, 0.5, -1.5, -0.5]
    assert np.isnan(found[1]).all()


def test_makers_that_are_level_are_each_the_others_best() -> None:
    found = contrasts(np.array([[1.0, 1.0, 0.0]]), np.array(["a", "b", "c"]))
    assert found.tolist() == [[0.0, 0.0, -1.0]]
    assert np.isnan(contrasts(np.array([[1.0, 2.0]]), np.array(["a", "a"]))).all()


def test_a_student_is_worded_like_its_author() -> None:
    student = speaker(0, N, salt=7)
    results = [measured(student, COHORT, i) for i in range(6)]
    assert results[0].value == max(r.value for r in results)
    assert results[0].rank is not None
    assert results[0].rank.position == 1
    assert results[0].null is not None
    assert results[0].null.p == pytest.approx(1 / 6)
    assert results[0].interval is not None
    assert results[0].interval[0] > 0
    assert {e.source for e in results[0].exhibits} <= {"suspect", "author-0"}
    assert all(0 <= s.start < s.end <= len(e.answer) for e in results[0].exhibits for s in e.spans)
    assert all(len(row) == len(t.columns) for r in results for t in r.tables for row in t.rows)


def test_the_bare_value_is_that_of_the_measurement() -> None:
    student = speaker(0, N, salt=7)
    fitted, case = SharedWording().fit(COHORT, student), case_of(student, COHORT)
    bare, whole = fitted.value(case), fitted.measure(case)
    assert isinstance(bare, Value)
    assert isinstance(whole, Measurement)
    assert (bare.value, bare.metric, bare.n) == (whole.value, whole.metric, whole.n)


def test_versions_of_one_maker_have_one_value() -> None:
    student = speaker(0, N, salt=7)
    twins = [*COHORT, Teacher("twin", "vendor-0", "synthetic", speaker(0, N, salt=3))]
    assert measured(student, twins, 0).value == measured(student, twins, 6).value > 0


def test_unrelated_writers_are_seldom_under_five_per_cent() -> None:
    rounds, low = 8, 0
    for world in range(rounds):
        teachers = [teacher(writer(f"{world}/{i}", 24), f"m{i:02d}") for i in range(20)]
        result = measured(writer(f"{world}/suspect", 24), teachers)
        assert result.null is not None
        assert result.null.n == 19
        low += (result.null.p or 1.0) <= 0.05
    assert low <= stats.binom.ppf(0.995, rounds, 0.05)


def test_models_of_one_vendor_count_as_makers_of_their_own() -> None:
    student = speaker(0, N, salt=7)
    siblings = [Teacher(t.name, "one", t.family, t.transcript) for t in COHORT[:4]]
    result = measured(student, siblings)
    assert result.value > 0
    assert any("one vendor" in note for note in result.notes)


def test_few_prompts_or_a_lone_model_are_not_measured() -> None:
    short, student = speaker(0, 19, salt=7), speaker(0, N, salt=7)
    assert isinstance(
        SharedWording().fit(COHORT, short).measure(case_of(short, COHORT)), NotMeasured
    )
    assert isinstance(
        SharedWording().fit(COHORT[:1], student).measure(case_of(student, COHORT[:1])), NotMeasured
    )


def test_a_fit_on_more_prompts_than_the_suspect_answered_gives_the_same_value() -> None:
    student = speaker(0, 24, salt=7)
    case = case_of(student, COHORT)
    wide, narrow = (
        SharedWording().fit(COHORT).measure(case),
        SharedWording().fit(COHORT, student).measure(case),
    )
    assert isinstance(wide, Measurement)
    assert isinstance(narrow, Measurement)
    assert wide.value == pytest.approx(narrow.value)


def test_the_order_of_the_models_counts_for_nothing() -> None:
    student = speaker(0, N, salt=7)
    one = SharedWording().fit(COHORT, student).measure(case_of(student, COHORT))
    assert one == SharedWording().fit(COHORT[::-1], student).measure(case_of(student, COHORT))
