"""The catalogue: one SQLite file that is the truth about the stored teachers, their answers and
their vectors.

WAL, synchronous=FULL, one transaction a teacher, a digest beside every row. Knows SQL; knows
nothing of the index that is built from it, nor of locks between processes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fingerprints.catalog_file import (
    REPAIR,
    SCHEMA,
    SCHEMA_VERSION,
    connected,
    told,
)
from fingerprints.catalog_rows import (
    Kind,
    StoredAnswer,
    StoredTeacher,
    answer_rows,
    assemble,
    blocks,
    row_digest,
    unpack,
    unpack_vectors,
    vector_blocks,
    vector_digest,
)
from fingerprints.embed import Vectors
from fingerprints.errors import StoreIntegrity
from fingerprints.records import Arm, canonical_json, sha256
from fingerprints.signature import Signatures
from fingerprints.transcript import Transcript


@dataclass(frozen=True)
class CatalogState:
    """Which content a catalogue holds: the number of its last change, and a digest chained over
    all changes."""

    sequence: int
    digest: str


class Catalog:
    """Teachers, answers and vectors in one SQLite file.

    Raises StoreIntegrity where the file or a row is not what was written, or was made by a newer
    version; ResourceLimit on a full disk; Locked where another process holds the file.
    """

    def __init__(self, path: Path, read_only: bool) -> None:
        self.path = path
        self.read_only = read_only
        with told(path):
            self._db = connected(path, read_only)
            try:
                self._check_schema()
            except BaseException:
                self._db.close()
                raise

    def _check_schema(self) -> None:
        tables = {
            row[0]: row[1]
            for row in self._db.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        }
        if "meta" not in tables:
            raise StoreIntegrity(
                "this is not a catalogue of teachers", where=self.path, next_step=REPAIR
            )
        version = self._meta("schema")
        if version != str(SCHEMA_VERSION):
            raise StoreIntegrity(
                f"the store has schema {version[:20]}, and this version reads {SCHEMA_VERSION}",
                where=self.path,
                next_step="install the version that wrote it, or a newer one",
            )
        if sorted(tables.values()) != sorted(SCHEMA):
            raise StoreIntegrity(
                "the catalogue's tables are not those of its schema",
                where=self.path,
                next_step=REPAIR,
            )
        self.embedder = self._meta("embedder")
        self.dimension = int(self._meta("dimension"))

    def _meta(self, key: str) -> str:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise StoreIntegrity(
                f"the catalogue does not say its {key}", where=self.path, next_step=REPAIR
            )
        return str(row[0])

    def state(self) -> CatalogState:
        """Which content the catalogue holds now."""
        with told(self.path):
            row = self._db.execute(
                "SELECT sequence, state FROM changes ORDER BY sequence DESC LIMIT 1"
            ).fetchone()
        if row is None:
            raise StoreIntegrity("the catalogue has no history", where=self.path, next_step=REPAIR)
        return CatalogState(*row)

    def had(self, state: CatalogState) -> bool:
        """Whether the catalogue was once in this state: what was built from it then belongs to
        it."""
        with told(self.path):
            row = self._db.execute(
                "SELECT state FROM changes WHERE sequence = ?", (state.sequence,)
            ).fetchone()
        return row is not None and row[0] == state.digest

    def only_added_since(self, state: CatalogState) -> bool:
        """Whether teachers were only added, none removed or replaced, since a state."""
        query = "SELECT count(*) FROM changes WHERE sequence > ? AND action <> 'add'"
        with told(self.path):
            return int(self._db.execute(query, (state.sequence,)).fetchone()[0]) == 0

    def teachers(self) -> list[StoredTeacher]:
        """All stored teachers in alphabetical order of name."""
        return [teacher for _, teacher in self.entries()]

    def entries(self) -> list[tuple[int, StoredTeacher]]:
        """All stored teachers with their row numbers, in alphabetical order of name."""
        with told(self.path):
            rows = self._db.execute(
                "SELECT id, name, first_id, record, summary, sha256 FROM teachers ORDER BY name"
            ).fetchall()
        return [self._teacher(row) for row in rows]

    def probe_sets(self, but: str) -> dict[str, tuple[str, str]]:
        """Version and digest of each probe set that the teachers answered, ``but`` one teacher,
        by the set's name."""
        query = (
            "SELECT DISTINCT json_extract(p.value, '$.name', '$.version', '$.sha256')"
            " FROM teachers, json_each(teachers.record, '$.probe_sets') p WHERE teachers.name <> ?"
        )
        with told(self.path):
            found = [json.loads(row[0]) for row in self._db.execute(query, (but,))]
        return {name: (version, digest) for name, version, digest in found}

    def find(self, name: str) -> tuple[int, StoredTeacher] | None:
        """A teacher's row number and record by name; None when there is none."""
        query = "SELECT id, name, first_id, record, summary, sha256 FROM teachers WHERE name = ?"
        with told(self.path):
            row = self._db.execute(query, (name,)).fetchone()
        return None if row is None else self._teacher(row)

    def _teacher(self, row: tuple[Any, ...]) -> tuple[int, StoredTeacher]:
        if row_digest(row[:5]) != row[5]:
            raise StoreIntegrity(
                f"the entry of teacher {row[1]!r} was changed", where=self.path, next_step=REPAIR
            )
        return row[0], StoredTeacher.model_validate_json(row[3])

    @contextmanager
    def change(self) -> Iterator[None]:
        """One transaction: all of it is on the disk when the block ends, or none of it after an
        error or a kill."""
        with told(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Everything read inside the block is of one state, whatever another process writes
        meanwhile."""
        with told(self.path):
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                self._db.execute("COMMIT")

    def insert(self, teacher: StoredTeacher, transcript: Transcript, signed: Signatures) -> None:
        """Adds a teacher with its answers and vectors; belongs inside `change`."""
        db = self._db
        first = int(self._meta("next_id"))
        number = int(db.execute("SELECT coalesce(max(id), 0) + 1 FROM teachers").fetchone()[0])
        record = canonical_json(teacher.model_dump(mode="json")).decode()
        summary = canonical_json(signed.summary.model_dump(mode="json")).decode()
        row = (number, teacher.name, first, record, summary)
        db.execute("INSERT INTO teachers VALUES (?, ?, ?, ?, ?, ?)", (*row, row_digest(row)))
        packed = (
            (number, kind, part, data) for part, (kind, data) in enumerate(blocks(transcript))
        )
        db.executemany("INSERT INTO blocks VALUES (?, ?, ?, ?)", packed)
        db.executemany(
            "INSERT INTO answers VALUES (?,?,?,?,?,?,?,?,?)", answer_rows(transcript, number, first)
        )
        self._insert_vectors(number, signed.places + first, signed.vectors)
        # Ids are never given twice, also not after a removal: an old index can't name a new answer.
        db.execute(
            "UPDATE meta SET value = ? WHERE key = 'next_id'",
            (str(first + len(transcript.replies)),),
        )
        self._log("add", teacher.name, teacher.content_sha256)

    def _insert_vectors(self, teacher: int, ids: npt.NDArray[np.int64], vectors: Vectors) -> None:
        rows = (
            (first, teacher, n, packed, data, sha)
            for first, n, packed, data, sha in vector_blocks(ids, vectors)
        )
        self._db.executemany("INSERT INTO vectors VALUES (?, ?, ?, ?, ?, ?)", rows)

    def delete(self, number: int, teacher: StoredTeacher) -> None:
        """Removes a teacher with its answers and vectors; belongs inside `change`."""
        for table in ("vectors", "answers", "blocks"):
            self._db.execute(f"DELETE FROM {table} WHERE teacher = ?", (number,))  # noqa: S608  (names from the line above)
        self._db.execute("DELETE FROM teachers WHERE id = ?", (number,))
        self._log("remove", teacher.name, teacher.content_sha256)

    def _log(self, action: str, teacher: str, content: str) -> None:
        now = self.state()
        state = sha256(canonical_json([now.digest, action, teacher, content]))
        self._db.execute(
            "INSERT INTO changes VALUES (?, ?, ?, ?, ?)",
            (now.sequence + 1, action, teacher, content, state),
        )

    def transcript(self, number: int, teacher: StoredTeacher) -> Transcript:
        """Exactly the answers that went in. Raises StoreIntegrity when they are not."""
        parts: dict[Kind, list[Any]] = {"header": [], "probe": [], "event": [], "reply": []}
        try:
            with told(self.path):
                rows = self._db.execute(
                    "SELECT kind, data FROM blocks WHERE teacher = ? ORDER BY part", (number,)
                )
                for kind, data in rows:
                    parts[kind] += unpack(kind, data)
            found = assemble(parts, teacher.complete)
            if found.digest() != teacher.answers_sha256:
                raise ValueError("their digest is another")
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise StoreIntegrity(
                f"the answers of {teacher.name!r} are not those that were stored",
                where=self.path,
                next_step=REPAIR,
            ) from error
        return found

    def vectors(self, after: int = 0) -> Iterator[tuple[npt.NDArray[np.int64], Vectors]]:
        """Yields blocks of ids (n,) and vectors (n, d) in order of id, of answers with an id
        above ``after``."""
        query = (
            "SELECT first_id, n, ids, data, sha256 FROM vectors WHERE first_id > ? ORDER BY"
            " first_id"
        )
        with told(self.path):
            for row in self._db.execute(query, (after,)):
                yield unpack_vectors(row, self.dimension)

    def count_vectors(self) -> int:
        """How many answers have a vector."""
        with told(self.path):
            return int(self._db.execute("SELECT coalesce(sum(n), 0) FROM vectors").fetchone()[0])

    def sample_vectors(self, count: int) -> tuple[npt.NDArray[np.int64], Vectors]:
        """Up to ``count`` ids and their vectors, spread evenly over the blocks; always the same
        ones."""
        with told(self.path):
            firsts = [
                row[0] for row in self._db.execute("SELECT first_id FROM vectors ORDER BY first_id")
            ]
            chosen = (
                sorted({firsts[i * len(firsts) // count] for i in range(count)}) if firsts else []
            )
            query = "SELECT first_id, n, ids, data, sha256 FROM vectors WHERE first_id = ?"
            found = [
                unpack_vectors(self._db.execute(query, (first,)).fetchone(), self.dimension)
                for first in chosen
            ]
        if not found:
            return np.empty(0, np.int64), np.empty((0, self.dimension), np.float32)
        each = -(-count // len(found))
        picks = [np.unique(np.linspace(0, len(ids) - 1, each).astype(np.int64)) for ids, _ in found]
        return (
            np.concatenate([ids[pick] for (ids, _), pick in zip(found, picks, strict=True)])[
                :count
            ],
            np.concatenate([rows[pick] for (_, rows), pick in zip(found, picks, strict=True)])[
                :count
            ],
        )

    def answer(self, number: int) -> StoredAnswer | None:
        """Whose answer an id stands for; None for an id that is not in the catalogue."""
        query = (
            "SELECT a.id, a.teacher, probe_id, arm, sample, readable, text_sha256, prompt_sha256,"
            " a.sha256, t.name FROM answers a JOIN teachers t ON t.id = a.teacher WHERE a.id = ?"
        )
        with told(self.path):
            row = self._db.execute(query, (number,)).fetchone()
        if row is None:
            return None
        if row_digest(row[:8]) != row[8]:
            raise StoreIntegrity(
                f"the entry of answer {number} was changed", where=self.path, next_step=REPAIR
            )
        return StoredAnswer(
            teacher=row[9], probe_id=row[2], arm=row[3], sample=row[4], text_sha256=row[6].hex()
        )

    def shared_prompts(self, prompts: Iterable[str]) -> dict[str, int]:
        """How many of these prompts (by digest) each teacher gave a readable answer to; every
        teacher is listed."""
        with told(self.path):
            self._ask(prompts)
            rows = self._db.execute(
                "SELECT t.name, count(DISTINCT asked.prompt) FROM teachers t"
                " LEFT JOIN answers a ON a.teacher = t.id AND a.readable = 1"
                " LEFT JOIN asked ON asked.prompt = a.prompt_sha256 GROUP BY t.id ORDER BY t.name"
            ).fetchall()
        return {name: int(count) for name, count in rows}

    def _ask(self, prompts: Iterable[str]) -> None:
        """Lays prompts (digests) out as a table with their places, for queries to join."""
        self._db.execute(
            "CREATE TEMP TABLE IF NOT EXISTS asked (prompt BLOB PRIMARY KEY, place INTEGER)"
            " WITHOUT ROWID"
        )
        self._db.execute("DELETE FROM asked")
        self._db.executemany(
            "INSERT OR IGNORE INTO asked VALUES (?, ?)",
            ((bytes.fromhex(prompt), place) for place, prompt in enumerate(prompts)),
        )

    def answers_to(self, prompts: Iterable[str], arms: Iterable[Arm]) -> npt.NDArray[np.int64]:
        """Readable answers in these arms to these prompts (digests), in order of id: rows of
        (answer id, teacher's row number, place of the prompt)."""
        query = (
            "SELECT a.id, a.teacher, asked.place FROM answers a"
            " JOIN asked ON asked.prompt = a.prompt_sha256 WHERE a.readable = 1"
            " AND a.arm IN (SELECT value FROM json_each(?)) ORDER BY a.id"
        )
        with told(self.path):
            self._ask(prompts)
            rows = self._db.execute(query, (json.dumps([arm.value for arm in arms]),)).fetchall()
        return np.array(rows, dtype=np.int64).reshape(-1, 3)

    def agrees(self, number: int, transcript: Transcript) -> bool:
        """Whether the rows of a teacher's answers are those that its transcript gives."""
        with told(self.path):
            first = self._db.execute(
                "SELECT first_id FROM teachers WHERE id = ?", (number,)
            ).fetchone()[0]
            rows = self._db.execute(
                "SELECT * FROM answers WHERE teacher = ? ORDER BY id", (number,)
            )
            expected = answer_rows(transcript, number, first)
            return all(a == b for a, b in zip_longest(rows, expected))

    def problems(self) -> list[str]:
        """What SQLite's own check finds, a broken chain of changes, and damaged vectors."""
        with told(self.path):
            found = [
                row[0] for row in self._db.execute("PRAGMA integrity_check(20)") if row[0] != "ok"
            ]
            for first, count, ids, data, digest in self._db.execute(
                "SELECT first_id, n, ids, data, sha256 FROM vectors"
            ):
                if vector_digest(ids, data) != digest or len(ids) != 8 * count:
                    found.append(
                        f"the vectors from answer {first} on differ from those that were written"
                    )
        return found + self._broken_chain()

    def _broken_chain(self) -> list[str]:
        state = sha256(canonical_json([SCHEMA_VERSION, self.embedder, self.dimension]))
        with told(self.path):
            rows = self._db.execute(
                "SELECT sequence, action, teacher, content_sha256, state FROM changes ORDER BY"
                " sequence"
            )
            for expected, (sequence, action, teacher, content, written) in enumerate(rows):
                if expected:
                    state = sha256(canonical_json([state, action, teacher, content]))
                if sequence != expected or state != written:
                    return [f"change {sequence} does not follow from those before it"]
        return []

    def freeze(self) -> None:
        """Makes one compact file that can be read from a folder that may not be written: no log
        beside it."""
        with told(self.path):
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._db.execute("PRAGMA journal_mode=DELETE")
            self._db.execute("VACUUM")

    def close(self) -> None:
        """Closes the file; the last writer's close moves the write-ahead log into it."""
        self._db.close()
