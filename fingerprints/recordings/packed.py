"""Opens what a recording is packed in, under caps: plain files, gzip and zstd streams; as UTF-8,
where it is UTF-16.

Knows bytes and sizes; knows nothing of rows. Nothing is ever unpacked to disk.
"""

from __future__ import annotations

import codecs
import gzip
import io
import os
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fingerprints.errors import MalformedInput, ResourceLimit, UnsafeInput, missing_extra
from fingerprints.recordings.frames import zstd_whole
from fingerprints.system import OPENING

GZIP_MAGIC = b"\x1f\x8b"
ZIP_MAGIC = b"PK"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
BOM = b"\xef\xbb\xbf"
UTF_16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
GIVE_ANSWERS = "give the path of recorded answers"
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


class ByteSource(io.RawIOBase):
    """Bytes to read, of which a subclass gives the next ones."""

    def next_bytes(self, most: int) -> bytes:
        """The next bytes, at most so many; none at the end."""
        raise NotImplementedError

    def readable(self) -> bool:
        """True: it is read from."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # RawIOBase accepts any writable buffer
        """Reads the next bytes into a buffer, and says how many."""
        data = self.next_bytes(len(buffer))
        buffer[: len(data)] = data
        return len(data)


class CountedStream(ByteSource):
    """A decompressing stream; raises ResourceLimit at a cap, UnsafeInput at a bomb's ratio."""

    def __init__(
        self, inner: BinaryIO, packed: int, where: Path, caps: Caps, already: int = 0
    ) -> None:
        self.inner, self.packed, self.where, self.caps = inner, max(1, packed), where, caps
        self.count = already
        self.own = 0

    def next_bytes(self, most: int) -> bytes:
        """Reads the next bytes and counts them."""
        data = self.inner.read(most)
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
        return data


def gzip_stream(file: BinaryIO, where: Path, caps: Caps) -> io.BufferedReader:
    """The unpacked bytes of a gzip file, counted."""
    packed = os.fstat(file.fileno()).st_size
    unpacked: BinaryIO = gzip.GzipFile(fileobj=file, mode="rb")  # type: ignore[assignment]  # it reads as a BinaryIO does
    return io.BufferedReader(CountedStream(unpacked, packed, where, caps), 1 << 16)


def zstd_stream(file: BinaryIO, where: Path, caps: Caps) -> io.BufferedReader:
    """The unpacked bytes of a zstd file, counted; at the end of one that was cut off, EOFError.
    Raises UsageProblem where the package that unpacks it is not installed."""
    packed = os.fstat(file.fileno()).st_size
    whole = zstd_whole(file)
    file.seek(0)
    unpacked = zstd_reader(file, whole)
    return io.BufferedReader(CountedStream(unpacked, packed, where, caps), 1 << 16)


def zstd_reader(file: BinaryIO, whole: bool = True) -> BinaryIO:
    """What a file of zstd frames unpacks to; damage is raised as EOFError, and so is the end of one
    that isn't ``whole``."""
    try:
        import zstandard
    except ImportError as error:
        raise missing_extra("zstandard", "recordings", "reading what zstd packed") from error
    inner = zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(
        file, read_across_frames=True
    )
    return io.BufferedReader(_Unpacked(inner, zstandard.ZstdError, whole), 1 << 16)


class _Unpacked(ByteSource):
    """A reader of another library whose error for damage is raised as Python's own, as is the end
    of what isn't ``whole``."""

    def __init__(self, inner: BinaryIO, broken: type[Exception], whole: bool) -> None:
        self.inner, self.broken, self.whole = inner, broken, whole

    def next_bytes(self, most: int) -> bytes:
        """Reads the next bytes."""
        try:
            data = self.inner.read(most)
        except self.broken as error:
            raise EOFError(str(error)) from error
        if not data and not self.whole:
            raise EOFError("it ends in the middle of its packing")
        return data


def utf8_stream(stream: io.BufferedReader) -> io.BufferedReader:
    """The stream as UTF-8 without a byte order mark, where it begins with one or is UTF-16 by its
    mark or by its zeros; else as it is."""
    head = stream.peek(64)[:64]
    if head.startswith(BOM):
        stream.read(len(BOM))
        return stream
    encoding = UTF_16.get(head[:2])
    if encoding is not None:
        stream.read(2)
    elif len(head) >= 4 and head[0] and not head[1] and head[2] and not head[3]:
        encoding = "utf-16-le"
    elif len(head) >= 4 and not head[0] and head[1] and not head[2] and head[3]:
        encoding = "utf-16-be"
    if encoding is None:
        return stream
    return io.BufferedReader(_Recoded(stream, encoding), 1 << 16)


class _Recoded(ByteSource):
    """A stream of another encoding as UTF-8; what is no text in it becomes U+FFFD."""

    def __init__(self, inner: BinaryIO, encoding: str) -> None:
        self.inner, self.held = inner, b""
        self.decoder = codecs.getincrementaldecoder(encoding)("replace")

    def next_bytes(self, most: int) -> bytes:
        """Reads the next bytes."""
        while not self.held:
            data = self.inner.read(1 << 16)
            self.held = self.decoder.decode(data, final=not data).encode("utf-8", "replace")
            if not data:
                break
        taken = self.held[:most]
        self.held = self.held[len(taken) :]
        return taken
