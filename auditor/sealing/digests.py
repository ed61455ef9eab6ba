"""SHA-256 digests of every file of a folder, and of every record in it, so that whoever looks
later can name the one that was changed.

A record is an entry of a list in report.json (each exhibit by itself), a field of another JSON
file, a line of a text. Knows files and forms; knows nothing of signatures.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from hashlib import file_digest
from pathlib import Path
from typing import Any

from auditor.audits.report.bundle import ATTESTATION
from fingerprints.durable import open_plain
from fingerprints.errors import MalformedInput, ResourceLimit, UnsafeInput, printable
from fingerprints.records import Record, canonical_json, sha256

MOST_RECORDS = 20_000
"""So many records of one file are told apart; of a longer file that many stretches of lines."""
LARGEST_READ = 1 << 30
"""Bytes: a larger file has its digest, but its records are not told apart."""
LATER = "later records"
"""What comes after them in a JSON file, as one record."""
MOST_FILES = 10_000
LONGEST_LABEL = 120
BY_FIELD = (".json",)
BY_LINE = (".jsonl", ".yaml", ".yml", ".csv")
NAMED_BY = ("type", "question", "detector", "candidate", "name", "probe_id", "arm", "sample", "id")
"""Fields that say in a few words which entry of a list, or line of a file, a record is."""


class RecordDigest(Record):
    """One record: where it stands and what it is, and the SHA-256 of its canonical JSON (of a line:
    of its bytes)."""

    record: str
    sha256: str


class FileDigest(Record):
    """One file by its path in the folder, with its size in bytes, its SHA-256, and its records in
    order."""

    name: str
    size: int
    sha256: str
    records: tuple[RecordDigest, ...] = ()


def digests_of(folder: Path) -> tuple[FileDigest, ...]:
    """Every file of a folder but its seal, in order of name.

    Raises UnsafeInput for a link or anything else that is no plain file, ResourceLimit for more
    than 10,000 files, MalformedInput for a folder that isn't there.
    """
    names, odd = names_in(folder)
    if odd:
        raise UnsafeInput(
            "a report holds only plain files, and this is a link, pipe or device",
            where=printable(odd[0], 100),
            next_step="remove it, or put the file itself there",
        )
    if len(names) > MOST_FILES:
        raise ResourceLimit(
            f"more than {MOST_FILES:,} files", where=folder, next_step="give the report's folder"
        )
    return tuple(digest_of(folder / name, name) for name in names)


def digest_of(path: Path, name: str) -> FileDigest:
    """One file, called ``name``. Raises UnsafeInput for what is no plain file."""
    with open_plain(path) as file:
        found = file_digest(file, "sha256").hexdigest()
        size = file.tell()
        file.seek(0)
        records = tuple(_records(file.read(), path.suffix)) if size <= LARGEST_READ else ()
    return FileDigest(name=name, size=size, sha256=found, records=records)


def names_in(folder: Path) -> tuple[list[str], list[str]]:
    """Paths of a folder's plain files but its seal, and of its links, pipes and devices, in order.
    Nothing is opened, and no link followed. Raises MalformedInput for a folder that isn't there."""
    if not folder.is_dir():
        raise MalformedInput("no such folder", where=folder, next_step="give a report's folder")
    found: list[str] = []
    odd: list[str] = []
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            continue
        name = path.relative_to(folder).as_posix()
        if not stat.S_ISREG(mode):
            odd.append(name)
        elif name != ATTESTATION:
            found.append(name)
    return found, odd


def _records(data: bytes, suffix: str) -> Iterator[RecordDigest]:
    if suffix in BY_FIELD:
        try:
            yield from _fields(json.loads(data))
        except (ValueError, RecursionError):  # no JSON any more: the file's own digest tells
            return
    elif suffix in BY_LINE:
        yield from _lines(data)


def _fields(value: Any) -> Iterator[RecordDigest]:
    found = list(_entries(value))
    for place, record in found[:MOST_RECORDS]:
        yield RecordDigest(record=place, sha256=sha256(canonical_json(record)))
    if found[MOST_RECORDS:]:
        rest = [record for _, record in found[MOST_RECORDS:]]
        yield RecordDigest(record=LATER, sha256=sha256(canonical_json(rest)))


def _entries(value: Any) -> Iterator[tuple[str, Any]]:
    """Each record of a JSON file with its place: of lists every entry, of findings every exhibit
    besides."""
    if not isinstance(value, dict):
        yield "all of it", value
        return
    for key, held in value.items():
        if not isinstance(held, list) or not held:
            yield printable(key, 60), held
            continue
        for i, entry in enumerate(held):
            place = _called(f"{printable(key, 60)}[{i}]", entry)
            exhibits = entry.get("exhibits") if isinstance(entry, dict) else None
            if not isinstance(exhibits, list):
                yield place, entry
                continue
            yield place, {k: v for k, v in entry.items() if k != "exhibits"}
            yield from ((f"{place} exhibits[{j}]", shown) for j, shown in enumerate(exhibits))


def _lines(data: bytes) -> Iterator[RecordDigest]:
    lines = data.split(b"\n")
    lines = lines[:-1] if not lines[-1] else lines
    each = max(1, -(-len(lines) // MOST_RECORDS))
    for start in range(0, len(lines), each):
        part = lines[start : start + each]
        place = f"line {start + 1}" if each == 1 else f"lines {start + 1} to {start + len(part)}"
        yield RecordDigest(record=_told(place, part), sha256=sha256(b"\n".join(part)))


def _told(place: str, lines: list[bytes]) -> str:
    """A line's place with what its row is, where it is one of JSON."""
    if len(lines) > 1 or not lines[0].startswith(b"{"):
        return place
    try:
        return _called(place, json.loads(lines[0]))
    except (ValueError, RecursionError):
        return place


def _called(place: str, entry: Any) -> str:
    held = entry if isinstance(entry, dict) else {}
    words = [str(held[n]) for n in NAMED_BY if isinstance(held.get(n), str | int)]
    return printable(f"{place} {' '.join(words)}".rstrip(), LONGEST_LABEL)
