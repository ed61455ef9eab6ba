"""The values that a file of recordings holds, one after the other, whatever it is written in:
JSONL, JSON, CSV, Parquet, inspect_ai logs and exports in archives, each plain or packed.

The form is recognised by content, never by the file's name. Lines end at ``\\n`` bytes only. Knows
files and forms; knows nothing of what values mean.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NoReturn

from fingerprints.errors import MalformedInput, ResourceLimit, printable
from fingerprints.recordings.inspect_log import model_of
from fingerprints.recordings.json_items import (
    RecordedItem,
    RestUnread,
    breaks_off,
    documents,
    item_of,
    list_items,
)
from fingerprints.recordings.packed import (
    BROKEN,
    GZIP_MAGIC,
    ZIP_MAGIC,
    ZSTD_MAGIC,
    ByteSource,
    Caps,
    gzip_stream,
    utf8_stream,
    zstd_stream,
)
from fingerprints.recordings.table_items import (
    PARQUET_MAGIC,
    csv_columns,
    csv_items,
    parquet_items,
)
from fingerprints.recordings.zipped import ZippedMembers
from fingerprints.subjects.strict_json import LONGEST_VALUE, BadValue, TooLong, parse_json

KNOWN_FORMS = (
    "JSONL, JSON, CSV, TSV or Parquet with a prompt and an answer, chats, and the logs and exports"
    " of docs/formats.md"
)
DEFAULT_CAPS = Caps()
TERMINAL = (b">>> ", b"$ ", b"% ollama", b"\x1b[")
"""How the lines of a terminal begin."""
EXPORTED = "conversations.json"
"""What the archives that ChatGPT and Claude send hold."""


def items_in(
    file: io.BufferedReader, path: Path, caps: Caps = DEFAULT_CAPS
) -> Iterator[RecordedItem]:
    """Every value of an open file, in its order, in memory bounded by the longest one; ``path``
    serves the messages.

    Raises RestUnread where the rest can't be read; MalformedInput for what is of no known form,
    ResourceLimit and UnsafeInput at the caps.
    """
    try:
        yield from _recognised(file, path, caps)
    except BROKEN as error:
        raise RestUnread(f"the compressed data is damaged: {printable(str(error), 80)}") from error
    except TooLong as error:
        step = "cut the file or record it again"
        raise ResourceLimit(str(error), where=path, next_step=step) from error
    except OSError as error:
        _bad(path, f"can't be read: {error.strerror}", error)


def _recognised(file: io.BufferedReader, path: Path, caps: Caps) -> Iterator[RecordedItem]:
    magic = file.read(4)
    file.seek(0)
    if magic == PARQUET_MAGIC:
        return parquet_items(file, path, caps)
    if magic.startswith(ZIP_MAGIC):
        return _archived(file, path, caps)
    stream = file
    if magic.startswith(GZIP_MAGIC):
        stream = gzip_stream(file, path, caps)
    elif magic == ZSTD_MAGIC:
        stream = zstd_stream(file, path, caps)
    stream = utf8_stream(stream)
    head = stream.peek(1 << 16)
    if head.startswith((GZIP_MAGIC, ZSTD_MAGIC, b"PK\x03\x04")):
        _bad(path, "it is an archive inside an archive")
    if head.lstrip()[:1] == b"[":
        return list_items(stream)
    if head.lstrip()[:1] != b"{":
        return _text(stream, path, head)
    return _lined(stream, path, caps)


def _text(stream: io.BufferedReader, path: Path, head: bytes) -> Iterator[RecordedItem]:
    """A table, lines that may hold JSON further down, or what is no recording at all."""
    lines = [line for line in head.splitlines()[:40] if line.strip()]
    columns = [] if lines[:1] and lines[0].startswith(TERMINAL) else csv_columns(head)
    if columns:
        return csv_items(stream, columns)
    if any(line.startswith(TERMINAL) for line in lines):
        raise MalformedInput(
            "it looks like what a terminal showed, and its lines don't say where an answer ends and"
            " the next question begins",
            where=path,
            next_step="ask the model again through its address (auditor probe openai:NAME,"
            "base_url=http://localhost:11434/v1), or write prompt,answer rows",
        )
    if head.lstrip()[:1] == b"<":
        _bad(path, "it is a web page, not recorded answers")
    return _lines(stream)


def _lined(stream: io.BufferedReader, path: Path, caps: Caps) -> Iterator[RecordedItem]:
    first = stream.peek(1 << 16).lstrip().split(b"\n", 1)[0]
    if not breaks_off(first):
        yield from _lines(stream)
        return
    line = stream.readline(LONGEST_VALUE + 1)
    whole = io.BufferedReader(_Joined(line, stream), 1 << 16)
    # One line that is longer than what was looked at is a line like others.
    if len(line) > len(first) and not breaks_off(line):
        yield from _lines(whole)
        return
    try:
        yield from documents(whole, caps.document)
    except TooLong as error:
        raise ResourceLimit(
            f"one JSON document of more than {caps.document:,} bytes",
            where=path,
            next_step="convert it to JSONL",
        ) from error


class _Joined(ByteSource):
    """Bytes that were read already, and the stream that they were read from."""

    def __init__(self, read: bytes, stream: BinaryIO) -> None:
        self.held, self.stream = read, stream

    def next_bytes(self, most: int) -> bytes:
        """The next bytes."""
        if not self.held:
            self.held = self.stream.read(most)
        data = self.held[:most]
        self.held = self.held[len(data) :]
        return data


def _lines(stream: BinaryIO) -> Iterator[RecordedItem]:
    number = 0
    while line := stream.readline(LONGEST_VALUE + 1):
        number += 1
        if len(line) > LONGEST_VALUE:
            raise TooLong(f"line {number} is longer than {LONGEST_VALUE:,} bytes")
        if not line.isspace():
            yield item_of(f"line {number}", line.rstrip(b"\r\n"))


def _archived(file: BinaryIO, path: Path, caps: Caps) -> Iterator[RecordedItem]:
    members = ZippedMembers(file, path, caps)
    header = next((n for n in ("header.json", "_journal/start.json") if n in members.infos), None)
    exports = [n for n in members.infos if n.rsplit("/", 1)[-1] == EXPORTED]
    if header is not None:
        yield from _samples(members, header)
    elif exports:
        for name in exports:
            for item in list_items(io.BytesIO(members.data(name))):
                yield item._replace(where=f"{printable(name, 80)}, {item.where}")
    elif any(n.startswith("xl/") for n in members.infos):
        _bad(path, "it is a spreadsheet; save it as CSV (UTF-8)")
    else:
        _bad(path, f"the archive is no inspect_ai log (no header.json) and holds no {EXPORTED}")


def _samples(members: ZippedMembers, header: str) -> Iterator[RecordedItem]:
    """The samples of an inspect_ai log; one that was not finished has no header, but a start."""
    try:
        model = model_of(parse_json(members.data(header), constants=True))
    except BadValue as error:
        raise RestUnread(f"member {header}: {error}") from error
    for name in members.named("samples/"):
        item = item_of(f"member {printable(name, 80)}", members.data(name))
        yield item._replace(kind="inspect_ai", model=model)


def _bad(path: Path, reason: str, cause: BaseException | None = None) -> NoReturn:
    raise MalformedInput(reason, where=path, next_step=f"known forms: {KNOWN_FORMS}") from cause
