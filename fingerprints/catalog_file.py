"""The catalogue as a file: its tables, how it is opened, and what SQLite's errors about it mean.

Knows SQLite; knows nothing of teachers.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from pydantic import ValidationError

from fingerprints.errors import AuditError, Locked, MalformedInput, ResourceLimit, StoreIntegrity
from fingerprints.records import canonical_json, sha256

CATALOG = "catalog.sqlite"
CATALOG_FILES = (CATALOG, f"{CATALOG}-wal", f"{CATALOG}-shm", f"{CATALOG}-journal")
SCHEMA_VERSION = 1
SCHEMA = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE changes (sequence INTEGER PRIMARY KEY, action TEXT NOT NULL,"
    " teacher TEXT NOT NULL, content_sha256 TEXT NOT NULL, state TEXT NOT NULL)",
    "CREATE TABLE teachers (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " first_id INTEGER NOT NULL, record TEXT NOT NULL, summary TEXT NOT NULL,"
    " sha256 BLOB NOT NULL)",
    "CREATE TABLE blocks (teacher INTEGER NOT NULL, kind TEXT NOT NULL, part INTEGER NOT NULL,"
    " data BLOB NOT NULL, PRIMARY KEY (teacher, kind, part)) WITHOUT ROWID",
    "CREATE TABLE answers (id INTEGER PRIMARY KEY, teacher INTEGER NOT NULL,"
    " probe_id TEXT NOT NULL, arm TEXT NOT NULL, sample INTEGER NOT NULL,"
    " readable INTEGER NOT NULL, text_sha256 BLOB NOT NULL, prompt_sha256 BLOB NOT NULL,"
    " sha256 BLOB NOT NULL)",
    "CREATE TABLE vectors (first_id INTEGER PRIMARY KEY, teacher INTEGER NOT NULL,"
    " n INTEGER NOT NULL, ids BLOB NOT NULL, data BLOB NOT NULL, sha256 BLOB NOT NULL)",
)
# Stores are held to this very text: SQLite keeps it, and another text is another schema.
REPAIR = "restore the store from a copy; `auditor store verify` lists what is damaged"


class Unrecovered(MalformedInput):
    """A catalogue that can't be opened as it lies: of no permission, or killed in mid-write and
    not rolled back yet."""


def create_catalog(path: Path, embedder: str, dimension: int) -> None:
    """Writes an empty catalogue in one go; the caller moves it to its place when it is whole."""
    start = sha256(canonical_json([SCHEMA_VERSION, embedder, dimension]))
    names = ("schema", "embedder", "dimension", "next_id")
    values = map(str, (SCHEMA_VERSION, embedder, dimension, 1))
    with told(path), closing(connected(path, read_only=False)) as db:
        db.execute("BEGIN IMMEDIATE")
        for statement in SCHEMA:
            db.execute(statement)
        db.executemany("INSERT INTO meta VALUES (?, ?)", zip(names, values, strict=True))
        db.execute("INSERT INTO changes VALUES (0, 'create', '', '', ?)", (start,))
        db.execute("COMMIT")
        db.execute("PRAGMA journal_mode=DELETE")


def connected(path: Path, read_only: bool) -> sqlite3.Connection:
    """An open catalogue; each transaction ends on the disk. Raises SQLite's errors."""
    mode = "ro" if read_only else "rwc"
    frozen = "&immutable=1" if read_only and _is_frozen(path) else ""
    db = sqlite3.connect(
        f"file:{quote(os.path.abspath(path))}?mode={mode}{frozen}",
        uri=True,
        isolation_level=None,
        timeout=5.0,
    )
    try:
        # A store may be a stranger's: as sqlite.org/security.html advises for such files.
        for pragma in ("trusted_schema=OFF", "cell_size_check=ON", "temp_store=MEMORY"):
            db.execute(f"PRAGMA {pragma}")
        if not read_only:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
    except BaseException:
        db.close()
        raise
    return db


def _is_frozen(path: Path) -> bool:
    """Whether a catalogue can be read as it lies: nobody can write beside it, and no log waits
    to be read with it."""
    logs = (path.with_name(path.name + ending) for ending in ("-wal", "-journal"))
    return not os.access(path.parent, os.W_OK) and not any(
        log.exists() and log.stat().st_size for log in logs
    )


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Tells SQLite's errors as ours: a full disk, a busy file and a damaged one differ."""
    try:
        yield
    except sqlite3.Error as error:
        raise _meaning(error, path) from error
    except ValidationError as error:
        raise StoreIntegrity(
            "an entry of the catalogue can't be read", where=path, next_step=REPAIR
        ) from error


def _meaning(error: sqlite3.Error, path: Path) -> AuditError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM):
        step = "free some space and run the same command again; what was committed before is kept"
        return ResourceLimit(f"could not write the catalogue: {error}", where=path, next_step=step)
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Locked(
            "another process holds the catalogue", where=path, next_step="wait until it is done"
        )
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        step = "check its permissions; after a kill, open it for writing once"
        return Unrecovered(f"the catalogue can't be opened: {error}", where=path, next_step=step)
    return StoreIntegrity(f"the catalogue is damaged: {error}", where=path, next_step=REPAIR)
