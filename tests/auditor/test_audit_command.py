"""`auditor audit` and `auditor report`: what is refused, what is said where nothing could be
assessed, and commands that repeat an audit."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from auditor.cli import run
from tests.recordings import answers_of, stored, write_jsonl


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return stored(tmp_path)


@pytest.fixture
def suspect(tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "suspect.jsonl", answers_of("beta", seed=9))


def test_fail_on_never_fires_without_a_calibration_and_says_that_it_read_nothing(
    store: Path, suspect: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--store", str(store), "--out", str(tmp_path / "r"), "--calibration", "none"]
    assert run(["audit", str(suspect), *flags, "--fail-on", "weak"]) == 0
    said = capsys.readouterr().err.splitlines()
    assert [line for line in said if "nothing could be assessed" in line] == [
        "--fail-on weak: nothing could be assessed, so no verdict was compared with it"
    ]
    assert run(["audit", str(suspect), *flags]) == 0
    assert "--fail-on" not in capsys.readouterr().err


def test_a_file_that_is_no_calibration_is_refused_before_anything_is_asked(
    store: Path, suspect: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in (("odd.json", "{}"), ("missing.json", None)):
        if text is not None:
            (tmp_path / name).write_text(text)
        out = tmp_path / f"r-{name}"
        flags = ["--store", str(store), "--out", str(out), "--calibration", str(tmp_path / name)]
        assert run(["audit", str(suspect), *flags]) == 3
        assert name in capsys.readouterr().err
        assert not (out / "transcript.jsonl").exists()


def test_the_commands_that_repeat_an_audit_name_the_folder_it_lies_in(
    store: Path, suspect: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    out = "my report"
    flags = ["--vendor", "Somebody", "--candidate", "alpha", "--calibration", "none"]
    assert run(["audit", str(suspect), "--store", str(store), "--out", out, *flags]) == 0
    told = json.loads((tmp_path / out / "report.json").read_text())
    for command in told["reproduce"]:
        assert run(shlex.split(command)[1:]) == 0
    again, judged = (
        json.loads((tmp_path / name / "report.json").read_text())
        for name in ("again", "judged-again")
    )
    for other in (again, judged):
        assert other["verdicts"] == told["verdicts"]
        assert other["plan"]["vendor"] == "Somebody"


def test_two_formats_at_once_are_refused(
    store: Path, suspect: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "r")
    assert run(["audit", str(suspect), "--store", str(store), "--out", out]) == 0
    capsys.readouterr()
    assert run(["report", out, "--format", "html", "--json"]) == 2
    told = capsys.readouterr()
    assert "contradict each other" in told.err
    assert "<!doctype" not in told.out.lower()
    for agreeing in (["--json"], ["--format", "json", "--json"]):
        assert run(["report", out, *agreeing]) == 0
        assert json.loads(capsys.readouterr().out)["schema"]


def audited(suspect: Path, store: Path, out: Path, *flags: str) -> dict[str, Any]:
    assert run(["audit", str(suspect), "--store", str(store), "--out", str(out), *flags]) == 0
    told: dict[str, Any] = json.loads((out / "report.json").read_text())
    return told


def test_too_few_prompts_are_the_reason_and_more_of_them_the_next_step(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = write_jsonl(tmp_path / "few.jsonl", answers_of("beta", 15, seed=9))
    report = audited(few, store, tmp_path / "r")
    out = capsys.readouterr().out
    assert {v["reason_code"] for v in report["verdicts"]} == {"too_few_prompts"}
    assert all("suspect: 15, and 20 are needed" in v["reason"] for v in report["verdicts"])
    assert {v["calibration"] for v in report["verdicts"]} == {None}
    assert report["calibration"] is None
    assert "no error rate has been measured for models like" not in " ".join(report["limits"])
    assert "too few prompts are shared" in " ".join(report["limits"])
    assert "Record the suspect's answers to more of the prompts" in " ".join(out.split())
    assert "this report has none" not in " ".join(out.split())
    assert "0 for how it writes (of 15 such answers 15 are to prompts of stored models, too" in (
        " ".join(report["headline"])
    )


def test_answers_under_a_system_prompt_are_told_as_the_reason(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"messages": [turn("system", "You are Aria."), turn("user", q), turn("assistant", a)]}
        for q, a in answers_of("beta", seed=9)
    ]
    suspect = tmp_path / "persona.jsonl"
    suspect.write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = audited(suspect, store, tmp_path / "r")
    assert {v["reason_code"] for v in report["verdicts"]} == {"other_system_prompt"}
    assert all("60 more are the same but for" in v["reason"] for v in report["verdicts"])
    said = " ".join(report["headline"])
    assert "0 for how it writes" in said
    assert "60 are to prompts that are the same but for a recorded system prompt" in said
    assert "without a system prompt" in " ".join(capsys.readouterr().out.split())


def turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}
