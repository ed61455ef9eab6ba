"""A dry run of recorded answers says what can be measured with them, and what not and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from auditor.cli import run
from fingerprints.store import FingerprintStore
from tests.recordings import answers_of, recorded, write_jsonl


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with FingerprintStore.create(tmp_path / "store") as opened:
        for name in ("alpha", "beta", "gamma"):
            opened.add(recorded(tmp_path, name), name=name, vendor=name, family=name)
    return tmp_path


def dry(
    home: Path, rows: list[tuple[str, str]], capsys: pytest.CaptureFixture[str], *flags: str
) -> Any:
    write_jsonl(home / "suspect.jsonl", rows)
    capsys.readouterr()
    store = ["--store", str(home / "store"), "--dry-run"]
    assert run(["audit", str(home / "suspect.jsonl"), *store, "--json", *flags]) == 0
    found = json.loads(capsys.readouterr().out)["measurable"]
    assert run(["audit", str(home / "suspect.jsonl"), *store, *flags]) == 0
    return found, capsys.readouterr().out


def by_name(found: Any) -> dict[str, Any]:
    return {row["detector"]: row for row in found["detectors"]}


def test_prompts_that_are_shared_are_counted_and_detectors_are_those_that_the_audit_runs(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = answers_of("beta", seed=9)
    found, told = dry(home, rows, capsys, "--detectors", "stylistic_overlap,quirks")
    assert found["readable"] == len(rows)
    assert set(found["shared"].values()) == {len(rows)}
    held = by_name(found)
    assert held["stylistic_overlap"]["candidates"] == 3
    assert held["quirks"]["candidates"] == 0
    assert held["quirks"]["reason"]
    assert "can be measured: stylistic_overlap, with 3 of 3 candidates" in told
    assert "can't be measured: quirks: " in told
    out = home / "report"
    argv = ["audit", str(home / "suspect.jsonl"), "--store", str(home / "store"), "--out", str(out)]
    assert run([*argv, "--detectors", "stylistic_overlap,quirks"]) == 0
    report = json.loads((out / "report.json").read_text())
    skipped = {row["detector"]: row["reason"] for row in report["skipped"]}
    assert skipped["quirks"] == held["quirks"]["reason"]
    assert "stylistic_overlap" in {f["detector"] for f in report["findings"]}


def test_answers_to_other_prompts_share_none(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [(f"Something else {n}?", answer) for n, (_, answer) in enumerate(answers_of("beta"))]
    found, told = dry(home, rows, capsys, "--detectors", "neighbours")
    assert set(found["shared"].values()) == {0}
    assert "prompts shared with 0 of 3 stored models" in told
    held = by_name(found)["neighbours"]
    assert held["candidates"] == 0
    assert held["reason"]
    assert "can't be measured: neighbours: " in told


def test_a_base_that_the_plan_names_is_told_as_a_condition(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = answers_of("beta", seed=9)
    assert by_name(dry(home, rows, capsys)[0])["movement"]["candidates"] == 0
    write_jsonl(home / "base.jsonl", answers_of("alpha", seed=3))
    found, _ = dry(home, rows, capsys, "--base", str(home / "base.jsonl"))
    assert by_name(found)["movement"]["if_asked"]


@pytest.mark.parametrize(
    ("probes", "near"),
    [
        ("quik", "did you mean 'quick'?"),
        ("identity,styl", "did you mean 'style'?"),
        ("zzz", "presets: quick"),
    ],
)
def test_a_preset_that_is_misspelt_lists_the_presets(
    probes: str, near: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        run(["audit", "openai:x,base_url=http://127.0.0.1:9/v1", "--probes", probes, "--dry-run"])
        == 2
    )
    told = capsys.readouterr().err
    assert near in told
    assert "presets: quick, standard, teacher, full" in told


def test_a_preset_in_a_list_is_told_to_stand_alone(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["audit", "openai:x,base_url=http://127.0.0.1:9/v1", "--dry-run", "--probes"]
    assert run([*argv, "quick,identity"]) == 2
    assert "stands alone" in capsys.readouterr().err
