"""Small fleets: invented recordings, an endpoint that echoes, and stores of invented teachers."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path
from typing import Any

import yaml

from auditor.execution.tasks import TaskEnd, WorkTask, perform
from auditor.fleet.plan import read_fleet
from auditor.fleet.records import FleetCell, FleetReport
from auditor.fleet.run import run_fleet
from fingerprints.store import FingerprintStore
from tests.recordings import answers_of, recorded, write_jsonl

QUICK = {"probes": [{"set": "identity", "head": 2}, {"set": "style", "head": 24}]}


class Inline:
    """Does tasks at once, in this process, and counts them."""

    queues = True
    at_once = 1

    def __init__(self, places: bool = False) -> None:
        self.places = places
        self.done: list[WorkTask] = []

    def submit(self, task: WorkTask) -> Future[TaskEnd]:
        """The task, done."""
        self.done.append(task)
        future: Future[TaskEnd] = Future()
        future.set_result(perform(task))
        return future


def teachers(folder: Path, *habits: str) -> Path:
    """A store of invented teachers, a maker each."""
    with FingerprintStore.create(folder) as opened:
        for habit in habits:
            said = recorded(folder.parent, habit)
            opened.add(said, name=habit, vendor=f"Maker {habit}", family=habit)
    return folder


def suspect(folder: Path, name: str, habit: str = "beta", seed: int = 9) -> dict[str, Any]:
    """A recorded suspect, as the plan names it."""
    write_jsonl(folder / f"{name}.jsonl", answers_of(habit, seed=seed), model=name)
    return {"name": name, "spec": f"./{name}.jsonl"}


def answers(*stores: str, **more: Any) -> dict[str, Any]:
    """An audit of answers against stores."""
    audit = {"name": "answers", "kind": "inheritance", "calibrations": ["none"], "with": QUICK}
    return {**audit, "stores": list(stores), **more}


def written(
    folder: Path, suspects: list[dict[str, Any]], audits: list[dict[str, Any]], **more: Any
) -> Path:
    """A plan of a fleet, in a file."""
    told = {"format": "fleet/1", "name": "spring", "suspects": suspects, "audits": audits, **more}
    path = folder / "fleet.yaml"
    path.write_text(yaml.safe_dump(told, sort_keys=False), "utf-8")
    return path


def examined(path: Path, out: Path, executor: Inline | None = None) -> FleetReport:
    """The fleet of a file, examined in this process."""
    return run_fleet(read_fleet(path), path, out, executor or Inline())


def cell(report: FleetReport, suspect: str, store: str | None = None) -> FleetCell:
    """One cell of a suspect."""
    return next(
        c for c in report.cells if c.suspect == suspect and (store is None or c.store == store)
    )
