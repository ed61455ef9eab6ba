"""Stores on object storage: a published store, read through a cache whose every byte is checked.

Objects are named by their SHA-256, and one listing says which of them make up the store: a reader
never sees half of a change, and a store that grew shares its unchanged objects with the one before.
Knows files and objects; knows nothing of teachers.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from fingerprints.address import Address
from fingerprints.catalog_file import CATALOG
from fingerprints.durable import WriteLock, disk_problem
from fingerprints.errors import (
    AuditError,
    ResourceLimit,
    StoreIntegrity,
    UnsafeInput,
    UsageProblem,
)
from fingerprints.generations import CURRENT, LARGEST_MANIFEST, MANIFEST, pointer, said_of
from fingerprints.index_files import FileEntry, is_whole, linked
from fingerprints.progress import SILENT, Progress
from fingerprints.records import Record
from fingerprints.store import FingerprintStore

LISTING = "store.json"
LARGEST_LISTING = 8 << 20
MOST_BYTES = 64 << 30
"""What a reader fetches at the most unless it is told otherwise: 2.5e7 signatures."""
LIMIT = "AUDITOR_LARGEST_FETCH"
OBJECTS, PART = "objects", ".part"
PATIENCE = 3600.0
"""Seconds that a reader waits for another one that fetches the same object."""
LEFT_BEHIND = 7 * 86_400
"""Seconds after which what a killed reader left is removed."""
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
    """Gives a view its files. Raises ResourceLimit for more than may be fetched and on a full disk,
    and what `opened` raises."""
    small = _small(listing)
    rest = sorted(set(listing.files) - set(small))
    try:
        (root / OBJECTS).mkdir(exist_ok=True)
        for names in (small, rest):
            # These few bytes say which others there are.
            if names is rest:
                with _only_read(folder, place):
                    _check_listing(folder, listing)
            _check_room(listing, names, root)
            for done, name in enumerate(names):
                progress(done, len(names))
                (folder / name).parent.mkdir(exist_ok=True)
                _kept(place, name, listing.files[name], root, folder / name)
    except OSError as error:  # of this machine's: those of the backend are told as such already
        raise disk_problem(error, root) from error
    progress(len(rest), len(rest))


def _small(listing: StoreListing) -> list[str]:
    """The files of a listing that say which others the store has."""
    return sorted(n for n in listing.files if n == CURRENT or n.endswith(f"/{MANIFEST}"))


def _check_listing(folder: Path, listing: StoreListing) -> None:
    """Raises StoreIntegrity where a listing names other files, or other bytes, than the manifest of
    the index does: nobody is made to fetch what no store needs."""
    current, wanted = pointer(folder), {CATALOG}
    if current is not None:
        said = {f"{current[0]}/{name}": e for name, e in said_of(folder, current).files.items()}
        wanted |= {CURRENT, f"{current[0]}/{MANIFEST}", *said}
        if any(listing.files.get(name) != entry for name, entry in said.items()):
            raise StoreIntegrity("the listing is not of the index that it names", where=folder)
    if set(listing.files) != wanted:
        raise StoreIntegrity("the listing names files that the index does not have", where=folder)


def _check_room(listing: StoreListing, names: Sequence[str], root: Path) -> None:
    """Raises ResourceLimit where more is to be fetched than one may, or than there is room for."""
    held = {listing.files[name].sha256: listing.files[name].size for name in names}
    missing = sum(max(0, size - _came(root, digest)) for digest, size in held.items())
    most, free = largest_fetch(), shutil.disk_usage(root).free
    if missing > most:
        raise ResourceLimit(
            f"{missing:,} bytes of a published store would be fetched, and {most:,} may be",
            where=root,
            next_step=f"if you trust who published it: {LIMIT}={missing}",
        )
    if missing > free:
        raise ResourceLimit(
            f"{missing:,} bytes of a published store are to be fetched, and {free:,} are free",
            where=root,
            next_step="free some space, or name another folder in AUDITOR_CACHE",
        )


def _came(root: Path, digest: str) -> int:
    """How many bytes of an object are here already."""
    for file in (root / OBJECTS / digest, root / OBJECTS / f"{digest}{PART}"):
        with suppress(FileNotFoundError):
            return file.stat().st_size
    return 0


def largest_fetch() -> int:
    """How many bytes may be fetched when a published store is opened: ``$AUDITOR_LARGEST_FETCH``,
    else 64 GiB. Raises UsageProblem for what is no number of bytes."""
    named = os.environ.get(LIMIT)
    if named is None:
        return MOST_BYTES
    if not re.fullmatch(r"[0-9]{1,18}", named):
        raise UsageProblem("no number of bytes", where=LIMIT, next_step=f"{LIMIT}={MOST_BYTES}")
    return int(named)


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
    small = [found.files[name].size for name in _small(found)]
    large = len(small) > 2 or any(size > LARGEST_MANIFEST for size in small)
    if odd or digests or large or CATALOG not in found.files:
        raise UnsafeInput(
            "the listing names files that no store has",
            where=f"{place.shown}/{LISTING}",
            next_step="publish the store again, or use another one",
        )
    return found


def _kept(place: Address, name: str, entry: FileEntry, root: Path, target: Path) -> None:
    """Gives ``target`` an object's bytes, out of the cache where they are whole there."""
    objects = root / OBJECTS
    held = objects / entry.sha256
    with WriteLock(objects / f"{entry.sha256}.lock", PATIENCE):
        if linked(held, target) and is_whole(target, entry):
            return
        _fetch(place, name, entry, held)
        if not (linked(held, target) and is_whole(target, entry)):
            raise StoreIntegrity("a cached object changed while it was read", where=held)


def _fetch(place: Address, name: str, entry: FileEntry, held: Path) -> None:
    partial = held.with_name(f"{held.name}{PART}")
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
    """Fetches what is missing of an object behind what came before. Raises ResourceLimit, which
    says what is kept, on a full disk."""
    with partial.open("ab") as file:
        for data in place.portions(entry.sha256, entry.size, file.tell()):
            try:
                file.write(data)
                file.flush()
            except OSError as error:
                raise _cut_short(error, partial) from error


def _cut_short(error: OSError, partial: Path) -> AuditError:
    told = disk_problem(error, partial)
    if not isinstance(told, ResourceLimit):
        return told
    return ResourceLimit(
        f"could not write: {error.strerror}; {partial.stat().st_size:,} bytes that were fetched"
        " are kept",
        where=partial,
        next_step="free some space and run the same command again, which goes on from there; or"
        " remove that file",
    )


def _forget(root: Path) -> None:
    for left in (*root.glob("view-*"), *root.glob(f"{OBJECTS}/*{PART}")):
        with suppress(FileNotFoundError):  # another reader is done with it
            if time.time() - left.stat().st_mtime > LEFT_BEHIND:
                shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink()
