"""A bounded reader of GGUF headers: metadata and tensor table, never a tensor's bytes.

It stands before the library reader, which hangs on some malformed files of a few dozen bytes. Every
count, length and offset is held against what the file can hold before anything is read or
allocated. Knows the container; knows nothing of models. Format: the GGUF specification, versions 2
and 3, little-endian.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fingerprints.errors import MalformedInput, printable
from fingerprints.system import reading

Value = bool | int | float | str | tuple["Value", ...]

# Far above any real file: what claims more is refused before room is made for it.
MOST_ENTRIES = 1_000_000
LONGEST_STRING = 64 << 20
LARGEST_ALIGNMENT = 1 << 20
MOST_DIMENSIONS = 4
SCALARS = dict(enumerate("BbHhIif?")) | {10: "Q", 11: "q", 12: "d"}
"""How `struct` reads each value type; between them stand the next two."""
STRING, ARRAY = 8, 9


def _numbered(words: str) -> dict[int, str]:
    # A dash stands for a number that llama.cpp has given up.
    return {number: word for number, word in enumerate(words.split()) if word != "-"}


TYPES = _numbered(
    "F32 F16 Q4_0 Q4_1 - - Q5_0 Q5_1 Q8_0 Q8_1 Q2_K Q3_K Q4_K Q5_K Q6_K Q8_K IQ2_XXS IQ2_XS"
    " IQ3_XXS IQ1_S IQ4_NL IQ3_S IQ2_S IQ4_XS I8 I16 I32 I64 F64 IQ1_M BF16 - - - TQ1_0 TQ2_0"
    " - - - MXFP4"
)
"""Tensor types by number."""
_BLOCK_BYTES: dict[int, dict[str, int]] = {
    1: dict(F32=4, F16=2, I8=1, I16=2, I32=4, I64=8, F64=8, BF16=2),
    32: dict(Q4_0=18, Q4_1=20, Q5_0=22, Q5_1=24, Q8_0=34, Q8_1=40, IQ4_NL=18, MXFP4=17),
    256: dict(Q2_K=84, Q3_K=110, Q4_K=144, Q5_K=176, Q6_K=210, Q8_K=292, TQ1_0=54, TQ2_0=66)
    | dict(IQ2_XXS=66, IQ2_XS=74, IQ3_XXS=98, IQ1_S=50, IQ3_S=110, IQ2_S=82, IQ4_XS=136, IQ1_M=56),
}
_SIZES = {
    name: (block, size) for block, sizes in _BLOCK_BYTES.items() for name, size in sizes.items()
}
BLOCKS = {number: _SIZES[name] for number, name in TYPES.items()}
"""Elements and bytes of one block of each tensor type: what the size of a tensor follows from."""
FILE_TYPES = _numbered(
    "F32 F16 Q4_0 Q4_1 - - - Q8_0 Q5_0 Q5_1 Q2_K Q3_K_S Q3_K_M Q3_K_L Q4_K_S Q4_K_M Q5_K_S Q5_K_M"
    " Q6_K IQ2_XXS IQ2_XS Q2_K_S IQ3_XS IQ3_XXS IQ1_S IQ4_NL IQ3_S IQ3_M IQ2_S IQ2_M IQ4_XS IQ1_M"
    " BF16 - - - TQ1_0 TQ2_0 MXFP4"
)
"""What `general.file_type` calls the quantisation of most tensors."""


@dataclass(frozen=True)
class TensorEntry:
    """One row of the tensor table: name, dimensions (fastest first, as stored), type number,
    offset in the data part."""

    name: str
    shape: tuple[int, ...]
    type: int
    offset: int

    @property
    def elements(self) -> int:
        """How many numbers the tensor holds."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """How many bytes it takes in the file."""
        block, size = BLOCKS[self.type]
        return self.elements // block * size


@dataclass(frozen=True)
class GgufHeader:
    """What a GGUF file says of itself, and where its data part begins."""

    version: int
    metadata: Mapping[str, Value]
    tensors: tuple[TensorEntry, ...]
    data_start: int

    @property
    def architecture(self) -> str:
        """The value of ``general.architecture``, or an empty text."""
        return str(self.metadata.get("general.architecture", ""))

    @property
    def quantisation(self) -> str:
        """The name of ``general.file_type`` (Q4_1, F16, …), or "unknown"."""
        number = self.metadata.get("general.file_type")
        return FILE_TYPES.get(number, f"type {number}") if isinstance(number, int) else "unknown"

    @property
    def parameters(self) -> int:
        """How many numbers all tensors hold."""
        return sum(t.elements for t in self.tensors)


def read_gguf_header(path: Path) -> GgufHeader:
    """Reads and checks a GGUF file's header; the tensors' bytes stay unread.

    Raises MalformedInput, within milliseconds, for anything that is not a whole, little-endian GGUF
    file of version 2 or 3: wrong magic, counts above a million, strings or arrays longer than the
    file, nested arrays, duplicate keys, an alignment that is no power of two up to 1 MiB,
    dimensions that overflow, tensors that reach past the end.
    """
    with reading(path), path.open("rb") as file:
        return _Reader(file, path.stat().st_size, path).header()


class _Reader:
    """A cursor over the file that never asks for more bytes than are left."""

    def __init__(self, file: BinaryIO, size: int, path: Path) -> None:
        self.file, self.size, self.path, self.at = file, size, path, 0

    def bad(self, reason: str) -> MalformedInput:
        """The error for what stands here, not raised yet."""
        return MalformedInput(
            f"not a readable GGUF file: {reason} at byte {self.at}",
            where=self.path,
            next_step="download or convert the file again",
        )

    def take(self, count: int, what: str) -> bytes:
        """The next ``count`` bytes, all of them or MalformedInput."""
        if count > self.size - self.at:
            raise self.bad(f"{what} is longer than the rest of the file")
        data = self.file.read(count)
        if len(data) != count:
            raise self.bad(f"{what} ends early")
        self.at += count
        return data

    def number(self, form: str, what: str) -> int:
        """The next integer, of a `struct` form."""
        return int(struct.unpack(form, self.take(struct.calcsize(form), what))[0])

    def count(self, what: str) -> int:
        """A number of entries: 64 bits, `MOST_ENTRIES` at most."""
        value = self.number("<Q", what)
        if value > MOST_ENTRIES:
            raise self.bad(f"{what} is {value:,}, above {MOST_ENTRIES:,}")
        return value

    def string(self, what: str, longest: int = LONGEST_STRING) -> str:
        """A string behind its 64-bit length in bytes; what is no UTF-8 becomes U+FFFD."""
        length = self.number("<Q", f"the length of {what}")
        if length > longest:
            raise self.bad(f"{what} has {length:,} bytes, above {longest:,}")
        return self.take(length, what).decode("utf-8", "replace")

    def header(self) -> GgufHeader:
        """The whole header, checked; the cursor stands behind it."""
        if self.take(min(4, self.size), "the magic") != b"GGUF":
            raise self.bad("it does not begin with GGUF")
        version = self.number("<I", "the version")
        if version not in (2, 3):
            raise self.bad(f"version {version} is not 2 or 3 (or the file is big-endian)")
        tensor_count, entry_count = self.count("the tensor count"), self.count("the metadata count")
        metadata = self.metadata(entry_count)
        tensors = tuple(self.tensor() for _ in range(tensor_count))
        return self.checked(GgufHeader(version, metadata, tensors, self.data_start(metadata)))

    def metadata(self, count: int) -> dict[str, Value]:
        """So many keys with their values; a key that stands twice is refused."""
        out: dict[str, Value] = {}
        for _ in range(count):
            key = self.string("a metadata key", 65_535)
            if key in out:
                raise self.bad(f"the metadata key {printable(key, 60)!r} stands twice")
            out[key] = self.value(self.number("<I", "a value type"), key)
        return out

    def value(self, kind: int, key: str) -> Value:
        """A value of one of the format's types; an array as a tuple, never one within another."""
        if kind == STRING:
            return self.string(f"the value of {printable(key, 60)!r}")
        if kind != ARRAY:
            return self.scalars(kind, 1, key)[0]
        kind, length = self.number("<I", "an array type"), self.count("an array length")
        if kind == ARRAY:
            raise self.bad(f"{printable(key, 60)!r} holds nested arrays")
        if kind == STRING:
            return tuple(self.string(f"an item of {printable(key, 60)!r}") for _ in range(length))
        return self.scalars(kind, length, key)

    def scalars(self, kind: int, length: int, key: str) -> tuple[Value, ...]:
        """So many values of one type of fixed size."""
        if kind not in SCALARS:
            raise self.bad(f"{printable(key, 60)!r} has the unknown value type {kind}")
        form = f"<{length}{SCALARS[kind]}"
        data = self.take(struct.calcsize(form), f"the value of {printable(key, 60)!r}")
        return struct.unpack(form, data)

    def tensor(self) -> TensorEntry:
        """One tensor's entry: name, shape (the fastest dimension first), type, offset in bytes."""
        name = self.string("a tensor name", 65_535)
        dimensions = self.number("<I", "a dimension count")
        if not 0 < dimensions <= MOST_DIMENSIONS:
            raise self.bad(f"tensor {printable(name, 60)!r} has {dimensions} dimensions")
        shape = tuple(self.number("<Q", "a dimension") for _ in range(dimensions))
        kind, offset = self.number("<I", "a tensor type"), self.number("<Q", "a tensor offset")
        if kind not in BLOCKS:
            raise self.bad(f"tensor {printable(name, 60)!r} has the unknown type {kind}")
        if shape[0] % BLOCKS[kind][0]:
            raise self.bad(f"tensor {printable(name, 60)!r} has rows that are no whole blocks")
        return TensorEntry(name, shape, kind, offset)

    def data_start(self, metadata: Mapping[str, Value]) -> int:
        """Where the tensors' bytes begin: here, rounded up to the alignment."""
        alignment = metadata.get("general.alignment", 32)
        if (
            not isinstance(alignment, int)
            or not 0 < alignment <= LARGEST_ALIGNMENT
            or alignment & (alignment - 1)
        ):
            raise self.bad("the alignment is no power of two up to 1 MiB")
        return -(-self.at // alignment) * alignment

    def checked(self, header: GgufHeader) -> GgufHeader:
        """The header, where names differ and every tensor lies inside the file."""
        if len({t.name for t in header.tensors}) != len(header.tensors):
            raise self.bad("a tensor name stands twice")
        for tensor in header.tensors:
            # Python's integers don't overflow: hostile dimensions are merely larger than the file.
            if header.data_start + tensor.offset + tensor.bytes > self.size:
                name = printable(tensor.name, 60)
                raise self.bad(f"tensor {name!r} reaches past the end of the file")
        return header
