"""Is everything in a store what was written? Reads every row and every file, repairs nothing.

Knows the store's parts; knows nothing of what the answers mean.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from fingerprints.catalog import CATALOG_FILES
from fingerprints.catalog_rows import StoredTeacher, content_digest
from fingerprints.durable import TEMPORARY
from fingerprints.errors import AuditError, printable
from fingerprints.generations import CURRENT, GENERATION

if TYPE_CHECKING:
    from fingerprints.store import FingerprintStore


def problems(store: FingerprintStore) -> list[str]:
    """Everything that is wrong with a store, one line each; an empty list when nothing is. Never
    raises for damage."""
    found = [*_files(store)]
    for check in (_catalog, _teachers, _index):
        found += _told(check, store)
    return found


def _told(check: Callable[[FingerprintStore], list[str]], store: FingerprintStore) -> list[str]:
    try:
        return check(store)
    except AuditError as error:
        return [error.line()]


def _files(store: FingerprintStore) -> Iterator[str]:
    for entry in sorted(store.path.iterdir()):
        known = entry.name in (*CATALOG_FILES, CURRENT, "LOCK") or GENERATION.fullmatch(entry.name)
        if not known and not entry.name.startswith(TEMPORARY):
            yield f"unknown file {printable(entry.name, 100)!r}"


def _catalog(store: FingerprintStore) -> list[str]:
    return [f"the catalogue: {line}" for line in store.catalog.problems()]


def _teachers(store: FingerprintStore) -> list[str]:
    found: list[str] = []
    for number, teacher in store.catalog.entries():
        found += _told(lambda s, n=number, t=teacher: _one_teacher(s, n, t), store)  # type: ignore[misc]
    return found


def _one_teacher(store: FingerprintStore, number: int, teacher: StoredTeacher) -> list[str]:
    transcript = store.catalog.transcript(number, teacher)
    if content_digest(transcript) != teacher.content_sha256:
        return [f"{teacher.name!r}: the probes are not those that were stored"]
    if not store.catalog.agrees(number, transcript):
        return [f"{teacher.name!r}: the list of answers does not fit the answers"]
    return []


def _index(store: FingerprintStore) -> list[str]:
    store.index.check()
    return []
