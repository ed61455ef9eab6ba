"""A fleet is run: everybody is asked once, failures stop nobody, a rerun does nothing twice, and no
report differs from that of the same audit by itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from auditor.audits.report.bundle import load_bundle
from auditor.cli import run
from auditor.commands.fleet import exit_code
from auditor.fleet.plan import read_fleet
from auditor.fleet.records import FLEET_REPORT, FleetReport
from auditor.fleet.run import RECORD, run_fleet
from auditor.fleet.table import COLUMNS, LINES, PARQUET
from auditor.fleet.tasks import JudgeTask
from fingerprints.catalog_file import CATALOG
from fingerprints.errors import MalformedInput
from fingerprints.store import FingerprintStore
from tests.auditor.fleet.fleets import (
    QUICK,
    Inline,
    answers,
    cell,
    examined,
    suspect,
    teachers,
    written,
)
from tests.faultserver import FaultServer, echoes, fails
from tests.recordings import recorded


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two stores and a recorded suspect, below another folder than where the command runs."""
    home = tmp_path / "home"
    home.mkdir()
    teachers(home / "one", "alpha", "beta", "gamma")
    teachers(home / "two", "beta", "gamma", "delta")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    return home


def endpoint(server: FaultServer, name: str = "served") -> dict[str, Any]:
    return {"name": name, "spec": f"openai:{name},base_url={server.url}"}


def test_a_suspect_is_asked_once_for_all_stores_and_never_again(folder: Path) -> None:
    with FaultServer(echoes()) as server:
        path = written(folder, [endpoint(server)], [answers("./one", "./two")])
        first = examined(path, folder / "out")
        asked = [request.prompt for request in server.requests]
        again = Inline()
        second = examined(path, folder / "out", again)
    assert {c.state for c in first.cells} == {"done"}
    assert len(asked) == len({json.dumps(r.body) for r in server.requests}) >= 26
    assert len(server.requests) == len(asked)
    assert not again.done
    assert second == first
    digests = {load_bundle(folder / "out" / c.place).transcript.sha256 for c in first.cells}  # type: ignore[union-attr]
    assert len(digests) == 1


def test_a_longer_head_of_another_audit_is_asked_in_the_same_go(folder: Path) -> None:
    short = answers("./one", name="short", **{"with": {"probes": [{"set": "style", "head": 8}]}})
    long = answers("./one", name="long", **{"with": {"probes": [{"set": "style", "head": 24}]}})
    with FaultServer(echoes()) as server:
        report = examined(written(folder, [endpoint(server)], [short, long]), folder / "out")
    assert len(server.requests) == 24
    sizes = {
        c.audit: load_bundle(folder / "out" / c.place).transcript.probe_sets[0].n  # type: ignore[union-attr]
        for c in report.cells
    }
    assert sizes == {"short": 8, "long": 24}


def test_one_that_fails_stops_nobody_and_is_tried_again(folder: Path) -> None:
    suspects = [suspect(folder, "spoken"), {"name": "lost", "spec": "./nowhere"}]
    with FaultServer(fails(401)) as server:
        path = written(folder, [*suspects, endpoint(server)], [answers("./one", "./two")])
        report = examined(path, folder / "out")
    states = {c.suspect: (c.state, c.exit_code, c.code) for c in report.cells}
    assert states["spoken"] == ("done", 0, "")
    assert states["lost"] == ("failed", 3, "E-INPUT")
    assert states["served"] == ("failed", 6, "E-INCOMPLETE")
    assert "nowhere" in cell(report, "lost").reason
    again = Inline()
    write = suspect(folder, "nowhere-else", "alpha")
    (folder / "nowhere-else.jsonl").rename(folder / "nowhere")
    assert write
    suspects[1]["spec"] = "recording:./nowhere"
    path = written(folder, suspects, [answers("./one", "./two")])
    mended = examined(path, folder / "out", again)
    assert {c.state for c in mended.cells} == {"done"}
    assert not any("spoken" in task.id for task in again.done)
    kinds = {(c.kind, c.suspect, c.before, c.after) for c in mended.changes}
    assert ("state", "lost", "failed", "done") in kinds
    assert ("gone", "served", "failed", "") in kinds


@pytest.mark.parametrize("spec", ["x" * 5000, "hf:" + "x" * 5000, "hf:./b,adapter=" + "x" * 5000])
def test_a_path_that_none_can_be_is_one_failed_cell(folder: Path, spec: str) -> None:
    suspects = [suspect(folder, "spoken"), {"name": "endless", "spec": spec}]
    with FaultServer(echoes()) as server:
        named = f"openai:{'m' * 300},base_url={server.url}"
        path = written(folder, [*suspects, {"name": "wordy", "spec": named}], [answers("./one")])
        report = examined(path, folder / "out")
    states = {c.suspect: (c.state, c.exit_code) for c in report.cells}
    assert states == {"spoken": ("done", 0), "endless": ("failed", 3), "wordy": ("done", 0)}
    assert len(cell(report, "endless").reason) < 300


def test_what_stands_is_told_beside_a_failure(capfd: pytest.CaptureFixture[str]) -> None:
    """Neither hides the other."""
    done, failed = {"state": "done"}, {"state": "failed", "exit_code": 6}
    for states, standing, asked, code in (
        ([done], 0, True, 0),
        ([done], 1, True, 1),
        ([done], 1, False, 0),
        ([done, failed], 0, True, 6),
        ([done, failed], 1, False, 6),
        ([done, failed], 1, True, 1),
    ):
        assert exit_code(outcome(states, standing), asked) == code
        assert ("1 audits failed" in capfd.readouterr().err) == (len(states) > 1 and code == 1)


def outcome(states: list[dict[str, Any]], standing: int) -> FleetReport:
    """The record of a fleet of one family."""
    family = {"name": "f", "question": "lineage", "procedure": "benjamini_yekutieli"}
    counts = {"n": 2, "supported": 1, "standing": standing}
    plan = {
        "name": "spring",
        "suspects": [{"name": "s", "spec": "./s"}],
        "audits": [{"name": "answers", "kind": "inheritance"}],
    }
    cells = [{"suspect": f"s{i}", "audit": "a", "kind": "k", **s} for i, s in enumerate(states)]
    told = {
        "made": "",
        "tool": "",
        "plan": plan,
        "cells": cells,
        "families": [{**family, **counts}],
    }
    return FleetReport.model_validate(told)


def test_a_report_of_a_fleet_is_that_of_the_audit_by_itself(folder: Path) -> None:
    path = written(
        folder, [suspect(folder, "spoken")], [answers("./one", calibrations=["shipped"])]
    )
    report = examined(path, folder / "out")
    mine = load_bundle(folder / "out" / cell(report, "spoken").place)
    single = ["audit", str(folder / "spoken.jsonl"), "--store", str(folder / "one")]
    assert run([*single, "--probes", "identity:2,style:24", "--out", str(folder / "single")]) == 0
    alone = load_bundle(folder / "single")
    assert mine.findings == alone.findings
    assert mine.verdicts == alone.verdicts
    assert [a.answer for a in mine.answers] == [a.answer for a in alone.answers]


def test_a_store_that_grows_is_judged_by_anew_and_nobody_is_asked(folder: Path) -> None:
    with FaultServer(echoes()) as server:
        path = written(folder, [endpoint(server)], [answers("./one", "./two")])
        examined(path, folder / "out")
        asked = len(server.requests)
        with FingerprintStore.open(folder / "two") as store:
            store.add(recorded(folder, "alpha"), name="alpha", vendor="Maker alpha")
        again = Inline()
        report = examined(path, folder / "out", again)
        assert len(server.requests) == asked
    assert [type(task) for task in again.done] == [JudgeTask]
    grown = load_bundle(folder / "out" / cell(report, "served", "./two").place)
    assert "alpha" in {c.name for c in grown.candidates}
    assert report.run == 2
    assert report.since is not None


def test_what_somebody_took_away_is_made_again(folder: Path) -> None:
    path = written(folder, [suspect(folder, "one")], [answers("./one")])
    first, out = cell(examined(path, folder / "out"), "one"), folder / "out"
    shutil.rmtree(out / first.place)
    shutil.rmtree(out / "asked")
    again = Inline()
    second = cell(examined(path, out, again), "one")
    assert (second.state, second.place) == ("done", first.place)
    assert len(again.done) == 2
    assert list((out / "asked").rglob("*.jsonl"))


def test_the_table_has_a_row_a_verdict_and_one_for_who_has_none(folder: Path) -> None:
    suspects = [suspect(folder, "spoken"), {"name": "lost", "spec": "./nowhere"}]
    report = examined(written(folder, suspects, [answers("./one")]), folder / "out")
    lines = (folder / "out" / LINES).read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert all(list(row) == list(COLUMNS) for row in rows)
    assert len(rows) == len(cell(report, "spoken").tests) + 1
    assert {row["state"] for row in rows} == {"done", "failed"}
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(folder / "out" / PARQUET)
    assert table.to_pylist() == rows


def test_a_folder_of_another_fleet_is_refused(folder: Path) -> None:
    path = written(folder, [suspect(folder, "spoken")], [answers("./one")])
    examined(path, folder / "out")
    other = written(folder, [suspect(folder, "spoken")], [answers("./one")], name="autumn")
    with pytest.raises(MalformedInput, match="spring"):
        examined(other, folder / "out")


def test_an_audit_that_does_not_fit_is_told_and_is_no_failure(folder: Path) -> None:
    spoken = suspect(folder, "spoken")
    claimed = {**suspect(folder, "claims"), "claimed": "./spoken.jsonl"}
    audits = [{"name": "claims", "kind": "service"}, answers("./one")]
    report = examined(written(folder, [spoken, claimed], audits), folder / "out")
    unfit = next(c for c in report.cells if c.suspect == "spoken" and c.kind == "service")
    assert (unfit.state, unfit.code, unfit.missing) == ("unfit", "field_missing", "claimed")


def test_the_command_goes_on_prints_json_and_tells_failures_by_its_exit_code(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    suspects = [suspect(folder, "spoken"), {"name": "lost", "spec": "./nowhere"}]
    path = written(folder, suspects, [answers("./one")])
    command = ["fleet", str(path), "--out", str(folder / "out"), "--jobs", "1"]
    assert run([*command, "--dry-run"]) == 0
    assert not (folder / "out").exists()
    assert "recording" in capfd.readouterr().out
    assert run([*command, "--json"]) == 6
    told = FleetReport.model_validate_json(capfd.readouterr().out)
    assert told == FleetReport.model_validate_json((folder / "out" / RECORD).read_bytes())
    assert {c.state for c in told.cells} == {"done", "failed"}
    path.write_text(path.read_text("utf-8").replace("./nowhere", "./spoken.jsonl"), "utf-8")
    assert run(command) == 0


def test_a_model_file_that_changed_is_asked_again(folder: Path) -> None:
    path = written(folder, [suspect(folder, "spoken")], [answers("./one")])
    first = examined(path, folder / "out")
    suspect(folder, "spoken", "alpha", seed=4)
    second = examined(path, folder / "out")
    assert cell(first, "spoken").place != cell(second, "spoken").place
    assert (folder / "out" / cell(first, "spoken").place / "report.json").is_file()


def test_options_of_the_plan_reach_the_audit(folder: Path) -> None:
    options = {**QUICK, "detectors": ["shared_wording"]}
    audit = answers("./one", **{"with": options})
    report = examined(written(folder, [suspect(folder, "spoken")], [audit]), folder / "out")
    plan = yaml.safe_load((folder / "out" / cell(report, "spoken").place / "plan.yaml").read_text())
    assert plan["detectors"] == ["shared_wording"]


def test_whoever_runs_a_fleet_is_in_its_reports_and_another_judges_nothing_again(
    folder: Path,
) -> None:
    path = written(folder, [suspect(folder, "spoken")], [answers("./one")])
    plan, out = read_fleet(path), folder / "out"
    report = run_fleet(plan, path, out, Inline(), operator="A. Examiner")
    held = load_bundle(out / cell(report, "spoken").place).custody
    assert held is not None
    assert (held.operator, held.registration) == ("A. Examiner", None)
    assert held.started <= held.finished
    again = Inline()
    assert run_fleet(plan, path, out, again, operator="B. Other") == report
    assert not again.done


def test_a_store_or_calibration_that_can_not_be_read_is_foreseen_and_stops_nobody_else(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "one" / CATALOG).write_bytes(b"no catalogue")
    audits = [
        answers("./one", "./gone", "./two"),
        answers("./two", name="weighed", calibrations=["none", "./gone.json"]),
    ]
    path = written(folder, [suspect(folder, n, seed=i) for i, n in enumerate("ab")], audits)
    assert run(["fleet", str(path), "--out", str(folder / "out"), "--dry-run", "--json"]) == 0
    unread = json.loads(capsys.readouterr().out)["unread"]
    assert [line.split(" (")[0] for line in unread] == [
        "answers: the catalogue is damaged: file is not a database",
        "answers: there is no store here",
        "weighed: can't be read: No such file or directory",
    ]
    report = examined(path, folder / "out")
    states = [(c.audit, c.store, c.calibration, c.exit_code) for c in report.cells]
    assert states == 2 * [
        ("answers", "./one", "none", 5),
        ("answers", "./gone", "none", 3),
        ("answers", "./two", "none", 0),
        ("weighed", "./two", "none", 0),
        ("weighed", "./two", "./gone.json", 3),
    ]


def test_what_was_damaged_after_a_run_says_how_it_is_mended(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(folder, [suspect(folder, "spoken")], [answers("./one")])
    out = folder / "out"
    examined(path, out)
    (report,) = (out / "reports").glob("*/*/report.json")
    report.write_text("{", "utf-8")
    command = ["fleet", str(path), "--out", str(out), "--jobs", "1"]
    assert run(command) == 6
    place = report.parent.relative_to(out)
    told = capsys.readouterr().out
    assert "spoken, answers: exit code 3: is not JSON" in told
    assert f"Next: remove {place} and run the same command again" in told
    shutil.rmtree(report.parent)
    assert run(command) == 0
    (out / RECORD).write_text("{", "utf-8")
    assert run(command) == 3
    assert "copy the newest file of runs/ over it" in capsys.readouterr().err
    newest = max((out / "runs").iterdir())
    shutil.copy(newest, out / RECORD)
    assert run(command) == 0
    assert FLEET_REPORT.read(out / RECORD) == FLEET_REPORT.read(newest)
