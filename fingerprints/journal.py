"""Writes a transcript so that a kill, a full disk or a power cut loses at most the answers in
flight.

Appends, unbuffered, and fsyncs in batches; cuts and notes a torn tail on resumption; one writer at
a time. Knows the file; knows nothing of models.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from io import FileIO
from pathlib import Path

from fingerprints.durable import sync_folder
from fingerprints.errors import Locked, MalformedInput, ResourceLimit
from fingerprints.records import Probe, Record, Reply, Status, canonical_json
from fingerprints.system import Closing, try_lock
from fingerprints.transcript import Event, Footer, Header, Reading, Transcript

# What a power cut may cost, against an fsync for each answer of a fast model.
SYNC_EVERY = 16
SYNC_SECONDS = 2.0
"""Answers of so long, or `SYNC_EVERY` of them, can be lost with the power; a killed process loses
none that it wrote."""


class TranscriptWriter(Closing):
    """Appends replies to a transcript file and finishes it with a footer.

    Opening an existing file resumes it: a torn tail is cut and recorded as an event, its header
    must ask the same of the same subject in the same way (else MalformedInput), and ``done`` holds
    the answered keys. Failed attempts (status ``error``) are not among them and are asked again.
    Raises Locked while another process writes the file.
    """

    def __init__(self, path: Path, header: Header, probes: Iterable[Probe]) -> None:
        self.path = path
        self._unsynced = 0
        self._last_sync = time.monotonic()
        self._file = open_locked(path)
        try:
            self._begin(Reading().read(path), header, probes)
        except BaseException:
            self._file.close()
            raise

    def _begin(self, reading: Reading, header: Header, probes: Iterable[Probe]) -> None:
        torn_header = reading.header is None and reading.torn
        if reading.header is not None and reading.header.terms() != header.terms():
            raise MalformedInput(
                "the file records another subject, other probes or other sampling",
                where=self.path,
                next_step="name another place with --out, or move this file away",
            )
        self._reading = reading
        if reading.torn:
            self._file.truncate(reading.good_bytes)
        if reading.header is None:
            self._put("header", header)
        if reading.torn and not torn_header:
            self.event("torn_line", f"an incomplete last line was cut at byte {reading.good_bytes}")
        for probe in probes:
            if probe.id not in reading.probes:
                self._put("probe", probe)
        self.sync()

    @property
    def done(self) -> dict[tuple[str, str, int], Reply]:
        """The answered requests by key; failed attempts are left out."""
        return {k: r for k, r in self._reading.replies.items() if r.status is not Status.ERROR}

    @property
    def finished(self) -> bool:
        """Whether the file ends with a footer and nothing was added since."""
        return self._reading.footer is not None

    def add(self, reply: Reply) -> None:
        """Appends one reply; fsyncs in batches. Raises ResourceLimit on a full disk."""
        self._put("reply", reply)
        self._unsynced += 1
        if self._unsynced >= SYNC_EVERY or time.monotonic() - self._last_sync > SYNC_SECONDS:
            self.sync()

    def event(self, kind: str, detail: str) -> None:
        """Appends something that a reader of the run must know."""
        self._put("event", Event(kind=kind, detail=detail))

    def finish(self) -> None:
        """Appends the footer, with digests of all, unless it already stands at the end."""
        if self.finished:
            return
        self._put("footer", Footer.of(self.transcript()))
        self.sync()

    def sync(self) -> None:
        """Forces everything written so far onto the disk."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise _disk_problem(error, self.path) from error
        self._unsynced = 0
        self._last_sync = time.monotonic()

    def transcript(self) -> Transcript:
        """What the file holds now, as a value."""
        return self._reading.transcript()

    def close(self) -> None:
        """Syncs, releases the lock and closes the file."""
        if not self._file.closed:
            try:
                self.sync()
            finally:
                self._file.close()

    def _put(self, kind: str, record: Record) -> None:
        row = {**record.model_dump(mode="json", exclude_defaults=True), "type": kind}
        if kind == "header":
            row["format"] = record.format  # type: ignore[attr-defined]  # a default, but it names the format
        append_row(self._file, canonical_json(row) + b"\n", self.path)
        self._reading.take(row)


def open_locked(path: Path) -> FileIO:
    """A file open for appending, unbuffered, by this process alone; its folder is made, and both
    names are on the disk: what is synced into the file must not go with its name.

    Raises Locked while another process holds it, MalformedInput where it can't be written.
    """
    new = [folder for folder in path.parents if not folder.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab", buffering=0)
        for place in (path, *new):
            sync_folder(place.parent)
    except OSError as error:
        raise MalformedInput(
            f"can't be written: {error.strerror}",
            where=path,
            next_step="choose a path in a folder that you may write to",
        ) from error
    if not try_lock(file.fileno()):
        file.close()
        raise Locked(
            "another process is writing this file",
            where=path,
            next_step="wait for it, or write to another file",
        )
    return file


def append_row(file: FileIO, row: bytes, path: Path) -> None:
    """Appends a whole row, or nothing of it: then raises ResourceLimit (a full disk)."""
    end = os.fstat(file.fileno()).st_size
    left = memoryview(row)
    try:
        while left:
            left = left[file.write(left) :]
    except OSError as error:
        file.truncate(end)
        raise _disk_problem(error, path) from error


def _disk_problem(error: OSError, path: Path) -> ResourceLimit:
    return ResourceLimit(
        f"could not write: {error.strerror}; the answers before this one are kept",
        where=path,
        next_step="free some space and run the same command again to resume",
    )
