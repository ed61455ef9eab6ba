"""Reads recorded answers of any known form, row by row: JSONL, a JSON list, inspect_ai logs, each
plain or packed.

The form is recognised by content, never by the file's name. Lines end at ``\\n`` bytes only. Knows
files and forms; knows nothing of probes and transcripts.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from fingerprints.errors import MalformedInput, ResourceLimit, printable
from fingerprints.subjects.inspect_log import is_inspect_log, model_of, row_of_sample, rows_of_log
from fingerprints.subjects.packed import (
    BROKEN,
    GZIP_MAGIC,
    ZIP_MAGIC,
    Caps,
    gzip_stream,
    open_regular,
    zip_members,
)
from fingerprints.subjects.rows import RecordedRow, rows_of
from fingerprints.subjects.strict_json import (
    LONGEST_VALUE,
    BadValue,
    TooLong,
    breaks_off,
    list_items,
    parse_json,
)

BOM = b"\xef\xbb\xbf"
KNOWN_FORMS = "JSONL or a JSON list with prompt and answer, chat JSONL, or an inspect_ai log"
DEFAULT_CAPS = Caps()


def read_rows(path: Path, caps: Caps = DEFAULT_CAPS) -> Iterator[RecordedRow]:
    """Every recorded answer of a file, in its order, in memory bounded by the longest row.

    The models of the rows may differ. Raises MalformedInput naming file, line and reason at the
    first row that can't be read, for an empty file and for a folder; ResourceLimit and UnsafeInput
    at the caps.
    """
    with open_regular(path) as file:
        yield from rows_in(file, path, caps)


def rows_in(
    file: io.BufferedReader, path: Path, caps: Caps = DEFAULT_CAPS
) -> Iterator[RecordedRow]:
    """As `read_rows`, of a file that is open; ``path`` serves the messages."""
    found = False
    try:
        for row in _recognised(file, path, caps):
            found = True
            yield row
    except BROKEN as error:
        _bad(path, f"the compressed data is damaged: {printable(str(error), 80)}", error)
    except OSError as error:
        _bad(path, f"can't be read: {error.strerror}", error)
    if not found:
        _bad(path, "it holds no recorded answer")


def _recognised(file: io.BufferedReader, path: Path, caps: Caps) -> Iterator[RecordedRow]:
    magic = file.read(2)
    file.seek(0)
    if magic == ZIP_MAGIC:
        return _archived(file, path, caps)
    stream = gzip_stream(file, path, caps) if magic == GZIP_MAGIC else file
    head = stream.peek(1 << 16)
    if head.startswith(BOM):
        stream.read(len(BOM))
        head = head[len(BOM) :]
    if head.startswith((GZIP_MAGIC, b"PK\x03\x04")):
        _bad(path, "it is an archive inside an archive")
    if head.lstrip()[:1] == b"[":
        return _listed(stream, path)
    return _lined(stream, path, caps)


def _listed(stream: BinaryIO, path: Path) -> Iterator[RecordedRow]:
    number = 0
    try:
        for value in list_items(stream):
            number += 1
            yield from rows_of(value)
    except TooLong as error:
        raise ResourceLimit(
            f"item {number + 1} is {error}", where=path, next_step="cut the file or record it again"
        ) from error
    except BadValue as error:
        _bad(path, f"item {max(1, number)}: {error}", error)


def _lined(stream: BinaryIO, path: Path, caps: Caps) -> Iterator[RecordedRow]:
    first = True
    for number, line in _lines(stream, path):
        if first and breaks_off(line):
            yield from _document(line + stream.read(caps.document + 1 - len(line)), path, caps)
            return
        try:
            value = parse_json(line, constants=first and b'"samples"' in line)
            if first and is_inspect_log(value):
                yield from rows_of_log(value)
            else:
                yield from rows_of(_ours_is_elsewhere(value))
        except BadValue as error:
            _bad(path, f"line {number}: {error}", error)
        first = False


def _lines(stream: BinaryIO, path: Path) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := stream.readline(LONGEST_VALUE + 1):
        number += 1
        if len(line) > LONGEST_VALUE:
            raise ResourceLimit(
                f"line {number} is longer than {LONGEST_VALUE:,} bytes",
                where=path,
                next_step="cut the file or record it again",
            )
        if not line.isspace():
            yield number, line


def _document(data: bytes, path: Path, caps: Caps) -> Iterator[RecordedRow]:
    if len(data) > caps.document:
        raise ResourceLimit(
            f"one JSON document of more than {caps.document:,} bytes",
            where=path,
            next_step="convert it to JSONL or to an .eval archive",
        )
    try:
        value = parse_json(data, constants=True)
        yield from rows_of_log(value) if is_inspect_log(value) else rows_of(parse_json(data))
    except BadValue as error:
        _bad(path, f"the one object that it holds: {error}", error)


def _archived(file: BinaryIO, path: Path, caps: Caps) -> Iterator[RecordedRow]:
    place = "header.json"
    try:
        headers = [data for name, data in zip_members(file, path, caps, place) if name == place]
        if not headers:
            _bad(path, "the archive has no header.json, so it is no finished inspect_ai log")
        model = model_of(parse_json(headers[0], constants=True))
        for name, data in zip_members(file, path, caps, "samples/"):
            place = printable(name, 80)
            yield row_of_sample(parse_json(data, constants=True), model)
    except BadValue as error:
        _bad(path, f"member {place}: {error}", error)


def _ours_is_elsewhere(value: Any) -> Any:
    if isinstance(value, dict) and value.get("type") == "header" and "format" in value:
        raise BadValue("a packed transcript; unpack it first")
    return value


def _bad(path: Path, reason: str, cause: BaseException | None = None) -> NoReturn:
    raise MalformedInput(reason, where=path, next_step=f"known forms: {KNOWN_FORMS}") from cause
