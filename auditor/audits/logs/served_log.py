"""What was served, from a log of any form that a scan reads: one file, a folder or a pattern;
JSONL, CSV and Parquet, as they are or packed.

Rows come as they stand, messages whole, in the order of their files. Knows files; what a row means
is `fingerprints.served`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from auditor.audits.logs.reading import rejected
from auditor.audits.logs.sources import LogFile, ends_early, log_files, values_sql
from auditor.audits.logs.warehouse import warehouse
from fingerprints.errors import MalformedInput
from fingerprints.field_path import parsed_text
from fingerprints.served import LogReader, plain_values


def served_log(path: Path, accounts: frozenset[str] | None = None) -> LogReader:
    """The reader of a log; ``accounts`` None takes all.

    It raises what `fingerprints.served.LogReader` raises, and UsageProblem for Parquet and zstd
    where the extra `logs` is missing.
    """
    return LogReader(path, accounts, values=log_values)


def log_values(path: Path) -> Iterator[Any]:
    """The rows of a log as plain values; None for one that is none."""
    for file in log_files([str(path)]):
        # JSONL and CSV need no DuckDB: who has no extra `logs` reads them all the same.
        plain = file.form != "parquet" and file.packed != ".zst"
        yield from plain_values(file.path) if plain else _stored_values(file)


def _stored_values(file: LogFile) -> Iterator[Any]:
    if ends_early(file):
        raise MalformedInput(
            "the file ends in the middle of its packing",
            where=file.path,
            next_step="copy it again; what is missing would be left out in silence",
        )
    with warehouse(threads=1, ordered=True) as house:
        for (text,) in house.stream(values_sql(file)):
            yield None if text is None else parsed_text(text)
        yield from [None] * rejected(house)
