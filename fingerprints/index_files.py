"""Files of an index as they lie on the disk: their sizes and digests, and reading them only where
both fit.

Knows bytes and digests; knows nothing of what an index is.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from typing import Annotated, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field

from fingerprints.durable import TEMPORARY, MeasuredFile, disk_problem, open_plain
from fingerprints.errors import StoreIntegrity
from fingerprints.records import Record

MOST_AT_ONCE = 8
"""Files that are hashed at once: more than a disk gives."""
Bytes = npt.NDArray[np.uint8]
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.EXDEV, errno.EMLINK, errno.ENOSYS, errno.EACCES}
"""What file systems say that keep no second name of a file."""


class FileEntry(Record):
    """One file of a generation: size in bytes and SHA-256."""

    size: Annotated[int, Field(ge=0)]
    sha256: str

    @classmethod
    def of(cls, file: MeasuredFile) -> Self:
        """What was meant to be written to a file."""
        return cls(size=file.size, sha256=file.sha256())


def read_whole(path: Path, entry: FileEntry) -> memoryview:
    """A file's bytes, in memory. Raises StoreIntegrity where they are not those of the entry."""
    with open_plain(path) as file:
        if os.fstat(file.fileno()).st_size != entry.size:
            raise StoreIntegrity(f"{path.name} has another size than its manifest says")
        data = file.read(entry.size + 1)
    if len(data) != entry.size or hashlib.sha256(data).hexdigest() != entry.sha256:
        raise StoreIntegrity(f"{path.name} differs from its manifest")
    return memoryview(data)


def read_mapped(path: Path, entry: FileEntry) -> Bytes:
    """A file's bytes, mapped from the very descriptor that was hashed: they take no memory that
    the system can't have back. Raises StoreIntegrity where they are not those of the entry."""
    with open_plain(path) as file:
        if not _fits(file, entry):
            raise StoreIntegrity(f"{path.name} differs from its manifest")
        if not entry.size:
            return np.empty(0, np.uint8)
        return np.asarray(np.memmap(file, dtype=np.uint8, mode="r", shape=(entry.size,)))


def read_together(folder: Path, files: Mapping[str, FileEntry]) -> dict[str, Bytes]:
    """Files of a folder, each as `read_mapped` gives it, hashed on several cores at once. Raises
    StoreIntegrity for the first by name that is not what its entry says."""
    names = sorted(files)
    with ThreadPoolExecutor(max_workers=min(MOST_AT_ONCE, os.cpu_count() or 1)) as pool:
        held = pool.map(lambda name: read_mapped(folder / name, files[name]), names)
        return dict(zip(names, held, strict=True))


def is_whole(path: Path, entry: FileEntry) -> bool:
    """Whether a file is there with the bytes of its entry."""
    with suppress(FileNotFoundError), open_plain(path) as file:
        return _fits(file, entry)
    return False


def _fits(file: BufferedReader, entry: FileEntry) -> bool:
    return (
        os.fstat(file.fileno()).st_size == entry.size
        and hashlib.file_digest(file, "sha256").hexdigest() == entry.sha256
    )


def as_rows(data: Bytes, kind: str, shape: Sequence[int]) -> npt.NDArray[np.generic]:
    """Mapped bytes as an array. Raises StoreIntegrity for another size."""
    dtype = np.dtype(kind)
    if len(data) != dtype.itemsize * int(np.prod(shape)):
        raise StoreIntegrity("vectors and ids are not as many as the manifest says")
    return data.view(dtype).reshape(shape)


def linked(source: Path, target: Path) -> bool:
    """Gives a finished file a second name, or copies it where the file system keeps none; False
    where there is no such file. Raises ResourceLimit on a full disk."""
    temporary = target.with_name(f"{TEMPORARY}{target.name}")
    temporary.unlink(missing_ok=True)
    try:
        try:
            os.link(source, temporary, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            shutil.copyfile(source, temporary, follow_symlinks=False)
        os.replace(temporary, target)
    except FileNotFoundError:
        return False
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise disk_problem(error, target) from error
    # Two names of one file already: a rename then leaves the temporary one.
    temporary.unlink(missing_ok=True)
    return True
