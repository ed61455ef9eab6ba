"""Files that survive a kill and a power cut, one writer at a time, and nothing but plain files.

Write to a temporary name, fsync, rename, fsync the folder. Knows files; knows nothing of what is in
them.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import socket
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from fingerprints.errors import (
    AuditError,
    Locked,
    MalformedInput,
    ResourceLimit,
    UnsafeInput,
    printable,
)
from fingerprints.system import Closing, open_unlinked, read_at, try_lock

TEMPORARY = "tmp-"
LONGEST_WAIT = 5.0
_FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO, errno.ENOMEM}


def sync_folder(path: Path) -> None:
    """Forces a folder's entries onto the disk: a rename counts only after it. Windows opens no
    folders, and needs none opened for that."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def sync_files(folder: Path) -> None:
    """Forces the files of a folder, and its entries, onto the disk."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    sync_folder(folder)


@contextmanager
def replacing(path: Path, crowded: bool = False) -> Iterator[BinaryIO]:
    """A file to write that takes ``path``'s place, whole and on the disk, when the block ends
    without an error.

    After an error the old file stands and the temporary one is gone; after a kill the temporary one
    is left for the next writer to sweep. Into a ``crowded`` folder others may write the same file
    now. Raises ResourceLimit on a full disk.
    """
    own = f"{os.getpid()}-{threading.get_ident()}-" if crowded else ""
    temporary = path.with_name(f"{TEMPORARY}{own}{path.name}")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        raise disk_problem(error, path) from error
    finally:
        temporary.unlink(missing_ok=True)


def strangers(folder: Path, first: str) -> list[str]:
    """Names in a work folder, sorted, that a run has not left there which was killed before it had
    written its ``first`` file: neither the lock nor what `replacing` was writing."""
    ours = {".lock", f"{TEMPORARY}{first}"}
    return sorted(entry.name for entry in folder.iterdir() if entry.name not in ours)


class MeasuredFile:
    """Counts and hashes what is meant to be written to a file, not what the disk kept."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        """Writes bytes and returns how many."""
        self._hash.update(data)
        self.size += len(data)
        return self._file.write(data)

    def sha256(self) -> str:
        """Hexadecimal SHA-256 of everything written so far."""
        return self._hash.hexdigest()


def disk_problem(error: OSError, path: Path) -> AuditError:
    """An OSError on writing, as ResourceLimit for a full disk, else MalformedInput."""
    reason = error.strerror or str(error)
    if error.errno in _FULL:
        return ResourceLimit(
            f"could not write: {reason}; what was committed before is kept",
            where=path,
            next_step="free some space and run the same command again",
        )
    return MalformedInput(
        f"can't be used: {reason}", where=path, next_step="check the path and its permissions"
    )


def open_plain(path: Path) -> BufferedReader:
    """A regular file for reading: no link, no pipe. Raises UnsafeInput, FileNotFoundError."""
    try:
        descriptor = open_unlinked(path, os.O_RDONLY)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise _not_plain(path) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _not_plain(path)
    return os.fdopen(descriptor, "rb")


def refuse_special(folder: Path) -> None:
    """Raises UnsafeInput when a folder, or a folder in it, holds a link, pipe, socket or device."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                # A writer may remove a generation while a reader looks.
                with suppress(FileNotFoundError), os.scandir(entry.path) as inner:
                    for file in inner:
                        if not file.is_file(follow_symlinks=False) and os.path.lexists(file.path):
                            raise _not_plain(Path(file.path))
            elif not entry.is_file(follow_symlinks=False) and os.path.lexists(entry.path):
                raise _not_plain(Path(entry.path))


def _not_plain(path: Path) -> UnsafeInput:
    return UnsafeInput(
        "a store holds only plain files, and this is a link, pipe, device or folder",
        where=path,
        next_step="remove it, or use another store",
    )


class WriteLock(Closing):
    """The one writer's lock, on a file that says which process holds it.

    The system frees it when the process ends, however it ends. Waits up to five seconds, or
    ``patience`` of them, then raises Locked.
    """

    def __init__(self, path: Path, patience: float | None = None) -> None:
        self.path = path
        self._file = self._acquire(
            time.monotonic() + (LONGEST_WAIT if patience is None else patience)
        )
        owner = {"pid": os.getpid(), "host": socket.gethostname()}
        try:
            os.ftruncate(self._file, 0)
            os.lseek(self._file, 0, os.SEEK_SET)
            os.write(self._file, json.dumps(owner).encode())
        except OSError as error:
            self.close()
            raise disk_problem(error, path) from error

    def _acquire(self, deadline: float) -> int:
        while True:
            file = self._open()
            ours = try_lock(file)
            if ours and self._still_named(file):
                return file
            owner = "" if ours else read_at(file, 300, 0).decode("utf-8", "replace")
            os.close(file)
            if not ours and time.monotonic() >= deadline:
                owner = printable(owner, 120) or "unknown"
                raise Locked(
                    f"another process writes this store: {owner}",
                    where=self.path.parent,
                    next_step="wait until it is done, or open the store read-only",
                )
            time.sleep(0.02)

    def _open(self) -> int:
        try:
            return open_unlinked(self.path, os.O_RDWR | os.O_CREAT)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO):
                raise _not_plain(self.path) from error
            raise disk_problem(error, self.path) from error

    def _still_named(self, file: int) -> bool:
        # A freeze removes the file: whoever locked the removed one must start again.
        try:
            return os.path.samestat(os.fstat(file), os.stat(self.path))
        except FileNotFoundError:
            return False

    def close(self, remove: bool = False) -> None:
        """Lets the next writer in; with ``remove`` the file goes too (while it is still held)."""
        if self._file >= 0:
            if remove:
                with suppress(PermissionError):  # Windows keeps the name of a file that is open
                    self.path.unlink(missing_ok=True)
            os.close(self._file)
            self._file = -1
