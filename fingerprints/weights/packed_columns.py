"""Packed matrices that are stored inputs first: GPTQ and AWQ.

Layouts as AutoGPTQ's and AutoAWQ's linear layers document them (Frantar et al. 2022, arXiv
2210.17323; Lin et al. 2023, arXiv 2306.00978). A few outputs are read by reading every input's
words, in portions, and keeping theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fingerprints.weights.decode import Indices, Matrix
from fingerprints.weights.packed import (
    Codes,
    as_matrix,
    numbers,
    portions,
    without_scale,
    words,
)
from fingerprints.weights.tensors import Files, TensorInfo

AWQ_BITS = 4
_PLACES = np.array([0, 4, 1, 5, 2, 6, 3, 7], dtype=np.int64)
"""In which of a word's eight places AWQ puts each of eight outputs."""


@dataclass(frozen=True)
class Gptq:
    """``codes`` (inputs x bits / 32, outputs), packed along the inputs; ``zeros`` (groups, outputs
    x bits / 32), packed along the outputs, each less by ``less`` than meant; ``scales`` (groups,
    outputs). ``order``: which group each input is in; None: they stand in order."""

    codes: TensorInfo
    zeros: TensorInfo
    scales: TensorInfo
    width: int
    bits: int
    group: int
    less: int = 1
    order: TensorInfo | None = None
    by_rows: bool = False

    @property
    def pieces(self) -> tuple[TensorInfo, ...]:
        """Numbers, zeros, scales and order."""
        order = () if self.order is None else (self.order,)
        return (self.codes, self.zeros, self.scales, *order)

    def read(self, files: Files, rows: Indices, columns: Indices | None) -> Matrix:
        """Some outputs, unpacked and scaled."""
        inputs = np.arange(self.width, dtype=np.int64) if columns is None else columns
        bit = inputs * self.bits
        word, off = bit // 32, (bit % 32).astype(np.uint32)
        last = self.codes.rows - 1
        needed = np.unique(np.concatenate([word, np.minimum(word + 1, last)]))
        if 32 % self.bits == 0:
            needed = np.unique(word)
        held = kept(files, self.codes, needed, lambda raw: raw[:, rows])
        found = held[np.searchsorted(needed, word)] >> off[:, None]
        if 32 % self.bits:  # a number may reach into the next word
            after = held[np.searchsorted(needed, np.minimum(word + 1, last))]
            shift = ((32 - off) % 32)[:, None]
            found |= np.where(off[:, None] > 0, after << shift, np.uint32(0))
        found &= np.uint32((1 << self.bits) - 1)
        groups = self._groups(files)[inputs]
        used, at = np.unique(groups, return_inverse=True)
        zeros = self._zeros(files, used, rows)
        scales = numbers(files, self.scales, used)[:, rows]
        return scaled(found, zeros + np.float32(self.less), scales, at)

    def _groups(self, files: Files) -> Indices:
        if self.order is None:
            return np.arange(self.width, dtype=np.int64) // self.group
        line = files.rows(as_matrix(self.order, self.width), np.zeros(1, dtype=np.int64))
        found: Indices = line.view("<i4")[0].astype(np.int64)
        if len(found) and not 0 <= int(found.min()) <= int(found.max()) < self.scales.rows:
            raise without_scale(self.order)
        return found

    def _zeros(self, files: Files, groups: Indices, rows: Indices) -> Matrix:
        raw, bit = words(files, self.zeros, groups), rows * self.bits
        word, off = bit // 32, (bit % 32).astype(np.uint64)
        after = np.minimum(word + 1, raw.shape[1] - 1)
        both = raw[:, word].astype(np.uint64) | (raw[:, after].astype(np.uint64) << np.uint64(32))
        return ((both >> off) & np.uint64((1 << self.bits) - 1)).astype(np.float32)


@dataclass(frozen=True)
class Awq:
    """``codes`` (inputs, outputs / 8) and ``zeros`` (groups, outputs / 8), eight outputs a word in
    an order of their own; ``scales`` (groups, outputs)."""

    codes: TensorInfo
    zeros: TensorInfo
    scales: TensorInfo
    width: int
    group: int
    by_rows: bool = False

    @property
    def pieces(self) -> tuple[TensorInfo, ...]:
        """Numbers, zeros and scales."""
        return (self.codes, self.zeros, self.scales)

    def read(self, files: Files, rows: Indices, columns: Indices | None) -> Matrix:
        """Some outputs, unpacked and scaled."""
        inputs = np.arange(self.width, dtype=np.int64) if columns is None else columns
        found = kept(files, self.codes, inputs, lambda raw: _of_outputs(raw, rows))
        used, at = np.unique(inputs // self.group, return_inverse=True)
        zeros = _of_outputs(words(files, self.zeros, used), rows).astype(np.float32)
        return scaled(found, zeros, numbers(files, self.scales, used)[:, rows], at)


def _of_outputs(raw: Codes, rows: Indices) -> Codes:
    shift = (AWQ_BITS * _PLACES[rows % 8]).astype(np.uint32)
    found: Codes = (raw[:, rows // 8] >> shift) & np.uint32(15)
    return found


def kept(files: Files, info: TensorInfo, rows: Indices, keep: Callable[[Codes], Codes]) -> Codes:
    """What is kept of stored rows of words, read in portions."""
    parts = [keep(words(files, info, some)) for some in portions(rows, info.row_bytes)]
    return np.concatenate(parts) if parts else np.zeros((0, 0), dtype=np.uint32)


def scaled(found: Codes, zeros: Matrix, scales: Matrix, at: NDArray[np.intp]) -> Matrix:
    """Numbers (inputs, outputs) less their group's zero, times its scale: (outputs, inputs)."""
    out = found.astype(np.float32)
    out -= zeros[at]
    with np.errstate(all="ignore"):
        out *= scales[at]
    return np.ascontiguousarray(out.T)
