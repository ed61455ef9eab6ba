"""Where torch and transformers aren't installed: what reads records works, what loads models says
how to install them."""

from __future__ import annotations

import configparser
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.auditor.audits.logs.made_logs import chats, write_jsonl
from tests.fingerprints.subjects.tiny import tiny_checkpoint
from tests.fingerprints.weights.built import saved
from tests.recordings import answers_of
from tests.recordings import write_jsonl as write_answers

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(300)  # two dozen commands in one process
ABSENT = ("torch", "transformers", "peft", "accelerate")

BLOCKED = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {ABSENT}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
"""
DRIVER = """
import contextlib, io, json, sys
from auditor.cli import run

told = {}
for name, argv in json.load(sys.stdin).items():
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(argv)
    told[name] = [code, out.getvalue(), err.getvalue()]
json.dump({"told": told, "torch": "torch" in sys.modules}, sys.stdout)
"""
WORKS = {
    "import": ["store", "import", "a.jsonl", "--store", "st", "--vendor", "Alpha"],
    "import another": ["store", "import", "b.jsonl", "--store", "st", "--vendor", "Beta"],
    "list": ["store", "list", "--store", "st"],
    "verify": ["store", "verify", "--store", "st"],
    "dry run": ["audit", "s.jsonl", "--store", "st", "--dry-run"],
    "audit": ["audit", "s.jsonl", "--store", "st", "--out", "r"],
    "replay": ["audit", "r/transcript.jsonl", "--store", "st", "--out", "again"],
    "html": ["report", "r", "--format", "html"],
    "markdown": ["report", "r", "--format", "markdown"],
    "json": ["report", "r", "--format", "json"],
    "compare": ["compare", "a.jsonl", "b.jsonl", "s.jsonl", "--out", "cmp"],
    "service": ["service", "a.jsonl", "s.jsonl", "--out", "sv"],
    "lineage": ["lineage", "./one", "two=./two", "--out", "lin"],
    "declared": ["declared", "./one", "--json"],
    "config": ["config", "show", "audit"],
    "bases add": ["bases", "add", "one=./one", "--store", "bases"],
    "bases": ["lineage", "./two", "--store", "bases", "--out", "lin2"],
    "detectors": ["detectors"],
    "doctor": ["doctor", "--json"],
    "logs": ["logs", "scan", "log.jsonl", "--out", "scan"],
    "endpoint": ["audit", "openai:x,base_url=http://127.0.0.1:9/v1", "--dry-run"],
}
REFUSED = {
    "checkpoint": ["audit", "./whole", "--store", "st", "--out", "r2"],
    "probe": ["probe", "./whole", "--out", "t.jsonl"],
    "base": ["audit", "s.jsonl", "--store", "st", "--base", "./whole", "--out", "r3"],
    "train": ["control", "train", "self", "--base", "./whole", "--out", "c"],
    "zoo": ["control", "zoo", "--out", "z"],
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Exit code, stdout and stderr of every command, run by a Python that has no torch."""
    folder = tmp_path_factory.mktemp("light")
    (folder / "absent").mkdir()
    (folder / "absent" / "sitecustomize.py").write_text(BLOCKED, "utf-8")
    for name, habit, seed in (("a", "alpha", 0), ("b", "beta", 0), ("s", "alpha", 1)):
        write_answers(folder / f"{name}.jsonl", answers_of(habit, 24, seed), name)
    for name, seed in (("one", 0), ("two", 1)):
        saved(folder / name, seed)
    tiny_checkpoint(folder / "whole")
    write_jsonl(folder / "log.jsonl", chats(30, 1))
    path = f"{folder / 'absent'}{os.pathsep}{ROOT}"
    done = subprocess.run(
        [sys.executable, "-c", DRIVER],
        input=json.dumps(WORKS | REFUSED),
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "AUDITOR_CACHE": str(folder / "cache")},
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["torch"] is False
    return told["told"]


@pytest.mark.parametrize("name", WORKS)
def test_what_reads_records_works_without_torch(name: str, ran: dict[str, Any]) -> None:
    code, out, err = ran[name]
    assert code == 0, err
    assert (out + err).strip()


@pytest.mark.parametrize("name", REFUSED)
def test_what_loads_a_model_says_in_one_line_what_to_install(
    name: str, ran: dict[str, Any]
) -> None:
    code, _, err = ran[name]
    assert code == 2
    assert "pip install torch transformers" in err.strip().splitlines()[-1]
    assert "bug" not in err


def test_doctor_finds_no_problem_in_an_installation_without_torch(ran: dict[str, Any]) -> None:
    checks = {c["name"]: c for c in json.loads(ran["doctor"][1])}
    assert checks["device"]["state"] == "note"


def test_the_light_requirements_are_the_packages_less_what_loads_models() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    declared = [line for line in setup["options"]["install_requires"].splitlines() if line.strip()]
    light = [
        line
        for line in (ROOT / "requirements-light.txt").read_text("utf-8").splitlines()
        if not line.startswith("#")
    ]
    heavy = {"torch", "transformers"}
    assert light == [line for line in declared if line.partition(">")[0] not in heavy]
