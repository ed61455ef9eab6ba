"""The rows of an API's log, in canonical columns, and what of each is tested: one prompt with the
answer that was served to it.

JSONL or CSV, plain or gzipped, is read here; other forms are given as plain values. Rows are read
in the order of the file, which is the logged order whatever clocks say. Knows the columns; knows no
model.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from fingerprints.errors import MalformedInput, UsageProblem
from fingerprints.records import Message, Probe, Record, Spoken, canonical_json, sha256

LONGEST_FIELD = 20_000_000
ENCODING = "utf-8-sig"
"""A spreadsheet's mark at the beginning is no part of the first column's or account's name."""
WHOLE = ("tokens_in", "tokens_out", "max_tokens", "status")
NUMBERS = (*WHOLE, "temperature", "top_p")
CUT = frozenset({"length", "max_tokens"})
FINISHED = frozenset({"", "stop", "eos", "eos_token", "end_turn", "stop_sequence"}) | CUT
"""Finish reasons of an answer that came whole or was cut, in lower case; others are filters, tools
and failures. Empty: not told."""


class ServedAnswer(Record):
    """One row of a log by its canonical columns; None where the log does not say.

    ``prompt`` is the last turn, ``history`` holds earlier ones, ``system`` the system prompt.
    """

    time: str = ""
    account: str = ""
    prompt: Spoken
    history: tuple[Message, ...] = ()
    answer: Spoken
    system: Spoken | None = None
    model: Spoken | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    max_tokens: int | None = None
    finish: str = ""
    temperature: float | None = None
    top_p: float | None = None
    network: str | None = None
    client: str | None = None
    key_prefix: str | None = None
    payment: str | None = None
    request_id: str | None = None
    status: int | None = None

    def id(self) -> str:
        """What names the row: a digest of whose, when, what was asked and what was served."""
        told = [self.account, self.time, self.request_id, self.asked(), self.answer]
        return sha256(canonical_json(told))[:32]

    def asked(self) -> str:
        """Digest of all that the model read: system prompt, earlier turns, prompt."""
        return self.probe().prompt_sha256()

    def probe(self) -> Probe:
        """The row as a question that any subject can be asked."""
        system = (Message(role="system", content=self.system),) if self.system else ()
        history = (*system, *self.history)
        named = sha256(canonical_json([[m.role, m.content] for m in history] + [self.prompt]))
        return Probe(id=f"served/{named[:32]}", text=self.prompt, history=history)

    @property
    def cut(self) -> bool:
        """Whether it ended at its cap."""
        return self.finish.lower() in CUT

    @property
    def usable(self) -> bool:
        """Whether it is a whole or cut answer with words in it."""
        failed = self.status is not None and not 200 <= self.status < 300
        whole = self.finish.lower() in FINISHED and not failed
        return whole and bool(self.prompt.strip()) and bool(self.answer.strip())


def plain_values(path: Path) -> Iterator[Any]:
    """The rows of a JSONL or CSV file, or of one that is gzipped; None for a line that is none.
    Raises MalformedInput for a file that can't be read whole, UsageProblem for another form."""
    read = _READERS[_form(path)]
    try:
        with _opened(path) as file:
            yield from read(file)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise MalformedInput(
            "the file ends in the middle of its packing",
            where=path,
            next_step="copy it again; what is missing would be left out in silence",
        ) from error
    except OSError as error:
        raise MalformedInput(
            f"can't be read: {error.strerror or error}", where=path, next_step="check the path"
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        what = f"not CSV: {error}" if isinstance(error, csv.Error) else "not a log in UTF-8"
        raise MalformedInput(
            what, where=path, next_step="give JSONL or CSV, or those gzipped"
        ) from error


def _form(path: Path) -> str:
    name = path.name.removesuffix(".gz")
    form = name.rpartition(".")[2].lower()
    if form not in _READERS:
        raise UsageProblem(
            "a log is read as JSONL or CSV",
            where=path,
            next_step="name it .jsonl or .csv (or .gz of these) with canonical columns",
        )
    return form


def _opened(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return io.TextIOWrapper(gzip.open(path, "rb"), encoding=ENCODING, newline="")
    return path.open(encoding=ENCODING, newline="")


def _jsonl(file: TextIO) -> Iterator[Any]:
    while line := file.readline(LONGEST_FIELD + 1):
        if len(line) > LONGEST_FIELD:
            while line and not line.endswith("\n"):
                line = file.readline(LONGEST_FIELD)
            yield None
        elif not line.isspace():
            try:
                yield json.loads(line)
            except (ValueError, RecursionError):
                yield None


def _csv(file: TextIO) -> Iterator[Any]:
    """Rows under their header. One of more or fewer cells is none: behind a comma that nobody
    quoted, other texts than the prompt and the answer stand in their columns."""
    csv.field_size_limit(LONGEST_FIELD)
    for row in csv.DictReader(file):
        whole = None not in row and None not in row.values()
        yield {k: v for k, v in row.items() if v != ""} if whole else None


_READERS: Mapping[str, Callable[[TextIO], Iterator[Any]]] = {
    "jsonl": _jsonl,
    "ndjson": _jsonl,
    "json": _jsonl,
    "log": _jsonl,
    "csv": _csv,
}


@dataclass
class LogTally:
    """What became of a log's rows: each in one of these."""

    read: int = 0
    unreadable: int = 0
    without_answer: int = 0
    unusable: int = 0
    duplicate: int = 0
    other_accounts: int = 0
    repeated_prompt: int = 0
    used: int = 0
    bad_numbers: int = 0
    """Rows with a number that is none (NaN): the number counts as not told, the row stays."""


@dataclass
class LogReader:
    """Reads a log's served answers and counts what it leaves out; ``accounts`` None takes all.
    ``values`` gives the rows of a file as plain values, None for one that is none."""

    path: Path
    accounts: frozenset[str] | None = None
    tally: LogTally = field(default_factory=LogTally)
    values: Callable[[Path], Iterator[Any]] = plain_values

    def rows(self) -> Iterator[ServedAnswer]:
        """The usable rows in the order of the log, duplicates once. Raises MalformedInput for a
        file that can't be read, that ends in the middle of its packing, or holds no such rows."""
        seen: set[str] = set()
        for value in self.values(self.path):
            self.tally.read += 1
            row = self._row(value)
            if row is None:
                continue
            # A log written twice has the same row twice; an answer without a time or an id can't
            # be told from another one like it, and counts once.
            key = row.request_id or row.id()
            if key in seen:
                self.tally.duplicate += 1
                continue
            seen.add(key)
            if self.accounts is not None and row.account not in self.accounts:
                self.tally.other_accounts += 1
                continue
            self.tally.used += 1
            yield row

    def distinct(self) -> Iterator[ServedAnswer]:
        """The first row of every prompt of an account: what comes again is no new evidence.
        Which row is kept does not depend on what was answered."""
        seen: set[tuple[str, str]] = set()
        for row in self.rows():
            key = (row.account, row.asked())
            if key in seen:
                self.tally.repeated_prompt += 1
                self.tally.used -= 1
                continue
            seen.add(key)
            yield row

    def _row(self, value: Any) -> ServedAnswer | None:
        if not isinstance(value, dict):
            self.tally.unreadable += 1
            return None
        answer = value.get("answer")
        if not isinstance(answer, str) or not answer.strip():
            self.tally.without_answer += 1
            return None
        try:
            row, bad = served_answer(value)
        except ValueError:
            self.tally.unreadable += 1
            return None
        self.tally.bad_numbers += bad
        if not row.usable:
            self.tally.unusable += 1
            return None
        return row


def served_answer(value: Mapping[str, Any]) -> tuple[ServedAnswer, bool]:
    """A row of plain values, and whether a number in it is none (it then counts as not told).
    Messages are taken apart. Raises ValueError for what is no row."""
    told = {k: v for k, v in value.items() if k in ServedAnswer.model_fields and v is not None}
    out = {**told, **_turns(told.get("prompt"), told.get("system"))}
    bad = False
    for name, said in list(out.items()):
        if name in NUMBERS:
            number = _number(said)
            bad = bad or number is None
            out[name] = number if number is None or name not in WHOLE else int(number)
        elif name not in ("history", "prompt", "answer"):
            out[name] = str(said)
    return ServedAnswer.model_validate(out), bad


def _turns(prompt: Any, system: Any) -> dict[str, Any]:
    """Last turn, earlier turns and system prompt of a text or of a list of messages. Raises
    ValueError for what is neither."""
    if isinstance(prompt, str):
        return {"prompt": prompt}
    if not isinstance(prompt, list) or not prompt:
        raise ValueError("a prompt is a text or a list of messages")
    if not all(isinstance(m, dict) for m in prompt):
        raise ValueError("a message is an object with a role and a content")
    turns = [
        Message.model_validate({"role": m.get("role"), "content": plain_content(m.get("content"))})
        for m in prompt
    ]
    *before, last = turns
    if last.role != "user":
        raise ValueError("the last message is not the user's")
    systems = [m.content for m in before if m.role == "system"]
    told = "\n\n".join(systems) if systems else system
    history = tuple(m for m in before if m.role != "system")
    return {"prompt": last.content, "history": history, **({"system": told} if told else {})}


def plain_content(content: Any) -> Any:
    """A message's content as its text where it is one part of text; any other as it is. Servers
    put several parts together in ways of their own, so that what was answered is not known."""
    if isinstance(content, list) and len(content) == 1:
        (part,) = content
        if isinstance(part, str):
            return part
        if isinstance(part, dict) and part.get("type") in ("text", "input_text"):
            return part.get("text")
    return content


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def accounts_in(path: Path) -> frozenset[str]:
    """The accounts that a file names: a list or an object with ``accounts`` in JSON, a column
    ``account`` in JSONL or CSV, or a name a line. Raises MalformedInput where there is none."""
    try:
        text = path.read_text(ENCODING)
    except (OSError, UnicodeDecodeError) as error:
        raise MalformedInput(
            "no list of accounts can be read", where=path, next_step="check the path"
        ) from error
    rows = [row for row in _listed(text, path.suffix) if row.get("account")]
    if len({str(row.get("unit", "")) for row in rows}) > 1:
        raise MalformedInput(
            "names the accounts of several units",
            where=path,
            next_step="take one of them out with `auditor logs select`, and give that as the log",
        )
    found = frozenset(str(row["account"]) for row in rows)
    if not found:
        raise MalformedInput(
            "names no account", where=path, next_step="give one account a line, or a scan's list"
        )
    return found


def _listed(text: str, suffix: str) -> list[dict[str, Any]]:
    """What a list of accounts holds, a row an account."""
    if suffix == ".csv":
        return [dict(row) for row in csv.DictReader(io.StringIO(text))]
    value = _parsed(text)
    if isinstance(value, dict) and "accounts" in value:
        value = value["accounts"]
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        value = [_parsed(line) if line.startswith("{") else line for line in _lines(text)]
    return [v if isinstance(v, dict) else {"account": v} for v in value]


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines()]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
