"""Who does the units of a long work: the flags of all commands that have it done by others, and
the executor that they name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click

from auditor.children import MOST_JOBS
from auditor.commands.options import Decorated
from auditor.execution.devices import MOST_A_DEVICE, Devices, seen_devices
from auditor.execution.order import Executor
from fingerprints.errors import UsageProblem
from fingerprints.progress import SILENT, Progress
from fingerprints.system import cores

ExecutorName = Literal["local", "ray"]

EXECUTOR = click.option(
    "--executor",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Processes of this machine, or a Ray cluster (RAY_ADDRESS) that sees the same folders.",
)


def jobs_option(usual: str) -> Decorated:
    """``--jobs``; ``usual`` says how many there are where it is not given."""
    return click.option(
        "--jobs",
        type=click.IntRange(1, MOST_JOBS),
        help=f"So many at once, each in a process of one thread; on a cluster, too.  [{usual}]",
    )


JOBS = jobs_option("default: one, in this process; as many as a cluster has room for")
STUDENTS_A_DEVICE = click.option(
    "--students-a-device",
    "a_device",
    type=click.IntRange(1, MOST_A_DEVICE),
    help="So many share a CUDA device.  [default: what the memory that the first took allows; one"
    " on a cluster]",
)


@dataclass(frozen=True)
class Execution:
    """Who shall do the units, as the flags say."""

    executor: ExecutorName = "local"
    jobs: int | None = None
    a_device: int | None = None

    @classmethod
    def of(cls, flags: dict[str, Any]) -> Execution:
        """Takes its flags out of a command's."""
        named = ("executor", "jobs", "a_device")
        return cls(**{name: flags.pop(name) for name in named if name in flags})

    @contextmanager
    def opened(self, shared: Path, progress: Progress = SILENT) -> Iterator[Executor]:
        """The executor for as long as the block lasts. ``shared``: the folder of the work, which
        every machine must see. Raises UsageProblem for a share of devices that there are not."""
        if self.executor == "ray":
            from auditor.execution.cluster import RayCluster

            with RayCluster(shared.absolute(), self.jobs, self.a_device) as cluster:
                yield cluster
        elif self.jobs is None and self.a_device is None:
            from auditor.execution.here import ThisProcess

            yield ThisProcess(progress)
        else:
            from auditor.execution.local import LocalProcesses

            devices = self._devices()
            with LocalProcesses(self.jobs or devices.places, devices) as processes:
                yield processes

    def _devices(self) -> Devices:
        seen = seen_devices()
        if self.a_device is not None and not seen:
            raise UsageProblem(
                "this machine has no CUDA device that could be shared",
                where="--students-a-device",
                next_step="leave it out, and say --jobs",
            )
        return Devices(seen, self.a_device)

    def places(self) -> int | None:
        """How many units are done at once; None where that shows when a cluster is asked."""
        if self.jobs is not None or self.executor == "ray":
            return self.jobs
        return 1 if self.a_device is None else max(1, self.a_device * len(seen_devices()))


def one_a_core(executor: ExecutorName, jobs: int | None) -> Execution:
    """For work whose units are many and small: a process a core where nothing else is said."""
    here = executor == "local" and jobs is None
    return Execution(executor, min(MOST_JOBS, cores()) if here else jobs)
