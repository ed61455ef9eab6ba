"""What is wrong with a fleet's plan is told with its file and its field, before anybody is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from auditor.cli import run
from auditor.fleet.plan import read_fleet
from auditor.fleet.run import foreseen
from auditor.fleet.tasks import AskTask
from fingerprints.errors import MalformedInput
from tests.auditor.fleet.fleets import answers, suspect, written

ENDPOINT = {"name": "served", "spec": "openai:m,base_url=http://127.0.0.1:1/v1"}


def refused(path: Path) -> str:
    with pytest.raises(MalformedInput) as caught:
        foreseen(read_fleet(path), path, path.parent, path.parent / "out")
    assert str(path) == caught.value.where
    return caught.value.what


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown key": ({"kind": "inheritance", "sotres": ["bundled"]}, "audits.0.sotres"),
    "no list": ({"kind": "inheritance", "with": {"probes": 3}}, "probes: Input should be a list"),
    "an unknown kind": ({"kind": "guess"}, "audits.0.kind"),
    "an unknown option": ({"kind": "inheritance", "with": {"prboes": []}}, "audits.0.with: prboes"),
    "a bad detector": ({"kind": "inheritance", "with": {"detectors": ["x"]}}, "audits.0.with"),
    "its own suspect": ({"kind": "lineage", "with": {"suspect": "x"}}, "audits.0.with.suspect"),
    "stopping early": ({"kind": "inheritance", "with": {"sequential": 0.05}}, "sequential"),
    "a store twice": ({"kind": "inheritance", "stores": ["a", "a"]}, "audits.0.stores"),
    "stores of none": ({"kind": "policy", "stores": ["a"]}, "audits.0.stores"),
    "asking twice": ({"kind": "service", "stores": ["a", "b"]}, "audits.0.stores"),
    "nobody's audit": ({"kind": "service"}, "claims fits nobody: no suspect says its claimed"),
    "a stranger": ({"kind": "lineage", "only": ["nobody"]}, "only names no suspect"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_with_an_audit_is_told_with_its_field(wrong: str, tmp_path: Path) -> None:
    changes, place = WRONG[wrong]
    audit = {"name": "claims", **changes}
    assert place in refused(written(tmp_path, [suspect(tmp_path, "spoken")], [audit]))


def test_two_of_one_name_are_refused_whatever_their_case(tmp_path: Path) -> None:
    twice = [suspect(tmp_path, "spoken"), {**suspect(tmp_path, "other"), "name": "Spoken"}]
    assert "two suspects" in refused(written(tmp_path, twice, [answers("bundled")]))


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", "", "x" * 65])
def test_a_name_that_is_a_path_is_refused(name: str, tmp_path: Path) -> None:
    bad = [{"name": name, "spec": "./x.jsonl"}]
    assert "suspects.0.name" in refused(written(tmp_path, bad, [answers("bundled")]))


def test_a_device_is_for_models_that_run_here(tmp_path: Path) -> None:
    bad = [{**ENDPOINT, "device": "cuda:0"}]
    assert "suspects.0.device" in refused(written(tmp_path, bad, [answers("bundled")]))


def test_a_secret_in_the_plan_is_refused_and_not_repeated(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = "sk-abcdefghijklmnop"
    bad = [{"name": "served", "spec": f"openai:m,base_url=http://127.0.0.1:1/v1/{secret}"}]
    path = written(tmp_path, bad, [answers("bundled")])
    assert run(["fleet", str(path), "--out", str(tmp_path / "out")]) == 4
    told = capfd.readouterr()
    assert secret not in told.out + told.err
    assert not (tmp_path / "out").exists()


def test_what_one_subject_is_asked_is_one_task_on_its_own_lane(tmp_path: Path) -> None:
    """Two models on one device wait for each other; one on another device and an endpoint do not."""
    suspects = [
        {"name": "a", "spec": "hf:org/a", "device": "cuda:0", "base": "hf:org/base"},
        {"name": "b", "spec": "hf:org/b", "device": "cuda:0"},
        {"name": "c", "spec": "hf:org/c", "device": "cuda:1"},
        ENDPOINT,
    ]
    path = written(tmp_path, suspects, [answers("bundled"), answers("bundled", name="again")])
    _, tasks = foreseen(read_fleet(path), path, tmp_path, tmp_path / "out")
    lanes = {task.id: task.lane for task in tasks.tasks if isinstance(task, AskTask)}
    assert len(lanes) == 5
    assert lanes["asked/a"] == lanes["asked/b"] == "device:cuda:0"
    assert lanes["asked/c"] == "device:cuda:1"
    assert lanes["asked/served"] == "openai http://127.0.0.1:1/v1"
    needs = {task.id.split("/")[1]: task.needs for task in tasks.of_cell.values()}
    assert set(needs["a"]) == {"asked/a", next(i for i in lanes if i.startswith("bases/"))}
    assert needs["b"] == ("asked/b",)
    assert all(task.lane == "" for task in tasks.of_cell.values())


def test_the_home_of_nobody_stops_nobody_else(tmp_path: Path) -> None:
    spec = "~nobody-of-that-name/x"
    bad = {"name": "bad", "spec": spec, "base": spec}
    path = written(tmp_path, [suspect(tmp_path, "spoken"), bad], [answers("bundled")])
    _, tasks = foreseen(read_fleet(path), path, tmp_path, tmp_path / "out")
    assert {"asked/spoken", "asked/bad"} <= {task.id for task in tasks.tasks}


def test_a_second_list_of_suspects_is_refused_and_not_taken_for_the_first(
    tmp_path: Path,
) -> None:
    path = tmp_path / "fleet.yaml"
    path.write_text("format: fleet/1\nname: a\nsuspects: []\naudits: []\nsuspects: []\n", "utf-8")
    with pytest.raises(MalformedInput, match="'suspects' is there twice"):
        read_fleet(path)
