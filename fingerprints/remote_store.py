"""Stores on object storage: a published store, read through a cache whose every byte is checked.

Objects are named by their SHA-256, and one listing says which of them make up the store: a reader
never sees half of a change, and a store that grew shares its unchanged objects with the one before.
Knows files and objects; knows nothing of teachers.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from fingerprints.address import Address
from fingerprints.catalog_file import CATALOG
from fingerprints.durable import WriteLock, disk_problem
from fingerprints.errors import ResourceLimit, StoreIntegrity, UnsafeInput
from fingerprints.index_files import FileEntry, is_whole, linked
from fingerprints.progress import SILENT, Progress
from fingerprints.records import Record
from fingerprints.store import FingerprintStore

LISTING = "store.json"
LARGEST_LISTING = 8 << 20
PATIENCE = 3600.0
"""Seconds that a reader waits for another one that fetches the same object."""
LEFT_BEHIND = 7 * 86_400
"""Seconds after which the folder of a reader that was killed is removed."""
FILE = re.compile(r"catalog\.sqlite|CURRENT|gen-[0-9]{6}/[a-z0-9][a-z0-9.-]{0,60}")
REPAIR = "whoever has the folder: `auditor store verify`, mend what it names, and publish again"


class StoreListing(Record):
    """Which files make up a published store, by their names in its folder."""

    format: Literal["published-store/1"] = "published-store/1"
    files: dict[str, FileEntry]


@contextmanager
def opened(address: str, cache: Path, progress: Progress = SILENT) -> Iterator[FingerprintStore]:
    """A published store, open for reading; what of it is not in the cache is fetched first.

    Every object is hashed whenever the store is opened, also where it comes from the cache; a
    damaged one there is fetched again. Raises StoreIntegrity, with the object's name, where the
    remote one is not what the listing says; Incomplete, MalformedInput and UsageProblem as told.
    """
    place = Address.parse(address)
    listing = _listing(place)
    root = cache / "stores"
    try:
        root.mkdir(parents=True, exist_ok=True)
        _forget(root)
        folder = Path(tempfile.mkdtemp(prefix="view-", dir=root))
    except OSError as error:
        raise disk_problem(error, root) from error
    try:
        _fill(folder, place, listing, root, progress)
        with _only_read(folder, place), FingerprintStore.open(folder, read_only=True) as store:
            yield store
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _only_read(folder: Path, place: Address) -> Iterator[None]:
    """Tells errors about a view as such of the published store: what repairs a folder can't be done
    here."""
    try:
        yield
    except (StoreIntegrity, ResourceLimit) as error:
        if error.where is None or not Path(error.where).is_relative_to(folder):
            raise
        raise type(error)(error.what, where=place.shown, next_step=REPAIR) from error


def _fill(
    folder: Path, place: Address, listing: StoreListing, root: Path, progress: Progress
) -> None:
    """Gives a view its files. Raises ResourceLimit on a full disk, and what `opened` raises."""
    try:
        for done, (name, entry) in enumerate(sorted(listing.files.items())):
            progress(done, len(listing.files))
            (folder / name).parent.mkdir(exist_ok=True)
            _kept(place, name, entry, root, folder / name)
    except OSError as error:  # of this machine's: those of the backend are told as such already
        raise disk_problem(error, root) from error
    progress(len(listing.files), len(listing.files))


def _listing(place: Address) -> StoreListing:
    data = b"".join(place.portions(LISTING, LARGEST_LISTING))
    try:
        found = StoreListing.model_validate_json(data)
    except ValidationError as error:
        raise StoreIntegrity(
            "the listing of a published store can't be read",
            where=f"{place.shown}/{LISTING}",
            next_step="publish the store again",
        ) from error
    odd = [name for name in found.files if not FILE.fullmatch(name)]
    digests = [e for e in found.files.values() if not re.fullmatch(r"[0-9a-f]{64}", e.sha256)]
    if odd or digests or CATALOG not in found.files:
        raise UnsafeInput(
            "the listing names files that no store has",
            where=f"{place.shown}/{LISTING}",
            next_step="publish the store again, or use another one",
        )
    return found


def _kept(place: Address, name: str, entry: FileEntry, root: Path, target: Path) -> None:
    """Gives ``target`` an object's bytes, out of the cache where they are whole there."""
    objects = root / "objects"
    objects.mkdir(exist_ok=True)
    held = objects / entry.sha256
    with WriteLock(objects / f"{entry.sha256}.lock", PATIENCE):
        if linked(held, target) and is_whole(target, entry):
            return
        _fetch(place, name, entry, held)
        if not (linked(held, target) and is_whole(target, entry)):
            raise StoreIntegrity("a cached object changed while it was read", where=held)


def _fetch(place: Address, name: str, entry: FileEntry, held: Path) -> None:
    partial = held.with_name(f"{held.name}.part")
    for again in (False, True):
        if again:
            partial.unlink(missing_ok=True)
        fresh = not partial.exists()
        _append(place, entry, partial)
        if is_whole(partial, entry):
            partial.replace(held)
            return
        if fresh:
            break
    partial.unlink(missing_ok=True)
    raise StoreIntegrity(
        f"the remote object of {name} is not what the store's listing says: it was changed or cut",
        where=f"{place.shown}/{entry.sha256}",
        next_step="remove that object there and publish the store again, or use another copy",
    )


def _append(place: Address, entry: FileEntry, partial: Path) -> None:
    """Fetches what is missing of an object behind what came before."""
    with partial.open("ab") as file:
        for data in place.portions(entry.sha256, entry.size, file.tell()):
            file.write(data)
            file.flush()


def _forget(root: Path) -> None:
    for view in root.glob("view-*"):
        if time.time() - view.stat().st_mtime > LEFT_BEHIND:
            shutil.rmtree(view, ignore_errors=True)
