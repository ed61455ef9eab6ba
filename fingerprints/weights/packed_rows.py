"""Packed matrices whose rows stand one after the other: MLX, compressed-tensors, bitsandbytes,
MXFP4 and NVFP4.

Layouts as documented by mlx.core.quantize, compressed-tensors' compressors, bitsandbytes'
functional (NF4: Dettmers et al. 2023, arXiv 2305.14314) and the OCP microscaling formats 1.0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fingerprints.weights.decode import Bytes, Indices, Matrix
from fingerprints.weights.packed import (
    as_matrix,
    codes,
    numbers,
    spread,
    whole,
    without_scale,
)
from fingerprints.weights.tensors import Files, TensorInfo

E2M1 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6], dtype=np.float32)
FP4 = np.concatenate([E2M1, -E2M1])
"""The sixteen numbers of four bits in MXFP4 and NVFP4."""


@dataclass(frozen=True)
class FewBits:
    """Whole numbers of a few bits, times their group's scale.

    ``codes``: rows of packed numbers (or of 8-bit ones). ``offset``: what every number is less by,
    as signed ones are stored. ``scales`` (rows, groups); ``zeros``: (rows, groups) subtracted
    before scaling, or, ``across``, packed along the outputs; ``biases`` (rows, groups), added
    after. ``order``: which group each input is in, where that is not their order.
    """

    codes: TensorInfo
    scales: TensorInfo
    width: int
    bits: int
    offset: int = 0
    zeros: TensorInfo | None = None
    across: bool = False
    biases: TensorInfo | None = None
    order: TensorInfo | None = None
    by_rows: bool = True

    @property
    def pieces(self) -> tuple[TensorInfo, ...]:
        """Numbers, scales and what else there is."""
        some = (self.codes, self.scales, self.zeros, self.biases, self.order)
        return tuple(p for p in some if p is not None)

    def read(self, files: Files, rows: Indices, columns: Indices | None) -> Matrix:
        """Rows, unpacked and scaled."""
        places = np.arange(self.width, dtype=np.int64) if columns is None else columns
        raw = files.rows(self.codes, rows)
        if self.codes.dtype == "I8":
            found = raw.view(np.int8)[:, places].astype(np.float32)
        else:
            found = codes(raw, places, self.bits).astype(np.float32) - np.float32(self.offset)
        groups = self._groups(files, places)
        if self.zeros is not None:
            found -= spread(self._zeros(files, rows), groups)
        found *= spread(self._of_rows(files, self.scales, rows), groups)
        if self.biases is not None:
            found += spread(self._of_rows(files, self.biases, rows), groups)
        return found

    def _groups(self, files: Files, places: Indices) -> Indices:
        if self.order is not None:
            line = files.rows(as_matrix(self.order, self.width), np.zeros(1, dtype=np.int64))
            found: Indices = line.view("<i4")[0].astype(np.int64)
            if int(found.max()) >= self.scales.width or int(found.min()) < -1:
                raise without_scale(self.order)
            # The library writes -1 where an order was meant and never set: they stand in order.
            if int(found.min()) >= 0:
                return found[places]
        return places * self.scales.width // self.width

    def _of_rows(self, files: Files, info: TensorInfo, rows: Indices) -> Matrix:
        one = info.elements == 1  # one for the whole matrix
        return numbers(files, info, np.zeros_like(rows) if one else rows)

    def _zeros(self, files: Files, rows: Indices) -> Matrix:
        if self.zeros is None:
            return np.zeros((len(rows), 1), dtype=np.float32)
        if not self.across:
            return files.rows(self.zeros, rows).view(np.int8).astype(np.float32)
        # Packed along the outputs: words (outputs / 8, groups) of which each holds eight rows'.
        per = 32 // self.bits
        held = files.rows(self.zeros, rows // per).view("<u4")
        shift = (rows % per * self.bits).astype(np.uint32)[:, None]
        found = (held >> shift) & np.uint32((1 << self.bits) - 1)
        return found.astype(np.float32) - np.float32(self.offset)


@dataclass(frozen=True)
class Microscaled:
    """Numbers of four bits from a table of sixteen, two a byte, the first in the low half, times
    their group's scale: MXFP4, whose scales are powers of two, and NVFP4, whose are 8-bit floats
    over one number for the whole matrix."""

    codes: TensorInfo
    scales: TensorInfo
    width: int
    over: TensorInfo | None = None
    by_rows: bool = True

    @property
    def pieces(self) -> tuple[TensorInfo, ...]:
        """Numbers, scales, and what they are over."""
        return (self.codes, self.scales, *(() if self.over is None else (self.over,)))

    def read(self, files: Files, rows: Indices, columns: Indices | None) -> Matrix:
        """Rows, looked up and scaled."""
        places = np.arange(self.width, dtype=np.int64) if columns is None else columns
        found = FP4[codes(files.rows(self.codes, rows), places, 4)]
        groups = places * self.scales.width // self.width
        with np.errstate(all="ignore"):
            if self.over is not None:
                held = numbers(files, self.scales, rows) / whole(files, self.over)[0]
                return np.asarray(found * held[:, groups], dtype=np.float32)
            exponent = files.rows(self.scales, rows)[:, groups].astype(np.int32) - 127
            return np.asarray(np.ldexp(found, exponent), dtype=np.float32)


@dataclass(frozen=True)
class Blocks:
    """bitsandbytes' four bits: numbers of a table, two a byte, the first in the high half, times
    the largest of their block, blocks running through the rows; or its eight bits where ``table``
    is empty.

    ``peaks``: the largest of each block. ``nested``: where those are 8-bit numbers of a table of
    their own, that table, the largest of each of their blocks, the length of one, and what is
    added.
    """

    codes: TensorInfo
    peaks: TensorInfo
    table: TensorInfo
    width: int
    block: int
    nested: tuple[TensorInfo, TensorInfo, int, float] | None = None
    by_rows: bool = True

    @property
    def pieces(self) -> tuple[TensorInfo, ...]:
        """Numbers, peaks and tables."""
        more = () if self.nested is None else self.nested[:2]
        return (self.codes, self.peaks, self.table, *more)

    def read(self, files: Files, rows: Indices, columns: Indices | None) -> Matrix:
        """Rows, looked up and scaled."""
        places = np.arange(self.width, dtype=np.int64) if columns is None else columns
        raw = files.rows(as_matrix(self.codes, self.width // 2), rows)
        high = (raw[:, places // 2] >> np.where(places % 2 == 0, 4, 0).astype(np.uint8)) & 15
        found = whole(files, self.table)[high]
        return np.asarray(found * self._peaks(files, rows, places), dtype=np.float32)

    def _peaks(self, files: Files, rows: Indices, places: Indices) -> Matrix:
        if self.width % self.block == 0:  # a row has blocks of its own
            each = self.width // self.block
            of = rows[:, None] * each + np.arange(each)
            raw = files.rows(as_matrix(self.peaks, each), rows)
            return self._told(files, raw, of)[:, places // self.block]
        at = (rows[:, None] * self.width + places) // self.block
        one_line = as_matrix(self.peaks, self.peaks.elements)
        raw = files.rows(one_line, np.zeros(1, dtype=np.int64))
        told = self._told(files, raw, np.arange(self.peaks.elements)[None])
        return np.asarray(told[0][at], dtype=np.float32)

    def _told(self, files: Files, raw: Bytes, of: Indices) -> Matrix:
        """The peaks that stored ones (n, bytes) stand for; ``of`` are the numbers of their
        blocks."""
        if self.nested is None:
            return np.asarray(np.ascontiguousarray(raw).view("<f4"), dtype=np.float32)
        table, peaks, length, more = self.nested
        scale = whole(files, peaks)[of // length]
        return np.asarray(whole(files, table)[raw] * scale + np.float32(more), dtype=np.float32)


@dataclass(frozen=True)
class ByteRows:
    """bitsandbytes' eight bits: whole numbers times their row's largest, over 127."""

    codes: TensorInfo
    peaks: TensorInfo
    by_rows: bool = True

    @property
    def pieces(self) -> tuple[TensorInfo, ...]:
        """Numbers and peaks."""
        return (self.codes, self.peaks)

    def read(self, files: Files, rows: Indices, columns: Indices | None) -> Matrix:
        """Rows, scaled."""
        raw = files.rows(self.codes, rows).view(np.int8)
        found = (raw if columns is None else raw[:, columns]).astype(np.float32)
        peaks = whole(files, self.peaks)[rows] / np.float32(127)
        return np.asarray(found * peaks[:, None], dtype=np.float32)
