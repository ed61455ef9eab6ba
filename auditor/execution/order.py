"""Does tasks by an executor, each once what it needs is done and its lane is free; a task that
fails stops nobody but those that need it.

The order is `graphlib`'s, the processes are the executor's. Knows nothing of what a task is for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from graphlib import CycleError, TopologicalSorter
from typing import Protocol

from auditor.execution.tasks import TaskEnd, WorkTask, bug, ended
from fingerprints.errors import UsageProblem

Told = Callable[[WorkTask, TaskEnd, int], None]
"""Who is told of every task that ended, and how many have."""
Carried = Callable[[WorkTask, int], bool]
"""Whether a task may still begin while so many others are at work."""


class Executor(Protocol):
    """Who does tasks: this process, processes here, or a cluster.

    ``places`` says whether it finds a device for each model itself, so that models need no lane.
    """

    places: bool

    @property
    def queues(self) -> bool:
        """Whether it takes more tasks than it does at once, and lets them wait."""
        ...

    @property
    def at_once(self) -> int:
        """How many tasks of one thread it does at once, now."""
        ...

    def submit(self, task: WorkTask) -> Future[TaskEnd]:
        """Takes a task; the future gives how it ended, whatever became of who did it."""
        ...


def do_all(
    tasks: Sequence[WorkTask], executor: Executor, told: Told, carried: Carried | None = None
) -> dict[str, TaskEnd]:
    """Does every task that has not succeeded before, and returns how each ended, by id.

    Where ``carried`` is given it is asked before each begins; a task that it refuses is left out,
    as is what needs it, and has no end. Raises UsageProblem where tasks wait for each other, or for
    one that there is not.
    """
    return _Ordered(tasks, executor, told, carried).done()


class _Ordered:
    def __init__(
        self, tasks: Sequence[WorkTask], executor: Executor, told: Told, carried: Carried | None
    ) -> None:
        self.by_id = {task.id: task for task in tasks}
        self.executor, self.told, self.carried = executor, told, carried
        self.ends: dict[str, TaskEnd] = {}
        self.waiting: deque[WorkTask] = deque()
        self.running: dict[Future[TaskEnd], WorkTask] = {}
        self.order = _ordered(tasks, self.by_id, executor.places)

    def done(self) -> dict[str, TaskEnd]:
        """All of it."""
        while self.order.is_active():
            self.waiting.extend(self.by_id[name] for name in self.order.get_ready())
            # What is closed unseen may let others begin: they are taken before anybody waits.
            if self._begin():
                continue
            finished, _ = wait(self.running, return_when=FIRST_COMPLETED)
            for future in finished:
                task = self.running.pop(future)
                self._close(task, _end_of(task, future))
        return self.ends

    def _begin(self) -> bool:
        """Hands on what there is room for; whether anything was closed without being done."""
        closed = False
        while self.waiting and self._room():
            task = self.waiting.popleft()
            if self._is_left_out(task):
                self.order.done(task.id)
                closed = True
            elif (known := _known(task, self.ends)) is not None:
                self._close(task, known)
                closed = True
            else:
                self.running[self.executor.submit(task)] = task
        return closed

    def _room(self) -> bool:
        if self.executor.queues and self.carried is None:
            return True
        return len(self.running) < self.executor.at_once

    def _is_left_out(self, task: WorkTask) -> bool:
        if any(need not in self.ends for need in task.needs):
            return True
        return self.carried is not None and not self.carried(task, len(self.running))

    def _close(self, task: WorkTask, end: TaskEnd) -> None:
        """Marks a task done, so that whoever waits for it may begin."""
        self.ends[task.id] = end
        self.order.done(task.id)
        self.told(task, end, len(self.ends))


def _ordered(
    tasks: Sequence[WorkTask], by_id: Mapping[str, WorkTask], places: bool
) -> TopologicalSorter[str]:
    lost = next((n for task in tasks for n in task.needs if n not in by_id), None)
    if lost is not None or len(by_id) != len(tasks):
        raise UsageProblem(
            f"the tasks don't fit together: {lost or 'one name twice'}", next_step="check the plan"
        )
    order = TopologicalSorter(_graph(tasks, places))
    try:
        order.prepare()
    except CycleError as error:
        raise UsageProblem(
            "the tasks wait for each other", where=tasks[0].id, next_step="check the plan"
        ) from error
    return order


def _graph(tasks: Sequence[WorkTask], places: bool) -> dict[str, list[str]]:
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


def _known(task: WorkTask, ends: dict[str, TaskEnd]) -> TaskEnd | None:
    """How a task ended without doing it: it succeeded before, or something that it needs failed."""
    bad = next((ends[need] for need in task.needs if ends[need].exit_code), None)
    if bad is not None:
        return bad.model_copy(update={"id": task.id, "key": task.key, "seconds": 0.0})
    before = ended(task)
    return before if before is not None and before.exit_code == 0 else None


def _end_of(task: WorkTask, future: Future[TaskEnd]) -> TaskEnd:
    """How a task ended, also where whoever did it met a bug of ours."""
    error = future.exception()
    if error is None:
        return future.result()
    return bug(task, type(error).__name__)
