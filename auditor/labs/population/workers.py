"""Does tasks in N child processes of one thread each, whatever a task needs first; resumes, and
tells how long it will take. A child is this module as a program.

A child ends when its parent does, however that ended. Knows processes and order; knows nothing of
what a task is for.
"""

from __future__ import annotations

import json
import selectors
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from auditor.children import begun, check_jobs, close_pipes, serve
from auditor.labs.population.pace import Pace, PieceDone
from auditor.labs.population.rungs import Task, finished, perform, read_task
from fingerprints.errors import AuditError, ResourceLimit, UsageProblem, raised_again
from fingerprints.progress import SILENT, Progress


@dataclass
class _Child:
    process: subprocess.Popen[bytes]
    task: Task | None = None

    def give(self, task: Task) -> None:
        self.task = task
        pipe = _pipe(self.process.stdin)
        with suppress(BrokenPipeError):  # it died: told when its answer is read
            pipe.write(task.model_dump_json().encode("utf-8") + b"\n")
            pipe.flush()


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise UsageProblem(
            "a worker was started without its pipes", where="--jobs", next_step="report this"
        )
    return pipe


@dataclass
class _Board:
    """What is still to do, what is done, and what finished tasks took, by their group."""

    todo: list[Task]
    done: set[str]
    total: int
    jobs: int
    pace: Pace = field(default_factory=lambda: Pace(known=0.5))

    def ready(self) -> Task | None:
        """The first task whose needs are met, taken off the list."""
        for place, task in enumerate(self.todo):
            if self.done.issuperset(task.needs):
                return self.todo.pop(place)
        return None

    def close(self, task: Task, seconds: float) -> PieceDone:
        """Marks a task done."""
        self.done.add(task.name)
        self.pace.add(task.group, seconds)
        left = self.pace.left([open_one.group for open_one in self.todo], self.jobs)
        folder = Path(task.folder)
        return PieceDone(len(self.done), self.total, task.name, task.group, folder, seconds, left)


def do_all(tasks: Sequence[Task], jobs: int, progress: Progress = SILENT) -> None:
    """Does every task that isn't done, at most ``jobs`` at a time, none before what it needs.

    ``progress`` is told of every task that was done. The first failure stops all others where they
    are (a later call goes on there) and is raised as it was in the child; ResourceLimit where a
    child died. Raises UsageProblem for a number of jobs below 1, and for needs that nothing meets.
    """
    check_jobs(jobs)
    names = {task.name for task in tasks}
    lost = next((need for task in tasks for need in task.needs if need not in names), None)
    if lost is not None or len(names) != len(tasks):
        raise UsageProblem(
            f"the tasks don't fit together: {lost or 'one name twice'}",
            next_step="check the ladder",
        )
    todo = [task for task in tasks if finished(task) is None]
    board = _Board(todo, names - {task.name for task in todo}, len(tasks), jobs)
    if todo:
        with _children(min(jobs, len(todo))) as children:
            _run(board, children, progress)


def _run(board: _Board, children: list[_Child], progress: Progress) -> None:
    idle = list(children)
    with selectors.DefaultSelector() as waiting:
        while len(board.done) < board.total:
            while idle and (task := board.ready()) is not None:
                child = idle.pop()
                child.give(task)
                waiting.register(_pipe(child.process.stdout), selectors.EVENT_READ, child)
            if len(idle) == len(children):
                raise UsageProblem(
                    "the tasks wait for each other",
                    where=board.todo[0].name,
                    next_step="check the ladder",
                )
            for key, _ in waiting.select():
                waiting.unregister(key.fileobj)
                done = _read(key.data, board)
                idle.append(key.data)
                done.tell(progress)


def _read(child: _Child, board: _Board) -> PieceDone:
    task, line = child.task, _pipe(child.process.stdout).readline()
    if task is None or not line:
        code = child.process.wait()
        raise ResourceLimit(
            f"the worker that did {task.name if task else 'nothing'!r} ended with {code}; what was"
            " finished is kept",
            where="--jobs",
            next_step="run the same command again, with fewer --jobs where memory is short",
        )
    said: dict[str, Any] = json.loads(line)
    if "failed" in said:
        told = said["failed"]
        raise raised_again({**told, "what": f"{task.name}: {told['what']}"})
    child.task = None
    return board.close(task, float(said["seconds"]))


@contextmanager
def _children(count: int) -> Iterator[list[_Child]]:
    started: list[_Child] = []
    try:
        for _ in range(count):
            started.append(_Child(begun("auditor.labs.population.workers")))
        yield started
    finally:
        # All are stopped before any is waited for.
        for child in started:
            child.process.kill()
        for child in started:
            child.process.wait()
            close_pipes(child.process)


def _answer(line: bytes) -> dict[str, object]:
    """What became of one task. One thread: the parent says so in the environment, which torch reads
    when it is first needed."""
    try:
        return {"seconds": perform(read_task(line)).seconds}
    except AuditError as error:
        return {"failed": error.told()}


if __name__ == "__main__":
    serve(_answer)
