"""A calibration is the same whoever makes it; a killed one goes on; what is measured is measured
once."""

from __future__ import annotations

import dataclasses
import functools
import json
import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path

import pytest

from auditor.audits.inheritance import calibrating as module
from auditor.audits.inheritance.calibrating import (
    CalibrationPlan,
    FittingTask,
    MeasuringTask,
    foreseen,
    make_calibration,
    work_folder,
)
from auditor.calibration.cohort import known_models, population_of
from auditor.calibration.familiar import least_familiar
from auditor.calibration.fit import calibrated, shares_of
from auditor.calibration.record import Calibration, read_calibration
from auditor.calibration.rows import measured_rows
from auditor.cli import run
from auditor.controls.cohort import load_cohort
from auditor.execution.here import ThisProcess
from auditor.execution.local import LocalProcesses
from auditor.execution.tasks import TaskEnd, WorkTask
from detectors.registry import load_detector
from fingerprints.errors import Incomplete, MalformedInput, UsageProblem
from tests.auditor.calibration.population import PROMPTS, teachers, write_cohort, write_store

pytestmark = pytest.mark.timeout(400)  # the population is measured three times
SIZES = (20, PROMPTS)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("calibrating")
    write_store(home / "store")
    write_cohort(home / "cohort")
    return home


@pytest.fixture(scope="module")
def plan(home: Path) -> CalibrationPlan:
    return CalibrationPlan(
        home / "cohort", str(home / "store"), ("neighbours",), SIZES, "authors", "invented"
    )


@pytest.fixture
def parted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small parts, so that there are several."""
    monkeypatch.setattr(module, "MODELS_A_UNIT", 20)


class Dying(ThisProcess):
    """An executor that is killed before its unit number ``n``."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.n, self.done = n, list[str]()

    def submit(self, task: WorkTask) -> Future[TaskEnd]:
        if len(self.done) == self.n:
            raise KeyboardInterrupt
        self.done.append(task.id)
        return super().submit(task)


class Idle(ThisProcess):
    """An executor that is given nothing to do."""

    def submit(self, task: WorkTask) -> Future[TaskEnd]:
        raise AssertionError(f"{task.id} is done again")


def bare(made: Calibration) -> Calibration:
    return made.model_copy(update={"created": ""})


@pytest.fixture(scope="module")
def straight(plan: CalibrationPlan) -> Calibration:
    """The same in one go, without any unit."""
    cohort, stored = load_cohort(plan.cohort), teachers()
    known = known_models(cohort, stored)
    rows = measured_rows(
        known, stored, [functools.partial(load_detector, n) for n in plan.detectors], SIZES
    )
    return calibrated(
        "authors",
        rows,
        population_of(known, stored, "invented"),
        cohort.digest(),
        shares=shares_of(known, stored),
        least_familiar=least_familiar(known, stored),
    )


@pytest.mark.usefixtures("parted")
def test_a_killed_calibration_goes_on_and_is_that_of_one_go(
    plan: CalibrationPlan, straight: Calibration, tmp_path: Path
) -> None:
    out = tmp_path / "made.json"
    killed = Dying(3)
    with pytest.raises(KeyboardInterrupt):
        make_calibration(plan, out, killed)
    assert not out.exists()
    assert work_folder(out).is_dir()
    rest = Dying(99)
    made = make_calibration(plan, out, rest)
    assert not set(killed.done) & set(rest.done)
    assert len(killed.done) + len(rest.done) == 6
    assert bare(made) == bare(straight)
    assert {f.size for f in made.fitted} == set(SIZES)
    assert not work_folder(out).exists()


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_cluster_that_loses_a_machine_makes_the_same(home: Path, straight: Calibration) -> None:
    pytest.importorskip("ray")
    program = [sys.executable, "-m", "tests.auditor.calibration.on_ray", str(home)]
    done = subprocess.run(program, check=True, stdout=subprocess.PIPE, text=True)
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["code"], told["machines"], told["units left"]) == (0, 2, False)
    assert 0 < len(told["seen"]) < 6, "it was killed in the middle"
    assert bare(read_calibration(home / "by-a-cluster.json")) == bare(straight)


def test_processes_make_the_same(
    plan: CalibrationPlan, straight: Calibration, tmp_path: Path
) -> None:
    with LocalProcesses(1) as executor:
        made = make_calibration(plan, tmp_path / "made.json", executor)
    assert bare(made) == bare(straight)


@pytest.mark.usefixtures("parted")
def test_units_are_parts_of_the_cohort_and_a_fit_behind_them(
    plan: CalibrationPlan, tmp_path: Path
) -> None:
    tasks = foreseen(plan, tmp_path / "made.json")
    parts = [t for t in tasks if isinstance(t, MeasuringTask)]
    assert [(t.size, t.start, t.stop) for t in parts] == [
        (20, 0, 20),
        (20, 20, 36),
        (40, 0, 20),
        (40, 20, 36),
    ]
    fits = [t for t in tasks if isinstance(t, FittingTask)]
    assert [t.needs for t in fits] == [
        ("20-prompts-models-1-20", "20-prompts-models-21-36"),
        ("40-prompts-models-1-20", "40-prompts-models-21-36"),
    ]
    other = CalibrationPlan(plan.cohort, plan.store, ("stylistic_overlap",), SIZES, "authors")
    assert not {t.key for t in tasks} & {t.key for t in foreseen(other, tmp_path / "made.json")}
    assert not list(tmp_path.iterdir())


def test_no_fit_is_of_more_prompts_than_are_shared(plan: CalibrationPlan, tmp_path: Path) -> None:
    out = tmp_path / "made.json"
    many = dataclasses.replace(plan, sizes=(PROMPTS + 60, 5000))
    assert {t.id.partition("-")[0] for t in foreseen(many, out)} == {str(PROMPTS)}
    made = make_calibration(many, out, ThisProcess())
    assert [f.size for f in made.fitted] == [PROMPTS]
    assert {f.size for f in made.figures} == {c.size for c in made.curves} == {PROMPTS}
    assert made.notes == (f"Cohort and store share {PROMPTS} prompts: nothing is fitted at more.",)


def test_a_cohort_that_changes_meanwhile_is_told(plan: CalibrationPlan, tmp_path: Path) -> None:
    (task, *_) = foreseen(plan, tmp_path / "made.json")
    changed = task.model_copy(update={"state": "another"})
    with pytest.raises(Incomplete, match="changed while it was measured"):
        changed.do()


def test_what_others_left_beside_it_is_refused_and_stays(
    plan: CalibrationPlan, tmp_path: Path
) -> None:
    out = tmp_path / "made.json"
    notes = work_folder(out) / "notes.txt"
    notes.parent.mkdir()
    notes.write_text("mine", "utf-8")
    with pytest.raises(MalformedInput, match="holds other files"):
        make_calibration(plan, out, Idle())
    assert notes.read_text("utf-8") == "mine"


def test_a_folder_is_refused_before_anything_is_measured(
    plan: CalibrationPlan, tmp_path: Path
) -> None:
    out = tmp_path / "made.json"
    out.mkdir()
    with pytest.raises(UsageProblem, match="a folder, and no file"):
        make_calibration(plan, out, Idle())


def test_a_calibration_that_cannot_be_written_costs_no_unit(
    plan: CalibrationPlan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = dataclasses.replace(plan, sizes=(20,))
    out = tmp_path / "made.json"

    def full(path: Path, made: Calibration) -> None:
        raise MalformedInput("the disk is full", where=path, next_step="free some of it")

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_calibration", full)
        with pytest.raises(MalformedInput, match="the disk is full"):
            make_calibration(small, out, ThisProcess())
    make_calibration(small, out, Idle())
    assert (out.is_file(), work_folder(out).exists()) == (True, False)


def test_a_dry_run_counts_units_and_measures_nothing(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "made.json"
    flags = ["--store", str(home / "store"), "--out", str(out), "--prompts", "20,40"]
    command = ["calibrate", str(home / "cohort"), *flags, "--jobs", "3", "--dry-run"]
    assert run(command) == 0
    assert "4 units, 0 of them done; 3 at once, local" in capsys.readouterr().out
    assert run([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["forecast"]["units"] == 4
    assert not list(tmp_path.iterdir())
