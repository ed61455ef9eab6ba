"""A bounded check of safetensors headers, before the library sees the file.

The library lets duplicate keys and very large headers pass; a checker and a loader could then see
different tensors. Knows the container; knows nothing of models. Format: the safetensors
specification; Trail of Bits audit, 2023.
"""

from __future__ import annotations

import json
import math
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fingerprints.errors import MalformedInput, ResourceLimit, UnsafeInput, printable
from fingerprints.subjects.strict_json import BadValue, unique
from fingerprints.system import reading

LARGEST_HEADER = 32 << 20
"""The library itself takes 100 MB; 65,536 tensors need less than this."""
MOST_TENSORS = 65_536
BITS = dict(BOOL=8, F4=4, F6_E2M3=6, F6_E3M2=6, F8_E5M2=8, F8_E4M3=8, F8_E8M0=8, BF16=16, C64=64)
BITS |= {f"{kind}{bits}": bits for kind in "UI" for bits in (8, 16, 32, 64)}
BITS |= {f"F{bits}": bits for bits in (16, 32, 64)}
LFS = b"version https://git-lfs.github.com/spec"
OTHERS = {
    b"PK\x03\x04": "a zip archive",
    b"\x7fELF": "a program",
    b"<!DO": "a web page",
    b"<htm": "a web page",
    b"GGUF": "a GGUF file",
}


@dataclass(frozen=True)
class TensorSlot:
    """One tensor of a safetensors file: name, number format, shape, and its bytes' place in the
    data part."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


def read_safetensors_header(path: Path) -> tuple[TensorSlot, ...]:
    """The tensors that a safetensors file holds, in order of their place, each checked against the
    file's size.

    Raises MalformedInput for a file that is not whole (a git-LFS pointer has its own message),
    UnsafeInput for a pickle under this name, ResourceLimit for a header above 32 MiB or 65,536
    tensors.
    """
    with reading(path, "check the file"), path.open("rb") as file:
        size, start = os.fstat(file.fileno()).st_size, file.read(8)
        _recognise(start + file.read(56), path)
        if len(start) < 8:
            raise _bad("the file is shorter than its header's length", path)
        (length,) = struct.unpack("<Q", start)
        if length > LARGEST_HEADER:
            said = f"its header claims {length:,} bytes, above {LARGEST_HEADER:,}"
            raise ResourceLimit(said, where=path, next_step="look at it in a sandbox")
        if length > size - 8:
            raise _bad("the header is longer than the file", path)
        file.seek(8)
        return _checked(_parsed(file.read(length), path), size - 8 - length, path)


def is_lfs_pointer(path: Path) -> bool:
    """Whether a file is a git-LFS pointer instead of what it stands for."""
    with path.open("rb") as file:
        return file.read(len(LFS)) == LFS


def _recognise(head: bytes, path: Path) -> None:
    if head.startswith(LFS):
        raise lfs_problem(path)
    if head[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05") and head[2:8] != b"\0" * 6:
        said = "a pickle under the name of safetensors"
        raise UnsafeInput(said, where=path, next_step="do not open this checkpoint")
    for magic, what in OTHERS.items():
        if head.startswith(magic):
            raise MalformedInput(
                f"not safetensors but {what}", where=path, next_step="download the weights again"
            )


def lfs_problem(path: Path) -> MalformedInput:
    """The error for a file that git-LFS has not fetched."""
    said, step = "only a git-LFS pointer, not the file itself", "run `git lfs pull` in that folder"
    return MalformedInput(said, where=path, next_step=step)


def _bad(reason: str, path: Path) -> MalformedInput:
    return MalformedInput(
        f"not a whole safetensors file: {reason}", where=path, next_step="download or save it again"
    )


def _parsed(raw: bytes, path: Path) -> dict[str, Any]:
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=unique)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, BadValue) else "its header is no JSON"
        raise _bad(reason, path) from error
    if not isinstance(value, dict):
        raise _bad("its header is no JSON object", path)
    value.pop("__metadata__", None)
    if len(value) > MOST_TENSORS:
        said = f"it holds {len(value):,} tensors, above {MOST_TENSORS:,}"
        raise ResourceLimit(said, where=path, next_step="look at it in a sandbox")
    return value


def _checked(header: dict[str, Any], room: int, path: Path) -> tuple[TensorSlot, ...]:
    found = (_slot(name, entry, path) for name, entry in header.items())
    slots = sorted(found, key=lambda slot: (slot.start, slot.stop))
    at = 0
    for slot in slots:
        if slot.start != at:
            shown = printable(slot.name, 60)
            raise _bad(f"tensor {shown!r} leaves a hole or overlaps another", path)
        at = slot.stop
    if at != room:
        raise _bad(f"its tensors take {at:,} bytes and the file has {room:,}", path)
    return tuple(slots)


def _slot(name: str, entry: Any, path: Path) -> TensorSlot:
    shown = printable(name, 60)
    if any(c in name for c in "\0\r\n") or ".." in name.split("/"):
        raise _bad(f"the tensor name {shown!r} is not a name", path)
    known = (
        isinstance(entry, dict)
        and set(entry) == {"dtype", "shape", "data_offsets"}
        and isinstance(entry["dtype"], str)
    )
    if not known or entry["dtype"] not in BITS:
        raise _bad(f"tensor {shown!r} has an unknown description", path)
    shape, offsets = entry["shape"], entry["data_offsets"]
    whole = _whole_numbers(shape) and _whole_numbers(offsets)
    if not whole or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise _bad(f"tensor {shown!r} has a shape or place that is no list of whole numbers", path)
    if math.prod(shape) * BITS[entry["dtype"]] != (offsets[1] - offsets[0]) * 8:
        raise _bad(f"tensor {shown!r} has a shape that does not fit its bytes", path)
    if any(side > 1 << 40 for side in shape):
        raise _bad(f"tensor {shown!r} has an impossible shape", path)
    return TensorSlot(name, entry["dtype"], tuple(shape), offsets[0], offsets[1])


def _whole_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(type(v) is int and v >= 0 for v in value)
