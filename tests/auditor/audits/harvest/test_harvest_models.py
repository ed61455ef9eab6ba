"""`auditor twins draw`, then `auditor harvest`, on tiny real models: a student of what was served,
and a student of the same teacher's other answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from auditor.audits.harvest.records import HarvestSection
from auditor.audits.report.bundle import load_bundle
from auditor.cli import run
from auditor.evidence.records import Report
from fingerprints.twins import read_twins
from tests.auditor.audits.harvest.owners import PROMPTS, Owner, answers, rows, write_rows
from tests.auditor.rescoring import judged_again

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def twins(owner: Owner, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three twins of every served answer."""
    path = tmp_path_factory.mktemp("twins") / "twins.jsonl"
    assert run(drawing(owner, path)) == 0
    return path


def drawing(owner: Owner, out: Path, *more: str) -> list[str]:
    teacher = ["--teacher", str(owner.teacher), "--served-as", "teacher"]
    return ["twins", "draw", str(owner.log), *teacher, "--out", str(out), *more]


def harvested(owner: Owner, suspect: Path, twins: Path, out: Path, *more: str) -> Report:
    log = ["--log", str(owner.log), "--twins", str(twins)]
    known = ["--base", str(owner.base), "--teacher", str(owner.teacher)]
    assert run(["harvest", str(suspect), *log, *known, "--out", str(out), *more]) == 0
    return load_bundle(out)


def test_the_student_of_what_was_served_is_told_from_a_student_of_other_answers(
    owner: Owner, twins: Path, tmp_path: Path
) -> None:
    other = f"hf:{owner.other}"
    found = harvested(
        owner, owner.taught, twins, tmp_path / "taught", "--innocent", other
    ).verdicts[0]
    assert found.outcome == "supported"
    assert found.exact is not None
    assert found.exact.p_value < 1e-12
    assert found.exact.log10_e > 6
    none = harvested(owner, owner.other, twins, tmp_path / "other")
    assert none.verdicts[0].outcome == "inconclusive"
    assert none.verdicts[0].p_value is not None
    assert none.verdicts[0].p_value > 0.02
    base = harvested(owner, owner.base, twins, tmp_path / "base")
    assert base.verdicts[0].p_value == 1.0
    # Judged again from the kept scores, nobody is asked and the report is the same.
    again = harvested(owner, owner.taught, twins, tmp_path / "taught", "--innocent", other)
    assert again.verdicts[0] == found
    assert judged_again(tmp_path / "taught") == []


def test_a_sequence_ends_once_it_is_evident_and_never_for_an_innocent(
    owner: Owner, twins: Path, tmp_path: Path
) -> None:
    found = harvested(owner, owner.taught, twins, tmp_path / "t", "--sequential")
    (verdict,) = found.verdicts
    assert verdict.outcome == "supported"
    assert verdict.exact is not None
    assert verdict.exact.anytime
    assert verdict.exact.n < PROMPTS
    assert verdict.exact.p_value == pytest.approx(10**-verdict.exact.log10_e, rel=0.9)
    assert judged_again(tmp_path / "t") == []
    none = harvested(owner, owner.other, twins, tmp_path / "o", "--sequential")
    assert none.verdicts[0].outcome == "inconclusive"
    assert none.verdicts[0].exact is not None
    assert none.verdicts[0].exact.n == PROMPTS
    assert none.verdicts[0].exact.power is None


def test_twins_at_another_temperature_are_refused_for_being_more_like_each_other(
    owner: Owner, tmp_path: Path
) -> None:
    told = rows(answers(owner.teacher, 7))
    silent = [{k: v for k, v in row.items() if k != "temperature"} for row in told]
    log = write_rows(tmp_path / "log.jsonl", silent)
    out = tmp_path / "cool.jsonl"
    drawn = ["twins", "draw", str(log), "--teacher", str(owner.teacher), "--out", str(out)]
    assert run(drawn) == 2
    assert run([*drawn, "--temperature", "0.3", "--served-as", "teacher"]) == 0
    cool = Owner(owner.teacher, owner.base, owner.taught, owner.other, log)
    report = harvested(cool, owner.other, out, tmp_path / "report")
    assert report.verdicts[0].reason_code == "not_exchangeable"
    section = report.section(HarvestSection)
    assert section is not None
    assert "likeness" in [c.compared for c in section.checks if not c.held]


def test_words_alone_are_asked_in_the_order_of_the_log_and_the_teacher_still_checks(
    owner: Owner, twins: Path, tmp_path: Path
) -> None:
    words = ("--text-only", "--max-tokens", "16")
    whole = harvested(owner, owner.taught, twins, tmp_path / "w", *words)
    section = whole.section(HarvestSection)
    assert section is not None
    assert section.mode == "text"
    assert {"teacher", "base_words", "likeness"} <= {c.compared for c in section.checks}
    assert section.adjusted_for == ("base", "length")
    assert whole.transcript is not None
    part = harvested(owner, owner.taught, twins, tmp_path / "s", *words, "--sequential")
    assert part.transcript is not None
    assert part.transcript.sampling.samples == 1
    exact = part.verdicts[0].exact
    assert exact is not None
    assert exact.n <= PROMPTS
    assert exact.power is None
    assert judged_again(tmp_path / "w") == judged_again(tmp_path / "s") == []
    # A sequence asks for no further answers; without those that the plan asks for nothing is judged.
    (tmp_path / "w" / "samples.jsonl").rename(tmp_path / "s" / "samples.jsonl")
    assert judged_again(tmp_path / "s") == []
    (told,) = judged_again(tmp_path / "w")
    assert "samples.jsonl" in told


def test_drawing_resumes_and_gives_the_same_twins(
    owner: Owner, twins: Path, tmp_path: Path
) -> None:
    path = tmp_path / "resumed.jsonl"
    lines = twins.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:70]) + lines[70][:40])
    assert run(drawing(owner, path)) == 0
    assert read_twins(path).twins == read_twins(twins).twins
    served = {row["answer"] for row in map(json.loads, owner.log.read_text().splitlines())}
    again = [t for t in read_twins(path).twins.values() if t.text in served]
    assert len(again) < PROMPTS / 10
    before = path.read_bytes()
    assert run(drawing(owner, path)) == 0
    assert path.read_bytes() == before
    assert run(drawing(owner, path, "--m", "4")) == 3


def test_how_twins_are_drawn_must_not_contradict_the_log(
    owner: Owner, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "x.jsonl"
    assert run(drawing(owner, out, "--temperature", "0.5")) == 2
    assert "the log says temperature 1" in capsys.readouterr().err
    assert run(drawing(owner, out, "--sealed")) == 2
    assert "not served within a day" in capsys.readouterr().err
    assert run(drawing(owner, out, "--sealed", "--public-dataset")) == 2
    assert run(drawing(owner, out, "--account", "nobody")) == 3
    greedy = write_rows(tmp_path / "greedy.jsonl", rows(["a b"] * PROMPTS, temperature=0.0))
    code = run(["twins", "draw", str(greedy), "--teacher", str(owner.teacher), "--out", str(out)])
    assert code == 2
    assert "greedily" in capsys.readouterr().err
    told = rows(["a b"] * PROMPTS)
    both = write_rows(
        tmp_path / "both.jsonl", [*told[:40], *({**r, "model": "b"} for r in told[40:])]
    )
    drawn = ["twins", "draw", str(both), "--teacher", str(owner.teacher), "--out", str(out)]
    assert run(drawn) == 2
    assert "2 models (b, teacher)" in capsys.readouterr().err
    assert run([*drawn, "--model", "teacher", "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["prompts"] == 40
    assert not out.exists()
    assert run(drawing(owner, out, "--dry-run", "--json", "--most", "10")) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["prompts"], told["questions"]) == (10, 30)
    # Two accounts that asked the same are two rows, each with twins of its own.
    few = rows(["a b"] * PROMPTS)[:5]
    write_rows(both, [*few, *({**row, "account": "c-3"} for row in few)])
    assert run([*drawn, "--dry-run", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["prompts"], told["questions"]) == (10, 30)
    assert not out.exists()


def test_twins_drawn_on_the_day_are_sealed(
    owner: Owner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1793500000")  # 2026-11-01 in the evening
    out = tmp_path / "sealed.jsonl"
    assert run(drawing(owner, out, "--sealed", "--most", "30")) == 0
    report = harvested(owner, owner.taught, out, tmp_path / "report")
    assert report.verdicts[0].exact is not None
    assert report.verdicts[0].exact.design == "sealed"
