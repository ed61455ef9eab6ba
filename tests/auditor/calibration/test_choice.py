"""The calibration of the nearest population, or none."""

from __future__ import annotations

import pytest

from auditor.calibration.case import SHIPPED, weigh_case
from auditor.calibration.choice import (
    language_of,
    nearer_than,
    nearest_first,
    none_fits,
    told_apart,
)
from auditor.calibration.record import Calibration, Range, shipped_calibrations
from auditor.evidence.records import Candidate
from fingerprints.records import Arm, Identity, Probe, Reply, Status
from fingerprints.transcript import Header, Transcript

SAID = {
    "en": "The answer is that water boils at a lower temperature where the air is thin.",
    "ja": "気圧が低い場所では、水はより低い温度で沸騰します。これは山の上でよく知られています。",
    "ko": "기압이 낮은 곳에서는 물이 더 낮은 온도에서 끓습니다. 산 위에서 잘 알려진 사실입니다.",
    "de": "Wo die Luft dünn ist, kocht das Wasser schon bei einer niedrigeren Temperatur.",
}


def suspect(*texts: str) -> Transcript:
    probes = {f"q/{i}": Probe(id=f"q/{i}", text=f"Why? {i}") for i in range(len(texts))}
    replies = tuple(
        Reply(probe_id=f"q/{i}", arm=Arm.RECORDED, status=Status.OK, text=text)
        for i, text in enumerate(texts)
    )
    return Transcript(
        Header(spec="x", identity=Identity(kind="recording", name="x")), probes, replies
    )


def like(calibration: Calibration, name: str, middle: float, *languages: str) -> Calibration:
    known = calibration.population
    span = known.characters.model_copy(update={"low": 1.0, "middle": middle, "high": 9e9})
    about = known.model_copy(update={"languages": languages, "characters": span})
    return calibration.model_copy(update={"name": name, "population": about})


@pytest.mark.parametrize("language", SAID)
def test_the_language_is_that_of_most_answers(language: str) -> None:
    assert language_of(suspect(*[SAID[language]] * 30)) == language
    assert language_of(suspect(*[SAID[language]] * 30, *["```\nx = 1\n```"] * 20)) == language


def test_answers_in_many_languages_are_of_none() -> None:
    assert language_of(suspect(*SAID.values())) == "und"
    assert language_of(suspect()) == "und"


def test_the_population_with_answers_as_long_comes_first(calibration: Calibration) -> None:
    short = like(calibration, "short", 80.0, "en")
    long = like(calibration, "long", 4000.0, "en")
    foreign = like(calibration, "foreign", 80.0, "ja")
    every = (long, foreign, short)
    assert [c.name for c in nearest_first(every, suspect(*[SAID["en"]] * 30))] == ["short", "long"]
    lengthy = suspect(*[SAID["en"] * 40] * 30)
    narrow = short.model_copy(
        update={
            "population": short.population.model_copy(
                update={"characters": Range(low=60.0, middle=80.0, high=100.0)}
            )
        }
    )
    assert [c.name for c in nearest_first((narrow, long), lengthy)] == ["long"]
    assert [c.name for c in nearest_first(every, lengthy)] == ["long", "short"]
    assert [c.name for c in nearest_first(every, suspect(*[SAID["ja"]] * 30))] == ["foreign"]


def test_a_calibration_that_says_no_language_is_for_all(calibration: Calibration) -> None:
    silent = like(calibration, "silent", 80.0)
    assert nearest_first((silent,), suspect(*[SAID["ko"]] * 30)) == (silent,)
    assert none_fits((silent,), suspect(*[SAID["ko"]] * 30)) == ""


def test_every_shipped_calibration_says_whose_answers_it_was_fitted_on() -> None:
    for shipped in shipped_calibrations():
        assert shipped.population.languages, shipped.name
        assert shipped.population.era, shipped.name
        assert shipped.at("vendor", 64) is not None, shipped.name


def test_where_no_population_fits_that_is_said_and_nothing_is_weighed() -> None:
    korean = suspect(*[SAID["ko"]] * 30)
    candidate = Candidate(
        name="gpt-4o",
        vendor="OpenAI",
        family="gpt",
        identity=Identity(kind="recording", name="gpt-4o"),
        n_answers=30,
        n_shared=30,
        answers_sha256="0" * 64,
    )
    told = weigh_case(SHIPPED, (), (candidate,), korean)
    (verdict,) = told.verdicts
    assert (verdict.outcome, verdict.reason_code) == ("not_assessable", "no_population")
    assert "Korean" in verdict.reason
    assert "English" in verdict.reason
    assert told.section is None


def test_a_calibration_that_reads_nothing_of_what_was_found_comes_after_one_that_does() -> None:
    brief = suspect(*["The bridge is old and it was made of stone."] * 30)
    shipped = shipped_calibrations()
    assert nearest_first(shipped, brief)[0].name == "small-controls"
    readable, unread = told_apart(shipped, brief, {"stylistic_overlap"})
    assert {c.name for c in readable} == {"english-2023", "english-2024"}
    assert [c.name for c in unread] == ["small-controls"]
    assert [c.name for c in nearer_than(readable[0], unread, brief)] == ["small-controls"]
    by_base = told_apart(shipped, brief, {"movement"})[0]
    assert [c.name for c in by_base] == ["small-controls"]
    nothing = told_apart(shipped, brief, ())
    assert [c.name for c in nothing[1]] == ["small-controls"]
    alone = shipped[-1:]
    assert told_apart(alone, brief, ()) == (alone, ())
