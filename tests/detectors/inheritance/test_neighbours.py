"""Nearest stored answers: by hand, hubs corrected, among unrelated models and for students."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from detectors.base import Measurement, NotMeasured, Teacher
from detectors.inheritance.neighbours import Neighbours
from detectors.registry import load_detector
from detectors.text.nearness import cosines, cosines_to, hits, hubness
from fingerprints.transcript import Transcript
from tests.detectors.authors import speaker, stored
from tests.detectors.strangers import case_of, teacher, writer

N = 30
COHORT = [stored(seed, N) for seed in range(6)]


def measured(suspect: Transcript, teachers: list[Teacher], candidate: int = 0) -> Measurement:
    result = Neighbours().fit(teachers, suspect).measure(case_of(suspect, teachers, candidate))
    assert isinstance(result, Measurement)
    return result


def unit(*rows: tuple[float, float]) -> np.ndarray:
    found = np.array(rows, dtype=np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_the_registry_loads_it() -> None:
    assert isinstance(load_detector("neighbours"), Neighbours)


def test_csls_takes_the_hub_out_by_hand() -> None:
    """The hub lies between all; the raw cosine sends the suspect to it, CSLS to the answer that
    is near to nobody else."""
    stored_answers = unit((1.0, 0.0), (1.0, 1.0), (1.0, 0.9), (0.9, 1.0))[:, None, :]
    suspect = unit((1.0, 0.48))
    vendors = np.array(["a", "b", "c", "d"])
    raw = cosines_to(suspect, stored_answers)
    hubs = hubness(cosines(stored_answers), vendors, np.ones(4, dtype=bool))
    assert hubs[0, 0] == pytest.approx(
        (np.cos(np.pi / 4) + 1 / np.hypot(1, 0.9) + 0.9 / np.hypot(1, 0.9)) / 3, abs=1e-5
    )
    rivals = np.array([False, True, True, True])
    assert hits(raw, 0, rivals).tolist() == [0.0]
    assert hits(2 * raw - hubs, 0, rivals).tolist() == [1.0]


def test_a_tie_is_shared_and_a_missing_answer_does_not_count() -> None:
    scores = np.array([[0.5, 0.5, 0.1], [np.nan, 0.2, 0.1], [0.9, np.nan, np.nan]])
    found = hits(scores, 0, np.array([False, True, True]))
    assert found[0] == 0.5
    assert np.isnan(found[1:]).all()


def test_a_student_is_nearest_to_its_author() -> None:
    student = speaker(0, N, salt=7)
    results = [measured(student, COHORT, i) for i in range(6)]
    assert results[0].value == max(r.value for r in results)
    assert results[0].rank is not None
    assert results[0].rank.position == 1
    assert results[0].null is not None
    assert results[0].null.p == pytest.approx(1 / 6)
    assert results[0].interval is not None
    assert results[0].interval[0] > 0
    assert {e.source for e in results[0].exhibits} == {"suspect", "author-0"}
    assert all(0 <= s.start < s.end <= len(e.answer) for e in results[0].exhibits for s in e.spans)
    assert all(len(row) == len(t.columns) for r in results for t in r.tables for row in t.rows)


def test_versions_of_one_vendor_do_not_split_the_share() -> None:
    student = speaker(0, N, salt=7)
    twin = Teacher("twin", "vendor-0", "synthetic", speaker(0, N, salt=3))
    assert measured(student, [*COHORT, twin]).value > 0.9 * measured(student, COHORT).value


def test_unrelated_writers_are_seldom_under_five_per_cent() -> None:
    rounds, low, values = 10, 0, []
    for world in range(rounds):
        teachers = [teacher(writer(f"{world}/{i}", 24), f"m{i:02d}") for i in range(20)]
        result = measured(writer(f"{world}/suspect", 24), teachers)
        assert result.null is not None
        assert result.null.n == 19
        values.append(result.value)
        low += (result.null.p or 1.0) <= 0.05
    assert low <= stats.binom.ppf(0.995, rounds, 0.05)
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(rounds)


def test_without_a_stranger_who_could_play_the_expectation_is_chance() -> None:
    student = speaker(0, N, salt=7)
    result = measured(student, COHORT[:2])
    assert result.null is not None
    assert (result.null.n, result.null.p) == (0, None)
    assert result.tables[0].rows[0][4] == 0.5
    assert any("chance" in note for note in result.notes)


def test_few_prompts_or_a_lone_model_are_not_measured() -> None:
    short, student = speaker(0, 19, salt=7), speaker(0, N, salt=7)
    assert isinstance(Neighbours().fit(COHORT, short).measure(case_of(short, COHORT)), NotMeasured)
    assert isinstance(
        Neighbours().fit(COHORT[:1], student).measure(case_of(student, COHORT[:1])), NotMeasured
    )


def test_the_order_of_the_models_counts_for_nothing() -> None:
    student = speaker(0, N, salt=7)
    one = Neighbours().fit(COHORT, student).measure(case_of(student, COHORT))
    assert one == Neighbours().fit(COHORT[::-1], student).measure(case_of(student, COHORT))
