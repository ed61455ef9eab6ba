"""What is open: closing it at the end of a block, and the few calls that one operating system has
and another hasn't (locks on files, opening what is no link, reading at a place).

Knows descriptors; knows nothing of what is in files.
"""

from __future__ import annotations

import errno
import os
import sys
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Self

from fingerprints.errors import MalformedInput


class Closing(ABC):
    """Something open that a ``with`` block closes at its end."""

    @abstractmethod
    def close(self) -> None:
        """Frees what is held; closing twice is fine."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()


@contextmanager
def reading(path: Path, next_step: str = "check the path") -> Iterator[None]:
    """Tells a file that can't be read inside the block as MalformedInput."""
    try:
        yield
    except OSError as error:
        raise MalformedInput(
            f"can't be read: {error.strerror}", where=path, next_step=next_step
        ) from error


def module_here(name: str) -> ModuleType | None:
    """A module of the standard library that only some systems have."""
    try:
        return import_module(name)
    except ImportError:
        return None


fcntl, msvcrt = module_here("fcntl"), module_here("msvcrt")
resource = module_here("resource")

OPENING = sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))
"""Never waits on a pipe, is closed in children, and takes bytes as they are."""
LOCKED_BYTE = (1 << 31) - 2
"""Windows locks bytes, and keeps others from reading them: the last one that its C library can
lock lies behind everything that anybody reads."""


def try_lock(file: int) -> bool:
    """Locks an open file for this process alone; False where another one holds it.

    The system frees the lock when the file is closed or the process ends, however it ends. Warns,
    and locks nothing, on a system without locks.
    """
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        elif msvcrt is not None:
            os.lseek(file, LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            warnings.warn(
                "this system has no locks on files: let one process at a time write here",
                RuntimeWarning,
                stacklevel=2,
            )
    except OSError:
        return False
    return True


def read_at(file: int, size: int, start: int) -> bytes:
    """Up to so many bytes of an open file from a place on."""
    if fcntl is not None:
        return os.pread(file, size, start)
    os.lseek(file, start, os.SEEK_SET)
    return os.read(file, size)


def read_into(file: int, place: memoryview, start: int) -> int:
    """Fills bytes of ours with those of an open file from a place on; how many there were."""
    if hasattr(os, "preadv"):
        return os.preadv(file, [place], start)
    data = read_at(file, len(place), start)
    place[: len(data)] = data
    return len(data)


def open_unlinked(path: Path, flags: int) -> int:
    """A descriptor of a file that is no link. Raises OSError, with ELOOP for a link."""
    if not hasattr(os, "O_NOFOLLOW") and path.is_symlink():
        raise OSError(errno.ELOOP, "a link", str(path))
    return os.open(path, flags | OPENING | getattr(os, "O_NOFOLLOW", 0), 0o644)


def memory_left() -> int:
    """Bytes of main memory that may still be taken, as the kernel tells."""
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        lines = (line.split() for line in meminfo.read_text("ascii", "replace").splitlines())
        return next(
            (int(parts[1]) * 1024 for parts in lines if parts[:1] == ["MemAvailable:"]), 1 << 62
        )
    if not hasattr(os, "sysconf"):
        return 1 << 62  # Windows doesn't tell: nothing is refused for its size
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def peak_memory() -> int:
    """The most bytes of main memory that this process ever held; 0 where the system doesn't
    tell."""
    if resource is None:
        return 0
    peak = int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return peak if sys.platform == "darwin" else 1024 * peak


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
