"""Does tasks by an executor, each once what it needs is done and its lane is free; a task that
fails stops nobody but those that need it.

The order is `graphlib`'s, the processes are the executor's. Knows nothing of what a task is for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from graphlib import TopologicalSorter
from typing import Protocol

from auditor.fleet.tasks import AskTask, JudgeTask, TaskEnd, bug, ended

Task = AskTask | JudgeTask


class Executor(Protocol):
    """Who does tasks: processes here, or a cluster. ``places`` says whether it finds a device for
    each model itself, so that models need no lane."""

    places: bool

    def submit(self, task: Task) -> Future[TaskEnd]:
        """Takes a task; the future gives how it ended, whatever became of who did it."""
        ...


def do_all(
    tasks: Sequence[Task], executor: Executor, told: Callable[[Task, TaskEnd, int], None]
) -> dict[str, TaskEnd]:
    """Does every task that has not succeeded before, and returns how each ended, by id.

    ``tasks`` stand behind what they need. ``told`` is given each with how many have ended.
    """
    by_id = {task.id: task for task in tasks}
    ends: dict[str, TaskEnd] = {}
    running: dict[Future[TaskEnd], Task] = {}
    order = TopologicalSorter(_graph(tasks, executor.places))
    order.prepare()

    def close(task: Task, end: TaskEnd) -> None:
        """Marks a task done, so that whoever waits for it may begin."""
        ends[task.id] = end
        order.done(task.id)
        told(task, end, len(ends))

    while order.is_active():
        ready = order.get_ready()
        for name in ready:
            task = by_id[name]
            known = _known(task, ends)
            if known is not None:
                close(task, known)
            else:
                running[executor.submit(task)] = task
        # What was closed may have let others begin: they are taken before anybody is waited for.
        if not ready:
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                task = running.pop(future)
                close(task, _end_of(task, future))
    return ends


def _graph(tasks: Sequence[Task], places: bool) -> dict[str, list[str]]:
    """Behind whom each task stands: what it needs, and the one before it in its lane."""
    before: dict[str, str] = {}
    out: dict[str, list[str]] = {}
    for task in tasks:
        out[task.id] = list(task.needs)
        if task.lane and not (places and task.lane.startswith("device:")):
            if task.lane in before:
                out[task.id].append(before[task.lane])
            before[task.lane] = task.id
    return out


def _known(task: Task, ends: dict[str, TaskEnd]) -> TaskEnd | None:
    """How a task ended without doing it: it succeeded before, or something that it needs failed."""
    bad = next((ends[need] for need in task.needs if ends[need].exit_code), None)
    if bad is not None:
        return bad.model_copy(update={"id": task.id, "key": task.key, "seconds": 0.0})
    before = ended(task)
    return before if before is not None and before.exit_code == 0 else None


def _end_of(task: Task, future: Future[TaskEnd]) -> TaskEnd:
    """How a task ended, also where whoever did it met a bug of ours."""
    error = future.exception()
    if error is None:
        return future.result()
    return bug(task, type(error).__name__)
