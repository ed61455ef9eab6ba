"""The reports below a folder, each as a line of a list; and each by its key.

A key is made from a report's place, so that no address ever holds a path. Links are not followed,
and what can't be read is listed with its reason. Knows files; knows no page.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from auditor.audits.report.bundle import REPORT
from auditor.audits.report.file import load_report
from auditor.audits.report.glance import glance
from auditor.audits.report.lines import Status
from auditor.audits.report.places import portable
from auditor.errors import AuditError, MalformedInput
from auditor.evidence.records import Report
from detectors.measurement import Question
from fingerprints.progress import SILENT, Told
from fingerprints.records import sha256

KEY = 16
MOST_REPORTS, DEEPEST, MOST_KEPT = 2000, 8, 8
"""How many reports are listed, how far below the folder, and how many are held in memory."""


@dataclass(frozen=True)
class ReportEntry:
    """One report in the list: its key, its place below the folder, whose it is, when it was made,
    its three statuses, and whom the suspect says that it is; or why it can't be read."""

    key: str
    place: str
    name: str = ""
    created: str = ""
    statuses: dict[Question, Status] = field(default_factory=dict)
    says: str = ""
    problem: str = ""


@dataclass
class ReportFolder:
    """The reports below a folder, read again where a file has changed."""

    root: Path
    _entries: dict[Path, tuple[tuple[int, int], ReportEntry]] = field(default_factory=dict)
    _reports: dict[Path, tuple[tuple[int, int], Report]] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path) -> ReportFolder:
        """The folder. Raises MalformedInput where there is none."""
        if not folder.is_dir():
            raise MalformedInput(
                "is not a folder", where=folder, next_step="give the folder that holds the reports"
            )
        return cls(folder.resolve())

    def entries(self, progress: Told = SILENT) -> tuple[ReportEntry, ...]:
        """All reports, by place; a report that was taken away is gone."""
        paths = list(self._paths())
        found = {}
        for i, path in enumerate(paths, 1):
            found[path] = self._entry(path)
            progress(i, len(paths))
        self._entries = {path: self._entries[path] for path in found}
        return tuple(found.values())

    def report(self, key: str) -> Report | None:
        """The report of a key; None for a key of nothing, and where it can't be read (any more)."""
        path = next((p for p in self._paths() if key_of(self._place(p)) == key), None)
        if path is None or self._entry(path).problem:
            return None
        state = _state(path)
        held = self._reports.pop(path, None)
        if held is None or held[0] != state:
            try:
                held = (state, load_report(path))
            except AuditError:  # it changed under our hands: the list will say why
                return None
        self._reports[path] = held
        while len(self._reports) > MOST_KEPT:
            self._reports.pop(next(iter(self._reports)))
        return held[1]

    def _paths(self) -> Iterator[Path]:
        """Every report.json, in order; never behind a link."""
        count = 0
        for at, folders, files in os.walk(self.root, followlinks=False):
            here = Path(at)
            deep = len(here.relative_to(self.root).parts)
            folders[:] = (
                sorted(f for f in folders if not f.startswith(".")) if deep < DEEPEST else []
            )
            path = here / REPORT
            if REPORT in files and path.is_file() and not path.is_symlink():
                count += 1
                yield path
            if count >= MOST_REPORTS:
                return

    def _place(self, path: Path) -> str:
        return path.parent.relative_to(self.root).as_posix()

    def _entry(self, path: Path) -> ReportEntry:
        state = _state(path)
        held = self._entries.get(path)
        if held is None or held[0] != state:
            held = (state, _listed(path, self._place(path)))
            self._entries[path] = held
        return held[1]


def left_out(entries: Sequence[ReportEntry]) -> str:
    """That whatever lies beyond the list's end is not shown, as a sentence; empty where the list
    did not reach it."""
    if len(entries) < MOST_REPORTS:
        return ""
    return f"The first {MOST_REPORTS:,} reports are listed; whatever else lies there is not."


def key_of(place: str) -> str:
    """The key of a report by its place below the folder."""
    return sha256(place)[:KEY]


def _state(path: Path) -> tuple[int, int]:
    """What changes when a file does; of one that is gone nothing does."""
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)


def _listed(path: Path, place: str) -> ReportEntry:
    try:
        report = portable(load_report(path))
    except AuditError as error:
        return ReportEntry(key_of(place), place, problem=error.what)
    seen = glance(report)
    return ReportEntry(
        key_of(place),
        place,
        report.subject.identity.name,
        report.created,
        {line.question: line.status for line in seen.lines},
        seen.says,
    )
