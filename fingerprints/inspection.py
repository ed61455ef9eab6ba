"""Is everything in a store what was written? Reads every row and every file, repairs nothing.

Knows the store's parts; knows nothing of what the answers mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from fingerprints.catalog import Catalog
from fingerprints.catalog_file import CATALOG_FILES
from fingerprints.catalog_rows import StoredTeacher, content_digest
from fingerprints.durable import TEMPORARY
from fingerprints.errors import AuditError, printable
from fingerprints.generations import CURRENT, GENERATION
from fingerprints.indexing import StoreIndex
from fingerprints.shard_files import BUILDING


def problems(folder: Path, catalog: Catalog, index: StoreIndex) -> list[str]:
    """Everything that is wrong with a store of these parts, one line each; an empty list when
    nothing is. Never raises for damage."""
    return [
        *_files(folder),
        *_told(lambda: [f"the catalogue: {line}" for line in catalog.problems()]),
        *_told(lambda: _teachers(catalog)),
        *_told(lambda: _index(index)),
    ]


def _told(check: Callable[[], list[str]]) -> list[str]:
    try:
        return check()
    except AuditError as error:
        return [error.line()]


def _files(folder: Path) -> Iterator[str]:
    for entry in sorted(folder.iterdir()):
        known = entry.name in (*CATALOG_FILES, CURRENT, BUILDING, "LOCK") or GENERATION.fullmatch(
            entry.name
        )
        if not known and not entry.name.startswith(TEMPORARY):
            yield f"unknown file {printable(entry.name, 100)!r}"


def _teachers(catalog: Catalog) -> list[str]:
    found: list[str] = []
    for number, teacher in catalog.entries():
        found += _told(partial(_one_teacher, catalog, number, teacher))
    return found


def _one_teacher(catalog: Catalog, number: int, teacher: StoredTeacher) -> list[str]:
    transcript = catalog.transcript(number, teacher)
    if content_digest(transcript) != teacher.content_sha256:
        return [f"{teacher.name!r}: the probes are not those that were stored"]
    if not catalog.agrees(number, transcript):
        return [f"{teacher.name!r}: the list of answers does not fit the answers"]
    return []


def _index(index: StoreIndex) -> list[str]:
    index.check()
    return []
