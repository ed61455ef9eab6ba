"""Grows a population, or climbs a ladder, in several processes at once."""

from __future__ import annotations

from pathlib import Path

from auditor.controls.cohort import Cohort, load_cohort
from auditor.labs.population.ladder import Ladder
from auditor.labs.population.population import GrownPopulation
from auditor.labs.population.rungs import Climbing, Task
from auditor.labs.population.task_plan import COHORT, prepare, tasks_of
from auditor.labs.population.workers import do_all
from fingerprints.progress import SILENT, Progress
from fingerprints.work_folder import WorkFolder

BUSY = "another process trains this ladder"


def grow(population: GrownPopulation, out: Path, jobs: int, progress: Progress = SILENT) -> Cohort:
    """Grows a population in ``out``, ``jobs`` tasks at a time; its cohort is ``out/cohort``.

    Killed anywhere, the same call goes on: finished members are passed by, the others at their step
    or question. The same population on the same machine gives the same weights whatever ``jobs``
    is. Raises MalformedInput for a folder of another population, Locked while another process works
    there, and the errors of every step.
    """
    with WorkFolder(out, BUSY).held():
        prepare(population, out)
        do_all(tasks_of(population, out), jobs, progress)
    return load_cohort(out / COHORT)


def climb_together(ladder: Ladder, out: Path, jobs: int, progress: Progress = SILENT) -> Cohort:
    """Climbs a ladder with ``jobs`` rungs at a time; in all else like `climb`.

    Teachers are open once a process: memory, and an endpoint's limits, are shared by all of them.
    """
    folder = out.absolute()
    plain = ladder.model_dump(mode="json")
    tasks: list[Task] = [
        Climbing(name=name, group="rung", folder=str(folder / name), ladder=plain)
        for name, _ in ladder.rungs()
    ]
    with WorkFolder(out, BUSY).held():
        do_all(tasks, jobs, progress)
    return load_cohort(out)
