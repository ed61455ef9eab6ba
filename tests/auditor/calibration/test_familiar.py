"""A suspect that is like nobody of known history is given no verdict, however near it seems to a
maker."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.calibration.apply import REFUSALS, weighed
from auditor.calibration.case import weigh_case
from auditor.calibration.conclusions import concluded
from auditor.calibration.familiar import familiarity_told, least_familiar
from auditor.calibration.record import Calibration, write_calibration
from auditor.calibration.rows import KnownModel
from auditor.evidence.groups import groups_of
from auditor.evidence.records import Candidate, Finding
from detectors.base import Case, Measurement, Teacher
from detectors.inheritance.shared_wording import SharedWording
from detectors.measurement import AmongSiblings
from fingerprints.transcript import Transcript
from tests.auditor.calibration.population import known, student
from tests.auditor.calibration.test_apply import candidates, findings
from tests.detectors.authors import Author, speaker, stored, transcript

N = 40


def paired() -> list[Teacher]:
    """Six models of three makers."""
    return [
        Teacher(t.name, f"maker-{i // 2}", t.family, t.transcript)
        for i, t in enumerate(stored(seed, N) for seed in range(1, 7))
    ]


def measured(suspect: Transcript) -> list[Finding]:
    teachers = paired()
    detector = SharedWording().fit(teachers, suspect)
    out = []
    for t in teachers:
        found = detector.measure(Case(suspect, t, tuple(o for o in teachers if o is not t)))
        assert isinstance(found, Measurement)
        out.append(Finding.of(found, "inheritance", "shared_wording", t.name))
    return out


def of_makers() -> list[Candidate]:
    makers = {t.name: t.vendor for t in paired()}
    return [c.model_copy(update={"vendor": makers[c.name]}) for c in candidates()]


def strange() -> Transcript:
    """A suspect that says none of the words that anybody else says."""
    return transcript([f"qua{i} zor{i} wen{i} bli{i} tos{i}" for i in range(N)], "strange")


def with_level(found: list[Finding], level: float) -> list[Finding]:
    """Findings of wording, as if every model came so near."""
    near = AmongSiblings(score=level, position=1, of=2, prompts=N)
    more = [
        f.model_copy(update={"detector": "shared_wording", "siblings": near, "candidate": c})
        for f in found[:1]
        for c in ("author-1", "author-2")
    ]
    return [*found, *more]


def twins() -> list[Candidate]:
    """The candidates, the first two of one maker."""
    return [
        c.model_copy(update={"vendor": "vendor-2"}) if c.name == "author-1" else c
        for c in candidates()
    ]


def test_the_findings_tell_what_the_detector_measures() -> None:
    suspect = student(777, 3)
    told = familiarity_told(measured(suspect), groups_of(of_makers()))
    whole = SharedWording().fit(paired(), suspect).familiarity(suspect)
    assert told == pytest.approx(whole, abs=1e-4)  # findings are rounded


def test_whoever_says_what_nobody_says_is_less_familiar_than_any_known_model() -> None:
    models = [KnownModel(k.name, k.group, k.transcript) for k in known()]
    least = least_familiar(models, paired())
    told = familiarity_told(measured(strange()), groups_of(of_makers()))
    assert least is not None
    assert told is not None
    assert told < least
    fresh = familiarity_told(measured(student(901, 2)), groups_of(of_makers()))
    assert fresh is not None
    assert fresh >= least


def test_a_stranger_of_new_habits_is_between() -> None:
    texts = [Author(31).write(i, salt=7) for i in range(N)]
    told = familiarity_told(measured(transcript(texts, "new")), groups_of(of_makers()))
    assert told is not None
    strange_told = familiarity_told(measured(strange()), groups_of(of_makers()))
    assert strange_told is not None
    assert strange_told < told


def test_makers_of_one_model_and_guests_tell_nothing() -> None:
    found = measured(student(777, 3))
    assert familiarity_told(found, groups_of(candidates())) is None
    every = {c.name for c in of_makers()}
    assert familiarity_told(found, groups_of(of_makers()), guests=every) is None


@pytest.mark.parametrize(("level", "refused"), [(-1.5, True), (-0.7, False)])
def test_below_the_least_familiar_model_nothing_is_supported_and_nothing_cleared(
    calibration: Calibration, level: float, refused: bool
) -> None:
    bound = calibration.model_copy(update={"least_familiar": -0.75})
    found = with_level(findings(student(777, 3)), level)
    told = weighed(found, twins(), bound)
    codes = {v.reason_code == "unlike_all_known" for v in told.verdicts}
    assert codes == {refused}
    assert ("supported" in {v.outcome for v in told.verdicts}) is not refused
    assert (concluded(told.verdicts)[0] == "not_assessable") is refused
    if refused:
        assert told.used  # so that no farther calibration is tried in its place
        assert "-1.50" in told.verdicts[0].reason
        assert "-0.75" in told.verdicts[0].reason


def test_a_calibration_that_does_not_know_refuses_nobody(calibration: Calibration) -> None:
    assert calibration.least_familiar is None
    told = weighed(with_level(findings(student(777, 3)), -9.0), twins(), calibration)
    assert not {v.reason_code for v in told.verdicts} & set(REFUSALS)


def test_a_refusal_is_told_with_the_calibration_that_refused(
    calibration: Calibration, tmp_path: Path
) -> None:
    path = tmp_path / "bound.json"
    write_calibration(path, calibration.model_copy(update={"least_familiar": 0.5}))
    case = weigh_case(str(path), with_level(findings(student(777, 3)), 0.0), twins(), speaker(1, N))
    assert case.section is not None
    assert {v.outcome for v in case.verdicts} == {"not_assessable"}
