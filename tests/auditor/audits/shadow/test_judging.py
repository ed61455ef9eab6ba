"""Weighing on invented shadows: who is supported, how strongly at most, and when nobody can be."""

from __future__ import annotations

import pytest

from auditor.audits.shadow.judging import JudgedShadows, judge
from auditor.audits.shadow.rates import distance, error_rates
from auditor.calibration.conclusions import concluded
from auditor.evidence.records import Verdict
from fingerprints.transcript import Transcript
from tests.detectors.inheritance.test_shadow_ratio import BASE, TAUGHT, said, shadows


def judged(suspect: Transcript, seeds: tuple[int, ...] = (1, 2, 3)) -> JudgedShadows:
    return judge(suspect, BASE, shadows(seeds), TAUGHT, "shadows abc")


def by_name(found: JudgedShadows) -> dict[str | None, Verdict]:
    return {v.candidate: v for v in found.verdicts}


def test_a_student_is_supported_for_its_teacher_and_for_nobody_else() -> None:
    found = judged(said("beta", 7, 0.5))
    outcomes = {name: v.outcome for name, v in by_name(found).items()}
    assert outcomes == {"alpha": "inconclusive", "beta": "supported", "gamma": "inconclusive"}
    # Too few students for more than weak words against anybody, and the words point the right way.
    assert all((by_name(found)[name].log10_lr or 0) < -0.5 for name in ("alpha", "gamma"))
    beta = by_name(found)["beta"]
    assert beta.log10_lr is not None
    assert beta.cap is not None
    assert beta.interval is not None
    # Nine students and three controls and the base: 13 shadows carry no more than 14.
    assert 1 <= beta.log10_lr <= beta.cap < 1.1461
    assert beta.interval[0] <= beta.log10_lr <= beta.interval[1]
    # Four other sources, so that the least p is 1/5, and Holm's correction for three candidates.
    assert beta.p_value == pytest.approx(0.6)
    finding = next(f for f in found.findings if f.candidate == "beta")
    assert (finding.calibration, finding.words, finding.log10_lr) == (
        "shadows abc",
        beta.words,
        beta.log10_lr,
    )


def test_one_who_learned_from_nobody_is_supported_for_nobody() -> None:
    found = judged(said("delta", 33))
    assert all(v.log10_lr is not None and v.log10_lr < -0.3 for v in found.verdicts)
    assert "supported" not in {v.outcome for v in found.verdicts}
    # Below even odds, but not below what clears anybody: nothing may be said.
    assert {v.outcome for v in found.verdicts} == {"inconclusive"}
    assert concluded(found.verdicts)[0] == "inconclusive"


def test_the_shadows_own_error_rates_are_told() -> None:
    found = judged(said("beta", 7, 0.5))
    (rate,) = error_rates(found)
    assert (rate.n_h1, rate.n_h2, rate.prompts) == (9, 13, 60)
    assert rate.cllr < 0.5
    assert rate.auc > 0.95
    assert rate.false_support_interval[0] <= rate.false_support <= rate.false_support_interval[1]
    assert distance(said("beta", 7, 0.5), shadows((1, 2, 3)), found) == ()


def test_without_a_second_seed_nobody_can_be_held_out_and_nothing_is_said() -> None:
    found = judged(said("beta", 7, 0.5), seeds=(1,))
    assert {v.outcome for v in found.verdicts} == {"not_assessable"}
    assert all("more seeds" in v.reason for v in found.verdicts)
    assert all(f.log10_lr is None and f.calibration is None for f in found.findings)


def test_a_candidate_without_students_is_told_with_the_reason() -> None:
    found = judge(said("beta", 7, 0.5), BASE, shadows((1, 2)), ("beta", "omega"), "shadows abc")
    assert by_name(found)["omega"].outcome == "not_assessable"
    assert [s.candidate for s in found.skipped] == ["omega"]
