"""The transcript: everything a subject said, and how it is read back from disk
(`fingerprints.journal` writes it).

JSONL, one object a line: a header, the probes, replies and events, a footer with count and digest.
A file without a footer is incomplete and can be resumed; a torn last line is cut and said. The file
*is* the cache. Knows the format; knows nothing of models.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import ValidationError

from fingerprints.errors import MalformedInput, ResourceLimit, printable
from fingerprints.records import (
    Arm,
    Identity,
    Kind,
    Probe,
    ProbeSetRef,
    Record,
    Reply,
    Sampling,
    canonical_json,
    sha256,
)
from fingerprints.system import reading

SCHEMA: Literal["transcript/1"] = "transcript/1"
LONGEST_ROW = 20_000_000


class Header(Record):
    """What was asked of whom, and how. Its `terms` must be equal for a run to be resumed."""

    type: Literal["header"] = "header"
    format: Literal["transcript/1"] = SCHEMA
    spec: str
    identity: Identity
    probe_sets: tuple[ProbeSetRef, ...] = ()
    sampling: Sampling = Sampling()
    tool: str = ""
    created: str = ""

    def terms(self) -> str:
        """Digest of what must not change between a run and its resumption: all but paths,
        remarks, the tool and the date."""
        identity = self.identity.model_copy(update={"notes": ()})
        return self.model_copy(
            update={"tool": "", "created": "", "spec": "", "identity": identity}
        ).digest()


class Footer(Record):
    """The end of a complete transcript: how many replies it holds, and digests over what was
    asked and answered."""

    type: Literal["footer"] = "footer"
    replies: int
    answers_sha256: str
    asked_sha256: str

    @classmethod
    def of(cls, held: Transcript) -> Self:
        """The end of what is held now."""
        asked = asked_digest(held.header, held.probes.values())
        return cls(replies=len(held.replies), answers_sha256=held.digest(), asked_sha256=asked)


class Event(Record):
    """Something that a reader of the run must know: drift, a retry, a cut line."""

    type: Literal["event"] = "event"
    kind: str
    detail: str


@dataclass(frozen=True)
class Transcript:
    """Everything a subject said: header, probes by id, the newest reply for each key, events.

    Replies are ordered by key, so that the same answers give the same transcript whatever order
    they came in.
    """

    header: Header
    probes: Mapping[str, Probe]
    replies: tuple[Reply, ...]
    events: tuple[Event, ...] = ()
    complete: bool = True

    @property
    def identity(self) -> Identity:
        """Who answered."""
        return self.header.identity

    def digest(self) -> str:
        """SHA-256 over the answers: identity, probes asked and texts, without timings."""
        return answers_digest(self.replies)

    def readable(self, prefix: str = "", arm: Arm | None = None) -> list[Reply]:
        """The readable replies to probes whose id begins so, in one arm or in all."""
        return [
            r
            for r in self.replies
            if r.readable and r.probe_id.startswith(prefix) and (arm is None or r.arm is arm)
        ]

    def of_kind(self, kind: Kind) -> list[Reply]:
        """All replies to probes of a kind; those without their probe are left out."""
        found = ((r, self.probes.get(r.probe_id)) for r in self.replies)
        return [r for r, probe in found if probe is not None and probe.kind == kind]

    def counts(self) -> dict[str, int]:
        """How many replies ended in each status; every reply is counted once."""
        out: dict[str, int] = {}
        for reply in self.replies:
            out[reply.status.value] = out.get(reply.status.value, 0) + 1
        return out


def answers_digest(replies: Iterable[Reply]) -> str:
    """SHA-256 over keys, statuses, texts and thoughts: equal for equal answers, however timed."""
    told = sorted(replies, key=lambda r: r.key)
    # A reply without thoughts apart has the digest that it had before there were any.
    rows = [[*r.key, r.status.value, r.text, *([r.thoughts] if r.thoughts else [])] for r in told]
    return sha256(canonical_json(rows))


def asked_digest(header: Header, probes: Iterable[Probe]) -> str:
    """SHA-256 over the header and the probes in order of id: who was asked what, and how."""
    return sha256(
        canonical_json([header.digest(), *(p.digest() for p in sorted(probes, key=lambda p: p.id))])
    )


@dataclass
class RowReading(ABC):
    """What the rows of an append-only JSONL file add up to so far; a torn last line is left out."""

    good_bytes: int = 0
    torn: bool = False
    row_of: ClassVar[str]
    next_step: ClassVar[str]

    @abstractmethod
    def take(self, row: dict[str, Any]) -> None:
        """Adds one row. Raises ValueError for one that is none."""

    def read(self, path: Path) -> Self:
        """Takes whole lines until the end or a torn one; raises MalformedInput for no row."""
        with reading(path):
            for number, line in _lines(path):
                if not line.endswith(b"\n"):
                    self.torn = True
                    break
                self._take_line(line, number, path)
                self.good_bytes += len(line)
        return self

    def _take_line(self, line: bytes, number: int, path: Path) -> None:
        try:
            row = json.loads(line)
            if not isinstance(row, dict):
                raise ValueError("not an object")
            self.take(row)
        except (ValueError, KeyError, RecursionError) as error:
            reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            raise MalformedInput(
                f"line {number} is not a {self.row_of}: {printable(reason, 120)}",
                where=path,
                next_step=self.next_step,
            ) from error


@dataclass
class Reading(RowReading):
    """What a journal's lines add up to so far."""

    row_of = "transcript row"
    next_step = "move the file away to start again, or repair the line"

    header: Header | None = None
    footer: Footer | None = None
    probes: dict[str, Probe] = field(default_factory=dict)
    replies: dict[tuple[str, str, int], Reply] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def transcript(self) -> Transcript:
        """The rows as a value. Raises ValueError where not even a header was read."""
        if self.header is None:
            raise ValueError("the transcript is empty")
        replies = tuple(self.replies[key] for key in sorted(self.replies))
        complete = self.footer is not None
        return Transcript(self.header, dict(self.probes), replies, tuple(self.events), complete)

    def take(self, row: dict[str, Any]) -> None:
        """Adds one row; the newest readable reply with a key wins. Raises ValueError."""
        kind = row.get("type")
        if self.header is None and kind != "header":
            raise ValueError("the first line is not a transcript header")
        if kind == "header":
            self.header = Header.model_validate(row)
        elif kind == "probe":
            probe = Probe.model_validate({k: v for k, v in row.items() if k != "type"})
            self.probes[probe.id] = probe
        elif kind == "reply":
            reply = Reply.model_validate({k: v for k, v in row.items() if k != "type"})
            known = self.replies.get(reply.key)
            if known is None or reply.readable or not known.readable:
                self.replies[reply.key] = reply
            self.footer = None
        elif kind == "event":
            self.events.append(Event.model_validate(row))
        elif kind == "footer":
            self.footer = Footer.model_validate(row)
        else:
            raise ValueError(f"unknown row type {printable(str(kind), 40)!r}")


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yields line numbers and raw lines; splits at \\n bytes only."""
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(LONGEST_ROW + 1), b""), 1):
            if len(line) > LONGEST_ROW:
                raise ResourceLimit(
                    f"line {number} is longer than {LONGEST_ROW:,} bytes",
                    where=path,
                    next_step="cut the file or record it again",
                )
            yield number, line


def is_transcript(path: Path) -> bool:
    """Whether a file's first line is a transcript header; False for anything that can't be read."""
    try:
        with path.open("rb") as file:
            row = json.loads(file.readline(LONGEST_ROW))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(row, dict) and row.get("type") == "header" and row.get("format") == SCHEMA


def load_transcript(path: Path) -> Transcript:
    """Reads a transcript from disk.

    A torn last line is ignored and noted as an event; a file without a footer has
    ``complete=False``. Raises MalformedInput for a file that is missing, empty, not a transcript,
    or whose footer disagrees with its replies.
    """
    if not path.is_file():
        raise MalformedInput(
            "no such file", where=path, next_step="give the path of a transcript (JSONL)"
        )
    found = Reading().read(path)
    if found.header is None:
        raise MalformedInput(
            "the transcript is empty", where=path, next_step="record it again with `auditor probe`"
        )
    if found.torn:
        found.events.append(
            Event(kind="torn_line", detail="the last line was incomplete and was left out")
        )
    held, footer = found.transcript(), found.footer
    digests = held.digest(), asked_digest(held.header, held.probes.values())
    if footer is not None and (footer.answers_sha256, footer.asked_sha256) != digests:
        raise MalformedInput(
            "the footer's digests do not fit the rows: the file was changed",
            where=path,
            next_step="record it again, or use the untouched copy",
        )
    return held
