"""Stored bytes to float32: the plain number formats in numpy, the quantised ones of GGUF through
the package gguf.

Knows formats; knows neither files nor models.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fingerprints.errors import MalformedInput, missing_extra, printable
from fingerprints.subjects.gguf_header import TYPES

Bytes = NDArray[np.uint8]
Matrix = NDArray[np.float32]
Indices = NDArray[np.int64]

PLAIN = dict(F64="<f8", F32="<f4", F16="<f2", BF16="<u2", F8_E4M3="<u1", F8_E5M2="<u1")
"""Number formats of weights that numpy reads, and how their bytes are looked at first."""
_WHOLE = ("I8", "I16", "I32", "I64")
_QUANTISED = {name: number for number, name in TYPES.items() if name not in (*PLAIN, *_WHOLE)}


def decode(
    raw: Bytes,
    dtype: str,
    tensor: str,
    columns: Indices | None = None,
    room: Matrix | None = None,
) -> Matrix:
    """Rows of stored bytes (n, bytes of a row) as float32 (n, width), or only the columns asked
    for.

    bfloat16 and the 8-bit floats are exact in float32; float64 is rounded. NaN and infinity stay
    what they are. ``room``: where the answer may be put, which saves a copy; it need not be. Raises
    MalformedInput for a format that holds no weights or that the package gguf does not read, and
    UsageProblem where that package is needed and missing; ``tensor`` is named in both.
    """
    if dtype in PLAIN:
        numbers = raw.view(PLAIN[dtype])
        picked = numbers if columns is None else numbers[:, columns]
        with np.errstate(all="ignore"):
            return _plain(np.ascontiguousarray(picked), dtype, room)
    whole = _dequantised(raw, dtype, tensor)
    return whole if columns is None else np.ascontiguousarray(whole[:, columns])


def _plain(numbers: NDArray[Any], dtype: str, room: Matrix | None) -> Matrix:
    if dtype == "BF16":
        wide = None if room is None else room.view(np.uint32)
        bits = np.left_shift(numbers, 16, dtype=np.uint32, out=wide)
        return np.asarray(bits.view(np.float32))
    if dtype.startswith("F8"):
        return np.asarray(_eight_bits(dtype)[numbers], dtype=np.float32)
    return numbers.astype(np.float32, copy=False)


@cache
def _eight_bits(dtype: str) -> Matrix:
    codes = np.arange(256, dtype=np.uint16)
    if dtype == "F8_E5M2":  # the upper half of a float16
        return (codes << 8).view(np.float16).astype(np.float32)
    exponent, mantissa = (codes >> 3 & 15).astype(np.float32), (codes & 7).astype(np.float32)
    size = np.where(
        exponent == 0, mantissa / 8 * 2.0**-6, (1 + mantissa / 8) * 2.0 ** (exponent - 7)
    )
    table = np.where(codes >> 7, -size, size).astype(np.float32)
    table[[127, 255]] = np.nan  # the variant without infinities (OCP 8-bit floating point, E4M3)
    return table


def _dequantised(raw: Bytes, dtype: str, tensor: str) -> Matrix:
    if dtype not in _QUANTISED:
        raise _unreadable(dtype, tensor)
    if importlib.util.find_spec("gguf") is None:
        raise missing_extra("gguf", "gguf", f"reading {dtype} weights")
    import gguf

    try:
        with np.errstate(all="ignore"):
            numbers = gguf.quants.dequantize(raw, gguf.GGMLQuantizationType(_QUANTISED[dtype]))
    except (NotImplementedError, ValueError, AttributeError) as error:
        raise _unreadable(dtype, tensor) from error
    return np.asarray(numbers, dtype=np.float32)


def _unreadable(dtype: str, tensor: str) -> MalformedInput:
    return MalformedInput(
        f"tensor {printable(tensor, 80)!r} is stored as {dtype}, which can't be read as weights",
        next_step=(
            "give the unquantised checkpoint, or a GGUF file of a common type such as Q8_0 or Q4_K"
        ),
    )
