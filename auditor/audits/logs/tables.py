"""Logs as tables of a warehouse: read, split by date, tied, measured."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from auditor.audits.logs.figures import UnitFigures, measure
from auditor.audits.logs.linking import Links, link
from auditor.audits.logs.mapping import mapped
from auditor.audits.logs.plan import WINDOWS, LogInput
from auditor.audits.logs.reading import Ingested, ingest
from auditor.audits.logs.records import LogRead, RowCounts
from auditor.audits.logs.sources import log_files
from auditor.audits.logs.warehouse import Warehouse, literal
from detectors.extraction.signals import NAMES
from fingerprints.errors import MalformedInput
from fingerprints.progress import SILENT, Progress

ALMOST = 0.98
"""A log that lacks a fiftieth of a window at its end still fills it."""


@dataclass(frozen=True)
class LogTable:
    """A log in a table: what was read, as a record and in full, and its span."""

    name: str
    read: LogRead
    columns: frozenset[str]
    first: datetime
    last: datetime

    @property
    def seconds(self) -> float:
        """How long it is."""
        return (self.last - self.first).total_seconds()


@dataclass(frozen=True)
class MeasuredLog:
    """A log's units: their ties and their figures by window."""

    links: Links
    figures: UnitFigures


def read_log(house: Warehouse, name: str, given: LogInput, progress: Progress = SILENT) -> LogTable:
    """Reads a log into a table. Raises what `log_files`, `mapped` and `ingest` raise."""
    files = log_files(given.arguments)
    found, talks = mapped(house, files, given.given, given.preset)
    read = ingest(house, name, files, found, talks, progress)
    (accounts,) = house.one(f"SELECT count(DISTINCT account_h) FROM {name} WHERE fault = 0")
    told = LogRead(
        files=tuple((f.path.name, f.path.stat().st_size) for f in files),
        preset=found.preset,
        columns={c: path.text for c, path in found.paths.items() if c in read.columns},
        first=_minute(read.first),
        last=_minute(read.last),
        rows=_counts(read),
        n_accounts=int(accounts),
    )
    return LogTable(name, told, read.columns, read.first, read.last)


def _minute(when: datetime) -> str:
    return when.strftime("%Y-%m-%d %H:%M")


def _counts(read: Ingested) -> RowCounts:
    told = {**read.counts, "bad_numbers": read.bad_numbers, "cut_files": read.cut}
    return RowCounts.model_validate(told)


def split(house: Warehouse, log: LogTable, until: datetime) -> tuple[LogTable, LogTable]:
    """The part before a date, and the rest. Raises MalformedInput where either is empty."""
    parts = []
    for name, test in (("benign", "<"), ("judged", ">=")):
        when = f"TIMESTAMP {literal(str(until))}"
        house.run(
            f"CREATE VIEW {name} AS SELECT * FROM {log.name} WHERE fault = 0 AND time {test} {when}"
        )
        n, first, last = house.one(f"SELECT count(*), min(time), max(time) FROM {name}")
        if not n:
            raise MalformedInput(
                f"no usable row {'before' if test == '<' else 'from'} {until:%Y-%m-%d} on",
                where="--benign-until",
                next_step=f"the log is of {log.read.first} to {log.read.last}",
            )
        parts.append(LogTable(name, log.read, log.columns, first, last))
    return parts[0], parts[1]


def window_seconds(logs: Iterable[LogTable]) -> float:
    """The longest of our windows that each of the logs fills; the shortest where none does."""
    shortest = min(log.seconds for log in logs)
    fitting = [s for s in WINDOWS.values() if s * ALMOST <= shortest]
    return max(fitting, default=min(WINDOWS.values()))


def n_windows(log: LogTable, seconds: float) -> int:
    """In how many windows a log is cut; the last may be a part of one."""
    return max(1, math.floor(log.seconds / seconds + 1 - 1e-9))


def measured(house: Warehouse, log: LogTable, held: Iterable[str], seconds: float) -> MeasuredLog:
    """Ties the accounts of a log by the columns that are held, and measures its units."""
    links = link(house, log.name, tuple(held))
    figures = measure(house, log.name, log.first, seconds)
    # A payment that an office shares ties it; that it is several people is no sign of anything.
    agreeing = {
        unit
        for test, unit in zip(links.groups, links.group_units, strict=True)
        if test.group.template is not None
    }
    alone = ~np.isin(figures.unit, sorted(agreeing))
    figures.signals[alone, NAMES.index("spread")] = 0.0
    return MeasuredLog(links, figures)
