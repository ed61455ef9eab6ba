"""Stores on object storage: a published store, read through a cache whose every byte is checked.

Objects are named by their SHA-256, and one listing says which of them make up the store: a reader
never sees half of a change, and a store that grew shares its unchanged objects with the one before.
Addresses are fsspec's; credentials are left to its own settings and never part of an address, a
message or a report. Knows files and addresses; knows nothing of teachers.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from fingerprints.catalog_file import CATALOG
from fingerprints.durable import WriteLock, disk_problem, open_plain
from fingerprints.errors import (
    AuditError,
    Incomplete,
    MalformedInput,
    StoreIntegrity,
    UnsafeInput,
    UsageProblem,
    missing_extra,
    printable,
)
from fingerprints.generations import CURRENT, manifest, pointer
from fingerprints.index_files import FileEntry, is_whole, linked
from fingerprints.progress import SILENT, Progress
from fingerprints.records import Record, canonical_json
from fingerprints.store import FingerprintStore

LISTING = "store.json"
LARGEST_LISTING = 8 << 20
PORTION = 4 << 20
"""Bytes fetched at once; a fetch that broke off goes on behind those that came."""
PATIENCE = 3600.0
"""Seconds that a reader waits for another one that fetches the same object."""
LEFT_BEHIND = 7 * 86_400
"""Seconds after which the folder of a reader that was killed is removed."""
_ADDRESS = re.compile(r"(?P<protocol>[a-z][a-z0-9+.-]{0,30})://(?P<path>[^\s\x00-\x1f]{0,1000})")
_FILE = re.compile(r"catalog\.sqlite|CURRENT|gen-[0-9]{6}/[a-z0-9][a-z0-9.-]{0,60}")
_NO_LOG = b"\x01\x01"
"""SQLite's versions for writing and reading of a file that needs no log beside it."""
# What backends raise besides OSError, each only where the backend is loaded.
_RAISED = (
    ("aiohttp", "ClientError"),
    ("azure.core.exceptions", "AzureError"),
    ("botocore.exceptions", "BotoCoreError"),
    ("botocore.exceptions", "ClientError"),
    ("gcsfs.retry", "HttpError"),
    ("google.auth.exceptions", "GoogleAuthError"),
    ("httpx", "HTTPError"),
    ("httpx2", "HTTPError"),
)


class StoreListing(Record):
    """Which files make up a published store, by their names in its folder."""

    format: Literal["published-store/1"] = "published-store/1"
    files: dict[str, FileEntry]


class Published(Record):
    """What a publication did or would do: objects sent, objects that were there already, and the
    bytes of both."""

    sent: int = 0
    sent_bytes: int = 0
    there: int = 0
    there_bytes: int = 0


def is_address(name: str) -> bool:
    """Whether a store is named by an address, such as s3://bucket/teachers, and not by a folder."""
    return "://" in name


def parts_of(address: str) -> tuple[str, str]:
    """Protocol and place. Raises UsageProblem, which doesn't repeat it, for an address that may
    hold credentials or is none."""
    found = _ADDRESS.fullmatch(address)
    if found is None or re.search(r"[@?#]|::", found["path"]):
        raise UsageProblem(
            "a store's address is PROTOCOL://PLACE, without credentials, queries and chains",
            next_step="set credentials as the protocol's own package reads them",
        )
    return found["protocol"], found["path"]


@dataclass(frozen=True)
class Address:
    """Where a published store lies. ``shown`` is what may be told of it: it holds no secret."""

    filesystem: Any
    root: str
    shown: str

    @classmethod
    def parse(cls, address: str) -> Address:
        """The place that an address names. Raises UsageProblem, in one line, for one with
        credentials, of an unknown protocol, or whose package is not installed."""
        protocol, _ = parts_of(address)
        filesystem, root = _filesystem(protocol, address)
        return cls(filesystem, root.rstrip("/"), printable(address, 200))

    def at(self, name: str) -> str:
        """Where one of its objects lies."""
        return f"{self.root}/{name}"

    def told(self, error: Exception, name: str) -> AuditError:
        """A backend's error without its words, which may hold addresses and keys."""
        where = f"{self.shown}/{name}"
        if isinstance(error, FileNotFoundError):
            return MalformedInput(
                "no such object: there is no published store here, or it was taken away",
                where=where,
                next_step="check the address; `auditor store publish` puts a store there",
            )
        if isinstance(error, NotImplementedError):
            return UsageProblem(
                "a store can't be put there: the protocol only reads",
                where=where,
                next_step="publish it where objects can be written",
            )
        return Incomplete(
            f"the remote store can't be read or written now: {type(error).__name__}",
            where=where,
            next_step="check network, credentials and rights, and run the same command again",
        )

    @contextmanager
    def telling(self, name: str) -> Iterator[None]:
        """Tells a backend's errors as ours."""
        try:
            yield
        except AuditError:
            raise
        except _raised() as error:
            raise self.told(error, name) from None


def _raised() -> tuple[type[Exception], ...]:
    found: list[type[Exception]] = [OSError, ValueError, NotImplementedError]
    for module, name in _RAISED:
        if module in sys.modules:
            found.append(vars(sys.modules[module])[name])
    return tuple(found)


def _filesystem(protocol: str, address: str) -> tuple[Any, str]:
    """Who reads an address, and the place as that names it: a host may be part of either."""
    try:
        from fsspec.core import url_to_fs
        from fsspec.registry import known_implementations as known
        from fsspec.registry import registry
    except ImportError as error:
        raise missing_extra("fsspec", "remote", "a store at an address") from error
    if protocol not in known and protocol not in registry:
        raise UsageProblem(
            f"no protocol is called {printable(protocol, 40)!r}",
            next_step="name a folder, or an address such as s3://bucket/teachers",
        )
    try:
        made, root = url_to_fs(address)
    except ImportError as error:
        said = str(known.get(protocol, {}).get("err", "")) or "install its package"
        raise UsageProblem(
            f"stores at {protocol}:// need a package that is not installed",
            next_step=printable(said, 200),
        ) from error
    except (TypeError, AttributeError):  # its constructor asks for more than an address holds
        raise UsageProblem(
            f"the protocol {protocol}:// needs more than an address",
            next_step="name a folder, or an address such as s3://bucket/teachers",
        ) from None
    except _raised() as error:
        raise Incomplete(
            f"the protocol {protocol}:// can't be used now: {type(error).__name__}",
            next_step="set credentials as the protocol's own package reads them",
        ) from None
    return made, str(root)


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
    elif not _is_frozen(folder):
        with FingerprintStore.open(folder) as store:
            store.freeze()
    names = [CATALOG, CURRENT]
    if (folder / CURRENT).is_file():
        generation = (folder / CURRENT).read_text(encoding="ascii").split()[0]
        names += [f"{generation}/{file.name}" for file in (folder / generation).iterdir()]
    out = {}
    for name in names:
        if _FILE.fullmatch(name) and (folder / name).is_file():
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
        raise Incomplete(
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
    place.filesystem.makedirs(place.root, exist_ok=True)
    place.filesystem.put_file(str(file), place.at(entry.sha256))
    if _size(place, entry.sha256) != entry.size:
        raise Incomplete(
            "an object has another size than what was sent",
            where=f"{place.shown}/{entry.sha256}",
            next_step="run the same command again",
        )


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
        with FingerprintStore.open(folder, read_only=True) as store:
            yield store
    finally:
        shutil.rmtree(folder, ignore_errors=True)


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
    with place.telling(LISTING):
        data = place.filesystem.cat_file(place.at(LISTING), start=0, end=LARGEST_LISTING)
    try:
        found = StoreListing.model_validate_json(data)
    except ValidationError as error:
        raise StoreIntegrity(
            "the listing of a published store can't be read",
            where=f"{place.shown}/{LISTING}",
            next_step="publish the store again",
        ) from error
    odd = [name for name in found.files if not _FILE.fullmatch(name)]
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
        _append(place, name, entry, partial)
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


def _append(place: Address, name: str, entry: FileEntry, partial: Path) -> None:
    """Fetches what is missing of an object behind what came before."""
    with partial.open("ab") as file:
        while (start := file.tell()) < entry.size:
            end = min(start + PORTION, entry.size)
            with place.telling(name):
                data = place.filesystem.cat_file(place.at(entry.sha256), start=start, end=end)
            if not data:
                return
            # A server that knows no ranges sends the whole.
            file.write(data[start : entry.size] if len(data) > end - start else data)
            file.flush()


def _forget(root: Path) -> None:
    for view in root.glob("view-*"):
        if time.time() - view.stat().st_mtime > LEFT_BEHIND:
            shutil.rmtree(view, ignore_errors=True)
