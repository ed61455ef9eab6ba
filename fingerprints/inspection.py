"""Is everything in a store what was written? Reads every row and every file, repairs nothing.

Knows the store's parts; knows nothing of what the answers mean.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

from fingerprints.catalog import Catalog
from fingerprints.catalog_file import CATALOG_FILES
from fingerprints.catalog_rows import StoredTeacher, content_digest
from fingerprints.durable import TEMPORARY
from fingerprints.errors import AuditError, printable
from fingerprints.generations import CURRENT, GENERATION
from fingerprints.indexing import StoreIndex
from fingerprints.shard_files import BUILDING

Part = Literal["folder", "catalogue", "index"]


class StoreProblem(NamedTuple):
    """One thing that is wrong with a store, and in which part of it: the index alone can be made
    again from the rest."""

    part: Part
    what: str


def problems(folder: Path, catalog: Catalog, index: StoreIndex) -> list[StoreProblem]:
    """Everything that is wrong with a store of these parts; an empty list when nothing is. Never
    raises for damage."""
    catalogue = [
        *_told(lambda: [f"the catalogue: {line}" for line in catalog.problems()]),
        *_told(lambda: _teachers(catalog)),
    ]
    return [
        *(StoreProblem("folder", line) for line in _files(folder)),
        *(StoreProblem("catalogue", line) for line in catalogue),
        *(StoreProblem("index", line) for line in _told(lambda: _index(index))),
    ]


def repair(folder: str, found: Sequence[StoreProblem]) -> str:
    """What to do about these problems of the store in a folder, if anything can be done there."""
    parts = {problem.part for problem in found}
    if parts == {"index"}:
        return f"auditor store rebuild --store {shlex.quote(folder)}"
    if parts == {"folder"}:
        return "take away what does not belong there"
    return "restore the store from a copy: what its models said can't be made again"


def _told(check: Callable[[], list[str]]) -> list[str]:
    try:
        return check()
    except AuditError as error:
        return [error.what]


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
