"""Which tensors of a checkpoint make up one matrix: packed by a quantiser, or left as two factors.

By names, held against the shapes; a format that is not read is refused by its name. Knows config
keys and names; reads nothing but small descriptions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fingerprints.errors import MalformedInput, printable
from fingerprints.weights.packed import Factors, Packed, as_matrix
from fingerprints.weights.packed_columns import AWQ_BITS, Awq, Gptq
from fingerprints.weights.packed_rows import Blocks, ByteRows, FewBits, Microscaled
from fingerprints.weights.tensors import Files, TensorInfo

Tensors = Mapping[str, TensorInfo]
Found = tuple[str, tuple[int, ...], Packed, str]
"""Name, shape, how it is read, and what its format is called."""

LARGEST_STATE = 4096
MOST_RANK = 1 << 14
MOST_SCALES = 1 << 28
"""Scales of one matrix: four times those of the largest published fused experts."""
UNREAD = {
    "aqlm": "AQLM",
    "eetq": "EETQ",
    "exl2": "EXL2",
    "exl3": "EXL3",
    "higgs": "HIGGS",
    "hqq": "HQQ",
    "quanto": "Quanto",
    "quip": "QuIP#",
    "spqr": "SpQR",
    "torchao": "torchao",
    "vptq": "VPTQ",
    "bitnet": "BitNet",
}
"""Quantisers whose tensors are not read here."""
_UNREAD_FORMATS = ("marlin-24", "sparse-24-bitmask", "sparse-bitmask", "nvfp4-packed-marlin")
_FACTORS = (
    (".A.weight", ".B.weight", False),
    (".lora_A.weight", ".lora_B.weight", False),
    (".BLinear.weight", ".ALinear.weight", False),
    (".0.weight", ".1.weight", False),
    (".V.weight", ".U.weight", False),
    (".v_proj.weight", ".u_proj.weight", False),
    (".right.weight", ".left.weight", False),
    ("_v_proj.weight", "_u_proj.weight", True),
)
"""What the two factors of a matrix are called, the one that reads first (ASVD, SVD-LLM, and plain
sequences of two layers); and whether the matrix itself is then called X_proj."""


def put_together(
    tensors: Tensors, config: Mapping[str, Any], folder: Path
) -> tuple[dict[str, TensorInfo], dict[str, Packed]]:
    """The tensors with every packed matrix as one, and how those are read.

    Raises MalformedInput for a quantiser that is not read, and for pieces that don't fit each
    other.
    """
    told = config.get("quantization_config")
    told = told if isinstance(told, dict) else {}
    method = str(told.get("quant_method", told.get("quant_algo", ""))).lower()
    if method in UNREAD or str(told.get("format")) in _UNREAD_FORMATS:
        raise unread(UNREAD.get(method, printable(str(told.get("format")), 40)), folder)
    finders: tuple[Callable[[str, Tensors, Mapping[str, Any]], Found | None], ...] = (
        _by_inputs,
        _of_bytes,
        _of_blocks,
        _compressed,
        _mlx,
        _mxfp4,
        _factors,
    )
    out, packed = dict(tensors), dict[str, Packed]()
    mlx = config.get("quantization")
    settings = {**told, "mlx": mlx if isinstance(mlx, dict) else {}}
    for name in tensors:
        found = next(
            (f for f in (finder(name, tensors, settings) for finder in finders) if f), None
        )
        if found is None:
            continue
        called, shape, how, kind = found
        _bounded(how)
        for piece in how.pieces:
            out.pop(piece.name, None)
        size = sum(p.bytes for p in how.pieces)
        first = how.pieces[0]
        out[called] = TensorInfo(called, kind, shape, size, first.file, first.offset)
        packed[called] = how
    return _without_rests(out, packed), packed


def _bounded(how: Packed) -> None:
    """Refuses scales that would not fit into memory beside rows."""
    for piece in how.pieces[1:]:
        if piece.elements > MOST_SCALES:
            raise _misfit(piece, f"it holds {piece.elements:,} numbers, above {MOST_SCALES:,}")


def unread(kind: str, folder: Path) -> MalformedInput:
    """The error for a quantiser that is not read."""
    return MalformedInput(
        f"its matrices are packed by {kind}, which is not read here",
        where=folder,
        next_step="give the checkpoint that it was made from, or a GGUF file",
    )


_RESTS = (".weight_shape", ".qscale", ".weight_format", ".quant_state.bitsandbytes__")


def _without_rests(
    tensors: dict[str, TensorInfo], packed: Mapping[str, Packed]
) -> dict[str, TensorInfo]:
    """Without what only describes a packed matrix."""
    if not packed:
        return tensors
    return {n: t for n, t in tensors.items() if not any(rest in n for rest in _RESTS)}


def _by_inputs(name: str, tensors: Tensors, told: Mapping[str, Any]) -> Found | None:
    """GPTQ and AWQ: X.qweight with X.qzeros and X.scales."""
    if not name.endswith(".qweight"):
        return None
    stem = name.removesuffix(".qweight")
    codes = tensors[name]
    zeros, scales = (tensors.get(f"{stem}.{n}") for n in ("qzeros", "scales"))
    if zeros is None or scales is None or not _matrices(codes, zeros, scales):
        raise _misfit(codes, "its scales or zero points are missing")
    if codes.dtype != "I32" or zeros.dtype != "I32" or zeros.shape[0] != scales.shape[0]:
        raise _misfit(codes, "its scales don't fit")
    groups, outputs = scales.shape
    order = tensors.get(f"{stem}.g_idx")
    if codes.shape[1] == outputs and groups:
        bits = zeros.shape[1] * 32 // outputs
        width = codes.shape[0] * 32 // bits if bits else 0
        fits = 2 <= bits <= 8 and zeros.shape[1] == -(-outputs * bits // 32)
        fits = fits and width * bits == codes.shape[0] * 32
        if not fits or not _is_order(order, width):
            raise _misfit(codes, f"its shape is {codes.shape} beside scales of {scales.shape}")
        less = 0 if told.get("checkpoint_format") == "gptq_v2" else 1
        how: Packed = Gptq(codes, zeros, scales, width, bits, -(-width // groups), less, order)
        return f"{stem}.weight", (outputs, width), how, f"GPTQ{bits}"
    if codes.shape[1] * 8 == outputs == zeros.shape[1] * 8 and groups:
        width = codes.shape[0]
        how = Awq(codes, zeros, scales, width, -(-width // groups))
        return f"{stem}.weight", (outputs, width), how, f"AWQ{AWQ_BITS}"
    raise _misfit(codes, f"its shape is {codes.shape} beside scales of {scales.shape}")


def _of_bytes(name: str, tensors: Tensors, told: Mapping[str, Any]) -> Found | None:
    """bitsandbytes' eight bits: X.weight with X.SCB."""
    peaks = tensors.get(f"{name.removesuffix('.weight')}.SCB")
    info = tensors[name]
    if peaks is None or not name.endswith(".weight") or info.dtype != "I8":
        return None
    if len(info.shape) != 2 or peaks.elements != info.shape[0]:
        raise _misfit(info, f"it has {peaks.elements} scales")
    return name, info.shape, ByteRows(info, peaks), "INT8"


def _of_blocks(name: str, tensors: Tensors, told: Mapping[str, Any]) -> Found | None:
    """bitsandbytes' four bits: X with X.absmax, X.quant_map and a description."""
    peaks, table = tensors.get(f"{name}.absmax"), tensors.get(f"{name}.quant_map")
    if peaks is None or table is None:
        return None
    info = tensors[name]
    state = next(
        (s for k in ("nf4", "fp4") if (s := tensors.get(f"{name}.quant_state.bitsandbytes__{k}"))),
        None,
    )
    if state is None or state.bytes > LARGEST_STATE or table.elements != 16:
        raise _misfit(info, "its description is missing")
    words = _words(state)
    match words.get("shape"), words.get("blocksize"):
        case [int(outputs), int(width)], int(block) if _sizes([outputs, width, block], 3):
            pass
        case _:
            raise _misfit(info, "its description names no sizes")
    blocks = -(-outputs * width // block)
    if width % 2 or info.bytes * 2 != outputs * width or peaks.elements != blocks:
        raise _misfit(info, f"its {info.bytes:,} bytes don't hold {outputs:,} x {width:,} numbers")
    nested = _nested(name, tensors, words, blocks, info)
    if peaks.dtype != ("F32" if nested is None else "U8"):
        raise _misfit(info, "its scales are of another format than its description says")
    # Its bytes are numbers of four bits, in whatever format they are stored.
    stored = replace(info, dtype="U8", shape=(outputs, width // 2))
    how = Blocks(stored, peaks, table, width, block, nested)
    return name, (outputs, width), how, "FP4" if "fp4" in state.name.rpartition("__")[2] else "NF4"


def _nested(
    name: str, tensors: Tensors, words: Mapping[str, Any], blocks: int, info: TensorInfo
) -> tuple[TensorInfo, TensorInfo, int, float] | None:
    peaks = tensors.get(f"{name}.nested_absmax")
    table = tensors.get(f"{name}.nested_quant_map")
    if peaks is None and table is None:
        return None
    length, more = words.get("nested_blocksize"), words.get("nested_offset")
    whole = peaks is not None and table is not None and table.elements == 256
    if not whole or not _sizes([length], 1) or not isinstance(more, int | float):
        raise _misfit(info, "its scales' scales are not whole")
    if peaks is None or table is None or peaks.elements != -(-blocks // int(length or 1)):
        raise _misfit(info, "its scales' scales don't fit")
    return table, peaks, int(length or 1), float(more)


def _words(state: TensorInfo) -> dict[str, Any]:
    with Files() as files:
        raw = files.read(state, 0, state.bytes)
    try:
        words = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _misfit(state, "it is no JSON") from error
    if not isinstance(words, dict):
        raise _misfit(state, "it is no JSON object")
    return words


def _compressed(name: str, tensors: Tensors, told: Mapping[str, Any]) -> Found | None:
    """compressed-tensors: X.weight_packed, or X.weight of 8-bit whole numbers, with
    X.weight_scale."""
    stem = name.removesuffix("_packed")
    info, scales = tensors[name], tensors.get(f"{stem}_scale")
    if scales is None or len(info.shape) != 2 or not stem.endswith("weight"):
        return None
    if name == stem:
        if info.dtype != "I8":
            return None
        zeros = tensors.get(f"{stem}_zero_point")
        scales = _grouped(scales, info.shape, info)
        if zeros is not None and zeros.dtype != "I8":
            raise _misfit(info, f"its zero points are {zeros.dtype}")
        zeros = None if zeros is None else _grouped(zeros, info.shape, info)
        return stem, info.shape, FewBits(info, scales, info.shape[1], 8, zeros=zeros), "INT8"
    outputs = info.shape[0]
    if info.dtype == "U8":
        width = info.shape[1] * 2
        over = tensors.get(f"{stem}_global_scale")
        scales = _grouped(scales, (outputs, width), info)
        kind, group = ("MXFP4", 32) if over is None else ("NVFP4", 16)
        if scales.width * group != width or (over is not None and over.elements != 1):
            raise _misfit(info, f"it has {scales.width} scales in a row of {width}")
        if scales.dtype != ("U8" if over is None else "F8_E4M3"):
            raise _misfit(info, f"its scales are {scales.dtype}")
        return stem, (outputs, width), Microscaled(info, scales, width, over), kind
    shape = tensors.get(f"{stem}_shape")
    if info.dtype != "I32" or shape is None or shape.elements != 2:
        raise _misfit(info, "its shape is not told")
    if shape.dtype not in ("I32", "I64"):
        raise _misfit(info, "its shape is not told")
    with Files() as files:
        raw = files.read(shape, 0, shape.bytes)
    rows, width = np.frombuffer(raw, "<i8" if shape.dtype == "I64" else "<i4").tolist()
    bits = _bits(info, rows, width)
    zeros, order = (tensors.get(f"{stem}_{n}") for n in ("zero_point", "g_idx"))
    scales = _grouped(scales, (rows, width), info)
    per = 32 // bits
    words = (-(-rows // per), scales.width)
    if zeros is not None and (32 % bits or zeros.dtype != "I32" or zeros.shape != words):
        raise _misfit(info, f"its zero points have the shape {zeros.shape}")
    if not _is_order(order, width):
        raise _misfit(info, "its order is of another length or format")
    how = FewBits(info, scales, width, bits, 1 << (bits - 1), zeros, True, order=order)
    return stem, (rows, width), how, f"INT{bits}"


def _bits(info: TensorInfo, rows: int, width: int) -> int:
    for bits in (4, 8, 2, 3, 5, 6, 7):
        if rows == info.shape[0] and width > 0 and -(-width * bits // 32) == info.shape[1]:
            return bits
    raise _misfit(info, f"it says that it is {rows} by {width}")


def _is_order(order: TensorInfo | None, width: int) -> bool:
    """Whether there is no order of groups, or one of 32-bit numbers, one an input."""
    return order is None or (order.shape == (width,) and order.dtype == "I32")


def _grouped(scales: TensorInfo, shape: tuple[int, ...], info: TensorInfo) -> TensorInfo:
    """Scales as (rows, groups) or one; raises MalformedInput for other numbers of them."""
    outputs, width = shape
    if scales.elements == 1:
        return as_matrix(scales, 1)
    each = scales.elements // outputs if outputs else 0
    # Rows of scales are the matrix's; one a row may lie in a line, standing or lying.
    in_rows = scales.shape[0] == outputs or (each == 1 and outputs in scales.shape)
    if not each or not in_rows or scales.elements != outputs * each or each > width:
        raise _misfit(info, f"its scales have the shape {scales.shape}")
    return as_matrix(scales, each)


def _mlx(name: str, tensors: Tensors, told: Mapping[str, Any]) -> Found | None:
    """MLX: X.weight of 32-bit words with X.scales, and X.biases or powers of two."""
    info, stem = tensors[name], name.removesuffix(".weight")
    scales, biases = tensors.get(f"{stem}.scales"), tensors.get(f"{stem}.biases")
    if info.dtype != "U32" or scales is None or not name.endswith(".weight"):
        return None
    own = told["mlx"].get(stem)
    settings = own if isinstance(own, dict) else told["mlx"]
    group = settings.get("group_size", 32 if biases is None else 64)
    if not _sizes([group], 1) or scales.shape[:-1] != info.shape[:-1]:
        raise _misfit(info, "its scales don't fit")
    width = scales.width * group
    bits = info.width * 32 // width if width else 0
    if bits not in (2, 3, 4, 5, 6, 8) or bits * width != info.width * 32:
        raise _misfit(info, f"its rows of {info.width} words don't hold {width} numbers")
    shape = (*info.shape[:-1], width)
    if biases is not None and biases.shape == scales.shape:
        how: Packed = FewBits(info, scales, width, bits, biases=biases)
        return name, shape, how, f"MLX{bits}"
    if biases is None and scales.dtype == "U8" and (bits, group) == (4, 32):
        return name, shape, Microscaled(info, scales, width), "MXFP4"
    raise _misfit(info, "its biases don't fit")


def _mxfp4(name: str, tensors: Tensors, told: Mapping[str, Any]) -> Found | None:
    """gpt-oss: X_blocks (experts, outputs, groups, 16) with X_scales."""
    stem, info = name.removesuffix("_blocks"), tensors[name]
    scales = tensors.get(f"{stem}_scales")
    if scales is None or stem == name:
        return None
    if info.dtype != "U8" or scales.dtype != "U8" or info.shape != (*scales.shape, 16):
        raise _misfit(info, f"its shape is {info.shape} beside scales of {scales.shape}")
    *more, groups = scales.shape
    width = groups * 32
    how = Microscaled(as_matrix(info, groups * 16), scales, width)
    return stem, (*more, width), how, "MXFP4"


def _factors(name: str, tensors: Tensors, told: Mapping[str, Any]) -> Found | None:
    """Two factors in place of a matrix."""
    for first, second, short in _FACTORS:
        if not name.endswith(first):
            continue
        stem = name.removesuffix(first)
        right, left = tensors[name], tensors.get(f"{stem}{second}")
        called = f"{stem}{'_proj' if short else ''}.weight"
        if left is None or called in tensors or not _matrices(left, right):
            continue
        rank, width = right.shape
        if left.shape[1] == rank and 0 < rank < min(left.shape[0], width) and rank <= MOST_RANK:
            return called, (left.shape[0], width), Factors(left, right), f"RANK{rank}"
    return None


def _matrices(*some: TensorInfo) -> bool:
    return all(len(info.shape) == 2 and min(info.shape) > 0 for info in some)


def _sizes(value: Any, n: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) == n
        and all(type(v) is int and 0 < v < 1 << 31 for v in value)
    )


def _misfit(info: TensorInfo, reason: str) -> MalformedInput:
    return MalformedInput(
        f"the packed tensor {printable(info.name, 80)!r} can't be read: {reason}",
        where=info.file,
        next_step="give the unquantised checkpoint, or get an undamaged copy",
    )
