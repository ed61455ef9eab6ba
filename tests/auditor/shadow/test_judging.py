"""Weighing on invented shadows: who is supported, how strongly at most, and when nobody can be."""

from __future__ import annotations

import pytest

from auditor.evidence import Verdict
from auditor.shadow.judging import Judged, judge, outcome_of
from auditor.weight import weigh
from detectors.lr_bounds import Bounds
from fingerprints.transcript import Transcript
from tests.detectors.test_shadow_ratio import BASE, TAUGHT, said, shadows


def judged(suspect: Transcript, seeds: tuple[int, ...] = (1, 2, 3)) -> Judged:
    return judge(suspect, BASE, shadows(seeds), TAUGHT, "shadows abc")


def by_name(found: Judged) -> dict[str | None, Verdict]:
    return {v.candidate: v for v in found.verdicts}


def test_a_student_is_supported_for_its_teacher_and_for_nobody_else() -> None:
    found = judged(said("beta", 7, 0.5))
    outcomes = {name: v.outcome for name, v in by_name(found).items()}
    assert outcomes == {"alpha": "not_supported", "beta": "supported", "gamma": "not_supported"}
    beta = by_name(found)["beta"]
    assert beta.log10_lr is not None
    assert beta.cap is not None
    assert beta.interval is not None
    # Nine students and three controls and the base: 13 shadows carry no more than 14.
    assert 0.301 < beta.log10_lr <= beta.cap < 1.1461
    assert beta.interval[0] <= beta.log10_lr <= beta.interval[1]
    # Four other sources, so that the least p is 1/5, and Holm's correction for three candidates.
    assert beta.p_value == pytest.approx(0.6)
    finding = next(f for f in found.findings if f.candidate == "beta")
    assert (finding.calibration, finding.words, finding.log10_lr) == ("shadows abc", beta.words, beta.log10_lr)


def test_one_who_learned_from_nobody_is_supported_for_nobody() -> None:
    assert {v.outcome for v in judged(said("delta", 33)).verdicts} == {"not_supported"}


def test_without_a_second_seed_nobody_can_be_held_out_and_nothing_is_said() -> None:
    found = judged(said("beta", 7, 0.5), seeds=(1,))
    assert {v.outcome for v in found.verdicts} == {"not_assessable"}
    assert all("more seeds" in v.reason for v in found.verdicts)
    assert all(f.log10_lr is None and f.calibration is None for f in found.findings)


def test_a_candidate_without_students_is_told_with_the_reason() -> None:
    found = judge(said("beta", 7, 0.5), BASE, shadows((1, 2)), ("beta", "omega"), "shadows abc")
    assert by_name(found)["omega"].outcome == "not_assessable"
    assert [s.candidate for s in found.skipped] == ["omega"]


@pytest.mark.parametrize(
    ("ratio", "interval", "outcome"),
    [(0.9, (0.1, 1.0), "supported"), (0.9, (-0.1, 1.0), "inconclusive"), (0.2, (0.1, 0.3), "inconclusive"),
     (-0.9, (-1.0, -0.1), "not_supported"), (-0.9, (-1.0, 0.1), "inconclusive")],
)  # fmt: skip
def test_an_outcome_needs_words_and_an_interval_on_one_side(ratio: float, interval: tuple[float, float], outcome: str) -> None:
    wide = Bounds(elub_low=-2, elub_high=2, models_low=-2.0043213, models_high=2.0043213, n_h1=100, n_h2=100)
    assert outcome_of(weigh(ratio, wide, interval)) == outcome
