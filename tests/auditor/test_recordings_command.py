"""Recorded answers on the command line: what became of every record is told, the exit code says
when that was too little, and nothing is stored then."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from auditor.cli import run
from fingerprints.store import FingerprintStore

ROWS = "".join(f'{{"frage": "Question {i}?", "antwort": "Answer {i}."}}\n' for i in range(12))
MAP = ("--map", "prompt=frage,answer=antwort")


def stored(folder: Path) -> list[str]:
    with FingerprintStore.open(folder) as store:
        return [teacher.name for teacher in store.teachers()]


def test_an_import_counts_refuses_and_stores_only_what_was_allowed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path, store = tmp_path / "lamb.jsonl", str(tmp_path / "store")
    path.write_text(ROWS + "{oops\n" * 3)
    asked = ["store", "import", str(path), "--store", store]
    assert run(asked) == 3
    told = capfd.readouterr().err
    assert "its keys are frage, antwort" in told
    assert "--map prompt=frage,answer=antwort" in told
    assert run([*asked, *MAP]) == 3
    assert "3 of 15 can't be read (line 13: not JSON" in capfd.readouterr().err
    assert not (tmp_path / "store").exists()
    assert run([*asked, *MAP, "--allow-partial", "--json"]) == 0
    reading = json.loads(capfd.readouterr().out)["reading"]
    assert (reading["answers"], reading["unreadable"]) == (12, 3)
    assert stored(tmp_path / "store") == ["lamb"]


@pytest.mark.parametrize("command", [["import"], ["add", "--name", "lamb"]])
@pytest.mark.parametrize("content", ["{half", "", '[{"colour": 1}]', "\0\0\0"])
@pytest.mark.parametrize("folder", [False, True])
def test_answers_that_are_refused_leave_no_empty_store_behind(
    tmp_path: Path, command: list[str], content: str, folder: bool
) -> None:
    path = tmp_path / "in" if folder else tmp_path / "in.jsonl"
    if folder:
        path.mkdir()
    for number in range(2 if folder else 1):
        (path / f"{number}.jsonl" if folder else path).write_text(content)
    where = ["--store", str(tmp_path / "store")]
    for _ in range(2):
        assert run(["store", *command, str(path), *where]) in (2, 3)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_folder_of_something_else_is_refused_before_the_answers_are_read(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lamb.jsonl").write_text("{half")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("mine")
    for command in (["import"], ["add", "--name", "lamb"]):
        answers = str(tmp_path / "lamb.jsonl")
        assert run(["store", *command, answers, "--store", str(tmp_path / "notes")]) == 2
        assert "the folder is not empty" in capfd.readouterr().err
    assert [entry.name for entry in (tmp_path / "notes").iterdir()] == ["mine.txt"]


def test_an_import_of_a_good_file_says_what_was_read(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "lamb.jsonl"
    path.write_text(ROWS + '{"frage": "More?", "antwort": ""}\n')
    assert run(["store", "import", str(path), "--store", str(tmp_path / "store"), *MAP]) == 0
    assert "of the files: 12 answers read; 1 empty" in capfd.readouterr().err


def test_a_recording_that_is_asked_says_what_was_read(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path, store = tmp_path / "lamb.jsonl", str(tmp_path / "store")
    path.write_text(ROWS + "{oops\n")
    asked = ["store", "add", str(path), "--name", "lamb", "--store", store, *MAP]
    assert run(asked) == 0
    assert "lamb: 12 answers read; 1 of 13 can't be read (line 13: " in capfd.readouterr().err


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--map", "prompt"], "no field, or one given twice: 'prompt'"),
        (["--map", "colour=x"], "nothing of a recording is called 'colour'"),
        (["--map", "prompt=a,prompt=b"], "given twice"),
    ],
)
def test_a_map_that_is_none_is_a_usage_problem(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], flags: list[str], told: str
) -> None:
    path = tmp_path / "lamb.jsonl"
    path.write_text(ROWS)
    assert run(["audit", str(path), "--dry-run", *flags]) == 2
    assert told in capfd.readouterr().err


def test_flags_of_recordings_are_refused_for_other_subjects(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert run(["audit", "hf:org/name", "--dry-run", "--allow-partial"]) == 2
    assert "are for recordings, not for hf:" in capfd.readouterr().err


def test_a_map_stands_in_the_plan(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "lamb.jsonl"
    path.write_text(ROWS)
    assert run(["audit", str(path), "--dry-run", "--json", *MAP]) == 0
    suspect = json.loads(capfd.readouterr().out)["plan"]["suspect"]
    assert suspect == f"recording:{path},map_answer=antwort,map_prompt=frage"


@pytest.mark.parametrize("text", ["", " \t\n", "\u3000"])
def test_a_search_for_nothing_says_what_to_do(capfd: pytest.CaptureFixture[str], text: str) -> None:
    assert run(["store", "search", text]) == 2
    told = capfd.readouterr().err
    assert "no text to compare with (TEXT). Next: give some words" in told
