"""The executor `ray`: the same tasks on a Ray cluster, one machine or many. Ray finds a place for
each, and does again what a machine that died was doing.

Every machine must see the same folders under the same names: the plan's and the fleet's.
"""

from __future__ import annotations

import os
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from auditor.errors import missing_extra
from auditor.fleet.order import Task
from auditor.fleet.tasks import OUT_OF_MEMORY, TaskEnd, perform, task_in

try:
    import ray
    from ray.exceptions import RayError
except ImportError as error:
    raise missing_extra("ray", "cluster", "a fleet on a Ray cluster") from error

TRIES_AGAIN = 3
"""How often a task is begun again whose machine or process died: it goes on where it was."""


def _perform(line: str) -> str:
    """A task on whatever machine; lines, so that nothing but text crosses the network."""
    return perform(task_in(line)).model_dump_json()


class RayCluster:
    """A cluster that RAY_ADDRESS names, or one of this machine's own for as long as it is needed;
    a context manager.

    A model on CUDA takes one GPU of the cluster, whichever is free, and so needs no lane.
    """

    places = True

    def __init__(self, jobs: int | None = None) -> None:
        self._jobs = jobs

    def __enter__(self) -> Self:
        """Connects. Raises what Ray raises where there is no such cluster."""
        address = os.environ.get("RAY_ADDRESS")
        # A cluster that others began has its own number of processors.
        processors = None if address else self._jobs
        ray.init(address=address, num_cpus=processors, include_dashboard=False, log_to_driver=False)
        self._work = ray.remote(_perform)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leaves the cluster; what is half done is gone on with later."""
        ray.shutdown()

    def submit(self, task: Task) -> Future[TaskEnd]:
        """Takes a task; one whose machine dies is begun again elsewhere, a few times."""
        gpus = 1 if task.lane.startswith("device:cuda") else 0
        work = self._work.options(num_cpus=1, num_gpus=gpus, max_retries=TRIES_AGAIN)
        told: Future[TaskEnd] = Future()

        def close(found: Future[str]) -> None:
            """Hands on how it ended."""
            error = found.exception()
            if isinstance(error, RayError):
                told.set_result(_lost(task, error))
            elif error is not None:
                told.set_exception(error)
            else:
                told.set_result(TaskEnd.model_validate_json(found.result()))

        work.remote(task.model_dump_json()).future().add_done_callback(close)
        return told


def _lost(task: Task, error: RayError) -> TaskEnd:
    """How a task ended that the cluster could not do."""
    return TaskEnd(
        id=task.id,
        key=task.key,
        exit_code=OUT_OF_MEMORY,
        code="E-LIMIT",
        what=f"the cluster could not do it: {type(error).__name__}",
        next_step="look at the cluster, and run the same command again",
    )
