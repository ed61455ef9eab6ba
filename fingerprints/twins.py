"""Twins: other answers of the same model to the same prompts, drawn and kept beside a log.

JSONL, one object a line: a header (whose log, which model, how and when drawn), then a twin a line.
Append-only and resumable; a torn last line is cut. Knows the file and how twins are drawn; knows
nothing of what they are compared with.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from fingerprints.collect import timestamp
from fingerprints.errors import Incomplete, MalformedInput, UsageProblem, printable
from fingerprints.journal import append_row, open_locked
from fingerprints.progress import SILENT, Progress
from fingerprints.records import (
    Arm,
    Identity,
    Record,
    Reply,
    Request,
    Spoken,
    Status,
    canonical_json,
    sha256,
)
from fingerprints.served import ServedAnswer
from fingerprints.subjects.base import Subject
from fingerprints.system import Closing
from fingerprints.transcript import RowReading

FORMAT: Literal["twins/1"] = "twins/1"
TWIN_SEED = 48_611_003
"""Added to the seed: with the seeds that a log's answers were drawn by, the twins would be these
very answers."""
SYNC_EVERY = 16
Drawn = Literal["sealed", "regenerated", "public_dataset"]


class TwinsHeader(Record):
    """Whose twins, of which model, and how they were drawn. ``served_as`` is what the log calls the
    model, where whoever drew them said so; ``drawn`` tells when as a design, ``created`` by the
    clock."""

    format: Literal["twins/1"] = FORMAT
    log_sha256: str
    rows: int
    m: int
    drawn: Drawn
    served_as: Spoken | None = None
    spec: str
    identity: Identity
    seed: int = 0
    created: str = ""

    def terms(self) -> str:
        """Digest of what must not change between a run and its resumption."""
        identity = self.identity.model_copy(update={"notes": ()})
        told = {"created": "", "spec": "", "identity": identity}
        return self.model_copy(update=told).digest()


class Twin(Record):
    """One drawn answer: of which row, the how manieth, how it ended, what the model called itself,
    and how it was asked for."""

    row: str
    sample: int
    text: Spoken = ""
    status: Status
    finish: str = ""
    model: Spoken = ""
    temperature: float
    top_p: float
    max_tokens: int

    @classmethod
    def of(cls, reply: Reply, request: Request, row: str, model: str) -> Twin:
        """What a reply is as a twin."""
        ended = "length" if reply.status is Status.TRUNCATED else "stop"
        return cls(
            row=row,
            sample=request.sample,
            text=reply.text,
            status=reply.status,
            finish=reply.finish_reason or ended,
            model=model,
            temperature=request.temperature,
            top_p=request.top_p,
            max_tokens=request.max_tokens,
        )


@dataclass
class TwinsReading(RowReading):
    """What a file of twins holds so far."""

    row_of = "row of twins"
    next_step = "move the file away to draw again"

    header: TwinsHeader | None = None
    twins: dict[tuple[str, int], Twin] = field(default_factory=dict)

    def take(self, row: dict[str, Any]) -> None:
        """Adds one row. Raises ValueError for one that is none, and for a second header."""
        kind, rest = row.get("type"), {k: v for k, v in row.items() if k != "type"}
        if (self.header is None) != (kind == "header"):
            raise ValueError("not an object, or the header is not the first line")
        if kind == "header":
            self.header = TwinsHeader.model_validate(rest)
        elif kind == "twin":
            twin = Twin.model_validate(rest)
            known = self.twins.get((twin.row, twin.sample))
            if known is not None and known != twin:
                raise ValueError("two different twins under one number")
            self.twins[twin.row, twin.sample] = twin
        else:
            raise ValueError(f"unknown row type {printable(str(kind), 40)!r}")

    def sets(self) -> dict[str, tuple[Twin, ...]]:
        """The twins of each row, in order."""
        out: dict[str, list[Twin]] = {}
        for row, sample in sorted(self.twins):
            out.setdefault(row, []).append(self.twins[row, sample])
        return {row: tuple(found) for row, found in out.items()}


def read_twins(path: Path) -> TwinsReading:
    """A file of twins. Raises MalformedInput where it is missing or none."""
    found = TwinsReading().read(path)
    if found.header is None:
        raise MalformedInput(
            "holds no twins", where=path, next_step="draw them with `auditor twins draw`"
        )
    return found


class TwinsWriter(Closing):
    """Appends twins to a file; opening one that stands resumes it.

    Raises Locked while another process writes it, MalformedInput where it holds other twins.
    """

    def __init__(self, path: Path, header: TwinsHeader) -> None:
        self.path = path
        self._file = open_locked(path)
        try:
            self._reading = TwinsReading().read(path)
            if self._reading.torn:
                self._file.truncate(self._reading.good_bytes)
            known = self._reading.header
            if known is None:
                self._put({"type": "header", **header.model_dump(mode="json")})
            elif known.terms() != header.terms():
                raise MalformedInput(
                    "holds twins of another log, of another model or drawn in another way",
                    where=path,
                    next_step="write to another file, or move this one away",
                )
        except BaseException:
            self._file.close()
            raise
        self._unsynced = 0

    @property
    def held(self) -> Mapping[tuple[str, int], Twin]:
        """What is drawn already, by row and sample."""
        return self._reading.twins

    def add(self, twin: Twin) -> None:
        """Appends one twin; syncs in batches."""
        self._put({"type": "twin", **twin.model_dump(mode="json")})
        self._unsynced += 1
        if self._unsynced >= SYNC_EVERY:
            os.fsync(self._file)
            self._unsynced = 0

    def close(self) -> None:
        """Syncs, releases the lock and closes the file."""
        if not self._file.closed:
            os.fsync(self._file)
            self._file.close()

    def _put(self, row: dict[str, Any]) -> None:
        append_row(self._file, canonical_json(row) + b"\n", self.path)
        self._reading.take(row)


@dataclass(frozen=True)
class TwinSampling:
    """How twins are asked for where the log does not say; what it does say wins, and must not be
    contradicted. ``served_as`` is the log's name of the model, where it differs from its own."""

    m: int = 3
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int = 0
    served_as: str | None = None

    def requests(self, row: ServedAnswer) -> list[Request]:
        """The requests for one row's twins. Raises UsageProblem where the log does not say how it
        was asked and nobody else does, or where both say different things."""
        temperature = self._one("temperature", row.temperature)
        top_p = 1.0 if row.top_p is None and self.top_p is None else self._one("top_p", row.top_p)
        longest = int(self._one("max_tokens", row.max_tokens))
        if temperature == 0:
            raise UsageProblem(
                "an answer was served greedily, so all its twins would be equal to it",
                where="--temperature",
                next_step="leave such rows out of the log",
            )
        # Rows of one prompt are asked under ids of their own: equal keys would share their noise.
        probe = row.probe().model_copy(update={"id": f"served/{row.id()}"})
        return [
            Request(
                probe=probe,
                arm=Arm.OWN,
                sample=j,
                max_tokens=longest,
                temperature=temperature,
                top_p=top_p,
                seed=TWIN_SEED + self.seed + j,
            )
            for j in range(self.m)
        ]

    def _one(self, name: str, logged: float | None) -> float:
        given = getattr(self, name)
        flag = f"--{name.replace('_', '-')}"
        if logged is None and given is None:
            raise UsageProblem(
                f"the log does not say by which {name.replace('_', ' ')} answers were drawn",
                where=flag,
                next_step=f"say it by {flag}; a wrong one makes innocents look taught",
            )
        if logged is not None and given is not None and logged != given:
            raise UsageProblem(
                f"the log says {name.replace('_', ' ')} {logged:g}, and the flag {given:g}",
                where=flag,
                next_step="leave the flag out, or draw twins of these rows alone",
            )
        return float(given if logged is None else logged)


def log_digest(rows: Sequence[ServedAnswer]) -> str:
    """SHA-256 over the ids of rows, in order: which answers twins were drawn for."""
    return sha256(canonical_json([row.id() for row in rows]))


def draw_twins(
    subject: Subject,
    rows: Sequence[ServedAnswer],
    asking: TwinSampling,
    drawn: Drawn,
    into: Path,
    progress: Progress = SILENT,
) -> TwinsHeader:
    """Draws what ``into`` lacks, and returns its header; the same call resumes.

    A twin that the subject can't give (rejected, no room in its context) is kept as that. Raises
    Incomplete where requests failed (what was drawn is kept), and the errors of
    `TwinSampling.requests`.
    """
    header = TwinsHeader(
        log_sha256=log_digest(rows),
        rows=len(rows),
        m=asking.m,
        drawn=drawn,
        served_as=asking.served_as,
        spec=subject.spec,
        identity=subject.identity,
        seed=asking.seed,
        created=timestamp(),
    )
    wanted = {
        (row.id(), request.sample): (row.id(), request)
        for row in rows
        for request in asking.requests(row)
    }
    with TwinsWriter(into, header) as writer:
        todo = [(row, r) for key, (row, r) in wanted.items() if key not in writer.held]
        done, failed = len(wanted) - len(todo), 0
        progress(done, len(wanted))
        by_key = {request.key: (row, request) for row, request in todo}
        for reply in subject.generate([request for _, request in todo]):
            row, request = by_key[reply.key]
            if reply.status is Status.ERROR:
                failed += 1
                continue
            model = reply.served_model or subject.identity.name
            writer.add(Twin.of(reply, request, row, model))
            done += 1
            progress(done, len(wanted))
    if failed:
        raise Incomplete(
            f"{failed} of {len(wanted)} twins could not be drawn",
            where=printable(subject.spec, 80),
            next_step="run the same command again: what was drawn is kept",
        )
    return header
