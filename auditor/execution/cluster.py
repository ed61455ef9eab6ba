"""The executor `ray`: the same tasks on a Ray cluster, one machine or many. Ray finds a place for
each, and does again what a machine that died was doing.

Every machine must see the same folders under the same names; each is asked before it works.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Literal, Self

from auditor.children import THREADS
from auditor.errors import missing_extra
from auditor.execution.shared_folder import SharedFolder
from auditor.execution.tasks import TaskEnd, WorkTask, bug, failed, line_of, lost, perform, task_in
from fingerprints.errors import AuditError, UsageProblem

try:
    import ray
    from ray.exceptions import RayError, RayTaskError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
except ImportError as error:
    raise missing_extra("ray", "cluster", "work on a Ray cluster") from error

TRIES_AGAIN = 3
"""How often a task is begun again whose machine or process died: it goes on where it was."""
CHECKED_WITHIN = 120.0
"""Seconds within which a machine must say whether it sees the folder: a worker begins in a few."""
CACHE = "cache"
ANSWERS_WITHIN = 10.0
"""Seconds within which a cluster's address must take a connection: Ray itself was seen to go on
trying for more than ten minutes."""
LOOK = "look at RAY_ADDRESS, or leave it out: then the cluster is this machine's own"


def _perform(line: str, path: str, word: str) -> str:
    """A task on whatever machine; lines, so that nothing but text crosses the network. A machine
    that came later is asked for the folder, too."""
    task = task_in(line)
    try:
        SharedFolder(path, word).check()
    except AuditError as error:
        return failed(task, error).model_dump_json()
    return perform(task).model_dump_json()


def _unseen(path: str, word: str) -> str:
    """What is wrong with the folder on the machine that this runs on; nothing where it is seen."""
    try:
        SharedFolder(path, word).check()
    except AuditError as error:
        return error.what
    return ""


class RayCluster:
    """A cluster that RAY_ADDRESS names, or one of this machine's own for as long as it is needed;
    a context manager.

    ``shared``: the folder that every machine must see; what teachers answered is kept in it once
    for all machines (``shared/cache``), unless AUDITOR_CACHE says where. ``jobs``: at most so many
    tasks at once; None: as many as the cluster has room for. A model on CUDA takes a whole GPU of
    the cluster, a student one in ``a_device`` parts of one, whichever is free, and so needs no
    lane.
    """

    places = True

    def __init__(self, shared: Path, jobs: int | None = None, a_device: int | None = None) -> None:
        self._shared, self._jobs, self._a_device = shared, jobs, a_device
        self._mark: SharedFolder | None = None

    @property
    def queues(self) -> bool:
        """Ray itself lets wait what there is no room for, unless a number of jobs was said."""
        return self._jobs is None

    @property
    def at_once(self) -> int:
        """The number that was said, or that of the cluster's processors now."""
        return self._jobs or max(1, int(_resources().get("CPU", 1)))

    def __enter__(self) -> Self:
        """Connects. Raises UsageProblem where there is no such cluster."""
        address = os.environ.get("RAY_ADDRESS")
        _check_address(address or "")
        # A cluster that others began has its own number of processors.
        processors = None if address else self._jobs
        try:
            ray.init(
                address=address,
                num_cpus=processors,
                include_dashboard=False,
                log_to_driver=False,
                runtime_env={"env_vars": self._surroundings()},
            )
        except (ConnectionError, ValueError) as error:
            raise _no_cluster(type(error).__name__) from error
        self._work = ray.remote(_perform)
        return self

    def _surroundings(self) -> dict[str, str]:
        cache = os.environ.get("AUDITOR_CACHE") or str(self._shared / CACHE)
        return {**dict.fromkeys(THREADS, "1"), "AUDITOR_CACHE": cache}

    def __exit__(self, *failure: object) -> None:
        """Leaves the cluster; what is half done is gone on with later."""
        ray.shutdown()
        if self._mark is not None:
            self._mark.unmark()

    def submit(self, task: WorkTask) -> Future[TaskEnd]:
        """Takes a task; one whose machine dies is begun again elsewhere, a few times.

        With the first, every machine is asked for the folder, which is there by then. Raises
        UsageProblem where one does not see it.
        """
        if self._mark is None:
            self._mark = SharedFolder.marked(self._shared)
            _check_machines(self._mark)
        gpus = _gpus(task.device, self._a_device, _resources())
        work = self._work.options(num_cpus=task.threads, num_gpus=gpus, max_retries=TRIES_AGAIN)
        told: Future[TaskEnd] = Future()

        def close(found: Future[str]) -> None:
            """Hands on how it ended."""
            error = found.exception()
            if isinstance(error, RayTaskError):
                # Raised by the unit itself: no machine was lost.
                told.set_result(bug(task, type(error).__name__))
            elif isinstance(error, RayError):
                what = f"the cluster could not do it: {type(error).__name__}"
                told.set_result(
                    lost(task, what, "look at the cluster, and run the same command again")
                )
            elif error is not None:
                told.set_exception(error)
            else:
                told.set_result(TaskEnd.model_validate_json(found.result()))

        told_task = (line_of(task), self._mark.path, self._mark.word)
        work.remote(*told_task).future().add_done_callback(close)
        return told


def _check_address(address: str) -> None:
    """Raises UsageProblem where nobody answers at HOST:PORT; other addresses are for Ray to
    read."""
    host, _, port = address.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or "/" in host:
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWERS_WITHIN).close()
    except (OSError, OverflowError, UnicodeError) as error:
        raise _no_cluster(type(error).__name__) from error


def _no_cluster(why: str) -> UsageProblem:
    return UsageProblem(f"no Ray cluster answers there: {why}", where="RAY_ADDRESS", next_step=LOOK)


def _resources() -> dict[str, float]:
    """What the cluster has now, by name: CPU, GPU."""
    found: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]  # Ray has no types for it
    return found


def _gpus(
    device: Literal["none", "share", "whole"], a_device: int | None, cluster: Mapping[str, float]
) -> float:
    """How much of a GPU a task is given: a share only where the cluster has any."""
    if device == "whole":
        return 1.0
    return 1.0 / (a_device or 1) if device == "share" and cluster.get("GPU", 0) else 0.0


def _check_machines(mark: SharedFolder) -> None:
    """Raises UsageProblem where a machine of the cluster does not see the folder."""
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]  # Ray has no types for it
    machines = [node for node in nodes if node["Alive"]]
    asked = ray.remote(_unseen)
    told = [
        asked.options(
            num_cpus=0, scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], False)
        ).remote(mark.path, mark.word)
        for node in machines
    ]
    try:
        wrong = [what for what in ray.get(told, timeout=CHECKED_WITHIN) if what]
    except RayError as error:
        raise UsageProblem(
            f"the cluster's machines could not be asked for the folder: {type(error).__name__}",
            where="RAY_ADDRESS",
            next_step="look at the cluster, and run the same command again",
        ) from error
    if wrong:
        raise UsageProblem(
            wrong[0] + (f", nor do {len(wrong) - 1} others" if len(wrong) > 1 else ""),
            where=mark.path,
            next_step="mount it there under the same name, or take the machine out",
        )
