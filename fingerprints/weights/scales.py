"""Checkpoints in 8-bit floats keep a scale beside the numbers: for each block, each row or the
whole matrix.

Without its scale such a matrix is not what the model computes with. Knows two naming habits;
guesses nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fingerprints.errors import MalformedInput, printable
from fingerprints.weights.decode import Indices, Matrix
from fingerprints.weights.tensors import TensorInfo

if TYPE_CHECKING:
    from fingerprints.weights.view import Weights

BLOCK = 128


def scaled(
    weights: Weights, info: TensorInfo, block: Matrix, rows: Indices, columns: Indices | None
) -> Matrix:
    """Rows and columns of an 8-bit matrix, times the scale that belongs to them.

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
            return BLOCK, BLOCK


def _unscaled(info: TensorInfo, reason: str) -> MalformedInput:
    return MalformedInput(
        f"the 8-bit tensor {printable(info.name, 80)!r} can't be read: {reason}",
        where=info.file,
        next_step="give the unquantised checkpoint",
    )
