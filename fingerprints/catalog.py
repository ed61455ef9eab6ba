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

from fingerprints.catalog_file import REPAIR, SCHEMA, SCHEMA_VERSION, connected, told
from fingerprints.catalog_rows import (
    Kind,
    StoredAnswer,
    StoredTeacher,
    answer_rows,
    assemble,
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
from fingerprints.system import Closing
from fingerprints.transcript import Transcript

_TEACHERS = "SELECT id, name, first_id, record, summary, sha256 FROM teachers"
_VECTORS = "SELECT first_id, n, ids, data, sha256 FROM vectors"
_RANGE = (
    "SELECT first_id, n, ids, data, sha256 FROM vectors WHERE first_id <= coalesce(?2, first_id)"
    " AND first_id >= coalesce((SELECT max(first_id) FROM vectors WHERE first_id <= ?1), 0)"
    " ORDER BY first_id"
)


@dataclass(frozen=True)
class CatalogState:
    """Which content a catalogue holds: the number of its last change, and a digest chained over
    all changes."""

    sequence: int
    digest: str


class Catalog(Closing):
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

    def _damaged(self, what: str) -> StoreIntegrity:
        return StoreIntegrity(what, where=self.path, next_step=REPAIR)

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with told(self.path):
            return self._db.execute(query, values).fetchall()

    def _check_schema(self) -> None:
        tables = dict(self._rows("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
        if "meta" not in tables:
            raise self._damaged("this is not a catalogue of teachers")
        version = self._meta("schema")
        if version != str(SCHEMA_VERSION):
            raise StoreIntegrity(
                f"the store has schema {version[:20]}, and this version reads {SCHEMA_VERSION}",
                where=self.path,
                next_step="install the version that wrote it, or a newer one",
            )
        if sorted(tables.values()) != sorted(SCHEMA):
            raise self._damaged("the catalogue's tables are not those of its schema")
        self.embedder = self._meta("embedder")
        self.dimension = int(self._meta("dimension"))

    def _meta(self, key: str) -> str:
        found = self._rows("SELECT value FROM meta WHERE key = ?", key)
        if not found:
            raise self._damaged(f"the catalogue does not say its {key}")
        return str(found[0][0])

    def state(self) -> CatalogState:
        """Which content the catalogue holds now."""
        found = self._rows("SELECT sequence, state FROM changes ORDER BY sequence DESC LIMIT 1")
        if not found:
            raise self._damaged("the catalogue has no history")
        return CatalogState(*found[0])

    def had(self, state: CatalogState) -> bool:
        """Whether the catalogue was once in this state: what was built then belongs to it."""
        found = self._rows("SELECT state FROM changes WHERE sequence = ?", state.sequence)
        return found == [(state.digest,)]

    def only_added_since(self, state: CatalogState) -> bool:
        """Whether teachers were only added, none removed or replaced, since a state."""
        query = "SELECT 1 FROM changes WHERE sequence > ? AND action <> 'add' LIMIT 1"
        return not self._rows(query, state.sequence)

    def teachers(self) -> list[StoredTeacher]:
        """All stored teachers in alphabetical order of name."""
        return [teacher for _, teacher in self.entries()]

    def entries(self) -> list[tuple[int, StoredTeacher]]:
        """All stored teachers with their row numbers, in alphabetical order of name."""
        return [self._teacher(row) for row in self._rows(f"{_TEACHERS} ORDER BY name")]

    def probe_sets(self, but: str) -> dict[str, tuple[str, str]]:
        """Version and digest of each probe set that teachers ``but`` one answered, by its name."""
        query = (
            "SELECT DISTINCT json_extract(p.value, '$.name', '$.version', '$.sha256')"
            " FROM teachers, json_each(teachers.record, '$.probe_sets') p WHERE teachers.name <> ?"
        )
        found = (json.loads(row[0]) for row in self._rows(query, but))
        return {name: (version, digest) for name, version, digest in found}

    def find(self, name: str) -> tuple[int, StoredTeacher] | None:
        """A teacher's row number and record by name; None when there is none."""
        found = self._rows(f"{_TEACHERS} WHERE name = ?", name)
        return self._teacher(found[0]) if found else None

    def _teacher(self, row: tuple[Any, ...]) -> tuple[int, StoredTeacher]:
        if row_digest(row[:5]) != row[5]:
            raise self._damaged(f"the entry of teacher {row[1]!r} was changed")
        return row[0], StoredTeacher.model_validate_json(row[3])

    @contextmanager
    def change(self) -> Iterator[None]:
        """One transaction: on the disk, whole, at the end; nothing after an error or a kill."""
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
        """Everything read inside is of one state, whatever another process writes meanwhile."""
        with told(self.path):
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                self._db.execute("COMMIT")

    def insert(
        self,
        teacher: StoredTeacher,
        transcript: Transcript,
        signed: Signatures,
        packed: Iterable[tuple[Kind, int, bytes]],
    ) -> None:
        """Adds a teacher with its answers, ``packed`` by `blocks`, and vectors; belongs inside
        `change`."""
        db = self._db
        first = int(self._meta("next_id"))
        number = int(self._rows("SELECT coalesce(max(id), 0) + 1 FROM teachers")[0][0])
        record = canonical_json(teacher.model_dump(mode="json")).decode()
        summary = canonical_json(signed.summary.model_dump(mode="json")).decode()
        row = (number, teacher.name, first, record, summary)
        db.execute("INSERT INTO teachers VALUES (?, ?, ?, ?, ?, ?)", (*row, row_digest(row)))
        rows = ((number, *kind_part) for kind_part in packed)
        db.executemany("INSERT INTO blocks VALUES (?, ?, ?, ?)", rows)
        answers = answer_rows(transcript, number, first)
        db.executemany("INSERT INTO answers VALUES (?,?,?,?,?,?,?,?,?)", answers)
        vectors = (
            (at, number, *rest)
            for at, *rest in vector_blocks(signed.places + first, signed.vectors)
        )
        db.executemany("INSERT INTO vectors VALUES (?, ?, ?, ?, ?, ?)", vectors)
        # Ids are never given twice, also not after a removal: an old index can't name a new answer.
        following = str(first + len(transcript.replies))
        db.execute("UPDATE meta SET value = ? WHERE key = 'next_id'", (following,))
        self._log("add", teacher.name, teacher.content_sha256)

    def delete(self, number: int, teacher: StoredTeacher) -> None:
        """Removes a teacher with its answers and vectors; belongs inside `change`."""
        for table in ("vectors", "answers", "blocks"):
            self._db.execute(f"DELETE FROM {table} WHERE teacher = ?", (number,))  # noqa: S608  (names from the line above)
        self._db.execute("DELETE FROM teachers WHERE id = ?", (number,))
        self._log("remove", teacher.name, teacher.content_sha256)

    def _log(self, action: str, teacher: str, content: str) -> None:
        now = self.state()
        state = sha256(canonical_json([now.digest, action, teacher, content]))
        row = (now.sequence + 1, action, teacher, content, state)
        self._db.execute("INSERT INTO changes VALUES (?, ?, ?, ?, ?)", row)

    def transcript(self, number: int, teacher: StoredTeacher) -> Transcript:
        """Exactly the answers that went in. Raises StoreIntegrity when they are not."""
        parts: dict[Kind, list[Any]] = {"header": [], "probe": [], "event": [], "reply": []}
        try:
            query = "SELECT kind, data FROM blocks WHERE teacher = ? ORDER BY part"
            with told(self.path):
                for kind, data in self._db.execute(query, (number,)):
                    parts[kind] += unpack(kind, data)
            found = assemble(parts, teacher.complete)
            if found.digest() != teacher.answers_sha256:
                raise ValueError("their digest is another")
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            said = f"the answers of {teacher.name!r} are not those that were stored"
            raise self._damaged(said) from error
        return found

    def vectors(
        self, after: int = 0, up_to: int | None = None
    ) -> Iterator[tuple[npt.NDArray[np.int64], Vectors]]:
        """Yields blocks of ids (n,) and vectors (n, d) in order of id, of ids above ``after`` and,
        where it is given, ``up_to`` one at most."""
        # A block begins at or before the first id that is wanted: the one that holds it counts.
        with told(self.path):  # block by block: together they may not fit into memory
            for row in self._db.execute(_RANGE, (after + 1, up_to)):
                ids, vectors = unpack_vectors(row, self.dimension)
                some = slice(
                    *np.searchsorted(ids, [after, ids[-1] if up_to is None else up_to], "right")
                )
                if some.stop > some.start:
                    yield ids[some], vectors[some]

    def vector_ids(self) -> Iterator[npt.NDArray[np.int64]]:
        """Yields the ids of all answers that have a vector, ascending, in blocks; reads no vector,
        so it checks none."""
        with told(self.path):
            for (ids,) in self._db.execute("SELECT ids FROM vectors ORDER BY first_id"):
                yield np.frombuffer(ids, "<i8")

    def count_vectors(self) -> int:
        """How many answers have a vector."""
        return int(self._rows("SELECT coalesce(sum(n), 0) FROM vectors")[0][0])

    def sample_vectors(self, count: int) -> tuple[npt.NDArray[np.int64], Vectors]:
        """Up to ``count`` ids and vectors, spread evenly over the blocks; always the same ones."""
        firsts = [row[0] for row in self._rows("SELECT first_id FROM vectors ORDER BY first_id")]
        if not firsts:
            return np.empty(0, np.int64), np.empty((0, self.dimension), np.float32)
        chosen = sorted({firsts[i * len(firsts) // count] for i in range(count)})
        each, ids, vectors = -(-count // len(chosen)), [], []
        for first in chosen:
            row: Any = self._rows(f"{_VECTORS} WHERE first_id = ?", first)[0]
            held, rows = unpack_vectors(row, self.dimension)
            picks = np.unique(np.linspace(0, len(held) - 1, each).astype(np.int64))
            ids.append(held[picks])
            vectors.append(rows[picks])
        return np.concatenate(ids)[:count], np.concatenate(vectors)[:count]

    def answer(self, number: int) -> StoredAnswer | None:
        """Whose answer an id stands for; None for an id that is not in the catalogue."""
        query = (
            "SELECT a.id, a.teacher, probe_id, arm, sample, readable, text_sha256, prompt_sha256,"
            " a.sha256, t.name FROM answers a JOIN teachers t ON t.id = a.teacher WHERE a.id = ?"
        )
        found = self._rows(query, number)
        if not found:
            return None
        row = found[0]
        if row_digest(row[:8]) != row[8]:
            raise self._damaged(f"the entry of answer {number} was changed")
        return StoredAnswer(
            teacher=row[9], probe_id=row[2], arm=row[3], sample=row[4], text_sha256=row[6].hex()
        )

    def shared_prompts(self, prompts: Iterable[str]) -> dict[str, int]:
        """How many of these prompts (by digest) every teacher gave a readable answer to."""
        with told(self.path):
            self._ask(prompts)
        return dict(
            self._rows(
                "SELECT t.name, count(DISTINCT asked.prompt) FROM teachers t"
                " LEFT JOIN answers a ON a.teacher = t.id AND a.readable = 1"
                " LEFT JOIN asked ON asked.prompt = a.prompt_sha256 GROUP BY t.id ORDER BY t.name"
            )
        )

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
        rows = self._rows(query, json.dumps([arm.value for arm in arms]))
        return np.array(rows, dtype=np.int64).reshape(-1, 3)

    def agrees(self, number: int, transcript: Transcript) -> bool:
        """Whether the rows of a teacher's answers are those that its transcript gives."""
        first = self._rows("SELECT first_id FROM teachers WHERE id = ?", number)[0][0]
        query = "SELECT * FROM answers WHERE teacher = ? ORDER BY id"
        expected = answer_rows(transcript, number, first)
        with told(self.path):
            rows = self._db.execute(query, (number,))
            return all(a == b for a, b in zip_longest(rows, expected))

    def problems(self) -> list[str]:
        """What SQLite's own check finds, a broken chain of changes, and damaged vectors."""
        found = [row[0] for row in self._rows("PRAGMA integrity_check(20)") if row[0] != "ok"]
        with told(self.path):
            for first, count, ids, data, digest in self._db.execute(_VECTORS):
                if vector_digest(ids, data) != digest or len(ids) != 8 * count:
                    said = f"the vectors from answer {first} on differ from those that were written"
                    found.append(said)
        return found + self._broken_chain()

    def _broken_chain(self) -> list[str]:
        state = sha256(canonical_json([SCHEMA_VERSION, self.embedder, self.dimension]))
        rows = self._rows(
            "SELECT sequence, action, teacher, content_sha256, state FROM changes ORDER BY sequence"
        )
        for expected, (sequence, action, teacher, content, written) in enumerate(rows):
            if expected:
                state = sha256(canonical_json([state, action, teacher, content]))
            if sequence != expected or state != written:
                return [f"change {sequence} does not follow from those before it"]
        return []

    def freeze(self) -> None:
        """Makes one compact file, with no log beside it: readable where nothing may be written."""
        with told(self.path):
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._db.execute("PRAGMA journal_mode=DELETE")
            self._db.execute("VACUUM")

    def close(self) -> None:
        """Closes the file; the last writer's close moves the write-ahead log into it."""
        self._db.close()
