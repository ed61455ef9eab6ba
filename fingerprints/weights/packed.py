"""Matrices that lie on the disk as several tensors: of few bits with their scales, or as two
factors; read a few rows or columns at a time.

The layouts are those that the libraries document which own them; nothing of theirs is imported, as
they need torch or a GPU. Knows arrays and places; knows no names.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fingerprints.errors import MalformedInput, printable
from fingerprints.weights.decode import Indices, Matrix, decode
from fingerprints.weights.tensors import PORTION, Files, TensorInfo

Codes = NDArray[np.uint32]


class Packed(Protocol):
    """A matrix put together from stored tensors."""

    @property
    def by_rows(self) -> bool:
        """Whether its rows are stored one after the other, so that a few can be read alone; else
        all rows that are asked for are read together."""

    @property
    def pieces(self) -> tuple[TensorInfo, ...]:
        """What it is put together from, in a fixed order."""

    def read(self, files: Files, rows: Indices, columns: Indices | None) -> Matrix:
        """Some rows and columns (None: all), (n, m) float32. Raises MalformedInput for a file that
        ends."""


def as_matrix(info: TensorInfo, width: int) -> TensorInfo:
    """The same bytes as rows of so many numbers."""
    return replace(info, shape=(info.elements // max(1, width), width))


def numbers(files: Files, info: TensorInfo, rows: Indices) -> Matrix:
    """Rows of a plain tensor as float32."""
    return decode(files.rows(info, rows), info.dtype, info.name)


def without_scale(order: TensorInfo) -> MalformedInput:
    """The error for an order of inputs that names groups there are no scales of."""
    return MalformedInput(
        f"{printable(order.name, 80)!r} names groups that have no scale",
        where=order.file,
        next_step="get an undamaged copy",
    )


def whole(files: Files, info: TensorInfo) -> Matrix:
    """A small plain tensor as one line of float32."""
    return numbers(files, info, np.arange(info.rows, dtype=np.int64)).reshape(-1)


def codes(raw: NDArray[np.uint8], places: Indices, bits: int) -> NDArray[np.uint8]:
    """The numbers of a few bits at places of each row (n, bytes), the first one in the lowest bits:
    (n, len(places)), of 8 bits at most."""
    first = places * bits
    byte, off = first // 8, (first % 8).astype(np.uint16)
    if 8 % bits == 0:
        short = raw[:, byte] >> off.astype(np.uint8)
        return np.asarray(short & np.uint8((1 << bits) - 1), dtype=np.uint8)
    # A number may reach into the next byte.
    after = np.minimum(byte + 1, raw.shape[1] - 1)
    low = raw[:, byte].astype(np.uint16) | (raw[:, after].astype(np.uint16) << np.uint16(8))
    return np.asarray((low >> off) & np.uint16((1 << bits) - 1), dtype=np.uint8)


def portions(rows: Indices, row_bytes: int) -> list[Indices]:
    """Row numbers in portions of bounded bytes."""
    step = max(1, PORTION // max(1, row_bytes))
    return [rows[at : at + step] for at in range(0, len(rows), step)]


@dataclass(frozen=True)
class Factors:
    """A matrix stored as the product of two: ``left`` (outputs, rank) and ``right`` (rank,
    inputs)."""

    left: TensorInfo
    right: TensorInfo
    by_rows: bool = True

    @property
    def pieces(self) -> tuple[TensorInfo, ...]:
        """Both."""
        return (self.left, self.right)

    def read(self, files: Files, rows: Indices, columns: Indices | None) -> Matrix:
        """Rows of the product."""
        right = numbers(files, self.right, np.arange(self.right.rows, dtype=np.int64))
        right = right if columns is None else right[:, columns]
        with np.errstate(all="ignore"):
            return np.asarray(numbers(files, self.left, rows) @ right, dtype=np.float32)


def spread(values: Matrix, groups: Indices) -> Matrix:
    """A group's value for each of its members: (n, groups) to (n, len(groups)), or one of all."""
    return values if values.shape[1] == 1 else values[:, groups]


def words(files: Files, info: TensorInfo, rows: Indices) -> Codes:
    """Rows of 32-bit words."""
    return files.rows(info, rows).view("<u4")
