"""The simplest executor: this process, one task after the other, whose steps show their progress.
It uses all threads that its libraries take."""

from __future__ import annotations

from concurrent.futures import Future

from auditor.execution.tasks import TaskEnd, WorkTask, perform
from fingerprints.progress import SILENT, Progress


class ThisProcess:
    """Does tasks here and now. A bug in one is raised as it is."""

    places = False
    queues = False
    at_once = 1

    def __init__(self, progress: Progress = SILENT) -> None:
        self._progress = progress

    def submit(self, task: WorkTask) -> Future[TaskEnd]:
        """The task, done."""
        future: Future[TaskEnd] = Future()
        future.set_result(perform(task, self._progress))
        return future
