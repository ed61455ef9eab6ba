"""Where a logical matrix lies inside a stored tensor: a whole tensor, a range of a fused one, one
expert of many.

Knows places; knows nothing of names.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fingerprints.weights.decode import Indices


@dataclass(frozen=True)
class TensorPart:
    """A logical (outputs, inputs) matrix inside a tensor.

    ``start``: its first stored output. ``transposed``: the tensor is stored as (inputs, outputs).
    ``group`` and ``stride``: where the outputs stand in groups with others between them, the length
    of a group and the distance from one to the next (0: they stand together). ``paired``: the head
    width within which rotary pairs stand side by side, as GGUF stores them for some architectures
    (0: half a head apart, as in transformers).
    """

    tensor: str
    outputs: int
    inputs: int
    start: int = 0
    transposed: bool = False
    group: int = 0
    stride: int = 0
    paired: int = 0

    def stored(self, which: Indices) -> Indices:
        """The stored places of logical outputs."""
        at = which
        if self.paired:
            head, within = np.divmod(at, self.paired)
            half, pair = np.divmod(within, self.paired // 2)
            at = head * self.paired + 2 * pair + half
        if self.group:
            block, within = np.divmod(at, self.group)
            at = block * self.stride + within
        return at + self.start


@dataclass(frozen=True)
class Norm:
    """A norm's weights. ``plus_one``: the gain is one more than what is stored."""

    tensor: str
    width: int
    plus_one: bool = False
