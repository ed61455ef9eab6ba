"""What a work of many units will take, by what its finished units took: units, seconds, bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet

from auditor.execution.tasks import TaskEnd, WorkTask, ended
from fingerprints.records import Record

MEBIBYTE = 1 << 20


class WorkForecast(Record):
    """How many units there are and are done, how many are done at once (None: a cluster that was
    not asked yet decides), and how long the rest takes then; ``work_seconds``: one after the other.
    Both, ``peak_bytes`` (main memory of a unit's process) and ``device_bytes`` are None where no
    finished unit tells; memory is needed ``at_once`` times."""

    executor: str
    units: int
    done: int
    at_once: int | None
    seconds: float | None = None
    work_seconds: float | None = None
    peak_bytes: int | None = None
    device_bytes: int | None = None

    def lines(self) -> Iterator[str]:
        """The forecast in words, a line each."""
        told = f"{self.units} units, {self.done} of them done"
        at_once = "as many as it has room for, which shows when it is asked,"
        yield f"{told}; {self.at_once or at_once} at once, {self.executor}"
        if self.done < self.units:
            yield self._rest()
        if self.peak_bytes:
            each = self.peak_bytes // MEBIBYTE
            in_all = "" if self.at_once is None else f", {each * self.at_once:,} MiB in all"
            yield f"memory: {each:,} MiB a process at most{in_all}"
        if self.device_bytes:
            yield f"memory of a device: {self.device_bytes // MEBIBYTE:,} MiB a unit at most"

    def _rest(self) -> str:
        if self.seconds is not None:
            return f"the rest takes about {self.seconds:,.0f} s, by what the finished ones took"
        if self.work_seconds is None:
            return "how long one takes shows with the first that is done"
        return (
            f"the rest takes about {self.work_seconds:,.0f} s by what the finished ones took,"
            " divided by how many are done at once"
        )


def forecast(
    tasks: Sequence[WorkTask],
    executor: str,
    at_once: int | None,
    there: AbstractSet[str] = frozenset(),
) -> WorkForecast:
    """What is known of these tasks before any is done; ``there``: the ids of those that are done by
    what lies there, whether or not they left how they ended. Does none."""
    found = {task.id: end for task in tasks if (end := ended(task)) and end.exit_code == 0}
    return forecast_by(
        list(found.values()), len(tasks), executor, at_once, len(found.keys() | there)
    )


def forecast_by(
    ends: Sequence[TaskEnd], units: int, executor: str, at_once: int | None, done: int
) -> WorkForecast:
    """What so many units take, so many of which are ``done``; these are the ``ends`` of those that
    left one."""
    left = max(0, units - done)
    took = [end.seconds for end in ends]
    work = round(sum(took) / len(took) * left, 1) if took else None
    return WorkForecast(
        executor=executor,
        units=units,
        done=done,
        at_once=at_once,
        seconds=_seconds(work, left, at_once),
        work_seconds=work,
        peak_bytes=max((end.peak_bytes for end in ends), default=0) or None,
        device_bytes=max((end.device_bytes for end in ends), default=0) or None,
    )


def _seconds(work: float | None, left: int, at_once: int | None) -> float | None:
    """How long the rest takes where so many of those that are left are done at once."""
    if work is None or at_once is None:
        return None
    return round(work / min(at_once, max(1, left)), 1)
