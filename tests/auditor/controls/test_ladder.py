"""Ladders: what is climbed, in what order, with which labels; resumed, and refused in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from auditor.cli import run
from auditor.controls.ladder import Ladder, read_ladder
from fingerprints.errors import MalformedInput
from fingerprints.transcript import load_transcript
from tests.recordings import answers_of, write_jsonl


def value(folder: Path, **changes: Any) -> dict[str, Any]:
    def source(habit: str) -> dict[str, Any]:
        path = write_jsonl(folder / f"{habit}.jsonl", answers_of(habit, n=14), model=habit)
        return {"name": habit, "vendor": habit, "spec": f"recording:{path}"}

    return {
        "name": "small",
        "recipe": "alpaca",
        "teachers": [source("alpha"), source("beta")],
        "filler": source("gamma"),
        "bases": ["scratch:llama-h32-l1"],
        **changes,
    }


def written(folder: Path, found: dict[str, Any]) -> Path:
    path = folder / "ladder.yaml"
    path.write_text(yaml.safe_dump(found))
    return path


def test_a_ladder_is_teachers_times_doses_seeds_bases_and_evasions_with_nulls_first(tmp_path: Path) -> None:
    ladder = Ladder.model_validate(value(tmp_path, doses=[0.25, 1.0], seeds=[0, 1, 2], evasions=["none", "scrub"]))
    names = [name for name, _ in ladder.rungs()]
    assert len(names) == len(set(names)) == 3 + 2 * 2 * 3 * 2
    assert names[:3] == ["none-base0-seed0", "none-base0-seed1", "none-base0-seed2"]
    recipes = dict(ladder.rungs())
    assert (recipes["none-base0-seed1"].dose, recipes["none-base0-seed1"].teachers) == (0.0, ())
    scrubbed = recipes["beta-dose025-scrub-base0-seed2"]
    assert (scrubbed.dose, scrubbed.scrub_identity, scrubbed.seed) == (0.25, True, 2)
    assert [t.name for t in scrubbed.teachers] == ["beta"]
    assert recipes["beta-dose100-base0-seed0"].filler is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"teachers": [], "filler": None}, "teachers, a filler, or both"),
        ({"doses": [0.5], "filler": None}, "need a filler"),
        ({"seeds": [1, 1]}, "twice"),
        ({"doses": [0.0]}, "doses.0"),
        ({"colour": "red"}, "colour"),
        ({"bases": []}, "bases"),
    ],
)
def test_a_bad_ladder_is_one_line(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(MalformedInput, match=words) as caught:
        read_ladder(written(tmp_path, value(tmp_path, **changes)))
    assert "ladder.yaml" in caught.value.line()


@pytest.mark.parametrize("text", ["", "- a", "a: [b", "\x00"])
def test_a_file_that_is_no_ladder_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(MalformedInput, match="not a ladder"):
        read_ladder(tmp_path / "x.yaml")


def test_a_dry_run_names_the_rungs_and_trains_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, value(tmp_path))
    assert run(["control", "ladder", str(path), "--out", str(tmp_path / "cohort"), "--dry-run"]) == 0
    assert capsys.readouterr().out.split() == ["none-base0-seed0", "alpha-dose100-base0-seed0", "beta-dose100-base0-seed0"]
    assert not (tmp_path / "cohort").exists()


@pytest.mark.timeout(300)
def test_a_climbed_ladder_is_a_cohort_and_climbing_again_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "cache"))
    recipe = tmp_path / "short.yaml"
    training = {"epochs": 1, "batch": 4, "longest": 400, "precision": "float32"}
    recipe.write_text(
        yaml.safe_dump(
            {
                "name": "short",
                "teachers": [{"name": "", "spec": ""}],
                "training": training,
                "prompts": {"sources": ["recorded"], "n": 10, "held_out": 2},
            }
        )
    )
    found = value(tmp_path, recipe=str(recipe), size="full", probes="style:1", max_tokens=8)
    found["teachers"] = found["teachers"][:1]
    arguments = ["control", "ladder", str(written(tmp_path, found)), "--out", str(tmp_path / "cohort"), "--json"]
    assert run(arguments) == 0
    first = json.loads(capsys.readouterr().out)
    assert [(m["name"], m["role"], m["teachers"]) for m in first["members"]] == [
        ("alpha-dose100-base0-seed0", "positive", ["alpha"]),
        ("none-base0-seed0", "negative", []),
    ]
    for member in first["members"]:
        assert load_transcript(tmp_path / "cohort" / member["name"] / "transcript.jsonl").complete
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "cohort").rglob("*.safetensors")}
    assert run(arguments) == 0
    assert json.loads(capsys.readouterr().out) == first
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "cohort").rglob("*.safetensors")} == before
