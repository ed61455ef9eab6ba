"""`auditor questions` prints a sheet, and an audit reads the filled one back."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from auditor.cli import run

ASKED = ["questions", "--probes", "identity:4,style:2"]


def fill(path: Path, answers: dict[int, str]) -> None:
    rows = list(csv.reader(io.StringIO(path.read_text("utf-8-sig"))))
    for number, answer in answers.items():
        rows[number][2] = answer
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


def test_the_sheet_is_data_on_stdout_and_talk_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    for form, begins in (
        ("csv", "\ufeffnumber,"),
        ("txt", "auditor-sheet/1"),
        ("html", "<!doctype"),
    ):
        assert run([*ASKED, "--format", form]) == 0
        told = capsys.readouterr()
        assert told.out.startswith(begins)
        assert "6 questions; all under the product's own system prompt" in told.err
    assert run([*ASKED, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["questions"]) == 6


def test_the_form_is_that_of_the_file_and_a_filled_file_is_not_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "acme.csv"
    assert run([*ASKED, "--out", str(path)]) == 0
    fill(path, {1: "I am Acme."})
    held = path.read_bytes()
    assert run([*ASKED, "--out", str(path)]) == 2
    assert "--force" in capsys.readouterr().err
    assert path.read_bytes() == held
    assert run([*ASKED, "--out", str(path), "--force", "--json"]) == 0
    assert path.read_bytes() != held
    assert len(json.loads(capsys.readouterr().out)["questions"]) == 6


def test_a_sheet_is_counted_before_it_is_audited(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "acme.csv"
    run([*ASKED, "--out", str(path), "--name", "Acme Chat"])
    assert run(["questions", "--check", str(path)]) == 3
    assert "nothing is filled in" in capsys.readouterr().err
    fill(path, {1: "I am Acme.", 2: "[no answer]"})
    assert run(["questions", "--check", str(path)]) == 0
    told = capsys.readouterr().out
    assert "Acme Chat: 1 answered, 1 without an answer" in told
    assert "4 of 6 questions of the sheet were left blank" in told
    assert run(["questions", "--check", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"] == {"empty": 1, "ok": 1}


def test_an_audit_reads_the_sheet_counts_what_is_blank_and_escapes_what_was_pasted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "acme.csv", tmp_path / "report"
    run([*ASKED, "--out", str(path)])
    hostile = "I am Acme.<script>alert(1)</script>\x1b[31m"
    fill(path, {1: hostile, 2: "OpenAI made me.", 5: "Once upon a time " * 40})
    assert run(["audit", str(path), "--out", str(out), "--calibration", "none"]) == 0
    told = capsys.readouterr().out
    assert "\x1b[31m" not in told
    report = json.loads((out / "report.json").read_text())
    assert report["subject"]["identity"]["name"] == "acme"
    assert report["transcript"]["counts"] == {"ok": 3}
    assert any("3 of 6 questions" in event for event in report["transcript"]["events"])
    assert "3 of 6 questions of the sheet were left blank" in json.dumps(report["headline"])
    page = (out / "report.html").read_text()
    assert "<script" not in page
    assert "left blank" in page


def test_a_sheet_of_another_set_is_refused_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / "acme.csv", tmp_path / "report"
    run([*ASKED, "--out", str(path)])
    fill(path, {1: "Acme"})
    path.write_text(path.read_text("utf-8").replace("identity@6", "identity@7"), "utf-8")
    assert run(["audit", str(path), "--out", str(out)]) == 3
    assert "another version of the probe set 'identity'" in capsys.readouterr().err
    assert not (out / "report.json").exists()
