"""The index on disk: generations of files behind one pointer, written whole and verified before
they are parsed.

``CURRENT`` names a generation and the SHA-256 of its manifest; the manifest names every file with
size and SHA-256, and the state of the catalogue that they were built from. Knows files and digests;
knows nothing of teachers.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np
from pydantic import ValidationError

from fingerprints import nearest
from fingerprints.catalog import Catalog, CatalogState
from fingerprints.durable import MeasuredFile, disk_problem, open_plain, replacing, sync_folder
from fingerprints.embed import Vectors
from fingerprints.errors import StoreIntegrity, printable
from fingerprints.nearest import Approximate, Flat, Ids, Index
from fingerprints.records import Record, canonical_json, sha256

CURRENT = "CURRENT"
MANIFEST = "manifest.json"
INDEX, VECTORS, IDS = "index.faiss", "vectors.f32", "ids.i64"
FILES: dict[str, tuple[str, ...]] = {"flat": (INDEX,), "ivf-pq": (IDS, INDEX, VECTORS)}
LARGEST_MANIFEST = 65_536
"""Of a longer one so much is read, whose digest is not the one that CURRENT names."""
CANARIES = 16
"""Stored vectors that the index must give back and find: a digest says that its bytes are those
that were written, not that they are of this catalogue."""
_POINTER = re.compile(rb"(gen-[0-9]{6}) ([0-9a-f]{64})\n")
GENERATION = re.compile(r"gen-[0-9]{6}")


class FileEntry(Record):
    """One file of a generation: size in bytes and SHA-256."""

    size: int
    sha256: str

    @classmethod
    def of(cls, file: MeasuredFile) -> Self:
        """What was meant to be written to a file."""
        return cls(size=file.size, sha256=file.sha256())


class GenerationManifest(Record):
    """What a generation holds and which state of the catalogue it was built from; ``trained`` is
    0 for an exact index."""

    format: Literal["generation/1"] = "generation/1"
    kind: nearest.IndexKind
    embedder: str
    dimension: int
    n: int
    last_id: int
    trained: int = 0
    sequence: int
    state: str
    files: dict[str, FileEntry]


@dataclass(frozen=True)
class Loaded:
    """An index in memory and the state of the catalogue that it shows."""

    index: Index
    state: CatalogState
    last_id: int
    trained: int = 0


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
    """The manifest that CURRENT vouches for. Raises StoreIntegrity for any other bytes."""
    folder = path / current[0]
    with open_plain(folder / MANIFEST) as file:
        data = file.read(LARGEST_MANIFEST)
    if sha256(data) != current[1]:
        raise damaged(f"{current[0]}/{MANIFEST} differs from what CURRENT names", path)
    try:
        found = GenerationManifest.model_validate_json(data)
    except ValidationError as error:
        raise damaged(f"{current[0]}/{MANIFEST} is not a manifest", path) from error
    present = {entry.name for entry in folder.iterdir()}
    expected = {MANIFEST, *FILES[found.kind]}
    if present != expected or set(found.files) != set(FILES[found.kind]):
        odd = ", ".join(sorted(present ^ expected)) or "the list of files"
        raise damaged(f"{current[0]} holds a missing or unknown file: {printable(odd, 100)}", path)
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
        raw = nearest.read(_verified(folder / INDEX, found.files[INDEX]))
        wrong = nearest.problem_with(raw, found.kind, found.dimension, found.n)
        if wrong:
            raise StoreIntegrity(wrong)
        index = Flat(raw) if found.kind == "flat" else _with_vectors(raw, folder, found)
        _check_ids(index, found)
        with catalog.snapshot():  # or a writer's commit between two looks would seem to be damage
            if catalog.state() == state:
                _check_canaries(index, catalog)
    except StoreIntegrity as error:
        raise damaged(error.what, path) from error
    return Loaded(index, state, found.last_id, found.trained)


def _with_vectors(raw: object, folder: Path, found: GenerationManifest) -> Approximate:
    if (
        found.files[VECTORS].size != 4 * found.n * found.dimension
        or found.files[IDS].size != 8 * found.n
    ):
        raise StoreIntegrity("vectors and ids are not as many as the manifest says")
    numbers, vectors = map_exact(folder, found.files, found.dimension)
    return Approximate(raw, numbers, vectors)


def map_exact(folder: Path, files: Mapping[str, FileEntry], dimension: int) -> tuple[Ids, Vectors]:
    """Ids (n,) and vectors (n, d) of a generation, the vectors mapped from the very descriptor
    that was hashed."""
    numbers = np.frombuffer(_verified(folder / IDS, files[IDS]), "<i8")
    entry = files[VECTORS]
    with open_plain(folder / VECTORS) as file:
        if (
            os.fstat(file.fileno()).st_size != entry.size
            or hashlib.file_digest(file, "sha256").hexdigest() != entry.sha256
        ):
            raise StoreIntegrity(f"{VECTORS} differs from its manifest")
        vectors = np.memmap(file, dtype="<f4", mode="r", shape=(len(numbers), dimension))
    return numbers, np.asarray(vectors)


def _verified(path: Path, entry: FileEntry) -> memoryview:
    with open_plain(path) as file:
        if os.fstat(file.fileno()).st_size != entry.size:
            raise StoreIntegrity(f"{path.name} has another size than its manifest says")
        data = file.read(entry.size + 1)
    if len(data) != entry.size or hashlib.sha256(data).hexdigest() != entry.sha256:
        raise StoreIntegrity(f"{path.name} differs from its manifest")
    return memoryview(data)


def _check_ids(index: Index, found: GenerationManifest) -> None:
    ids = index.ids()
    if len(ids) and (
        ids[0] < 1 or int(ids[-1]) != found.last_id or bool(np.any(np.diff(ids) <= 0))
    ):
        raise StoreIntegrity("its ids are not in ascending order, or not those of the manifest")


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
    if found < len(ids) - (len(ids) // 4 if index.kind == "ivf-pq" else 0):
        raise StoreIntegrity(f"only {found} of {len(ids)} stored vectors find themselves")


def publish(path: Path, made: Loaded, catalog: Catalog) -> None:
    """Writes an exact index as a new generation and makes it the current one."""
    with draft(path) as folder:
        entries = {INDEX: write_index(folder, made.index)}
        commit(path, folder, made, catalog, entries)


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


def write_index(folder: Path, index: Index) -> FileEntry:
    """Writes the FAISS part of an index; size and digest are of what was meant."""
    with replacing(folder / INDEX) as file:
        measured = MeasuredFile(file)
        nearest.write(index.index, measured)
    return FileEntry.of(measured)


def commit(
    path: Path, folder: Path, made: Loaded, catalog: Catalog, entries: dict[str, FileEntry]
) -> None:
    """Writes the manifest, moves the pointer, and only then removes what is no longer current."""
    record = GenerationManifest(
        kind=made.index.kind,
        embedder=catalog.embedder,
        dimension=catalog.dimension,
        n=made.index.n,
        last_id=made.last_id,
        trained=made.trained,
        sequence=made.state.sequence,
        state=made.state.digest,
        files=entries,
    )
    data = canonical_json(record.model_dump(mode="json"))
    with replacing(folder / MANIFEST) as file:
        file.write(data)
    sync_folder(path)
    with replacing(path / CURRENT) as file:
        file.write(f"{folder.name} {sha256(data)}\n".encode())
    sweep(path)


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
