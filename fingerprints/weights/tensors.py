"""Where a tensor's bytes lie, and reading some of its rows: by position, never more than asked for.

Files are read, not mapped: a mapped file that somebody cuts off ends the process, and its pages
count as our memory. Knows files and bytes; knows nothing of what they mean.
"""

from __future__ import annotations

import math
import os
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from fingerprints.errors import MalformedInput, ResourceLimit, printable
from fingerprints.system import OPENING, Closing, read_into, reading
from fingerprints.weights.decode import Bytes, Indices

MOST_OPEN = 64
"""Files that are open at once: large models come in hundreds of shards."""
PORTION = 16 << 20
"""Bytes that are read and decoded at once."""


@dataclass(frozen=True)
class TensorInfo:
    """One stored tensor: name, number format, shape as (outputs, inputs) row-major, bytes, and its
    place in a file.

    A tensor of three dimensions counts as a matrix of all its rows, one slice after the other.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    bytes: int
    file: Path
    offset: int

    @property
    def width(self) -> int:
        """Numbers in a row: the last dimension."""
        return self.shape[-1] if self.shape else 1

    # Kept: asked for at every run of rows that is read.
    @cached_property
    def rows(self) -> int:
        """Rows: the product of all other dimensions; 1 for a vector."""
        return math.prod(self.shape[:-1])

    @property
    def elements(self) -> int:
        """How many numbers it holds."""
        return self.rows * self.width

    @cached_property
    def row_bytes(self) -> int:
        """Bytes of one stored row."""
        return self.bytes // self.rows if self.rows else 0

    def at_once(self) -> int:
        """Rows that one portion holds. Raises ResourceLimit where one row is too large."""
        if self.row_bytes > 8 * PORTION:
            raise ResourceLimit(
                f"one row of tensor {printable(self.name, 80)!r} has {self.row_bytes:,} bytes",
                where=self.file,
                next_step="check the file: no known model has such rows",
            )
        return max(1, PORTION // max(1, self.row_bytes, 4 * self.width))


class Files(Closing):
    """The open files of one model; the oldest is closed when too many are open."""

    def __init__(self) -> None:
        self._open: OrderedDict[Path, int] = OrderedDict()

    def read(self, info: TensorInfo, start: int, count: int) -> bytearray:
        """``count`` bytes from a byte on. Raises MalformedInput where the file ends."""
        data = bytearray(count)
        with reading(info.file, "check the file"):
            _read(self._file(info.file), info, start, memoryview(data))
        return data

    def rows(self, info: TensorInfo, which: Indices) -> Bytes:
        """Stored rows, (n, bytes of a row), as asked for; neighbours are read together."""
        size = info.row_bytes
        out = np.empty((len(which), size), dtype=np.uint8)
        if not out.size:
            return out
        breaks = np.flatnonzero(np.diff(which) != 1) + 1
        first, last = [0, *breaks.tolist()], [*breaks.tolist(), len(which)]
        starts = (which[first] * size).tolist()
        with reading(info.file, "check the file"):
            file, room = self._file(info.file), out.reshape(-1).data
            for a, b, start in zip(first, last, starts, strict=True):
                _read(file, info, start, room[a * size : b * size])
        return out

    def stream(self, info: TensorInfo) -> Iterator[bytearray]:
        """All bytes of a tensor, portion by portion."""
        for start in range(0, info.bytes, PORTION):
            yield self.read(info, start, min(PORTION, info.bytes - start))

    def _file(self, path: Path) -> int:
        if path in self._open:
            self._open.move_to_end(path)
            return self._open[path]
        if len(self._open) >= MOST_OPEN:
            os.close(self._open.popitem(last=False)[1])
        self._open[path] = os.open(path, os.O_RDONLY | OPENING)
        return self._open[path]

    def close(self) -> None:
        """Closes what is open."""
        while self._open:
            os.close(self._open.popitem()[1])


def _read(file: int, info: TensorInfo, start: int, room: memoryview) -> None:
    """Fills ``room`` with a tensor's bytes from an open file. Raises MalformedInput where it
    ends."""
    done = 0
    while done < len(room):
        more = read_into(file, room[done:], info.offset + start + done)
        if not more:
            raise MalformedInput(
                f"the file ends inside tensor {printable(info.name, 80)!r}",
                where=info.file,
                next_step="copy it again, and leave it alone while it is read",
            )
        done += more
