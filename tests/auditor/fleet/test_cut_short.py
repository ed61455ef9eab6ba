"""A recording that was cut short after its unit had ended is noticed, told, foreseen and asked to its
end; a report is nobody's to write over."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from auditor.cli import run
from auditor.execution.tasks import END
from auditor.fleet.records import FleetReport
from fingerprints.transcript import load_transcript
from tests.auditor.fleet.fleets import Inline, answers, examined, suspect, teachers, written
from tests.faultserver import FaultServer, echoes


def cut(file: Path, kept: float) -> int:
    """Cuts a file to a share of its bytes, as a full disk or a careless copy does."""
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * kept)])
    return len(whole)


def fleet_of(folder: Path, server: FaultServer, *more: str) -> Path:
    teachers(folder / "one", "alpha", "beta")
    spoken = [suspect(folder, name) for name in more]
    served = {"name": "served", "spec": f"openai:m,base_url={server.url}"}
    one_file = {"probes": [{"set": "style", "head": 24}]}
    return written(folder, [served, *spoken], [answers("./one", **{"with": one_file})])


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99])
def test_what_is_missing_of_a_cut_recording_is_foreseen_asked_and_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], kept: float
) -> None:
    with FaultServer(echoes()) as server:
        path, out = fleet_of(tmp_path, server), tmp_path / "out"
        command = ["fleet", str(path), "--out", str(out), "--jobs", "1"]
        examined(path, out)
        (file,) = (out / "asked/served").glob("*.jsonl")
        before, questions = load_transcript(file), len(server.requests)
        size = cut(file, kept)
        held = 0 if not kept else len(load_transcript(file).replies)
        missing = questions - held
        assert (0.2 < kept < 0.9) == (0 < missing < questions)
        assert run([*command, "--dry-run", "--json"]) == 0
        told = json.loads(capfd.readouterr().out)
        assert told["questions"] == missing
        (shared,) = (one for one in told["asked"] if one["subject"] == "asked/served")
        assert (shared["done"], shared["held"]) == (False, held)
        assert f"cut short since, from {size:,} to" in shared["again"]
        assert run([*command, "--dry-run"]) == 0
        assert "done again: what it left was cut short" in capfd.readouterr().out
        assert len(server.requests) == questions
        assert run(command) == 0
        assert f"asked/served: done again: what it left was cut short since, from {size:,}" in (
            capfd.readouterr().err
        )
        assert len(server.requests) == questions + missing
        after = load_transcript(file)
        assert (after.digest(), after.complete) == (before.digest(), True)
        assert run(command) == 0
        assert "done again" not in capfd.readouterr().err
        assert len(server.requests) == questions + missing


def test_the_copy_of_a_recorded_suspect_is_made_whole_and_nobody_else_is_asked(
    tmp_path: Path,
) -> None:
    with FaultServer(echoes()) as server:
        path, out = fleet_of(tmp_path, server, "spoken"), tmp_path / "out"
        examined(path, out)
        (file,) = (out / "asked/spoken").glob("*.jsonl")
        before, questions = load_transcript(file).digest(), len(server.requests)
        cut(file, 0.5)
        again = Inline()
        examined(path, out, again)
        assert len(server.requests) == questions
    assert [task.id for task in again.done] == ["asked/spoken"]
    assert load_transcript(file).digest() == before


def test_a_longer_file_and_an_end_of_an_older_version_are_done(tmp_path: Path) -> None:
    """Something appended is no loss; an end that tells no sizes is told by whether files are
    there."""
    with FaultServer(echoes()) as server:
        path, out = fleet_of(tmp_path, server), tmp_path / "out"
        examined(path, out)
        (file,) = (out / "asked/served").glob("*.jsonl")
        with file.open("ab") as more:
            more.write(b'{"type":"event","kind":"note","detail":"copied"}\n')
        again = Inline()
        examined(path, out, again)
        for end in (out / "ends").iterdir():
            older = END.read(end).model_dump(mode="json", exclude={"again", "left"})
            end.write_text(json.dumps(older), "utf-8")
        cut(file, 0.5)
        examined(path, out, again)
    assert not again.done


def test_a_report_that_was_cut_is_told_and_not_written_over(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with FaultServer(echoes()) as server:
        path, out = fleet_of(tmp_path, server), tmp_path / "out"
        examined(path, out)
        (report,) = out.glob("reports/*/*/report.json")
        cut(report, 0.5)
        left = report.read_bytes()
        assert run(["fleet", str(path), "--out", str(out), "--jobs", "1", "--json"]) == 6
        told = FleetReport.model_validate_json(capfd.readouterr().out)
        assert report.read_bytes() == left
        assert [cell.state for cell in told.cells] == ["failed"]
        assert "remove" in (told.cells[0].next_step or "")
        shutil.rmtree(report.parent)
        assert run(["fleet", str(path), "--out", str(out), "--jobs", "1"]) == 0
