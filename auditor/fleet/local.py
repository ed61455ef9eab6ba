"""The local executor: tasks in processes of this machine, as many at once as wanted. A process that
is killed, or runs out of memory, costs the task that it did and no other.

This module is also the program that such a process runs.
"""

from __future__ import annotations

import subprocess
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Self

from auditor.children import begun, check_jobs, close_pipes, serve
from auditor.fleet.order import Task
from auditor.fleet.tasks import OUT_OF_MEMORY, TaskEnd, bug, perform, task_in

UNCAUGHT = 1


class LocalProcesses:
    """At most ``jobs`` processes; a context manager, at whose end all of them are gone."""

    places = False

    def __init__(self, jobs: int) -> None:
        check_jobs(jobs)
        self._threads = ThreadPoolExecutor(jobs, thread_name_prefix="fleet")
        self._mine = threading.local()
        self._lock = threading.Lock()
        self._children: set[subprocess.Popen[bytes]] = set()
        self._closed = False

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends every process, whatever it does: what is half done is gone on with later."""
        with self._lock:
            self._closed = True
            for child in self._children:
                child.kill()
        self._threads.shutdown(cancel_futures=True)
        # What no thread came to anew is taken leave of here.
        for child in self._children:
            _closed(child)

    def submit(self, task: Task) -> Future[TaskEnd]:
        """Takes a task for the next process that is free."""
        return self._threads.submit(self._done, task)

    def _done(self, task: Task) -> TaskEnd:
        """One task by this thread's process, which is a new one where the last has ended."""
        child = getattr(self._mine, "child", None)
        if child is None or child.poll() is not None:
            child = self._mine.child = self._started()
        line = _said(child, task)
        if line:
            # A model's memory is free for the next one only once its process has ended.
            if task.lane:
                self._ended(child)
            return TaskEnd.model_validate_json(line)
        self._ended(child)
        if child.returncode == UNCAUGHT:
            return bug(task, "its process ended, and stderr says where")
        return TaskEnd(
            id=task.id,
            key=task.key,
            exit_code=OUT_OF_MEMORY,
            code="E-LIMIT",
            what=f"the process that did it ended with {child.returncode}",
            next_step="run the same command again, with fewer --jobs where memory is short",
        )

    def _started(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed:
                raise RuntimeError("the executor is closed")
            child = begun("auditor.fleet.local")
            self._children.add(child)
        return child

    def _ended(self, child: subprocess.Popen[bytes]) -> None:
        self._mine.child = None
        with self._lock:
            self._children.discard(child)
        _closed(child)


def _closed(child: subprocess.Popen[bytes]) -> None:
    """Closes a process's pipes, at which it ends, and waits for it."""
    close_pipes(child)
    child.wait()


def _said(child: subprocess.Popen[bytes], task: Task) -> bytes:
    """The line that a process says of a task; nothing where it ended before."""
    if child.stdin is None or child.stdout is None:
        return b""
    with suppress(BrokenPipeError):
        child.stdin.write(task.model_dump_json().encode("utf-8") + b"\n")
        child.stdin.flush()
        return child.stdout.readline()
    return b""


def _answer(line: bytes) -> dict[str, object]:
    return perform(task_in(line)).model_dump(mode="json")


if __name__ == "__main__":
    serve(_answer)
