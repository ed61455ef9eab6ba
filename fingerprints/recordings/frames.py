"""Whether a zstd file is whole: DuckDB and zstandard read one that was cut off to where it ends,
and say nothing.

Only the headers of frames and blocks are read (RFC 8878, 3.1); nothing is unpacked or checked.
"""

from __future__ import annotations

from typing import BinaryIO

FRAME, SKIPPED = 0xFD2FB528, 0x184D2A5
REPEATED = 1
"""A block that holds one byte, to be repeated as often as its size says."""
DICTIONARY, CONTENT = (0, 1, 2, 4), (0, 2, 4, 8)
"""Bytes of the fields in a frame's header, by their flags."""


def zstd_whole(file: BinaryIO) -> bool:
    """Whether a file, from where it stands, consists of whole zstd frames. False for one that is
    none."""
    while magic := file.read(4):
        number = int.from_bytes(magic, "little")
        if number >> 4 == SKIPPED:
            whole = _past(file, int.from_bytes(file.read(4), "little"))
        else:
            whole = number == FRAME and _frame(file)
        if not whole:
            return False
    return True


def _frame(file: BinaryIO) -> bool:
    """Whether a frame, from behind its magic number on, comes to its end; stands there then."""
    told = file.read(1)
    if not told:
        return False
    flags = told[0]
    single, checked = flags >> 5 & 1, flags >> 2 & 1
    content = CONTENT[flags >> 6] or single  # of one segment, its size is always told
    if not _past(file, (not single) + DICTIONARY[flags & 3] + content):
        return False
    last = 0
    while not last:
        header = file.read(3)
        block = int.from_bytes(header, "little")
        last, size = block & 1, 1 if block >> 1 & 3 == REPEATED else block >> 3
        if len(header) < 3 or not _past(file, size):
            return False
    return _past(file, 4 * checked)


def _past(file: BinaryIO, size: int) -> bool:
    """Whether so many bytes are left; stands behind them then."""
    if not size:
        return True
    file.seek(size - 1, 1)
    return bool(file.read(1))
