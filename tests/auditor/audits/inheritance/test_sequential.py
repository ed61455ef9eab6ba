"""`--sequential`: stops when it is enough, resumes to the same, tells what it saved; refuses a
store that is too small."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from auditor.audits.inheritance.document import _told
from auditor.audits.inheritance.sequential import (
    TOLD_BY,
    SequentialWatch,
    levels_for,
    told_language,
)
from auditor.calibration.record import shipped_calibrations
from auditor.cli import run
from detectors.style.likeness import betting_order
from fingerprints.collect import STOPPED, Stop, collect
from fingerprints.records import Arm, Identity, Probe, ProbeSet, Reply, Request, Sampling, Status
from fingerprints.store import FingerprintStore
from fingerprints.subjects.base import Subject
from fingerprints.transcript import Transcript, load_transcript
from tests.auditor.calibration.population import student, teachers, write_store, write_transcript
from tests.detectors.authors import Author

N = 40


class Speaker(Subject):
    """A subject with the habits of an author, that counts what it is asked."""

    spec = "author:3"
    identity = Identity(kind="checkpoint", name="author-3s")

    def __init__(self) -> None:
        self.asked: list[str] = []

    def generate(self, requests: Sequence[Request]) -> Iterator[Reply]:
        for request in requests:
            self.asked.append(request.probe.id)
            text = Author(3).write(int(request.probe.id.rpartition("/")[2]), salt=5)
            yield Reply(probe_id=request.probe.id, arm=request.arm, status=Status.OK, text=text)


def topics() -> ProbeSet:
    probes = tuple(Probe(id=f"style/{i:03d}", text=f"Tell me about topic {i}.") for i in range(N))
    return ProbeSet(name="style", version="1", probes=probes, arms=(Arm.OWN,))


def test_asking_stops_when_it_is_enough_and_asks_no_more_when_run_again(tmp_path: Path) -> None:
    watch = SequentialWatch(teachers(), 0.2, ())
    stop = Stop(
        watch.stop().order,
        lambda t: any(b.decided(0.05)[1] == "more" for b in watch.bets(t)),
        every=8,
    )
    subject = Speaker()
    first = collect(subject, [topics()], Sampling(), tmp_path / "t.jsonl", stop=stop)
    assert 8 <= len(subject.asked) < N
    assert first.complete
    assert [e.kind for e in first.events] == [STOPPED]
    again = collect(subject, [topics()], Sampling(), tmp_path / "t.jsonl", stop=stop)
    assert again.digest() == first.digest()
    assert len(subject.asked) == len(set(subject.asked)) == len(first.replies)
    told = watch.section(first, N)
    assert (told.asked, told.planned, told.stopped) == (len(first.replies), N, True)


def test_without_enough_all_is_asked_once(tmp_path: Path) -> None:
    subject = Speaker()
    stop = Stop(lambda r: (r.probe.id,), lambda t: False, every=16)
    made = collect(subject, [topics()], Sampling(), tmp_path / "t.jsonl", stop=stop)
    assert made.complete
    assert made.events == ()
    assert sorted(subject.asked) == [p.id for p in topics().probes]


def test_recorded_answers_tell_how_many_would_have_been_enough(tmp_path: Path) -> None:
    store = write_store(tmp_path / "store")
    suspect = write_transcript(tmp_path / "suspect.jsonl", student(777, 3, share=1.0))
    out = tmp_path / "report"
    flags = [
        "--store",
        str(store),
        "--out",
        str(out),
        "--detectors",
        "neighbours",
        "--sequential",
        "--alpha",
        "0.2",
        "--calibration",
        "none",
    ]
    assert run(["audit", str(suspect), *flags]) == 0
    told = json.loads((out / "report.json").read_text("utf-8"))["sequential"]
    row = next(r for r in told["rows"] if r["vendor"] == "vendor-3")
    assert row["decision"] == "more"
    assert 0 < row["after"] <= N
    assert not told["stopped"]
    assert "Asked until it was enough" in (out / "report.html").read_text("utf-8")
    assert "sequential: 0.2" in (out / "plan.yaml").read_text("utf-8")


def test_a_store_of_few_vendors_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with FingerprintStore.create(tmp_path / "few") as store:
        for teacher in teachers()[:2]:
            store.add(teacher.transcript, name=teacher.name, vendor=teacher.vendor, family="")
    suspect = write_transcript(tmp_path / "suspect.jsonl", student(777, 3))
    assert (
        run(
            [
                "audit",
                str(suspect),
                "--store",
                str(tmp_path / "few"),
                "--out",
                str(tmp_path / "r"),
                "--sequential",
            ]
        )
        == 2
    )
    assert "at least four vendors" in capsys.readouterr().err


def test_a_transcript_that_stopped_early_is_read_back_as_complete(tmp_path: Path) -> None:
    stop = Stop(lambda r: (r.probe.id,), lambda t: len(t.replies) >= 8, every=8)
    collect(Speaker(), [topics()], Sampling(), tmp_path / "t.jsonl", stop=stop)
    read: Transcript = load_transcript(tmp_path / "t.jsonl")
    assert read.complete
    assert len(read.replies) == 8


SAID = {
    "en": "The answer is that water boils at a lower temperature where the air is thin.",
    "ja": "気圧が低い場所では、水はより低い温度で沸騰します。これは山の上でよく知られています。",
    "ko": "기압이 낮은 곳에서는 물이 더 낮은 온도에서 끓습니다. 산 위에서 잘 알려진 사실입니다.",
}


def saying(first: str, then: str, n: int = N) -> Transcript:
    """Answers of which the first ones in betting order are in one language, the others in
    another."""
    answered = student(777, 3)
    order = sorted(answered.probes.values(), key=lambda p: betting_order(p.prompt_sha256()))[:n]
    said = {p.id: SAID[first if i < TOLD_BY else then] for i, p in enumerate(order)}
    replies = tuple(
        r.model_copy(update={"text": said[r.probe_id]})
        for r in answered.replies
        if r.probe_id in said
    )
    return Transcript(answered.header, answered.probes, replies)


def test_the_levels_are_those_of_models_that_answer_in_the_suspects_language() -> None:
    shipped = shipped_calibrations()
    for language in ("en", "ja"):
        known = levels_for(shipped, language)
        assert known is not None
        assert known.population.languages == (language,)
        assert known.taught_share is not None
        theirs = [c.untaught_share for c in shipped if c.population.languages == (language,)]
        assert known.untaught_share == max(share for share in theirs if share is not None)
    assert levels_for(shipped, "ko") is None
    assert levels_for(shipped, "und") is None
    nowhere = shipped[0].model_copy(
        update={"population": shipped[0].population.model_copy(update={"languages": ()})}
    )
    assert levels_for((nowhere,), "und") is nowhere


def test_later_answers_change_no_level_of_a_running_bet() -> None:
    assert told_language(saying("ja", "ja", TOLD_BY)) == "ja"
    assert told_language(saying("ja", "en")) == "ja"
    assert told_language(saying("ja", "ja", TOLD_BY - 1)) == "und"


def test_a_suspect_of_a_language_without_levels_is_told_to_be_uncalibrated() -> None:
    watch = SequentialWatch(teachers(), 0.2, shipped_calibrations())
    english, korean = (watch.section(saying(x, x), N) for x in ("en", "ko"))
    assert english.calibration is not None
    assert english.calibration.startswith("english")
    assert all(row.taught is not None for row in english.rows)
    assert (korean.calibration, korean.language) == (None, "ko")
    assert all(row.taught is None and row.p_less is None for row in korean.rows)
    assert "uncalibrated" not in _told(english)
    assert "uncalibrated" in _told(korean)
    assert "Korean" in _told(korean)
    none = SequentialWatch(teachers(), 0.2, ()).section(saying("en", "en"), N)
    assert none.language is None
    assert "uncalibrated" in _told(none)
