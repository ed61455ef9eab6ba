"""Teachers on disk: what stored models said, and which stored answers are nearest to a text.

The SQLite catalogue is the truth; the FAISS index is a cache in generations behind one atomically
replaced pointer, verified before it is read and rebuilt from the catalogue. Knows files; judges
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

from fingerprints.catalog import Catalog
from fingerprints.catalog_file import CATALOG, SCHEMA_VERSION
from fingerprints.catalog_rows import (
    StoredAnswer,
    StoredTeacher,
    blocks,
    content_digest,
    describe,
)
from fingerprints.collect import timestamp
from fingerprints.durable import WriteLock, disk_problem, refuse_special
from fingerprints.embed import Embedder, HashedNgrams, Vectors, open_embedder
from fingerprints.errors import MalformedInput, UsageProblem, printable
from fingerprints.indexing import StoreIndex
from fingerprints.inspection import StoreProblem, problems
from fingerprints.nearest import Ids, Recall, unit_queries
from fingerprints.progress import SILENT, Progress
from fingerprints.records import canonical_json, sha256
from fingerprints.signature import sign
from fingerprints.store_folder import LOCK, catalog_of, make_catalog, refuse_absent, sweep_folder
from fingerprints.system import Closing
from fingerprints.transcript import Transcript

LONGEST_NAME = 200
PATIENCE = 600.0
"""Seconds that one of several writers waits for its turn: the index of a large store is built under
the same lock."""


class Put(NamedTuple):
    """What a store holds under a name, and whether it came in just now."""

    teacher: StoredTeacher
    fresh: bool


class FingerprintStore(Closing):
    """A folder of stored models.

    Made by `open`, `create` or `join`; a context manager. One process writes at a
    time (Locked after five seconds), any number read; those that `join` take turns, a model each.
    Raises UnsafeInput where the folder holds links or
    pipes, StoreIntegrity where bytes are not those that were written.
    """

    def __init__(
        self,
        path: Path,
        catalog: Catalog,
        lock: WriteLock | None,
        embedder: Embedder | None,
        joined: bool = False,
    ) -> None:
        self.path = path
        self.catalog = catalog
        self.index = StoreIndex(path, catalog, writable=lock is not None)
        self._lock = lock
        self._joined = joined
        self._embedder = embedder

    @classmethod
    def open(cls, path: Path, read_only: bool = False, embedder: Embedder | None = None) -> Self:
        """An existing store. Read-only works from a folder that may not be written.

        ``embedder`` need only be given where the store was made with one of your own. Raises
        MalformedInput where there is no store, UsageProblem for another embedder than the store's.
        """
        path = Path(path)
        if not (path / CATALOG).is_file():
            refuse_absent(path)
        refuse_special(path)
        with ExitStack() as undoing:
            lock = None if read_only else undoing.enter_context(WriteLock(path / LOCK))
            if lock:
                sweep_folder(path)
            catalog = undoing.enter_context(catalog_of(path, read_only))
            store = cls(path, catalog, lock, embedder)
            store._check_embedder()
            undoing.pop_all()
        return store

    @classmethod
    def create(cls, path: Path, embedder: Embedder | None = None) -> Self:
        """A new, empty store, open for writing. Raises UsageProblem in an occupied folder."""
        path = Path(path)
        embedder = embedder or HashedNgrams()
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise disk_problem(error, path) from error
        refuse_special(path)
        with WriteLock(path / LOCK):
            make_catalog(path, embedder)
        return cls.open(path, embedder=embedder)

    @classmethod
    def join(cls, path: Path, embedder: Embedder | None = None) -> Self:
        """A store that other processes add to at the same time; a new one where there is none.

        Nobody holds it: each model is prepared outside and committed under the lock in its turn,
        which may take ten minutes to come. Raises what `open` and `create` raise.
        """
        path = Path(path)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise disk_problem(error, path) from error
        refuse_special(path)
        with ExitStack() as undoing:
            # SQLite's log is set up by one process at a time.
            with WriteLock(path / LOCK, PATIENCE):
                if not (path / CATALOG).is_file():
                    make_catalog(path, embedder or HashedNgrams())
                catalog = undoing.enter_context(catalog_of(path, read_only=False))
            store = cls(path, catalog, None, embedder, joined=True)
            store._check_embedder()
            undoing.pop_all()
        return store

    @property
    def read_only(self) -> bool:
        """Whether this store can't be changed through this object."""
        return self._lock is None and not self._joined

    @property
    def embedder(self) -> Embedder:
        """The store's embedder. Raises UsageProblem where it is not to be had here."""
        if self._embedder is None:
            self._embedder = open_embedder(self.catalog.embedder)
        return self._embedder

    def _check_embedder(self) -> None:
        if self._embedder is not None and self._embedder.id != self.catalog.embedder:
            raise UsageProblem(
                f"the store was embedded with {self.catalog.embedder!r}, not with"
                f" {self._embedder.id!r}",
                where=self.path,
                next_step="open it with its own embedder, or build a new store",
            )

    def add(
        self,
        transcript: Transcript,
        name: str,
        vendor: str = "",
        family: str = "",
        replace: bool = False,
    ) -> StoredTeacher:
        """Stores a model's answers under a name, as `put` does."""
        return self.put(transcript, name, vendor, family, replace).teacher

    def put(
        self,
        transcript: Transcript,
        name: str,
        vendor: str = "",
        family: str = "",
        replace: bool = False,
    ) -> Put:
        """Stores a model's answers under a name; on the disk when it returns.

        The same answers under the same name change nothing and return what is stored, also where
        another process stored them meanwhile. Raises UsageProblem for the same name with other
        content (unless ``replace``) and for a probe set of which the store holds another version.
        """
        content = storable(transcript, name)
        if self.read_only:
            self._writable()
        found = self.known(name, content, vendor, family, replace)
        if found is not None:
            return Put(found, fresh=False)
        # Read, embedded and packed before the lock is asked for: writers spend their time here.
        signed = sign(transcript, self.embedder)
        teacher = describe(name, vendor, family, transcript, signed, timestamp())
        packed = list(blocks(transcript))
        with self._turn() as writer:
            found = self.known(name, content, vendor, family, replace)
            if found is not None:
                return Put(found, fresh=False)
            self._check_probe_sets(transcript, name)
            with writer.change():
                before = writer.find(name)
                if before:
                    writer.delete(*before)
                writer.insert(teacher, transcript, signed, packed)
        return Put(teacher, fresh=True)

    def known(
        self, name: str, content: str, vendor: str = "", family: str = "", replace: bool = False
    ) -> StoredTeacher | None:
        """What stands under a name with this very content (its digest); None where it is to be
        stored. Raises UsageProblem for other content, unless ``replace``."""
        found = self.catalog.find(name)
        if found is None:
            return None
        if _same(found[1], content, vendor, family):
            return found[1]
        if not replace:
            said = f"the store already holds {name!r} with other content"
            step = "add --replace to put the new answers in its place, or choose another name"
            raise UsageProblem(said, where=self.path, next_step=step)
        return None

    @contextmanager
    def _turn(self) -> Iterator[Catalog]:
        """The catalogue while this process alone may write to it."""
        if not self._joined:
            yield self._writable()
            return
        with WriteLock(self.path / LOCK, PATIENCE):
            yield self.catalog

    def _check_probe_sets(self, transcript: Transcript, name: str) -> None:
        stored = self.catalog.probe_sets(but=name) if transcript.header.probe_sets else {}
        for ours in transcript.header.probe_sets:
            version, digest = stored.get(ours.name, (ours.version, ours.sha256))
            if digest != ours.sha256:
                raise UsageProblem(
                    f"probe set {ours.name!r}: the store holds version {version} ({digest}),"
                    f" these answers are to version {ours.version} ({ours.sha256})",
                    next_step="record the answers with the same version, or build a new store",
                )

    def remove(self, name: str) -> StoredTeacher:
        """Removes a stored model and returns its record. Raises UsageProblem for no such name."""
        with self._turn() as writer:
            found = self._find(name)
            with writer.change():
                writer.delete(*found)
        return found[1]

    def teachers(self) -> list[StoredTeacher]:
        """All stored models in alphabetical order of name."""
        return self.catalog.teachers()

    def teacher(self, name: str) -> StoredTeacher:
        """The record of one stored model. Raises UsageProblem where there is none of that name."""
        return self._find(name)[1]

    def transcript(self, name: str) -> Transcript:
        """Exactly what went in, events too. Raises UsageProblem, StoreIntegrity."""
        return self.catalog.transcript(*self._find(name))

    def shared_prompts(self, transcript: Transcript) -> dict[str, int]:
        """How many prompts both a transcript and each stored model answered readably, by name."""
        return self.catalog.shared_prompts(asked(transcript))

    def search(self, vectors: Vectors, k: int, exact: bool = False) -> tuple[Vectors, Ids]:
        """The nearest stored answers to each query vector: exact cosines and answer ids, nearest
        first.

        ``vectors`` is (n, d), of any length but zero; both results are (n, min(k, stored)). Above
        200,000 vectors the ids come from an approximate index (-1 with score minus infinity where
        it proposes fewer than k; `recall` says what it finds) unless ``exact``, the scores stay
        exact. Raises MalformedInput for a query that is
        zero, not finite or of another dimension, UsageProblem for k below 1.
        """
        queries = unit_queries(vectors, self.catalog.dimension)
        if k < 1:
            raise UsageProblem(f"k must be at least 1, not {k}", where="k")
        index = self.index.now()
        if not index.n or not len(queries):
            return np.empty((len(queries), 0), np.float32), np.empty((len(queries), 0), np.int64)
        return (index.exact if exact else index.search)(queries, min(k, index.n))

    def recall(self) -> Recall | None:
        """What a search by the index finds, as it was measured when it was built; None where every
        search is exact."""
        return self.index.now().recall

    def answer(self, number: int) -> StoredAnswer:
        """Whose answer an id stands for. Raises UsageProblem for an unknown id."""
        found = self.catalog.answer(int(number))
        if found is None:
            raise UsageProblem(f"the store holds no answer with the id {number}", where=self.path)
        return found

    def rebuild(self, progress: Progress = SILENT) -> None:
        """Builds the index anew from the catalogue: the way out of a damaged one."""
        self._writable()
        self.index.rebuild(progress)

    def freeze(self) -> None:
        """Builds the index, packs the catalogue into one file without a log, and closes the store:
        fit to be shipped.

        With SOURCE_DATE_EPOCH set, the same additions give the same bytes under the same versions
        of SQLite and FAISS. Raises Locked while another process reads the catalogue.
        """
        writer = self._writable()
        self.index.whole()
        writer.freeze()
        self.close(remove_lock=True)

    def verify(self) -> list[StoreProblem]:
        """All that is wrong with the store (rows, digests, index); empty: nothing."""
        return problems(self.path, self.catalog, self.index)

    def digest(self) -> str:
        """SHA-256 over the catalogue's content: the same models with the same answers give the same
        digest.

        When, where and in which order they were added does not count.
        """
        rows = [
            [t.name, t.vendor, t.family, t.identity.digest(), t.content_sha256]
            for t in self.teachers()
        ]
        return sha256(canonical_json([SCHEMA_VERSION, self.catalog.embedder, sorted(rows)]))

    def _find(self, name: str) -> tuple[int, StoredTeacher]:
        found = self.catalog.find(name)
        if found is None:
            raise UsageProblem(
                f"the store holds no model called {printable(name, 80)!r}",
                where=self.path,
                next_step="`auditor store list` shows those that it holds",
            )
        return found

    def _writable(self) -> Catalog:
        if self._lock is None:
            raise UsageProblem(
                "the store was joined, to add to it"
                if self._joined
                else "the store was opened read-only",
                where=self.path,
                next_step="open it for writing",
            )
        return self.catalog

    def close(self, remove_lock: bool = False) -> None:
        """Closes the catalogue and lets the next writer in; closing twice is fine."""
        self.catalog.close()
        if self._lock:
            self._lock.close(remove=remove_lock)


def storable(transcript: Transcript, name: str) -> str:
    """The digest of a transcript that any store can hold under this name. Raises UsageProblem for a
    name that none may have, MalformedInput for text that no file can hold."""
    check_name(name)
    try:
        return content_digest(transcript)
    except UnicodeEncodeError as error:
        raise MalformedInput(
            "a probe holds text that no UTF-8 file can hold", where=name
        ) from error


def asked(transcript: Transcript) -> Sequence[str]:
    """Digests of the prompts that a transcript holds a readable answer to, each once, in order."""
    ids = {reply.probe_id for reply in transcript.replies if reply.readable}
    return sorted({transcript.probes[i].prompt_sha256() for i in ids if i in transcript.probes})


def _same(stored: StoredTeacher, content: str, vendor: str, family: str) -> bool:
    return (
        stored.content_sha256 == content
        and vendor in ("", stored.vendor)
        and family in ("", stored.family)
    )


def check_name(name: str) -> None:
    """Raises UsageProblem for what can be no model's name."""
    if not name.strip() or len(name) > LONGEST_NAME or printable(name) != name:
        raise UsageProblem(
            f"a model's name is 1 to {LONGEST_NAME} printable characters, not"
            f" {printable(name, 60)!r}",
            where="--name",
            next_step="choose another name",
        )
