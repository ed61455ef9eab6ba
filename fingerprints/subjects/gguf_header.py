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

Value = bool | int | float | str | tuple["Value", ...]

MOST_ENTRIES = 1_000_000
LONGEST_STRING = 64 << 20
LARGEST_ALIGNMENT = 1 << 20
MOST_DIMENSIONS = 4
SCALARS: dict[int, str] = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
STRING, ARRAY = 8, 9
# Elements and bytes of one block of each tensor type: what the size of a tensor follows from.
BLOCKS: dict[int, tuple[int, int]] = {
    0: (1, 4),
    1: (1, 2),
    2: (32, 18),
    3: (32, 20),
    6: (32, 22),
    7: (32, 24),
    8: (32, 34),
    9: (32, 40),
    10: (256, 84),
    11: (256, 110),
    12: (256, 144),
    13: (256, 176),
    14: (256, 210),
    15: (256, 292),
    16: (256, 66),
    17: (256, 74),
    18: (256, 98),
    19: (256, 50),
    20: (32, 18),
    21: (256, 110),
    22: (256, 82),
    23: (256, 136),
    24: (1, 1),
    25: (1, 2),
    26: (1, 4),
    27: (1, 8),
    28: (1, 8),
    29: (256, 56),
    30: (1, 2),
    34: (256, 54),
    35: (256, 66),
    39: (32, 17),
}
FILE_TYPES: dict[int, str] = {
    0: "F32",
    1: "F16",
    2: "Q4_0",
    3: "Q4_1",
    7: "Q8_0",
    8: "Q5_0",
    9: "Q5_1",
    10: "Q2_K",
    11: "Q3_K_S",
    12: "Q3_K_M",
    13: "Q3_K_L",
    14: "Q4_K_S",
    15: "Q4_K_M",
    16: "Q5_K_S",
    17: "Q5_K_M",
    18: "Q6_K",
    19: "IQ2_XXS",
    20: "IQ2_XS",
    21: "Q2_K_S",
    22: "IQ3_XS",
    23: "IQ3_XXS",
    24: "IQ1_S",
    25: "IQ4_NL",
    26: "IQ3_S",
    27: "IQ3_M",
    28: "IQ2_S",
    29: "IQ2_M",
    30: "IQ4_XS",
    31: "IQ1_M",
    32: "BF16",
    36: "TQ1_0",
    37: "TQ2_0",
    38: "MXFP4",
}


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
    """What a GGUF file says of itself: version, metadata by key, tensors in order, where the
    data part begins."""

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
    try:
        with path.open("rb") as file:
            return _Reader(file, path.stat().st_size, path).header()
    except OSError as error:
        raise MalformedInput(
            f"can't be read: {error.strerror}", where=path, next_step="check the path"
        ) from error


class _Reader:
    """A cursor over the file that never asks for more bytes than are left."""

    def __init__(self, file: BinaryIO, size: int, path: Path) -> None:
        self.file, self.size, self.path, self.at = file, size, path, 0

    def bad(self, reason: str) -> MalformedInput:
        return MalformedInput(
            f"not a readable GGUF file: {reason} at byte {self.at}",
            where=self.path,
            next_step="download or convert the file again",
        )

    def take(self, count: int, what: str) -> bytes:
        if count > self.size - self.at:
            raise self.bad(f"{what} is longer than the rest of the file")
        data = self.file.read(count)
        if len(data) != count:
            raise self.bad(f"{what} ends early")
        self.at += count
        return data

    def number(self, form: str, what: str) -> int:
        return int(struct.unpack(form, self.take(struct.calcsize(form), what))[0])

    def count(self, what: str) -> int:
        value = self.number("<Q", what)
        if value > MOST_ENTRIES:
            raise self.bad(f"{what} is {value:,}, above {MOST_ENTRIES:,}")
        return value

    def string(self, what: str, longest: int = LONGEST_STRING) -> str:
        length = self.number("<Q", f"the length of {what}")
        if length > longest:
            raise self.bad(f"{what} has {length:,} bytes, above {longest:,}")
        return self.take(length, what).decode("utf-8", "replace")

    def header(self) -> GgufHeader:
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
        out: dict[str, Value] = {}
        for _ in range(count):
            key = self.string("a metadata key", 65_535)
            if key in out:
                raise self.bad(f"the metadata key {printable(key, 60)!r} stands twice")
            out[key] = self.value(self.number("<I", "a value type"), key)
        return out

    def value(self, kind: int, key: str) -> Value:
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
        if kind not in SCALARS:
            raise self.bad(f"{printable(key, 60)!r} has the unknown value type {kind}")
        form = SCALARS[kind]
        data = self.take(struct.calcsize(form) * length, f"the value of {printable(key, 60)!r}")
        return struct.unpack(f"<{length}{form[1]}", data)

    def tensor(self) -> TensorEntry:
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
        alignment = metadata.get("general.alignment", 32)
        if (
            not isinstance(alignment, int)
            or not 0 < alignment <= LARGEST_ALIGNMENT
            or alignment & (alignment - 1)
        ):
            raise self.bad("the alignment is no power of two up to 1 MiB")
        return -(-self.at // alignment) * alignment

    def checked(self, header: GgufHeader) -> GgufHeader:
        if len({t.name for t in header.tensors}) != len(header.tensors):
            raise self.bad("a tensor name stands twice")
        for tensor in header.tensors:
            # Python's integers don't overflow: a product of hostile dimensions is merely larger
            # than the file.
            if header.data_start + tensor.offset + tensor.bytes > self.size:
                raise self.bad(
                    f"tensor {printable(tensor.name, 60)!r} reaches past the end of the file"
                )
        return header
