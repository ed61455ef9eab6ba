"""What a work of many units will take, by what its finished units took: units, seconds, bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditor.execution.tasks import TaskEnd, WorkTask, ended
from fingerprints.records import Record

MEBIBYTE = 1 << 20


class WorkForecast(Record):
    """How many units there are and are done, how many are done at once, and how long the rest takes
    then. ``seconds``, ``peak_bytes`` (main memory of a unit's process) and ``device_bytes`` are
    None where no finished unit tells; memory is needed ``at_once`` times."""

    executor: str
    units: int
    done: int
    at_once: int
    seconds: float | None = None
    peak_bytes: int | None = None
    device_bytes: int | None = None

    def lines(self) -> Iterator[str]:
        """The forecast in words, a line each."""
        told = f"{self.units} units, {self.done} of them done"
        yield f"{told}; {self.at_once} at once, {self.executor}"
        if self.seconds is None:
            yield "how long one takes shows with the first that is done"
        elif self.done < self.units:
            yield f"the rest takes about {self.seconds:,.0f} s, by what the finished ones took"
        if self.peak_bytes:
            each = self.peak_bytes // MEBIBYTE
            yield f"memory: {each:,} MiB a process at most, {each * self.at_once:,} MiB in all"
        if self.device_bytes:
            yield f"memory of a device: {self.device_bytes // MEBIBYTE:,} MiB a unit at most"


def forecast(tasks: Sequence[WorkTask], executor: str, at_once: int) -> WorkForecast:
    """What is known of these tasks before any is done. Does none."""
    ends = [end for end in map(ended, tasks) if end is not None and end.exit_code == 0]
    return forecast_by(ends, len(tasks), executor, at_once)


def forecast_by(ends: Sequence[TaskEnd], units: int, executor: str, at_once: int) -> WorkForecast:
    """What so many units take, of which these are done."""
    left = max(0, units - len(ends))
    took = [end.seconds for end in ends]
    each = sum(took) / len(took) if took else None
    return WorkForecast(
        executor=executor,
        units=units,
        done=len(ends),
        at_once=at_once,
        seconds=None if each is None else round(each * left / min(at_once, max(1, left)), 1),
        peak_bytes=max((end.peak_bytes for end in ends), default=0) or None,
        device_bytes=max((end.device_bytes for end in ends), default=0) or None,
    )
