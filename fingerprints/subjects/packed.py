"""Opens what a recording is packed in, under caps: plain files, gzip streams, zip members.

Knows bytes and sizes; knows nothing of rows. Nothing is ever unpacked to disk, so a member's name
never becomes a path.
"""

from __future__ import annotations

import gzip
import io
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fingerprints.errors import MalformedInput, ResourceLimit, UnsafeInput
from fingerprints.system import OPENING

GZIP_MAGIC = b"\x1f\x8b"
ZIP_MAGIC = b"PK"
GIVE_ANSWERS = "give the path of recorded answers (JSONL)"
BROKEN = (
    EOFError,
    zlib.error,
    gzip.BadGzipFile,
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
)
"""What gzip and zipfile raise for damaged, encrypted or strangely compressed data."""


@dataclass(frozen=True)
class Caps:
    """How large unpacked data may become: bytes in all, bytes in one document, members, and the
    ratio to the packed size.

    The ratio counts only after ``ratio_from`` bytes, since small files of few words pack well.
    """

    total: int = 4 << 30
    document: int = 256 << 20
    members: int = 100_000
    ratio: int = 200
    ratio_from: int = 10 << 20


def open_regular(path: Path) -> io.BufferedReader:
    """A regular file for reading; never waits on a pipe. Raises MalformedInput for others."""
    try:
        number = os.open(path, os.O_RDONLY | OPENING)
    except (OSError, ValueError) as error:  # a NUL in the path is a ValueError
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        said = f"can't be read: {reason}"
        raise MalformedInput(said, where=path, next_step=GIVE_ANSWERS) from error
    kind = os.fstat(number).st_mode
    if stat.S_ISREG(kind):
        return io.BufferedReader(io.FileIO(number, "rb"), 1 << 16)
    os.close(number)
    what = "a folder" if stat.S_ISDIR(kind) else "no regular file"
    raise MalformedInput(f"it is {what}", where=path, next_step=GIVE_ANSWERS)


class CountedStream(io.RawIOBase):
    """A decompressing stream; raises ResourceLimit at a cap, UnsafeInput at a bomb's ratio."""

    def __init__(
        self, inner: BinaryIO, packed: int, where: Path, caps: Caps, already: int = 0
    ) -> None:
        self.inner, self.packed, self.where, self.caps = inner, max(1, packed), where, caps
        self.count = already
        self.own = 0

    def readable(self) -> bool:
        """True: it is read from."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # RawIOBase accepts any writable buffer
        """Reads the next bytes and counts them."""
        data = self.inner.read(len(buffer))
        buffer[: len(data)] = data
        self.count += len(data)
        self.own += len(data)
        if self.count > self.caps.total:
            said = f"unpacks to more than {self.caps.total:,} bytes"
            raise ResourceLimit(said, where=self.where, next_step="split the recording")
        if self.own > self.caps.ratio_from and self.own > self.caps.ratio * self.packed:
            raise UnsafeInput(
                f"unpacks to more than {self.caps.ratio} times its size, as a decompression bomb"
                " does",
                where=self.where,
                next_step="unpack it yourself if you trust it, and give the unpacked file",
            )
        return len(data)


def gzip_stream(file: BinaryIO, where: Path, caps: Caps) -> io.BufferedReader:
    """The unpacked bytes of a gzip file, counted."""
    packed = os.fstat(file.fileno()).st_size
    unpacked: BinaryIO = gzip.GzipFile(fileobj=file, mode="rb")  # type: ignore[assignment]  # it reads as a BinaryIO does
    return io.BufferedReader(CountedStream(unpacked, packed, where, caps), 1 << 16)


def zip_members(
    file: BinaryIO, where: Path, caps: Caps, wanted: str
) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of the ``*.json`` members whose name begins with ``wanted``, in archive order;
    of twins the last.

    Raises ResourceLimit and UnsafeInput at the caps.
    """
    with zipfile.ZipFile(file) as archive:
        infos = {info.filename: info for info in archive.infolist()}
        if len(infos) > caps.members:
            said = f"more than {caps.members:,} members"
            raise ResourceLimit(said, where=where, next_step="split the log")
        count = 0
        for info in infos.values():
            if not info.filename.startswith(wanted) or not info.filename.endswith(".json"):
                continue
            with archive.open(info) as member:
                stream = CountedStream(member, info.compress_size, where, caps, count)  # type: ignore[arg-type]  # reads alike
                data = io.BufferedReader(stream, 1 << 16).read(caps.document + 1)
            if len(data) > caps.document:
                said = f"a member is larger than {caps.document:,} bytes"
                raise ResourceLimit(said, where=where, next_step="split the log")
            count = stream.count
            yield info.filename, data
