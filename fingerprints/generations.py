"""The index on disk: generations of files behind one pointer, written whole and verified before
they are parsed.

``CURRENT`` names a generation and the SHA-256 of its manifest; the manifest names every file with
size and SHA-256, and the state of the catalogue that they were built from. Knows files and digests;
knows nothing of teachers.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import ValidationError

from fingerprints import nearest, shard_files
from fingerprints.catalog import Catalog, CatalogState
from fingerprints.durable import MeasuredFile, disk_problem, open_plain, replacing, sync_folder
from fingerprints.errors import StoreIntegrity, printable
from fingerprints.index_files import (
    FileEntry,
    as_rows,
    linked,
    read_mapped,
    read_together,
    read_whole,
)
from fingerprints.nearest import Approximate, Flat, Recall
from fingerprints.records import Record, canonical_json, sha256
from fingerprints.shard_files import Before, ShardBuild, ShardEntry
from fingerprints.sharded import Index, Sharded

CURRENT = "CURRENT"
MANIFEST = "manifest.json"
INDEX, VECTORS, IDS = "index.faiss", "vectors.f32", "ids.i64"
FILES: dict[str, tuple[str, ...]] = {"flat": (INDEX,), "ivf-pq": (IDS, INDEX, VECTORS)}
LARGEST_MANIFEST = 4 << 20
"""Room for thousands of shards of three files, two hundred bytes a file. Of a longer one so much is
read, whose digest is not the one that CURRENT names."""
CANARIES = 16
"""Stored vectors that the index must give back and find: a digest says that its bytes are those
that were written, not that they are of this catalogue."""
_POINTER = re.compile(rb"(gen-[0-9]{6}) ([0-9a-f]{64})\n")
GENERATION = re.compile(r"gen-[0-9]{6}")


class GenerationManifest(Record):
    """What a generation holds and which state of the catalogue it was built from; ``trained`` is
    0 for an exact index, ``shards`` empty for one of a piece. Shards without ``recall`` are of a
    former version, and are searched exactly."""

    format: Literal["generation/1", "generation/2", "generation/3"] = "generation/1"
    kind: nearest.IndexKind
    embedder: str
    dimension: int
    n: int
    last_id: int
    trained: int = 0
    sequence: int
    state: str
    shards: tuple[ShardEntry, ...] = ()
    recall: Recall | None = None
    files: dict[str, FileEntry]

    def expected(self) -> set[str]:
        """The names of its files, whatever it says of them."""
        if self.kind == "ivf-pq-shards":
            return set(shard_files.file_names(self.shards))
        return set(FILES[self.kind])


@dataclass(frozen=True)
class Loaded:
    """An index in memory and the state of the catalogue that it shows; what lies on the disk of it
    ends with ``last_id``. ``before`` is for the next build, of a sharded one."""

    index: Index
    state: CatalogState
    last_id: int
    before: Before | None = None


def damaged(what: str, path: Path) -> StoreIntegrity:
    """The refusal of an index that is not what was written, with the command that repairs it."""
    return StoreIntegrity(
        f"the index is damaged: {what}",
        where=path,
        next_step=f"auditor store rebuild --store {shlex.quote(str(path))}",
    )


def pointer(path: Path) -> tuple[str, str] | None:
    """The current generation and the digest of its manifest; None where no index was written."""
    try:
        with open_plain(path / CURRENT) as file:
            text = file.read(200)
    except FileNotFoundError:
        return None
    found = _POINTER.fullmatch(text)
    if found is None:
        raise damaged("CURRENT names no generation", path)
    return found[1].decode(), found[2].decode()


def manifest(path: Path, current: tuple[str, str]) -> GenerationManifest:
    """The manifest that CURRENT vouches for, of files that are all there. Raises StoreIntegrity
    for any other bytes."""
    found = said_of(path, current)
    present = {entry.name for entry in (path / current[0]).iterdir()}
    expected = {MANIFEST, *found.expected()}
    if present != expected or set(found.files) != found.expected():
        odd = ", ".join(sorted(present ^ expected)) or "the list of files"
        raise damaged(f"{current[0]} holds a missing or unknown file: {printable(odd, 100)}", path)
    return found


def said_of(path: Path, current: tuple[str, str]) -> GenerationManifest:
    """What the manifest that CURRENT vouches for says, whatever else lies there. Raises
    StoreIntegrity for any other bytes."""
    with open_plain(path / current[0] / MANIFEST) as file:
        data = file.read(LARGEST_MANIFEST)
    if sha256(data) != current[1]:
        raise damaged(f"{current[0]}/{MANIFEST} differs from what CURRENT names", path)
    try:
        found = GenerationManifest.model_validate_json(data)
    except ValidationError as error:
        raise damaged(f"{current[0]}/{MANIFEST} is not a manifest", path) from error
    if (found.kind == "ivf-pq-shards") != bool(found.shards):
        raise damaged(f"{current[0]}/{MANIFEST} names a kind that its shards don't fit", path)
    return found


def load(
    path: Path, current: tuple[str, str], found: GenerationManifest, catalog: Catalog
) -> Loaded:
    """Reads and verifies a generation; raises StoreIntegrity unless every check holds.

    Size and SHA-256 over a private copy before FAISS sees a byte; then type, dimension, metric,
    count and ids; then sixteen vectors of the catalogue must be there and must find themselves.
    """
    state = CatalogState(found.sequence, found.state)
    same = (found.embedder, found.dimension) == (catalog.embedder, catalog.dimension)
    if not same or not catalog.had(state):
        raise damaged("it was built from another catalogue", path)
    folder = path / current[0]
    try:
        index = _sharded(folder, found) if found.shards else _of_a_piece(folder, found)
        with catalog.snapshot():  # or a writer's commit between two looks would seem to be damage
            if catalog.state() == state:
                _check_canaries(index, catalog)
    except StoreIntegrity as error:
        raise damaged(error.what, path) from error
    if not found.shards:
        return Loaded(index, state, found.last_id)
    before = Before(folder, found.shards, found.files, found.trained, found.recall)
    return Loaded(index, state, found.last_id, before)


def _sharded(folder: Path, found: GenerationManifest) -> Sharded:
    trained = shard_files.read_trained(folder, found.files[shard_files.TRAINED], found.dimension)
    rest = {name: entry for name, entry in found.files.items() if name != shard_files.TRAINED}
    held = read_together(folder, rest)
    shards = tuple(
        shard_files.read_shard(shard, held, trained, found.dimension) for shard in found.shards
    )
    last = 0
    for shard in shards:
        _check_ids(shard.numbers, after=last)
        last = int(shard.numbers[-1])
    if last != found.last_id or sum(len(shard.numbers) for shard in shards) != found.n:
        raise StoreIntegrity("its ids are not those of the manifest")
    if found.recall is not None and not found.recall.probed <= found.recall.cells == trained.nlist:
        raise StoreIntegrity("what its cells find was measured on others")
    return Sharded(trained, shards, nearest.empty_flat(found.dimension), found.recall)


def _of_a_piece(folder: Path, found: GenerationManifest) -> Flat | Approximate:
    if found.kind == "ivf-pq-shards":
        raise StoreIntegrity("it is to have shards, and names none")
    raw = nearest.read(read_whole(folder / INDEX, found.files[INDEX]))
    wrong = nearest.problem_with(raw, found.kind, found.dimension, found.n)
    if wrong:
        raise StoreIntegrity(wrong)
    index = Flat(raw) if found.kind == "flat" else _with_vectors(raw, folder, found)
    ids = index.ids()
    _check_ids(ids, after=0)
    if len(ids) and int(ids[-1]) != found.last_id:
        raise StoreIntegrity("its ids are not those of the manifest")
    return index


def _with_vectors(raw: object, folder: Path, found: GenerationManifest) -> Approximate:
    numbers = np.frombuffer(read_whole(folder / IDS, found.files[IDS]), "<i8")
    held = read_mapped(folder / VECTORS, found.files[VECTORS])
    if len(numbers) != found.n:
        raise StoreIntegrity("vectors and ids are not as many as the manifest says")
    vectors = as_rows(held, "<f4", (found.n, found.dimension))
    return Approximate(raw, numbers, vectors.view(np.float32))


def _check_ids(ids: nearest.Ids, after: int) -> None:
    if len(ids) and (ids[0] <= after or bool(np.any(np.diff(ids) <= 0))):
        raise StoreIntegrity("its ids are not in ascending order")


def _check_canaries(index: Index, catalog: Catalog) -> None:
    if index.n != catalog.count_vectors():
        held = catalog.count_vectors()
        raise StoreIntegrity(f"{index.n} vectors instead of the catalogue's {held}")
    ids, vectors = catalog.sample_vectors(CANARIES)
    if not len(ids):
        return
    for number, vector in zip(ids, vectors, strict=True):
        if not np.array_equal(index.vector(int(number)), vector):
            raise StoreIntegrity(f"the vector of answer {number} is not the catalogue's")
    found = int(np.sum(index.search(np.ascontiguousarray(vectors), 1)[0][:, 0] > 0.999))
    # An approximate index may miss a few of its own.
    if found < len(ids) - (0 if index.kind == "flat" else len(ids) // 4):
        raise StoreIntegrity(f"only {found} of {len(ids)} stored vectors find themselves")


def publish(path: Path, made: Loaded, catalog: Catalog) -> None:
    """Writes an exact index as a new generation and makes it the current one."""
    with draft(path) as folder:
        with replacing(folder / INDEX) as file:
            measured = MeasuredFile(file)
            nearest.write(made.index.index, measured)  # type: ignore[union-attr]  # never a sharded one
        record = _manifest_of(made, catalog, {INDEX: FileEntry.of(measured)})
        commit(path, folder, record)


def publish_shards(path: Path, build: ShardBuild) -> None:
    """Makes or finishes the shards of a large store and makes them the current generation."""
    shards, trained, recall = build.run()
    with draft(path) as folder:
        for name in build.files:
            if not linked(build.folder / name, folder / name):
                raise damaged(f"{shard_files.BUILDING} lost a file while it was built", path)
        record = GenerationManifest(
            format="generation/3",
            kind="ivf-pq-shards",
            embedder=build.catalog.embedder,
            dimension=build.catalog.dimension,
            n=sum(shard.n for shard in shards),
            last_id=build.last_id(shards),
            trained=trained,
            sequence=build.state.sequence,
            state=build.state.digest,
            shards=shards,
            recall=recall,
            files=build.files,
        )
        commit(path, folder, record)


@contextmanager
def draft(path: Path) -> Iterator[Path]:
    """A folder for the next generation: garbage until `commit`, removed after an error."""
    numbers = [int(entry.name[4:]) for entry in path.iterdir() if GENERATION.fullmatch(entry.name)]
    folder = path / f"gen-{max(numbers, default=0) + 1:06d}"
    try:
        folder.mkdir()
    except OSError as error:
        raise disk_problem(error, folder) from error
    try:
        yield folder
    except BaseException:
        sweep(path)
        raise


def _manifest_of(
    made: Loaded, catalog: Catalog, entries: dict[str, FileEntry]
) -> GenerationManifest:
    return GenerationManifest(
        kind=made.index.kind,
        embedder=catalog.embedder,
        dimension=catalog.dimension,
        n=made.index.n,
        last_id=made.last_id,
        sequence=made.state.sequence,
        state=made.state.digest,
        files=entries,
    )


def commit(path: Path, folder: Path, record: GenerationManifest) -> None:
    """Writes the manifest, moves the pointer, and only then removes what is no longer current."""
    # Records of one piece are as former versions wrote and read them.
    data = canonical_json(
        record.model_dump(mode="json", exclude=None if record.shards else {"shards", "recall"})
    )
    with replacing(folder / MANIFEST) as file:
        file.write(data)
    sync_folder(path)
    with replacing(path / CURRENT) as file:
        file.write(f"{folder.name} {sha256(data)}\n".encode())
    sweep(path)
    shard_files.clear(path)


def sweep(path: Path) -> None:
    """Removes generations that a sound CURRENT does not name. Needs the write lock."""
    try:
        current = pointer(path)
    except StoreIntegrity:
        return
    for entry in path.iterdir():
        if GENERATION.fullmatch(entry.name) and (current is None or entry.name != current[0]):
            for file in entry.iterdir():
                file.unlink()
            entry.rmdir()
