"""Who made which models, as a CSV tells it: columns model, vendor and, where known, family."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from fingerprints.errors import MalformedInput, printable
from fingerprints.recordings.packed import open_regular

LARGEST_CSV = 16_000_000
COLUMNS = ("model", "vendor")


def read_metadata(path: Path) -> dict[str, tuple[str, str]]:
    """Vendor and family by model, from a CSV with the columns model, vendor and family (empty where
    there is no such column; others are ignored).

    Raises MalformedInput with the line for a column that is missing or there twice, a row of too
    few or too many fields, and a model that is listed twice differently.
    """
    out: dict[str, tuple[str, str]] = {}
    reader = csv.DictReader(io.StringIO(_text_of(path), newline=""), strict=True)
    try:
        missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(f"it has no column {missing[0]!r}")
        names = list(reader.fieldnames or ())
        twice = [c for c in (*COLUMNS, "family") if names.count(c) > 1]
        if twice:
            raise ValueError(f"it has two columns {twice[0]!r}")
        for row in reader:
            if any(row.get(None) or ()):  # a comma that nobody quoted would shift the columns
                raise ValueError("the row has more fields than there are columns")
            model, vendor = (_cell(row.get(column), column) for column in COLUMNS)
            family = _cell(row["family"], "family") if "family" in row else ""
            if not model:
                raise ValueError("a row names no model")
            if out.setdefault(model, (vendor, family)) != (vendor, family):
                raise ValueError(f"{printable(model, 60)!r} is listed twice with different values")
    except (csv.Error, ValueError) as error:
        raise MalformedInput(
            f"line {reader.line_num}: {error}",
            where=path,
            next_step="give a CSV with the columns model,vendor or model,vendor,family",
        ) from error
    return out


def _cell(value: str | None, column: str) -> str:
    if value is None:
        raise ValueError(f"the row is too short: no {column}")
    if len(value) > 200 or printable(value) != value:
        raise ValueError(f"the {column} is longer than 200 characters or not printable")
    return value.strip()


def _text_of(path: Path) -> str:
    with open_regular(path) as file:
        data = file.read(LARGEST_CSV + 1)
    if len(data) > LARGEST_CSV:
        raise MalformedInput(
            f"larger than {LARGEST_CSV:,} bytes", where=path, next_step="check --metadata"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedInput("not UTF-8", where=path, next_step="save the CSV as UTF-8") from error
