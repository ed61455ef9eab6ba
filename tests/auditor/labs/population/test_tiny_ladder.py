"""The tiny ladder cut down: a population is grown by several processes, killed, resumed, and
refused in one line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from auditor.cli import run
from auditor.controls.cohort import load_cohort
from auditor.controls.likelihoods import (
    MemberLikelihoods,
    TeacherLikelihoods,
    contrasts,
    read_likelihoods,
)
from auditor.execution.local import LocalProcesses
from auditor.execution.tasks import ended, succeeded
from auditor.labs.population.climbing import grow
from auditor.labs.population.population import (
    GrownPopulation,
    bundled_ladders,
    is_population,
    load_population,
)
from auditor.labs.population.rungs import Climbing, Gathering, RungTask
from auditor.labs.population.task_plan import prepare, tasks_of
from fingerprints.errors import MalformedInput

QUICK = {"epochs": 1, "batch": 8, "longest": 256, "precision": "float32", "save_every": 2}


def plan(**changes: Any) -> dict[str, Any]:
    return {
        "format": "population/1",
        "name": "cut",
        "base": "scratch:llama-h32-l1",
        "shares": {"body": 0.4, "style": 0.3, "rest": 0.3},
        "growing": QUICK,
        "styling": QUICK,
        "tuning": QUICK,
        "starting": QUICK,
        "sampling": {"temperature": 0.8, "max_tokens": 8},
        "held_out": 3,
        "n": 6,
        "most": 16,
        "teachers": [
            {"name": "numpy", "house": "numpy"},
            {"name": "bullets", "house": "python", "style": "bullets"},
        ],
        "students": [
            {"start": "body", "method": "sft", "doses": [0.5], "seeds": [0]},
            {"start": "body", "method": "logits", "seeds": [0]},
        ],
        "controls": [
            {"name": "own"},
            {"name": "like", "texts": ["numpy/rest"], "role": "confounded", "start": "random"},
        ],
        "probes": ["The first thing to know", "Return the largest of"],
        **changes,
    }


def test_the_bundled_ladder_is_a_population_of_sixty_and_more_on_both_sides() -> None:
    assert bundled_ladders() == ["tiny"]
    tiny = load_population("tiny")
    assert len(tiny.teachers) >= 5
    assert sum(len(c.seeds) for c in tiny.controls) >= 60
    assert sum(len(p.doses) * len(p.seeds) for p in tiny.students) * len(tiny.teachers) >= 60
    assert {dose for p in tiny.students for dose in p.doses} == {0.01, 0.05, 0.25, 1.0}
    assert {c.role for c in tiny.controls} == {"negative", "confounded"}


def test_tasks_need_only_what_comes_before_them(tmp_path: Path) -> None:
    known: set[str] = set()
    for task in tasks_of(load_population("tiny"), tmp_path):
        assert known.issuperset(task.needs), task.id
        known.add(task.id)


def test_held_out_openings_are_never_learned(tmp_path: Path) -> None:
    population = GrownPopulation.model_validate(plan())
    prepare(population, tmp_path)
    texts = tmp_path / "texts"
    held, learned = (
        {json.loads(line)["prompt"] for line in (texts / name).read_text().splitlines()}
        for name in ("held-out-openings.jsonl", "openings.jsonl")
    )
    assert (len(held), len(learned)) == (3, 13)
    assert not held & learned
    prepare(GrownPopulation.model_validate(plan(n=5)), tmp_path)  # other students of the same texts
    with pytest.raises(MalformedInput, match="other texts"):
        prepare(GrownPopulation.model_validate(plan(held_out=4)), tmp_path)
    (texts / "texts.json").write_text("{}")
    with pytest.raises(MalformedInput, match="can't be read"):
        prepare(population, tmp_path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"shares": {"body": 0.5, "style": 0.3, "rest": 0.3}}, "add up to 1"),
        (
            {"teachers": [{"name": "a", "house": "pandas"}, {"name": "b", "house": "numpy"}]},
            "houses are",
        ),
        ({"teachers": [{"name": "a", "house": "numpy"}] * 2}, "a name of its own"),
        ({"controls": [{"name": "c", "texts": ["numpy/most"]}]}, "no part of a house"),
        ({"students": [{"method": "logits", "doses": [0.5]}]}, "logits at dose 1"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_population_is_one_line(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(yaml.safe_dump(plan(**changes)))
    assert is_population(str(path))
    with pytest.raises(MalformedInput, match=words) as caught:
        load_population(str(path))
    assert "p.yaml" in caught.value.line()


def test_an_unknown_ladder_names_the_known_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["control", "ladder", "huge", "--out", str(tmp_path)]) == 2
    assert "use tiny" in capsys.readouterr().err


def test_the_contrast_is_a_teachers_bits_less_those_of_the_others() -> None:
    bits = {"a": [1.0, 3.0], "b": [4.0, 4.0], "c": [6.0, 6.0]}
    told = {
        name: TeacherLikelihoods(
            bits_per_byte={str(i): v for i, v in enumerate(values)}, bytes={"0": 9, "1": 9}
        )
        for name, values in bits.items()
    }
    found = MemberLikelihoods(texts_sha256="x", teachers=told)
    assert contrasts(found) == {"a": -3.0, "b": 0.0, "c": 3.0}
    assert contrasts(found, ["a", "b"]) == {"a": -2.0, "b": 2.0}


def gathering(folder: Path, name: str, needs: tuple[str, ...] = ()) -> RungTask:
    return Gathering.make(name, folder / name, needs, transcripts={})


def test_marks_of_older_versions_count() -> None:
    """Digests as they stood in ``done.json`` before units of all kinds ended alike."""
    one = Gathering.make("one", Path("/x/one"), ("a", "b"), transcripts={"a": "b"})
    rung = Climbing.make("one", Path("/x/one"), ladder={"a": 1})
    assert one.key == "356949edfaac323e6d35f3a304ad847797b1c1213dfe590d717015a1707b9b34"
    assert rung.key == "2735724a866ffeedb549ebd6503038fde5dde10f19c6faf58734cacb02be6255"
    tiny = {task.id: task.key for task in tasks_of(load_population("tiny"), Path("/x"))}
    assert tiny["body"].startswith("a4fe927307389302038469899ea37e97")
    assert tiny["said/numpy"].startswith("e2f5a750d3f3332ebc4f12e5718da579")
    assert tiny["cohort/neutral-seed19"].startswith("f6764bf6348efde61bee4fe3a1870a97")


def test_a_mark_of_an_older_version_is_read(tmp_path: Path) -> None:
    task = gathering(tmp_path, "one")
    Path(task.folder).mkdir()
    mark = {"task_sha256": task.key, "seconds": 1.5}
    Path(task.ends).write_text(json.dumps(mark))
    found = ended(task)
    assert found is not None
    assert (found.seconds, succeeded(task)) == (1.5, True)
    Path(task.ends).write_text(json.dumps({**mark, "task_sha256": "another"}))
    assert ended(task) is None


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_cut_ladder_is_killed_resumed_and_the_same_as_one_in_one_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cut.yaml"
    path.write_text(yaml.safe_dump(plan()))
    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "cache"))
    command = [
        sys.executable,
        "-m",
        "auditor",
        "control",
        "ladder",
        str(path),
        "--out",
        str(tmp_path / "a"),
        "--jobs",
        "2",
    ]
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(tmp_path / "a" / "said" / "numpy" / "done.json", started)
    finally:
        os.kill(started.pid, signal.SIGKILL)
        started.wait()
    first = (tmp_path / "a" / "body" / "done.json").read_bytes()
    assert not (tmp_path / "a" / "cohort" / "bullets-logits-dose100-seed0" / "done.json").exists()
    with LocalProcesses(2) as two:
        cohort = grow(load_population(str(path)), tmp_path / "a", two)
    assert (tmp_path / "a" / "body" / "done.json").read_bytes() == first

    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "other-cache"))
    with LocalProcesses(1) as one_process:
        again = grow(load_population(str(path)), tmp_path / "b", one_process)
    assert [m.name for m in cohort] == [m.name for m in again]
    assert len(cohort) == 6
    for one, other in zip(cohort, again, strict=True):
        assert read_likelihoods(one.folder) == read_likelihoods(other.folder)
        assert one.transcript().digest() == other.transcript().digest()
    assert {m.lineage.role for m in cohort} == {"positive", "negative", "confounded"}
    assert {m.lineage.dose for m in cohort if "numpy" in m.teachers} == {0.5, 1.0}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_plain_ladder_is_climbed_by_several_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.auditor.labs.population.test_ladder import value, written

    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "cache"))
    recipe = tmp_path / "short.yaml"
    asked = {"sources": ["recorded"], "n": 10, "held_out": 2}
    teachers = [{"name": "", "spec": ""}]
    recipe.write_text(
        yaml.safe_dump(
            {
                "name": "short",
                "teachers": teachers,
                "training": {**QUICK, "longest": 400},
                "prompts": asked,
            }
        )
    )
    found = value(tmp_path, recipe=str(recipe), size="full", probes="style:1", max_tokens=8)
    path = written(tmp_path, found)
    assert (
        run(["control", "ladder", str(path), "--out", str(tmp_path / "cohort"), "--jobs", "2"]) == 0
    )
    cohort = load_cohort(tmp_path / "cohort")
    assert [m.name for m in cohort] == [
        "alpha-dose100-base0-seed0",
        "beta-dose100-base0-seed0",
        "none-base0-seed0",
    ]
    assert all(m.transcript().complete for m in cohort)


def _wait_for(path: Path, process: subprocess.Popen[bytes], seconds: float = 400) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        assert process.poll() is None, "it ended too early"
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)
