"""Grows a population, or climbs a ladder, by an executor: in this process, in several, or on a
cluster."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from auditor.controls.cohort import Cohort, load_cohort
from auditor.execution.here import ThisProcess
from auditor.execution.order import Executor, do_all
from auditor.execution.tasks import TaskEnd, WorkTask, succeeded
from auditor.execution.telling import check_ends, told_failure
from auditor.labs.population.ladder import Ladder
from auditor.labs.population.pace import THERE, Pace, PieceDone, is_there
from auditor.labs.population.population import GrownPopulation
from auditor.labs.population.rungs import Climbing, RungTask
from auditor.labs.population.task_plan import COHORT, SHARE, prepare, tasks_of
from auditor.labs.population.untrained import Quantised
from fingerprints.errors import MalformedInput
from fingerprints.progress import SILENT, Progress
from fingerprints.work_folder import WorkFolder

BUSY = "another process trains this ladder"


def grow(
    population: GrownPopulation,
    out: Path,
    executor: Executor | None = None,
    progress: Progress = SILENT,
) -> Cohort:
    """Grows a population in ``out``; its cohort is ``out/cohort``.

    Killed anywhere, the same call goes on: finished members are passed by, the others at their step
    or question. The same population on the same kind of machine gives the same weights whatever
    executor of one thread a task makes them. A member that fails stops none but those that need it.
    Raises Incomplete where any failed, once the others are done, MalformedInput for a folder of
    another population, Locked while another process works there.
    """
    with WorkFolder(out, BUSY).held():
        prepare(population, out)
        _do(tasks_of(population, out), executor, progress)
    return load_cohort(out / COHORT)


def climb(
    ladder: Ladder, out: Path, executor: Executor | None = None, progress: Progress = SILENT
) -> Cohort:
    """Trains and asks every rung that is not there yet, and returns the whole cohort; in all else
    like `grow`.

    Teachers are open once a process: memory, and an endpoint's limits, are shared by all of them.
    What one asks a teacher, the others wait for and take from the cache.
    """
    with WorkFolder(out, BUSY).held():
        _do(rung_tasks(ladder, out), executor, progress)
    return load_cohort(out)


def rung_tasks(ladder: Ladder, out: Path) -> tuple[Climbing, ...]:
    """The rungs of a ladder as tasks: a rounded student behind its unrounded twin, if that is a
    rung, too."""
    folder, plain = out.absolute(), ladder.model_dump(mode="json")
    rungs = dict(ladder.rungs())
    return tuple(
        Climbing.make(
            name,
            folder / name,
            (rung.twin,) if isinstance(rung, Quantised) and rung.twin in rungs else (),
            ladder=plain,
            device=SHARE,
        )
        for name, rung in rungs.items()
    )


def rungs_there(tasks: Sequence[RungTask]) -> frozenset[str]:
    """The ids of the pieces that are done: by how they ended, or, of an older version's that left
    no such file, by their lineage and whole transcript. A damaged transcript is none."""
    return frozenset(t.id for t in tasks if succeeded(t) or _left_by_an_older_version(t))


def _left_by_an_older_version(task: RungTask) -> bool:
    try:
        return not Path(task.ends).exists() and is_there(Path(task.folder), True)
    except MalformedInput:
        return False  # told where it is made


def _do(tasks: Sequence[RungTask], executor: Executor | None, progress: Progress) -> None:
    doing = executor or ThisProcess(progress)
    check_ends(do_all(tasks, doing, _RungsTold(tasks, doing.at_once, progress)), "rungs")


class _RungsTold:
    """Tells of every rung that ended, with what came of it and how long the rest will take."""

    def __init__(self, tasks: Sequence[RungTask], at_once: int, progress: Progress) -> None:
        self.open = {task.id: task for task in tasks}
        self.total, self.at_once, self.progress = len(tasks), at_once, progress
        self.there = rungs_there(tasks)
        self.pace = Pace(known=0.5)
        progress.step("rungs", whole=True)(0, self.total)

    def __call__(self, task: WorkTask, end: TaskEnd, done: int) -> None:
        """A rung ended, the one that makes so many."""
        rung = self.open.pop(task.id)
        group = THERE if task.id in self.there else rung.group
        self.pace.add(group, end.seconds)
        left = self.pace.left([self._group(t) for t in self.open.values()], self.at_once)
        told_failure(task, end, self.progress)
        if end.exit_code:
            self.progress.step("rungs", whole=True)(done, self.total, left)
            return
        folder = Path(rung.folder)
        PieceDone(done, self.total, task.id, group, folder, end.seconds, left).tell(self.progress)

    def _group(self, task: RungTask) -> str:
        return THERE if task.id in self.there else task.group
