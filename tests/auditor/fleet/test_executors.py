"""Wherever a fleet is run, it comes to the same: in processes that are killed, after a kill of the
whole, and on a cluster that loses a machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from auditor.execution.local import LocalProcesses
from auditor.execution.order import do_all
from auditor.execution.tasks import TaskEnd
from auditor.fleet.plan import read_fleet
from auditor.fleet.records import FLEET_REPORT, FleetReport
from auditor.fleet.run import RECORD, foreseen, run_fleet
from tests.auditor.fleet.fleets import Inline, answers, examined, suspect, teachers, written


def bare(report: FleetReport) -> list[dict[str, Any]]:
    """What a fleet came to, without times."""
    return [c.model_dump(exclude={"seconds", "made"}) for c in report.cells]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    teachers(tmp_path / "one", "alpha", "beta", "gamma")
    suspects = [suspect(tmp_path, f"s{i}", h, i) for i, h in enumerate(("beta", "delta"))]
    return written(tmp_path, suspects, [answers("./one")])


class Dying(Inline):
    """An executor whose task number ``n`` meets a bug."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.n = n

    def submit(self, task: Any) -> Future[TaskEnd]:
        if len(self.done) == self.n:
            self.done.append(task)
            broken: Future[TaskEnd] = Future()
            broken.set_exception(KeyError("a bug"))
            return broken
        return super().submit(task)


def test_a_bug_in_one_task_is_told_and_stops_only_who_needs_it(path: Path) -> None:
    report = examined(path, path.parent / "out", Dying(0))
    states = {c.suspect: (c.state, c.exit_code) for c in report.cells}
    assert states == {"s0": ("failed", 70), "s1": ("done", 0)}
    again = examined(path, path.parent / "out")
    assert {c.state for c in again.cells} == {"done"}


def test_lanes_keep_their_order_and_needs_are_met(path: Path) -> None:
    cells, tasks = foreseen(read_fleet(path), path, path.parent, path.parent / "out")
    inline, told = Inline(), list[str]()
    ends = do_all(tasks.tasks, inline, lambda task, _, n: told.append(f"{n} {task.id}"))
    done = [task.id for task in inline.done]
    assert len(ends) == len(tasks.tasks) == len(told) == len(cells) * 2
    for task in tasks.tasks:
        assert all(done.index(need) < done.index(task.id) for need in task.needs)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_killed_process_costs_its_own_task_alone(path: Path) -> None:
    killed = list[int]()

    class Killing(LocalProcesses):
        """Kills the process that is given the first task."""

        def submit(self, task: Any) -> Future[TaskEnd]:
            future = super().submit(task)
            if not killed:
                _wait(lambda: bool(self._children))
                child = next(iter(self._children))
                killed.append(child.pid)
                os.kill(child.pid, signal.SIGKILL)
                future.result()
            return future

    out = path.parent / "out"
    with Killing(1) as executor:
        report = run_fleet(read_fleet(path), path, out, executor)
    codes = {c.suspect: (c.exit_code, c.code) for c in report.cells}
    assert sorted(codes.values()) == [(0, ""), (7, "E-LIMIT")]
    with LocalProcesses(1) as executor:
        mended = run_fleet(read_fleet(path), path, out, executor)
    assert bare(mended) == bare(examined(path, path.parent / "alone"))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_as_a_whole_it_goes_on_and_comes_to_the_same(path: Path) -> None:
    out = path.parent / "out"
    command = [
        sys.executable,
        "-m",
        "auditor",
        "fleet",
        str(path),
        "--out",
        str(out),
        "--jobs",
        "1",
    ]
    first = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    _wait(lambda: len(list((out / "ends").glob("*"))) > 0)
    first.kill()
    first.wait()
    held = {p.name: p.stat().st_mtime_ns for p in (out / "ends").glob("*.json")}
    assert subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode == 0
    after = {p.name: p.stat().st_mtime_ns for p in (out / "ends").glob("*.json")}
    assert {name: after[name] for name in held} == held
    found = FLEET_REPORT.read(out / RECORD)
    assert bare(found) == bare(examined(path, path.parent / "alone"))


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_cluster_that_loses_a_machine_comes_to_the_same(path: Path) -> None:
    pytest.importorskip("ray")
    out = path.parent / "out"
    program = [sys.executable, "-m", "tests.auditor.fleet.on_ray", str(path), str(out)]
    done = subprocess.run(program, check=True, capture_output=True, text=True)
    assert "machines left: 2" in done.stdout
    found = FLEET_REPORT.read(out / RECORD)
    assert bare(found) == bare(examined(path, path.parent / "alone"))


def _wait(until: Callable[[], bool], most: float = 300.0) -> None:
    end = time.monotonic() + most
    while not until():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)
