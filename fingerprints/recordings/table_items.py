"""Rows of tables as items: CSV and TSV whatever their separator, and Parquet.

A row is an object of its columns' names. Knows tables; knows nothing of what columns mean.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from fingerprints.errors import MalformedInput, ResourceLimit, missing_extra, printable
from fingerprints.recordings.json_items import RecordedItem, no_utf8_in
from fingerprints.recordings.packed import Caps
from fingerprints.subjects.strict_json import LONGEST_VALUE

PARQUET_MAGIC = b"PAR1"
SEPARATORS = ",\t;|"
BATCH = 256
"""Rows of a Parquet file that are held at once."""


def separator_of(header: str) -> str | None:
    """What parts the columns of a table, by its first line; None for a line of one column."""
    counts = {s: _outside_quotes(header, s) for s in SEPARATORS}
    best = max(SEPARATORS, key=lambda s: counts[s])
    return best if counts[best] else None


def _outside_quotes(line: str, separator: str) -> int:
    return sum(part.count(separator) for part in line.split('"')[::2])


def csv_columns(head: bytes) -> list[str]:
    """The names of a table's columns by the beginning of its file; none where it is no table."""
    text = head.decode("utf-8", "replace")
    line = _header(text.splitlines()[:2])
    separator = separator_of(line)
    if separator is None:
        return []
    try:
        (names,) = csv.reader([line], delimiter=separator, strict=True)
    except (csv.Error, ValueError):
        return []
    names = [name.strip() for name in names]
    plain = all(len(n) <= 100 and printable(n) == n for n in names) and any(names)
    return names if plain and len({n for n in names if n}) > 1 else []


def _header(lines: list[str]) -> str:
    """The line with the names; spreadsheets may write ``sep=;`` above it."""
    return lines[1] if len(lines) > 1 and lines[0].startswith("sep=") else (lines or [""])[0]


def csv_items(stream: BinaryIO, columns: list[str]) -> Iterator[RecordedItem]:
    """The rows below the header. A row of another length, one that is no UTF-8 and one whose
    quotation marks don't fit are told, each with the lines that went with it."""
    text = io.TextIOWrapper(stream, "utf-8", errors="surrogateescape", newline="")
    first = text.readline(1 << 16)
    if first.startswith("sep="):
        first = text.readline(1 << 16)
    before = csv.field_size_limit(LONGEST_VALUE)
    try:
        yield from _rows(text, columns, separator_of(first) or ",")
    finally:
        csv.field_size_limit(before)
        text.detach()


def _rows(text: Iterable[str], columns: list[str], separator: str) -> Iterator[RecordedItem]:
    reader = csv.reader(text, delimiter=separator, strict=True)
    while True:
        began = reader.line_num
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            lost = max(1, reader.line_num - began)
            yield RecordedItem(f"line {began + 2}", bad=str(error), lines=lost)
            continue
        where = f"line {began + 2}"
        if not any(cells):
            continue
        if len(cells) != len(columns):
            said = f"{len(cells)} cells for {len(columns)} columns"
            yield RecordedItem(where, bad=said)
        elif any(map(no_utf8_in, cells)):
            yield RecordedItem(where, bad="not UTF-8; save the table as UTF-8")
        else:
            row = {k: v for k, v in zip(columns, cells, strict=True) if k}
            yield RecordedItem(where, row, kind="cells")


def parquet_items(file: BinaryIO, path: Path, caps: Caps) -> Iterator[RecordedItem]:
    """The rows of a Parquet file. Raises UsageProblem where pyarrow is not installed,
    MalformedInput for a damaged file."""
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError as error:
        raise missing_extra("pyarrow", "recordings", "reading Parquet files") from error
    count, number = 0, 0
    try:
        table = parquet.ParquetFile(file)
        for batch in table.iter_batches(batch_size=BATCH):
            count += batch.nbytes
            if count > caps.total:
                said = f"unpacks to more than {caps.total:,} bytes"
                raise ResourceLimit(said, where=path, next_step="split the recording")
            for row in batch.to_pylist():
                number += 1
                yield _row(number, row)
    except (arrow.ArrowException, OSError, ValueError) as error:
        said = f"the Parquet file is damaged: {printable(str(error), 80)}"
        raise MalformedInput(said, where=path, next_step="copy it again") from error


def _row(number: int, row: Mapping[str, Any]) -> RecordedItem:
    if sum(len(v) for v in row.values() if isinstance(v, str)) > LONGEST_VALUE:
        return RecordedItem(f"row {number}", bad=f"longer than {LONGEST_VALUE:,} characters")
    return RecordedItem(f"row {number}", dict(row), kind="cells")
