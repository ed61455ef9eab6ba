"""Shards on the disk: which there are, what of them is made already, and making the rest a shard
at a time.

A shard holds the vectors of a fixed range of answer ids, and ids are never given twice: the same
ids are the same vectors. So a finished file is kept as long as its ids stay, from generation to
generation and from a build that was killed. Knows files and the catalogue's vectors; knows nothing
of teachers.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import Field, ValidationError

from fingerprints import nearest, recall, sharded
from fingerprints.catalog import Catalog, CatalogState
from fingerprints.durable import MeasuredFile, disk_problem, open_plain, replacing
from fingerprints.errors import StoreIntegrity
from fingerprints.index_files import (
    Bytes,
    FileEntry,
    as_rows,
    is_whole,
    linked,
    read_mapped,
    read_whole,
)
from fingerprints.nearest import Ids, Recall
from fingerprints.progress import Progress
from fingerprints.records import Record, canonical_json, sha256
from fingerprints.sharded import PORTION, IndexShard

BUILDING = "building"
"""Where finished files wait until all are: a build that was killed goes on from there."""
IDS_A_SHARD = 1 << 21
"""At 256 coordinates a shard is two gibibytes of vectors and 150 MiB of lists, which are in memory
while it is made. Every list costs a query half a microsecond in every shard: with half as many ids
ten millions took a query 1.17 times as long as bare FAISS does."""
TRAINED = "cells.faiss"
LARGEST_NOTE = 4096
GROWN = 1.25
"""What cells find is measured again when there are so many times more vectors, or as much fewer."""


class ShardEntry(Record):
    """What a generation says of one shard: which ids (the range's number), how many, and the digest
    of their bytes."""

    number: int
    n: Annotated[int, Field(ge=1)]
    ids_sha256: str

    def files(self) -> tuple[str, str, str]:
        """Its ids, its vectors and its lists."""
        kinds = (("ids", "i64"), ("vectors", "f32"), ("lists", "faiss"))
        ids, vectors, lists = (f"{name}-{self.number:05d}.{end}" for name, end in kinds)
        return ids, vectors, lists


def file_names(shards: tuple[ShardEntry, ...]) -> tuple[str, ...]:
    """All files of a sharded index."""
    return tuple(sorted([TRAINED, *(name for shard in shards for name in shard.files())]))


def shards_of(catalog: Catalog, ids_a_shard: int) -> tuple[ShardEntry, ...]:
    """Which shards the catalogue's vectors make up; those of which all are gone are none."""
    found: dict[int, tuple[int, Any]] = {}
    for ids in catalog.vector_ids():
        for number, some in _by_shard(ids, ids_a_shard):
            n, digest = found.get(number, (0, hashlib.sha256()))
            digest.update(some.astype("<i8", copy=False).tobytes())
            found[number] = (n + len(some), digest)
    return tuple(
        ShardEntry(number=number, n=n, ids_sha256=digest.hexdigest())
        for number, (n, digest) in sorted(found.items())
    )


def _by_shard(ids: Ids, ids_a_shard: int) -> Iterator[tuple[int, Ids]]:
    which = (ids - 1) // ids_a_shard
    for number in np.unique(which):
        yield int(number), ids[which == number]


def read_trained(folder: Path, entry: FileEntry, dimension: int) -> Any:
    """Cells and codes. Raises StoreIntegrity for others than were written."""
    raw = nearest.read(read_whole(folder / TRAINED, entry))
    problem = sharded.trained_problem(raw, dimension)
    if problem:
        raise StoreIntegrity(problem)
    return raw


def read_shard(
    shard: ShardEntry, held: Mapping[str, Bytes], trained: Any, dimension: int
) -> IndexShard:
    """One shard of files that are held, mapped from descriptors that were hashed. Raises
    StoreIntegrity."""
    ids, vectors, lists = (held[name] for name in shard.files())
    numbers = as_rows(ids, "<i8", (shard.n,))
    rows = as_rows(vectors, "<f4", (shard.n, dimension))
    index = sharded.lists_over(trained, lists, shard.n)
    return IndexShard(numbers.view(np.int64), rows.view(np.float32), index, lists)


class _Note(Record):
    """What lies finished in the folder of a build: a file, what it was made from, and the state of
    the catalogue then."""

    entry: FileEntry
    key: str
    trained: int = 0
    sequence: int
    state: str


@dataclass(frozen=True)
class Before:
    """The generation that was current before, of which finished files are taken."""

    folder: Path
    shards: tuple[ShardEntry, ...]
    files: Mapping[str, FileEntry]
    trained: int
    recall: Recall | None


@dataclass
class ShardBuild:
    """Makes all files of a sharded index in a folder beside the generations, a shard at a time.

    ``before`` may lend finished files. What a killed build finished is taken where its digests
    still fit. Memory: one shard's lists, a portion of vectors, and the sample that cells are
    trained on, each bounded.
    """

    path: Path
    catalog: Catalog
    state: CatalogState
    before: Before | None
    ids_a_shard: int
    told: Progress

    def __post_init__(self) -> None:
        self.folder = self.path / BUILDING
        self.files: dict[str, FileEntry] = {}
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise disk_problem(error, self.folder) from error

    def run(self) -> tuple[tuple[ShardEntry, ...], int, Recall]:
        """The shards, on how many vectors' account their cells were trained, and what these find;
        `files` has the entries of what now lies in `folder`."""
        shards = shards_of(self.catalog, self.ids_a_shard)
        self._rows(shards)
        n = sum(shard.n for shard in shards)
        trained, index = self._cells(shards, n)
        self._lists(shards, index)
        for name in self._strangers():
            (self.folder / name).unlink()
        return shards, trained, self._found(shards, index, n)

    def last_id(self, shards: tuple[ShardEntry, ...]) -> int:
        """The highest id that the shards hold."""
        numbers = read_mapped(self.folder / (name := shards[-1].files()[0]), self.files[name])
        return int(numbers.view("<i8")[-1])

    def _strangers(self) -> set[str]:
        # Of an older build: notes go with the files that they are of.
        notes = {_note(name) for name in self.files}
        return {e.name for e in self.folder.iterdir()} - set(self.files) - notes

    def _rows(self, shards: tuple[ShardEntry, ...]) -> None:
        told = self.told.step("copying vectors")
        lent = {} if self.before is None else {s.number: s.ids_sha256 for s in self.before.shards}
        for done, shard in enumerate(shards):
            told(done, len(shards))
            names = shard.files()[:2]
            kept = [
                self._taken(name, shard.ids_sha256, lent.get(shard.number) == shard.ids_sha256)
                for name in names
            ]
            if not all(kept):
                self._write_rows(shard)
        told(len(shards), len(shards))

    def _write_rows(self, shard: ShardEntry) -> None:
        ids, vectors, _ = shard.files()
        first = shard.number * self.ids_a_shard
        with replacing(self.folder / ids) as a, replacing(self.folder / vectors) as b:
            numbers, rows = MeasuredFile(a), MeasuredFile(b)
            for some, held in self.catalog.vectors(first, first + self.ids_a_shard):
                numbers.write(some.astype("<i8", copy=False).tobytes())
                rows.write(held.astype("<f4", copy=False).tobytes())
        for name, file in ((ids, numbers), (vectors, rows)):
            self._finished(name, FileEntry.of(file), shard.ids_sha256)

    def _cells(self, shards: tuple[ShardEntry, ...], n: int) -> tuple[int, Any]:
        for trained, lent in self._had_cells():
            if _cells_are_kept(n, trained) and self._taken(TRAINED, str(trained), lent, trained):
                entry = self.files[TRAINED]
                return trained, read_trained(self.folder, entry, self.catalog.dimension)
        told = self.told.step("training cells")
        told(0, 1)
        sample = sharded.spread_rows(
            [self._vectors(shard) for shard in shards], nearest.training_rows(n)
        )
        index = nearest.train(sample, n)
        self._write(TRAINED, partial(nearest.write, index), str(n), n)
        told(1, 1)
        return n, index

    def _had_cells(self) -> Iterator[tuple[int, bool]]:
        if self.before is not None:
            yield self.before.trained, True
        note = self._noted(TRAINED)
        if note is not None:
            yield note.trained, False

    def _vectors(self, shard: ShardEntry) -> np.ndarray[Any, np.dtype[np.float32]]:
        with open_plain(self.folder / shard.files()[1]) as file:
            shape = (shard.n, self.catalog.dimension)
            return np.asarray(np.memmap(file, dtype="<f4", mode="r", shape=shape))

    def _lists(self, shards: tuple[ShardEntry, ...], trained: Any) -> None:
        told = self.told.step("sorting into cells")
        whole, done = sum(shard.n for shard in shards), 0
        before = self.before
        if before is not None and before.files[TRAINED] != self.files[TRAINED]:
            before = None  # lists of other cells are of no use
        lent = {s.number: s.ids_sha256 for s in before.shards} if before else {}
        for shard in shards:
            name = shard.files()[2]
            key = sha256(f"{shard.ids_sha256} {self.files[TRAINED].sha256}")
            if not self._taken(name, key, lent.get(shard.number) == shard.ids_sha256):
                index, rows = sharded.empty_lists(trained), self._vectors(shard)
                begun = self._begun(before, shard, index) if before else 0
                for start in range(begun, shard.n, PORTION):
                    told(done + start, whole)
                    index.add(np.ascontiguousarray(rows[start : start + PORTION]))
                self._write(name, partial(sharded.write_lists, index), key)
            done += shard.n
            told(done, whole)

    def _begun(self, before: Before, shard: ShardEntry, index: Any) -> int:
        """Copies the lists of a shard that only grew since the generation before into an empty
        index; how many of its first vectors these hold."""
        old = next((s for s in before.shards if s.number == shard.number), None)
        if old is None or old.n >= shard.n:
            return 0
        ids, _, lists = old.files()
        with open_plain(self.folder / ids) as file:
            first = file.read(8 * old.n)
        if sha256(first) != old.ids_sha256:
            return 0
        try:
            held = read_mapped(before.folder / lists, before.files[lists])
        except FileNotFoundError:  # somebody took it away: all are sorted anew
            return 0
        sharded.copy_lists(sharded.lists_over(index, held, old.n), index)
        return old.n

    def _found(self, shards: tuple[ShardEntry, ...], trained: Any, n: int) -> Recall:
        """What the cells find: measured, or as it was where neither they nor the store's size
        changed much."""
        before = self.before
        known = before.recall if before and before.files[TRAINED] == self.files[TRAINED] else None
        if known and n / GROWN <= known.n <= n * GROWN:
            return known
        told = self.told.step("measuring recall")
        made = tuple(self._made(shard, trained) for shard in shards)
        tail = nearest.empty_flat(self.catalog.dimension)
        return recall.measured(sharded.Sharded(trained, made, tail), told)

    def _made(self, shard: ShardEntry, trained: Any) -> IndexShard:
        """A shard that was just made: who opens the index checks its digests."""
        ids, _, lists = shard.files()
        with open_plain(self.folder / ids) as file:
            numbers = np.memmap(file, dtype="<i8", mode="r", shape=(shard.n,))
        with open_plain(self.folder / lists) as file:
            held = np.asarray(np.memmap(file, dtype=np.uint8, mode="r"))
        index = sharded.lists_over(trained, held, shard.n)
        return IndexShard(np.asarray(numbers), self._vectors(shard), index, held)

    def _write(self, name: str, writing: Any, key: str, trained: int = 0) -> None:
        with replacing(self.folder / name) as file:
            measured = MeasuredFile(file)
            writing(measured)
        self._finished(name, FileEntry.of(measured), key, trained)

    def _finished(self, name: str, entry: FileEntry, key: str, trained: int = 0) -> None:
        """Notes a file that is whole and on the disk: from now on no kill costs it."""
        note = _Note(
            entry=entry,
            key=key,
            trained=trained,
            sequence=self.state.sequence,
            state=self.state.digest,
        )
        with replacing(self.folder / _note(name)) as file:
            file.write(canonical_json(note.model_dump(mode="json")))
        self.files[name] = entry

    def _taken(self, name: str, key: str, lent: bool, trained: int = 0) -> bool:
        """Whether a file is there already: made by a build that was killed, or lent."""
        note = self._noted(name)
        if note is not None and note.key == key and is_whole(self.folder / name, note.entry):
            self.files[name] = note.entry
            return True
        if not lent or self.before is None:
            return False
        entry = self.before.files[name]  # whose digest was checked when the index was loaded
        if not linked(self.before.folder / name, self.folder / name):
            return False
        self._finished(name, entry, key, trained)
        return True

    def _noted(self, name: str) -> _Note | None:
        """What a build of this very catalogue noted of a file; None where none did."""
        try:
            with open_plain(self.folder / _note(name)) as file:
                note = _Note.model_validate_json(file.read(LARGEST_NOTE))
        except (FileNotFoundError, ValidationError):
            return None
        return note if self.catalog.had(CatalogState(note.sequence, note.state)) else None


def kept_files(
    shards: tuple[ShardEntry, ...], before: tuple[ShardEntry, ...], trained: int
) -> set[str]:
    """Which files a build of these shards takes of the generation before, whose cells were trained
    for so many vectors."""
    lent = {shard.number: shard.ids_sha256 for shard in before}
    same = [shard for shard in shards if lent.get(shard.number) == shard.ids_sha256]
    if _cells_are_kept(sum(shard.n for shard in shards), trained):
        return {TRAINED, *(name for shard in same for name in shard.files())}
    return {name for shard in same for name in shard.files()[:2]}


def foreseen_sizes(shards: tuple[ShardEntry, ...], dimension: int) -> dict[str, int]:
    """About how many bytes each file of an index of these shards takes."""
    cells, coded = nearest.cells_for(sum(shard.n for shard in shards)), max(1, dimension // 4)
    sizes = {TRAINED: 4 * dimension * (cells + 256)}
    for shard in shards:
        ids, vectors, lists = shard.files()
        lengths = {ids: 8, vectors: 4 * dimension, lists: 8 + coded}
        sizes |= {name: shard.n * length for name, length in lengths.items()}
    return sizes


def _cells_are_kept(n: int, trained: int) -> bool:
    # Cells of half as many vectors are nearly as good, and keep all lists.
    return n <= 2 * trained


def _note(name: str) -> str:
    return f"{name}.json"


def clear(path: Path) -> None:
    """Removes the folder of a build, whose files are part of a generation or of no use any more."""
    if (path / BUILDING).exists():
        shutil.rmtree(path / BUILDING)
