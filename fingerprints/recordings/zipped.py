"""Members of zip archives, under caps: stored, deflated, or packed with zstd as inspect_ai packs
its logs today.

Knows archives; knows nothing of rows. Nothing is ever unpacked to disk, so a member's name never
becomes a path.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from fingerprints.errors import ResourceLimit
from fingerprints.recordings.packed import ByteSource, Caps, CountedStream, zstd_reader

ZSTD = 93
"""The archive format's number of the method; Python's library knows it from 3.14 on."""
_LOCAL = struct.Struct("<4s22xHH")


class ZippedMembers:
    """An open archive: its names, and the bytes of members, which add up under one cap.

    Raises ResourceLimit for too many members and at the caps, UnsafeInput at a bomb's ratio, and
    what the libraries raise for damage.
    """

    def __init__(self, file: BinaryIO, where: Path, caps: Caps) -> None:
        self.file, self.where, self.caps, self.count = file, where, caps, 0
        self.archive = zipfile.ZipFile(file)
        self.infos = {info.filename: info for info in self.archive.infolist()}  # of twins the last
        if len(self.infos) > caps.members:
            said = f"more than {caps.members:,} members"
            raise ResourceLimit(said, where=where, next_step="split the log")

    def data(self, name: str) -> bytes:
        """A member's bytes."""
        info = self.infos[name]
        with self._opened(info) as member:
            stream = CountedStream(member, info.compress_size, self.where, self.caps, self.count)
            data = io.BufferedReader(stream, 1 << 16).read(self.caps.document + 1)
        if len(data) > self.caps.document:
            said = f"a member is larger than {self.caps.document:,} bytes"
            raise ResourceLimit(said, where=self.where, next_step="split the log")
        self.count = stream.count
        if info.compress_type == ZSTD and zlib.crc32(data) != info.CRC:
            raise zipfile.BadZipFile(f"bad CRC of a member of {len(data):,} bytes")
        return data

    def _opened(self, info: zipfile.ZipInfo) -> BinaryIO:
        if info.compress_type != ZSTD:
            return self.archive.open(info)  # type: ignore[return-value]  # it reads as a BinaryIO does
        if info.flag_bits & 1:
            raise RuntimeError("a member is encrypted")
        self.file.seek(info.header_offset)
        head = self.file.read(_LOCAL.size)
        if len(head) < _LOCAL.size or head[:4] != b"PK\x03\x04":
            raise zipfile.BadZipFile("a member's header is not where the directory says")
        _, name, extra = _LOCAL.unpack(head)
        self.file.seek(info.header_offset + _LOCAL.size + name + extra)
        return zstd_reader(io.BufferedReader(_Part(self.file, info.compress_size)))

    def named(self, beginning: str, ending: str = ".json") -> Iterator[str]:
        """The names that begin and end so, in the archive's order."""
        return (n for n in self.infos if n.startswith(beginning) and n.endswith(ending))


class _Part(ByteSource):
    """So many bytes of a file from where it stands."""

    def __init__(self, file: BinaryIO, left: int) -> None:
        self.file, self.left = file, left

    def next_bytes(self, most: int) -> bytes:
        """The next bytes, none behind the part."""
        data = self.file.read(min(most, self.left))
        self.left -= len(data)
        return data
