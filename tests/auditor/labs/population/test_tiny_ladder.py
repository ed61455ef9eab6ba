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
from auditor.labs.population.parallel_runs import grow
from auditor.labs.population.population import (
    GrownPopulation,
    bundled_ladders,
    is_population,
    load_population,
)
from auditor.labs.population.rungs import Gathering, Task, finished
from auditor.labs.population.task_plan import prepare, tasks_of
from auditor.labs.population.workers import do_all
from fingerprints.errors import MalformedInput, UsageProblem
from fingerprints.progress import Progress

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
        assert known.issuperset(task.needs), task.name
        known.add(task.name)


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


def gathering(folder: Path, name: str, needs: tuple[str, ...] = ()) -> Task:
    return Gathering(name=name, needs=needs, folder=str(folder / name), transcripts={})


class Heard(Progress):
    """Keeps what it is told of the whole, and the lines."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int, float | None]] = []
        self.lines: list[str] = []

    def __call__(self, done: int, total: int, left: float | None = None) -> None:
        self.told.append((done, total, left))

    def note(self, line: str) -> None:
        self.lines.append(line)


def test_workers_do_what_is_needed_first_and_pass_by_what_is_done(tmp_path: Path) -> None:
    tasks = [
        gathering(tmp_path, "last", ("one", "two")),
        gathering(tmp_path, "one"),
        gathering(tmp_path, "two", ("one",)),
    ]
    heard = Heard()
    do_all(tasks, 2, heard)
    assert [line.split(": ")[1] for line in heard.lines] == ["one", "two", "last"]
    assert heard.told[-1] == (3, 3, 0.0)
    assert all(finished(task) for task in tasks)
    again = Heard()
    do_all(tasks, 2, again)
    assert again.told == []


def test_a_failure_in_a_worker_is_raised_as_it_was(tmp_path: Path) -> None:
    bad = Gathering(
        name="bad", folder=str(tmp_path / "bad"), transcripts={"a": str(tmp_path / "none.jsonl")}
    )
    with pytest.raises(MalformedInput, match="bad: no such file"):
        do_all([bad], 1)
    assert finished(bad) is None


@pytest.mark.parametrize(
    ("needs", "words"), [(("nobody",), "nobody"), (("b",), "wait for each other")]
)
def test_needs_that_nothing_meets_are_refused(
    tmp_path: Path, needs: tuple[str, ...], words: str
) -> None:
    tasks = [gathering(tmp_path, "a", needs), gathering(tmp_path, "b", ("a",))]
    with pytest.raises(UsageProblem, match=words):
        do_all(tasks, 1)


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
    cohort = grow(load_population(str(path)), tmp_path / "a", 2)
    assert (tmp_path / "a" / "body" / "done.json").read_bytes() == first

    monkeypatch.setenv("AUDITOR_CACHE", str(tmp_path / "other-cache"))
    again = grow(load_population(str(path)), tmp_path / "b", 1)
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
