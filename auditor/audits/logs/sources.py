"""The files of a log: one file, folders and globs; JSONL, CSV and Parquet, as they are or packed.

A file that was cut off while it was packed is unpacked as far as it goes, and said. Knows files and
their first rows; knows no column's meaning.
"""

from __future__ import annotations

import glob
import gzip
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from auditor.audits.logs.warehouse import Warehouse, literal
from fingerprints.errors import MalformedInput, UsageProblem, printable
from fingerprints.field_path import parsed_text
from fingerprints.recordings.frames import zstd_whole

Form = Literal["jsonl", "csv", "parquet"]
FORMS: dict[str, Form] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".log": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
}
PACKED = (".gz", ".zst")
FIRST_ROWS, FIRST_FILES = 200, 3
PIECE = 1 << 20
LONGEST_HEADER = 1 << 16
LONGEST_ROW = 16 << 20
"""Bytes of one row at most; a longer one is a broken row."""


@dataclass(frozen=True)
class LogFile:
    """One file of a log; ``cut`` where it ends in the middle of its packing and ``path`` holds what
    was whole."""

    path: Path
    form: Form
    packed: str = ""
    cut: bool = False

    @property
    def size(self) -> int:
        """Bytes, times five where they are packed: what is to be read, roughly."""
        return self.path.stat().st_size * (5 if self.packed else 1)


def log_files(arguments: Sequence[str]) -> list[LogFile]:
    """The files that are named, in folders, or that a pattern finds; each once, in order.

    Raises MalformedInput where there is none, UsageProblem for a file of another kind.
    """
    found: dict[Path, LogFile] = {}
    for argument in arguments:
        here = _named(argument)
        if not here:
            raise MalformedInput(
                "no log there",
                where=printable(argument, 120),
                next_step="give .jsonl, .csv or .parquet files (.gz and .zst too), or their folder",
            )
        found |= {file.path.resolve(): file for file in here}
    return list(found.values())


def _named(argument: str) -> list[LogFile]:
    path = Path(argument)
    if path.is_dir():
        inside = (p for p in sorted(path.rglob("*")) if p.is_file() and not p.is_symlink())
        return [file for p in inside if (file := _known(p)) is not None]
    if path.is_file():
        file = _known(path)
        if file is None:
            raise UsageProblem(
                "neither JSONL, CSV nor Parquet by its name",
                where=printable(argument, 120),
                next_step="name it .jsonl, .csv or .parquet, with .gz or .zst where it is packed",
            )
        return [file]
    paths = sorted(Path(p) for p in glob.glob(argument, recursive=True))
    return [file for p in paths if p.is_file() and (file := _known(p)) is not None]


def _known(path: Path) -> LogFile | None:
    packed = path.suffix.lower() if path.suffix.lower() in PACKED else ""
    name = path.with_suffix("") if packed else path
    form = FORMS.get(name.suffix.lower())
    return None if form is None or path.name.startswith(".") else LogFile(path, form, packed)


def ends_early(file: LogFile) -> bool:
    """Whether a zstd file ends in the middle, which DuckDB doesn't say."""
    if file.packed != ".zst":
        return False
    with file.path.open("rb") as packed:
        return not zstd_whole(packed)


def salvaged(file: LogFile, folder: Path) -> LogFile:
    """A packed file as it is, or, where it ends in the middle, what was whole of it, unpacked.

    Raises MalformedInput for a file that is not packed at all.
    """
    if file.packed != ".gz":
        return file
    out = folder / f"cut-{len(list(folder.glob('cut-*')))}.{file.form}"
    with file.path.open("rb") as packed, out.open("wb") as plain:
        unpacker, whole = zlib.decompressobj(wbits=31), False
        while piece := packed.read(PIECE):
            while piece:
                try:
                    plain.write(unpacker.decompress(piece))
                except zlib.error:
                    if not plain.tell():
                        raise MalformedInput(
                            "not gzip, although its name says so",
                            where=file.path,
                            next_step="name it as what it is, or leave it out",
                        ) from None
                    return replace(file, path=out, packed="", cut=True)
                piece, whole = unpacker.unused_data, unpacker.eof
                if unpacker.eof:
                    unpacker = zlib.decompressobj(wbits=31)
    if whole:
        out.unlink()
        return file
    return replace(file, path=out, packed="", cut=True)


def relation(files: Sequence[LogFile], columns: Mapping[str, str] | None = None) -> str:
    """The SQL that reads files of one form; ``columns``: the keys wanted of JSON, with types."""
    # DuckDB takes a path as a pattern: a name with brackets or stars would read other files.
    paths = ", ".join(literal(glob.escape(str(f.path))) for f in files)
    form = files[0].form
    packed = {".gz": "gzip", ".zst": "zstd", "": "uncompressed"}[files[0].packed]
    if form == "parquet":
        return f"read_parquet([{paths}], union_by_name = true)"
    if form == "csv":
        return (
            f"read_csv([{paths}], all_varchar = true, header = true,"
            f" store_rejects = true, compression = {literal(packed)},"
            f" max_line_size = {LONGEST_ROW})"
        )
    how = f"format = 'newline_delimited', ignore_errors = true, compression = {literal(packed)}"
    how += f", maximum_object_size = {LONGEST_ROW}"
    if columns is None:
        return f"read_json_objects([{paths}], {how})"
    wanted = ", ".join(f"{literal(k)}: {literal(t)}" for k, t in columns.items())
    return f"read_json([{paths}], {how}, columns = {{{wanted}}})"


def alike(files: Iterable[LogFile]) -> list[list[LogFile]]:
    """Files that one reader can take together: of one form, packed in one way; CSV of one
    header."""
    groups: dict[tuple[str, str, bytes], list[LogFile]] = {}
    for file in files:
        header = _header(file) if file.form == "csv" else b""
        groups.setdefault((file.form, file.packed, header), []).append(file)
    return list(groups.values())


def _header(file: LogFile) -> bytes:
    """What tells a CSV file's columns from another's: its first line, or itself where that is
    packed so that only DuckDB reads it."""
    if file.packed == ".zst":
        return str(file.path).encode("utf-8", "surrogateescape")
    opening = gzip.open if file.packed else open
    try:
        with opening(file.path, "rb") as lines:
            return lines.readline(LONGEST_HEADER).strip()
    except (OSError, EOFError, zlib.error):  # it is told when it is read
        return b""


def first_rows(house: Warehouse, file: LogFile) -> list[dict[str, Any]]:
    """The first rows of a file as JSON values; broken ones are left out."""
    try:
        found = house.rows(f"{values_sql(file)} LIMIT {FIRST_ROWS}")
    except MalformedInput:
        whole = salvaged(file, house.folder)
        if not whole.cut:
            raise
        found = house.rows(f"{values_sql(whole)} LIMIT {FIRST_ROWS}")
    values = (parsed_text(text) for (text,) in found)
    return [v for v in values if isinstance(v, dict)]


def values_sql(file: LogFile) -> str:
    """The SELECT of a file's rows, each as a JSON text of all that stands in it."""
    column = "json" if file.form == "jsonl" else "to_json(r)"
    return f"SELECT {column} FROM {relation([file])} r"
