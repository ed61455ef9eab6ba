"""Putting a store at an address: objects by their digests, and the listing last.

Readers see the old store until the new one is whole, and what is there already is not sent again.
Knows the files of a store; knows nothing of teachers.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from fingerprints.address import Address
from fingerprints.catalog_file import CATALOG
from fingerprints.durable import open_plain
from fingerprints.errors import Incomplete, MalformedInput
from fingerprints.generations import CURRENT, manifest, pointer
from fingerprints.index_files import FileEntry, is_whole
from fingerprints.progress import SILENT, Progress
from fingerprints.records import Record, canonical_json
from fingerprints.remote_store import FILE, LISTING, StoreListing
from fingerprints.store import FingerprintStore

_NO_LOG = b"\x01\x01"
"""SQLite's versions for writing and reading of a file that needs no log beside it."""


class Published(Record):
    """What a publication did or would do: objects sent, objects that were there already, and the
    bytes of both."""

    sent: int = 0
    sent_bytes: int = 0
    there: int = 0
    there_bytes: int = 0


def publish(
    folder: Path, address: str, progress: Progress = SILENT, dry_run: bool = False
) -> Published:
    """Puts a store at an address: its catalogue and its current index, the listing last.

    Objects that are there already (an unchanged shard, what a killed publication had sent) are not
    sent again. Raises what `FingerprintStore.open` and `freeze` raise, Incomplete where the place
    can't be written, or where the store was changed meanwhile: then the listing stays as it was.
    """
    place = Address.parse(address)
    files = _files_of(folder, dry_run)
    counts = Published()
    for done, (name, entry) in enumerate(sorted(files.items())):
        progress(done, len(files))
        with place.telling(name):
            there = _size(place, entry.sha256) == entry.size
            if not there and not dry_run:
                _send(place, folder / name, entry)
        key = "there" if there else "sent"
        size = getattr(counts, f"{key}_bytes") + entry.size
        counts = counts.model_copy(update={key: getattr(counts, key) + 1, f"{key}_bytes": size})
    if not dry_run:
        _check_unchanged(folder, files)
        listing = canonical_json(StoreListing(files=files).model_dump(mode="json"))
        with place.telling(LISTING):
            place.filesystem.pipe_file(place.at(LISTING), listing)
    progress(len(files), len(files))
    return counts


def _files_of(folder: Path, dry_run: bool) -> dict[str, FileEntry]:
    if dry_run:
        FingerprintStore.open(folder, read_only=True).close()
        current = pointer(folder)
        if current is not None:
            manifest(folder, current)  # a damaged one is refused, as it is when it is sent
    elif not _is_frozen(folder):
        with FingerprintStore.open(folder) as store:
            store.freeze()
    names = [CATALOG, CURRENT]
    if (folder / CURRENT).is_file():
        generation = (folder / CURRENT).read_text(encoding="ascii").split()[0]
        names += [f"{generation}/{file.name}" for file in (folder / generation).iterdir()]
    out = {}
    for name in names:
        if FILE.fullmatch(name) and (folder / name).is_file():
            with (folder / name).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            out[name] = FileEntry(size=(folder / name).stat().st_size, sha256=digest)
    return out


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


def _size(place: Address, name: str) -> int | None:
    try:
        return int(place.filesystem.info(place.at(name))["size"])
    except FileNotFoundError:
        return None


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
    if _size(place, entry.sha256) != entry.size:
        raise Incomplete(
            "an object has another size than what was sent",
            where=f"{place.shown}/{entry.sha256}",
            next_step="run the same command again",
        )
