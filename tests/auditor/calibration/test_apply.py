"""A case under a calibration: capped words in both directions, Holm over candidates, third
sources, what lies outside."""

from __future__ import annotations

import pytest

from auditor.calibration.apply import third_source, vendors_of, weighed
from auditor.calibration.case import weigh_case
from auditor.calibration.conclusions import concluded
from auditor.calibration.record import Calibration
from auditor.evidence.records import Candidate, Finding, Verdict
from auditor.evidence.weight import reaches
from detectors.base import Case, Measurement
from detectors.registry import load_detector
from fingerprints.records import Identity
from fingerprints.transcript import Transcript
from tests.auditor.calibration.population import (
    NAMES,
    PROMPTS,
    STRANGERS,
    STUDENTS,
    student,
    teachers,
)
from tests.detectors.authors import speaker

pytestmark = pytest.mark.timeout(400)  # the population is measured once, on a busy machine slowly


def findings(suspect: Transcript) -> list[Finding]:
    out = []
    stored = teachers()
    for name in NAMES:
        fitted = load_detector(name).fit(stored, suspect)
        for teacher in stored:
            found = fitted.measure(
                Case(suspect, teacher, tuple(t for t in stored if t is not teacher))
            )
            assert isinstance(found, Measurement)
            out.append(Finding.of(found, "inheritance", name, teacher.name))
    return out


def candidates() -> list[Candidate]:
    return [
        Candidate(
            name=t.name,
            vendor=t.vendor,
            family="",
            identity=Identity(kind="recording", name=t.name),
            n_answers=PROMPTS,
            n_shared=PROMPTS,
            answers_sha256="0" * 64,
        )
        for t in teachers()
    ]


@pytest.fixture(scope="module")
def taught(calibration: Calibration) -> dict[str, Verdict]:
    found = weighed(findings(student(777, 3)), candidates(), calibration)
    return {str(v.candidate): v for v in found.verdicts}


def test_the_teacher_of_a_new_student_is_supported_and_nobody_else(
    taught: dict[str, Verdict],
) -> None:
    assert len(taught) == 12
    for name in ("author-3", "vendor:vendor-3"):
        told = taught[name]
        assert told.outcome == "supported"
        assert told.log10_lr is not None
        assert told.cap is not None
        assert 1.0 <= told.log10_lr <= told.cap
        assert "support" in (told.words or "")
        assert told.n_controls == STUDENTS + STRANGERS
        assert {p.detector for p in told.parts} == set(NAMES)
    others = [v for name, v in taught.items() if not name.endswith("-3")]
    assert all(v.outcome != "supported" for v in others)


def test_p_values_are_raised_for_the_number_of_candidates_and_never_below_what_so_many_controls_allow(
    taught: dict[str, Verdict],
) -> None:
    told = taught["author-3"]
    assert told.p_single is not None
    assert told.p_value is not None
    assert told.p_single >= 1 / (STUDENTS + STRANGERS + 1) - 1e-5
    assert told.p_value == pytest.approx(min(1.0, 6 * told.p_single), rel=1e-3)


def test_nobody_is_supported_for_a_model_that_nobody_taught(calibration: Calibration) -> None:
    found = weighed(findings(speaker(901, PROMPTS)), candidates(), calibration)
    assert all(v.outcome != "supported" for v in found.verdicts)
    assert concluded(found.verdicts)[0] in ("none_of_the_candidates", "inconclusive")


def test_a_finding_carries_its_own_ratio_and_the_calibrations_name(
    calibration: Calibration,
) -> None:
    found = weighed(findings(student(777, 3)), candidates(), calibration)
    mine = [f for f in found.findings if f.candidate == "author-3"]
    assert all(f.calibration == "authors" and f.log10_lr is not None and f.words for f in mine)


def test_too_few_prompts_and_another_metric_are_not_assessed_and_say_why(
    calibration: Calibration,
) -> None:
    few = [f.model_copy(update={"n": PROMPTS - 1}) for f in findings(student(777, 3))]
    told = weighed(few, candidates(), calibration)
    assert {v.outcome for v in told.verdicts} == {"not_assessable"}
    assert all(
        "begins at 40 prompts; this comparison rests on 39" in v.reason for v in told.verdicts
    )
    other = [
        f.model_copy(update={"metric_id": "another_number"}) for f in findings(student(777, 3))
    ]
    told = weighed(other, candidates(), calibration)
    assert {v.outcome for v in told.verdicts} == {"not_assessable"}
    assert all(f.log10_lr is None for f in told.findings)


def test_a_store_of_too_few_vendors_is_not_assessed(calibration: Calibration) -> None:
    told = weighed(findings(student(777, 3)), candidates()[:2], calibration)
    assert {v.outcome for v in told.verdicts} == {"not_assessable"}
    assert all("models of 2 vendors, too few" in v.reason for v in told.verdicts)
    assert told.used == ()


def test_one_candidate_of_a_large_store_is_weighed_and_its_vendor_only_where_all_of_it_was_asked(
    calibration: Calibration,
) -> None:
    one = [c for c in candidates() if c.name == "author-3"]
    mine = [f for f in findings(student(777, 3)) if f.candidate == "author-3"]
    whole = {
        str(v.candidate): v
        for v in weighed(mine, one, calibration, vendors_of(candidates())).verdicts
    }
    assert set(whole) == {"author-3", "vendor:vendor-3"}
    assert whole["author-3"].outcome == "supported"
    partly = weighed(mine, one, calibration, {**vendors_of(candidates()), "author-3b": "Vendor-3"})
    assert [v.candidate for v in partly.verdicts] == ["author-3"]


def test_a_reader_is_sent_to_the_vendors_verdict_only_where_there_is_one(
    calibration: Calibration,
) -> None:
    one = [c for c in candidates() if c.name == "author-4"]
    mine = [f for f in findings(student(777, 3)) if f.candidate == "author-4"]
    whole = vendors_of(candidates())
    with_vendor = {
        str(v.candidate): v.reason for v in weighed(mine, one, calibration, whole).verdicts
    }
    assert "read the vendor's verdict first" in with_vendor["author-4"]
    (partly,) = weighed(mine, one, calibration, {**whole, "author-4b": "Vendor-4"}).verdicts
    assert "other stored models were not weighed" in partly.reason
    nobodys = one[0].model_copy(update={"vendor": ""})
    (alone,) = weighed(
        mine, [nobodys], calibration, {**whole, "author-4": "", "author-5": ""}
    ).verdicts
    assert alone.reason == ""


def test_a_model_with_the_candidates_weights_is_that_model_and_not_its_student(
    calibration: Calibration,
) -> None:
    same = [c.model_copy(update={"same_weights": c.name == "author-3"}) for c in candidates()]
    told = {v.candidate: v for v in weighed(findings(student(777, 3)), same, calibration).verdicts}
    assert told["author-3"].outcome == "not_assessable"
    assert "vendor:vendor-3" not in told


def vendor(name: str, log10_lr: float) -> Verdict:
    outcome = "supported" if log10_lr >= 1 else "inconclusive"
    return Verdict(
        question="inheritance",
        candidate=f"vendor:{name}",
        outcome=outcome,
        log10_lr=log10_lr,
        cap=2.5,
        words="…",
    )


def test_several_supported_vendors_may_have_a_common_third_source() -> None:
    told = third_source([vendor("acme", 1.3), vendor("bolt", 1.1), vendor("core", 0.4)])
    assert [(v.outcome, v.third_source) for v in told] == [
        ("inconclusive", True),
        ("inconclusive", True),
        ("inconclusive", False),
    ]
    assert "common third source" in told[0].reason.lower()
    assert concluded(told)[0] == "common_third_source"
    assert reaches(told, "weak")  # the third by itself
    assert not reaches(told[:2], "weak")


def test_the_strongest_of_several_stays_where_it_is_ten_times_ahead() -> None:
    told = third_source([vendor("acme", 2.2), vendor("bolt", 1.1)])
    assert [(v.outcome, v.third_source) for v in told] == [
        ("supported", False),
        ("inconclusive", True),
    ]
    conclusion, sentence = concluded(told)
    assert conclusion == "supported"
    assert "explained by it as well" in sentence


def test_one_supported_vendor_and_none_at_all_are_ordinary_answers() -> None:
    alone = [vendor("acme", 1.3), vendor("bolt", -0.5)]
    assert third_source(alone) == alone
    assert concluded(alone)[0] == "supported"
    assert concluded([vendor("acme", -0.2), vendor("bolt", -0.5)])[0] == "none_of_the_candidates"
    assert concluded([vendor("acme", 0.2), vendor("bolt", -0.5)])[0] == "inconclusive"
    assert concluded([])[0] == "not_assessable"


def test_a_case_outside_of_the_population_is_told_so(calibration: Calibration) -> None:
    suspect = student(777, 3)
    longer = Transcript(
        suspect.header,
        suspect.probes,
        tuple(r.model_copy(update={"text": r.text * 9}) for r in suspect.replies),
    )
    from auditor.calibration.case import distance

    found = weighed(findings(suspect), candidates(), calibration)
    assert distance(calibration, found, vendors_of(candidates()), suspect) == ()
    told = distance(calibration, found, vendors_of(candidates()[:2]), longer)
    assert any("characters" in line for line in told)
    assert any("vendors" in line for line in told)


def test_without_a_calibration_every_verdict_says_why_there_is_none() -> None:
    case = weigh_case("none", findings(student(777, 3)), candidates(), student(777, 3))
    assert case.section is None
    assert {v.outcome for v in case.verdicts} == {"not_assessable"}
    assert all("not a verdict" in v.reason for v in case.verdicts)


def test_models_that_were_passed_over_count_in_the_correction_of_models_alone(
    calibration: Calibration,
) -> None:
    found, everyone = findings(student(777, 3)), candidates()
    usual, larger = (
        {v.candidate: v for v in weighed(found, everyone, calibration, None, (), more).verdicts}
        for more in (0, 1000)
    )
    for name, verdict in usual.items():
        assert verdict.p_value is not None
        after = larger[name].p_value
        assert after is not None
        if (name or "").startswith("vendor:"):
            assert after == verdict.p_value
        else:
            assert after >= verdict.p_value
            assert larger[name].p_single == verdict.p_single
    assert larger["author-3"].p_value == 1.0


def test_a_guest_counts_for_no_vendor(calibration: Calibration) -> None:
    twin = candidates()[3].model_copy(update={"name": "twin"})
    found = findings(student(777, 3))
    guest = [
        f.model_copy(update={"candidate": "twin", "value": f.value + 5})
        for f in found
        if f.candidate == twin.name or f.candidate == candidates()[3].name
    ]
    whose = f"vendor:{twin.vendor.casefold()}"
    everyone = [*candidates(), twin]
    without = weighed(found, candidates(), calibration).verdicts
    beside = weighed([*found, *guest], everyone, calibration, None, {"twin"}).verdicts
    inside = weighed([*found, *guest], everyone, calibration).verdicts
    parts = [
        next(v.parts for v in verdicts if v.candidate == whose)
        for verdicts in (without, beside, inside)
    ]
    assert parts[0] == parts[1] != parts[2]
