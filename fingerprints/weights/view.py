"""A lazy view of a model's weights: any rows or columns of any tensor as float32, read when asked
for.

Knows tensors by name; what the names mean is `fingerprints.weights.anatomy`'s.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fingerprints.errors import MalformedInput, ResourceLimit, UsageProblem, printable
from fingerprints.records import canonical_json, sha256
from fingerprints.system import Closing
from fingerprints.weights.decode import Indices, Matrix, decode
from fingerprints.weights.low_rank import LowRank
from fingerprints.weights.packed import Packed
from fingerprints.weights.parts import Norm, TensorPart
from fingerprints.weights.tensors import Files, TensorInfo

Format = Literal["safetensors", "gguf", "safetensors+lora"]
Which = slice | NDArray[np.integer[Any]]
Vector = NDArray[np.float32]

# As DeepSeek-V3 is stored (arXiv 2412.19437).
SCALED_BLOCK = 128
"""Rows and columns that one scale of an 8-bit matrix is for, where the config names no other."""
LARGEST_RESULT = 1 << 30
"""Numbers that one reading gives at most (4 GiB as float32)."""
LARGEST_TENSOR = 64 << 30
"""Bytes of a tensor that is read from end to end: several times the largest published one."""
BEGINNING = 1 << 12
"""Bytes of a tensor that tell most of those that differ apart."""
STRIP = 256
"""Rows that are turned into columns at once."""


class Weights(Closing):
    """The weights of one model, as they lie on the disk; nothing is loaded but what is asked for.

    ``spec``: what it was opened from. ``path``: the folder or file (for an adapter, the base's).
    ``tensors``: what there is, by name. ``config``: config.json, or for GGUF the same few keys made
    from its metadata. ``metadata``: GGUF's own. ``adapter``: the adapter's folder, if there is one.
    ``packed``: how tensors are read that are put together from several. ``refusal``: why packed
    ones could not be put together. ``notes``: what was left unread in the folder.
    Use it as a context manager, or call `close`.
    """

    def __init__(
        self,
        spec: str,
        path: Path,
        tensors: Mapping[str, TensorInfo],
        config: Mapping[str, Any],
        form: Format = "safetensors",
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        self.spec = spec
        self.path = path
        self.tensors: Mapping[str, TensorInfo] = dict(tensors)
        self.config: Mapping[str, Any] = dict(config)
        self.format: Format = form
        self.metadata: Mapping[str, Any] = metadata or {}
        self.adapter: Path | None = None
        self.changes: Mapping[str, LowRank] = {}
        self.packed: Mapping[str, Packed] = {}
        self.refusal: MalformedInput | None = None
        self.notes: tuple[str, ...] = ()
        self._files = Files()

    @property
    def files(self) -> frozenset[Path]:
        """The files that the tensors lie in, an adapter's too, free of links: equal for one model
        however its spec is written."""
        folders = () if self.adapter is None else (self.adapter,)
        return frozenset(p.resolve() for p in (*(t.file for t in self.tensors.values()), *folders))

    @property
    def bytes_total(self) -> int:
        """Bytes of all tensors."""
        return sum(t.bytes for t in self.tensors.values())

    @property
    def quantisation(self) -> dict[str, float]:
        """Number formats and the share of all numbers that is stored in each, the largest first."""
        counts: dict[str, int] = {}
        for info in self.tensors.values():
            counts[info.dtype] = counts.get(info.dtype, 0) + info.elements
        total = max(1, sum(counts.values()))
        largest_first = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return {name: n / total for name, n in largest_first}

    def is_packed(self, name: str) -> bool:
        """Whether a tensor is put together from others: of few bits, or of two factors."""
        return name in self.packed

    def info(self, name: str) -> TensorInfo:
        """The description of a tensor. Raises MalformedInput where there is none of that name."""
        if name not in self.tensors:
            raise MalformedInput(
                f"there is no tensor {printable(name, 80)!r}",
                where=self.path,
                next_step="check that the model is whole",
            )
        return self.tensors[name]

    def rows(self, name: str, which: Which = slice(None)) -> Matrix:
        """Rows of a tensor as float32, (n, width), in the order asked for; only they are read.

        A tensor of three dimensions counts as a matrix of all its rows. NaN and infinity are given
        as they are. Raises MalformedInput for a file that ends early, a format that holds no
        weights, or no such tensor; UsageProblem for rows beyond the tensor, or quantised GGUF
        without the package gguf; ResourceLimit for more than 2^30 numbers.
        """
        info = self.info(name)
        return self._filled(info, chosen(which, info.rows, name), None)

    def columns(self, name: str, which: Which, among: Which = slice(None)) -> Matrix:
        """Columns of a tensor as float32, (n, rows): one line for each column asked for, over the
        rows ``among``.

        Rows are stored one after the other, so that all of them are read, in bounded portions.
        Raises as `rows` does.
        """
        info = self.info(name)
        rows, columns = chosen(among, info.rows, name), chosen(which, info.width, name)
        self._streamable(info)
        out = np.empty((len(columns), len(rows)), dtype=np.float32)
        every = np.array_equal(columns, np.arange(info.width))
        step = self._step(info, len(rows), len(columns))
        for start in range(0, len(rows), step):
            block = self._block(info, rows[start : start + step], None if every else columns)
            # Strips that a processor's cache holds: turning a whole matrix over takes four times
            # as long.
            for at in range(0, len(block), STRIP):
                strip = block[at : at + STRIP]
                out[:, start + at : start + at + len(strip)] = strip.T
        return out

    def vector(self, name: str) -> Vector:
        """All numbers of a small tensor in one line. Raises as `rows` does."""
        return self.rows(name).reshape(-1)

    def chunks(self, name: str, rows: int | None = None) -> Iterator[tuple[int, Matrix]]:
        """A whole tensor in portions: the first row's number, and float32 (n, width). ``rows``:
        rows of one portion.

        Raises as `rows` does.
        """
        info = self.info(name)
        self._streamable(info)
        step = min(rows or info.at_once(), info.at_once())
        for start in range(0, info.rows, step):
            some = np.arange(start, min(start + step, info.rows), dtype=np.int64)
            yield start, self._filled(info, some, None)

    def raw_digest(self, name: str) -> str:
        """Hexadecimal SHA-256 of a tensor's stored bytes; where an adapter changes it, over
        those and the adapter's numbers."""
        digest = hashlib.sha256()
        for data in self._data(name, whole=True):
            digest.update(data)
        stored, change = digest.hexdigest(), self.changes.get(name)
        return stored if change is None else sha256(canonical_json([stored, change.digest()]))

    def same_stored(self, other: Weights, name: str, whole: bool = True) -> bool:
        """Whether a tensor that both models have is stored in the same bytes, and changed by an
        adapter in the same way; not ``whole``: whether it begins so. Ends at the first difference.
        Raises as `raw_digest` does."""
        changes = (side.changes.get(name) for side in (self, other))
        if len({None if c is None else c.digest() for c in changes}) > 1:
            return False
        return all(
            a == b for a, b in zip_longest(self._data(name, whole), other._data(name, whole))
        )

    def _data(self, name: str, whole: bool) -> Iterator[bytearray]:
        """A tensor's stored bytes in portions, or the first few of each of its pieces."""
        info = self.info(name)
        self._streamable(info)
        for piece in self._pieces(info):
            if whole:
                yield from self._files.stream(piece)
            else:
                yield self._files.read(piece, 0, min(BEGINNING, piece.bytes))

    def part_rows(self, part: TensorPart, which: Which = slice(None)) -> Matrix:
        """Outputs of a logical matrix as float32, (n, inputs). Raises as `rows` does."""
        stored = part.stored(chosen(which, part.outputs, part.tensor))
        if not part.transposed:
            return self.rows(part.tensor, stored)
        among = slice(part.inputs_from, part.inputs_from + part.inputs)
        return self.columns(part.tensor, stored, among)

    def part_columns(self, part: TensorPart, which: Which = slice(None)) -> Matrix:
        """Inputs of a logical matrix, (n, outputs) float32. Raises as `rows` does."""
        outputs = part.stored(np.arange(part.outputs, dtype=np.int64))
        inputs = chosen(which, part.inputs, part.tensor)
        if part.transposed:
            inputs = inputs + part.inputs_from
            return np.ascontiguousarray(self.rows(part.tensor, inputs)[:, outputs])
        return self.columns(part.tensor, inputs, outputs)

    def gain(self, norm: Norm | None, width: int) -> Vector:
        """What a norm multiplies by, (width,) float32; ones where it has no weights."""
        if norm is None:
            return np.ones(width, dtype=np.float32)
        stored = self.vector(norm.tensor)
        return stored + np.float32(1) if norm.plus_one else stored

    def close(self) -> None:
        """Closes the files."""
        self._files.close()

    def _filled(self, info: TensorInfo, rows: Indices, columns: Indices | None) -> Matrix:
        wide = info.width if columns is None else len(columns)
        step = self._step(info, len(rows), wide)
        if len(rows) <= step:
            return self._block(info, rows, columns)
        out = np.empty((len(rows), wide), dtype=np.float32)
        for start in range(0, len(rows), step):
            room = out[start : start + step]
            block = self._block(info, rows[start : start + step], columns, room)
            if not np.may_share_memory(block, room):
                room[:] = block
        return out

    def _step(self, info: TensorInfo, rows: int, wide: int) -> int:
        """How many of so many rows are read at once."""
        if rows * wide > LARGEST_RESULT:
            raise ResourceLimit(
                f"{rows:,} rows of {wide:,} numbers of tensor {printable(info.name, 80)!r} at once",
                where=info.file,
                next_step="ask for fewer rows, or for the tensor in chunks",
            )
        packed = self.packed.get(info.name)
        for piece in self._pieces(info):
            piece.at_once()
        at_once = packed is not None and not packed.by_rows
        return max(1, rows) if at_once else info.at_once()

    def _block(
        self,
        info: TensorInfo,
        rows: Indices,
        columns: Indices | None,
        room: Matrix | None = None,
    ) -> Matrix:
        packed = self.packed.get(info.name)
        if packed is not None:
            block = packed.read(self._files, rows, columns)
        else:
            block = decode(self._files.rows(info, rows), info.dtype, info.name, columns, room)
        if packed is None and info.dtype.startswith("F8"):
            block = _scaled(self, info, block, rows, columns)
        change = self.changes.get(info.name)
        return block if change is None else change.added(block, rows, columns)

    def _pieces(self, info: TensorInfo) -> tuple[TensorInfo, ...]:
        packed = self.packed.get(info.name)
        return (info,) if packed is None else packed.pieces

    def _streamable(self, info: TensorInfo) -> None:
        if info.bytes > LARGEST_TENSOR:
            raise ResourceLimit(
                f"tensor {printable(info.name, 80)!r} has {info.bytes:,} bytes, above"
                f" {LARGEST_TENSOR:,}",
                where=info.file,
                next_step="check the file: no known model has such a tensor",
            )


def chosen(which: Which, n: int, tensor: str) -> Indices:
    """Row or column numbers as an array. Raises UsageProblem where one is not in 0 … n - 1."""
    if isinstance(which, slice):
        start, stop, step = which.indices(n)
        if (stop - start) // step > LARGEST_RESULT:
            raise ResourceLimit(
                f"tensor {printable(tensor, 80)!r} has {n:,} rows",
                next_step="ask for fewer rows, or for the tensor in chunks",
            )
        return np.arange(start, stop, step, dtype=np.int64)
    out = np.asarray(which, dtype=np.int64).reshape(-1)
    if len(out) and not 0 <= int(out.min()) <= int(out.max()) < n:
        raise UsageProblem(
            f"tensor {printable(tensor, 80)!r} has only {n:,} of what was asked for",
            where=int(out.max()),
        )
    return out


def _scaled(
    weights: Weights, info: TensorInfo, block: Matrix, rows: Indices, columns: Indices | None
) -> Matrix:
    """Rows and columns of an 8-bit matrix, times the scale that belongs to them: without it such a
    matrix is not what the model computes with.

    ``NAME_scale_inv`` holds one scale for a block (by the config's weight_block_size, else 128 by
    128), ``NAME_scale`` one for each row or one in all. Raises MalformedInput where the config says
    quantised and no scale of these kinds is there.
    """
    columns = np.arange(info.width, dtype=np.int64) if columns is None else columns
    blocks = weights.tensors.get(f"{info.name}_scale_inv")
    if blocks is not None:
        high, wide = _block_size(weights)
        if blocks.shape != (-(-info.rows // high), -(-info.width // wide)):
            raise _unscaled(info, f"its scales have the shape {blocks.shape}")
        return block * weights.rows(blocks.name)[np.ix_(rows // high, columns // wide)]
    plain = weights.tensors.get(f"{info.name}_scale")
    if plain is not None:
        numbers = weights.vector(plain.name)
        if numbers.size not in (1, info.rows):
            raise _unscaled(info, f"its scales have the shape {plain.shape}")
        return block * (numbers if numbers.size == 1 else numbers[rows, None])
    if weights.config.get("quantization_config") is not None:
        raise _unscaled(info, "no scale is stored beside it")
    return block


def _block_size(weights: Weights) -> tuple[int, int]:
    told = weights.config.get("quantization_config")
    size = told.get("weight_block_size") if isinstance(told, dict) else None
    match size:
        case [int(high), int(wide)] if high > 0 and wide > 0:
            return high, wide
        case _:
            return SCALED_BLOCK, SCALED_BLOCK


def _unscaled(info: TensorInfo, reason: str) -> MalformedInput:
    return MalformedInput(
        f"the 8-bit tensor {printable(info.name, 80)!r} can't be read: {reason}",
        where=info.file,
        next_step="give the unquantised checkpoint",
    )
