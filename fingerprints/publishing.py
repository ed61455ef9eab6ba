"""Putting a store at an address: objects by their digests, and the listing last.

Readers see the old store until the new one is whole, and what is there already is not sent again.
Knows the files of a store; knows nothing of teachers.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from fingerprints.address import Address
from fingerprints.catalog_file import CATALOG
from fingerprints.durable import open_plain
from fingerprints.errors import Incomplete, MalformedInput
from fingerprints.generations import (
    CURRENT,
    INDEX,
    MANIFEST,
    GenerationManifest,
    manifest,
    pointer,
)
from fingerprints.index_files import FileEntry, is_whole
from fingerprints.progress import SILENT, Progress
from fingerprints.records import Record, canonical_json
from fingerprints.remote_store import FILE, LISTING, StoreListing
from fingerprints.shard_files import foreseen_sizes, kept_files, shards_of
from fingerprints.store import FingerprintStore

_NO_LOG = b"\x01\x01"
"""SQLite's versions for writing and reading of a file that needs no log beside it."""


A_POINTER, A_MANIFEST, A_FILE = 76, 500, 200
"""Bytes of CURRENT, of a manifest and of each file's line in it, roughly."""


class Published(Record):
    """What a publication did or would do: objects sent, objects that were there already, and the
    bytes of both.

    ``reckoned``: files that are not made yet would be sent too, and the bytes are about right.
    """

    sent: int = 0
    sent_bytes: int = 0
    there: int = 0
    there_bytes: int = 0
    reckoned: bool = False

    def counting(self, there: bool, size: int) -> Published:
        """The same with one object more."""
        key = "there" if there else "sent"
        total = getattr(self, f"{key}_bytes") + size
        return self.model_copy(update={key: getattr(self, key) + 1, f"{key}_bytes": total})


def publish(folder: Path, address: str, progress: Progress = SILENT) -> Published:
    """Puts a store at an address: its catalogue and its current index, the listing last.

    Objects that are there already (an unchanged shard, what a killed publication had sent) are not
    sent again. Raises what `FingerprintStore.open` and `freeze` raise, Incomplete where the place
    can't be written, or where the store was changed meanwhile: then the listing stays as it was.
    """
    place = Address.parse(address)
    if not _is_frozen(folder):
        with FingerprintStore.open(folder) as store:
            store.freeze()
    files, counts = _files_of(folder), Published()
    for done, (name, entry) in enumerate(sorted(files.items())):
        progress(done, len(files))
        with place.telling(name):
            there = _is_there(place, entry)
            if not there:
                _send(place, folder / name, entry)
        counts = counts.counting(there, entry.size)
    _check_unchanged(folder, files)
    listing = canonical_json(StoreListing(files=files).model_dump(mode="json"))
    with place.telling(LISTING):
        place.filesystem.pipe_file(place.at(LISTING), listing)
    progress(len(files), len(files))
    return counts


def foreseen(folder: Path, address: str) -> Published:
    """What `publish` would send, with nothing sent and nothing of the store changed. Raises what it
    raises of a store that can't be read."""
    place = Address.parse(address)
    known, made = (_files_of(folder), {}) if _is_frozen(folder) else _foreseen_files(folder)
    counts = Published(reckoned=bool(made))
    for name, entry in sorted(known.items()):
        with place.telling(name):
            counts = counts.counting(_is_there(place, entry), entry.size)
    for size in made.values():
        counts = counts.counting(False, size)
    return counts


def _files_of(folder: Path) -> dict[str, FileEntry]:
    """The files of a frozen store that are sent."""
    names = [CATALOG, CURRENT]
    current = pointer(folder)
    if current is not None:
        names += [f"{current[0]}/{file.name}" for file in (folder / current[0]).iterdir()]
    wanted = [name for name in names if FILE.fullmatch(name) and (folder / name).is_file()]
    return {name: _entry(folder / name) for name in wanted}


def _foreseen_files(folder: Path) -> tuple[dict[str, FileEntry], dict[str, int]]:
    """Of a store that is frozen first: the files that stay as they are, and the bytes, roughly, of
    those that are made."""
    with FingerprintStore.open(folder, read_only=True) as store:
        current, state = pointer(folder), store.catalog.state()
        held = None if current is None else manifest(folder, current)
        logs = [folder / name for name in (CATALOG, f"{CATALOG}-wal")]
        # Packed, it has other bytes.
        made = {CATALOG: sum(file.stat().st_size for file in logs if file.is_file())}
        if current is not None and held is not None and held.state == state.digest:
            small = (CURRENT, f"{current[0]}/{MANIFEST}")
            kept = {f"{current[0]}/{name}": entry for name, entry in held.files.items()}
            return kept | {name: _entry(folder / name) for name in small}, made
        return _foreseen_index(store, held, made)


def _foreseen_index(
    store: FingerprintStore, held: GenerationManifest | None, made: dict[str, int]
) -> tuple[dict[str, FileEntry], dict[str, int]]:
    n, dimension = store.catalog.count_vectors(), store.catalog.dimension
    made |= {CURRENT: A_POINTER, MANIFEST: A_MANIFEST}
    if n <= store.index.exact_up_to:
        return {}, made | {INDEX: n * (4 * dimension + 8)}
    shards = shards_of(store.catalog, store.index.ids_a_shard)
    sizes = foreseen_sizes(shards, dimension)
    kept = set() if held is None else kept_files(shards, held.shards, held.trained)
    known = {name: held.files[name] for name in kept & set(sizes)} if held is not None else {}
    made[MANIFEST] += len(sizes) * A_FILE
    return known, made | {name: size for name, size in sizes.items() if name not in known}


def _entry(path: Path) -> FileEntry:
    with open_plain(path) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return FileEntry(size=os.fstat(file.fileno()).st_size, sha256=digest)


def _is_frozen(folder: Path) -> bool:
    """Whether a store was frozen and not changed since: freezing it again would give its catalogue
    other bytes, and it would be sent again."""
    logs = [folder / f"{CATALOG}{ending}" for ending in ("-wal", "-journal")]
    if any(log.exists() for log in logs) or not (folder / CATALOG).is_file():
        return False
    with open_plain(folder / CATALOG) as file:
        versions = file.read(20)[18:]
    if versions != _NO_LOG:
        return False
    with FingerprintStore.open(folder, read_only=True) as store:
        current = pointer(folder)
        state = store.catalog.state()
        return current is not None and manifest(folder, current).state == state.digest


def _check_unchanged(folder: Path, files: dict[str, FileEntry]) -> None:
    # A writer needs no leave of ours, and an upload may take hours.
    if not (_is_frozen(folder) and all(is_whole(folder / n, entry) for n, entry in files.items())):
        raise _changed(folder)


def _changed(folder: Path) -> Incomplete:
    return Incomplete(
        "the store was changed while it was sent, and readers see the one that was there",
        where=folder,
        next_step="run the same command again when nobody writes the store",
    )


def _is_there(place: Address, entry: FileEntry) -> bool:
    try:
        return int(place.filesystem.info(place.at(entry.sha256))["size"]) == entry.size
    except FileNotFoundError:
        return False


def _send(place: Address, file: Path, entry: FileEntry) -> None:
    try:
        if not place.in_a_bucket:
            place.filesystem.makedirs(place.root, exist_ok=True)
        place.filesystem.put_file(str(file), place.at(entry.sha256))
    except FileNotFoundError as error:
        if not file.is_file():
            raise _changed(file.parent) from error
        raise MalformedInput(
            "there is no such bucket or container",
            where=place.shown,
            next_step="check the address, or make it there first",
        ) from None
    if not _is_there(place, entry):
        raise Incomplete(
            "an object has another size than what was sent",
            where=f"{place.shown}/{entry.sha256}",
            next_step="run the same command again",
        )
