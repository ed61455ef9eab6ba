"""The local executor: tasks in processes of this machine, as many at once as wanted, each on its
share of a device. A process that is killed, or runs out of memory, costs the task that it did and
no other.

This module is also the program that such a process runs.
"""

from __future__ import annotations

import subprocess
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Self

from auditor.children import begun, check_jobs, close_pipes, serve
from auditor.execution.devices import Devices
from auditor.execution.tasks import TaskEnd, WorkTask, bug, line_of, lost, perform, task_in

UNCAUGHT = 1
VISIBLE = "CUDA_VISIBLE_DEVICES"


class LocalProcesses:
    """At most ``jobs`` processes; a context manager, at whose end all of them are gone.

    ``devices``: the CUDA devices that tasks are dealt; without, each process sees what this one
    sees.
    """

    places = False
    queues = True

    def __init__(self, jobs: int, devices: Devices | None = None) -> None:
        check_jobs(jobs)
        self._jobs, self._devices = jobs, devices or Devices({})
        self._threads = ThreadPoolExecutor(jobs, thread_name_prefix="executor")
        self._mine = threading.local()
        self._lock = threading.Lock()
        self._children: set[subprocess.Popen[bytes]] = set()
        self._closed = False

    @property
    def at_once(self) -> int:
        """As many as there may be processes."""
        return self._jobs

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *failure: object) -> None:
        """Ends every process, whatever it does: what is half done is gone on with later."""
        with self._lock:
            self._closed = True
            for child in self._children:
                child.kill()
        self._threads.shutdown(cancel_futures=True)
        # What no thread came to anew is taken leave of here.
        for child in self._children:
            _closed(child)

    def submit(self, task: WorkTask) -> Future[TaskEnd]:
        """Takes a task for the next process that is free."""
        return self._threads.submit(self._done, task)

    def _done(self, task: WorkTask) -> TaskEnd:
        with self._devices.taken(task.device) as device:
            end = self._by_a_child(task, device)
            # Within the block: who waits for a device sees what was learned of it.
            self._devices.learn(end.device_bytes)
            return end

    def _by_a_child(self, task: WorkTask, device: str | None) -> TaskEnd:
        """One task by this thread's process, which is a new one where the last has ended or was
        begun for other threads or another device."""
        child = self._fitting(task.threads, device)
        line = _said(child, task)
        if line:
            # A model's memory is free for the next one only once its process has ended.
            if task.lane or device is not None:
                self._ended(child)
            return TaskEnd.model_validate_json(line)
        self._ended(child)
        if child.returncode == UNCAUGHT:
            return bug(task, "its process ended, and stderr says where")
        return lost(
            task,
            f"the process that did it ended with {child.returncode}",
            "run the same command again, with fewer --jobs where memory is short",
        )

    def _fitting(self, threads: int, device: str | None) -> subprocess.Popen[bytes]:
        child: subprocess.Popen[bytes] | None = getattr(self._mine, "child", None)
        wanted = (threads, device)
        if child is not None and child.poll() is None and self._mine.begun_for == wanted:
            return child
        if child is not None:
            self._ended(child)
        child = self._mine.child = self._started(threads, device)
        self._mine.begun_for = wanted
        return child

    def _started(self, threads: int, device: str | None) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed:
                raise RuntimeError("the executor is closed")
            child = begun(
                "auditor.execution.local", threads, {} if device is None else {VISIBLE: device}
            )
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


def _said(child: subprocess.Popen[bytes], task: WorkTask) -> bytes:
    """The line that a process says of a task; nothing where it ended before."""
    if child.stdin is None or child.stdout is None:
        return b""
    with suppress(BrokenPipeError):
        child.stdin.write(line_of(task).encode("utf-8") + b"\n")
        child.stdin.flush()
        return child.stdout.readline()
    return b""


def _answer(line: bytes) -> dict[str, object]:
    return perform(task_in(line)).model_dump(mode="json")


if __name__ == "__main__":
    serve(_answer)
