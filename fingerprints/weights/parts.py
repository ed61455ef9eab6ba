"""The parts of a model: where a logical matrix lies inside a stored tensor (the whole, a range of a
fused one, one expert of many), and the layers and blocks that such matrices make up.

Knows places; knows nothing of names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fingerprints.weights.decode import Indices

MlpKind = Literal["dense", "shared", "expert"]


@dataclass(frozen=True)
class TensorPart:
    """A logical (outputs, inputs) matrix inside a tensor.

    ``start``: its first stored output. ``transposed``: the tensor is stored as (inputs, outputs),
    this matrix's inputs from the stored row ``inputs_from`` on.
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
    inputs_from: int = 0

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


@dataclass(frozen=True)
class Mlp:
    """One feed-forward block: ``gate`` (units, hidden) or None, ``up`` (units, hidden), ``down``
    (hidden, units)."""

    up: TensorPart
    down: TensorPart
    gate: TensorPart | None = None
    kind: MlpKind = "dense"
    number: int = 0

    @property
    def units(self) -> int:
        """Hidden units."""
        return self.up.outputs


@dataclass(frozen=True)
class Layer:
    """One layer.

    A norm is the one that is applied *before* its block, None where there is none or it has no
    weights. The attention's parts are all None where it is of another kind (latent, linear,
    state-space). ``mlps``: the dense or shared ones first, then the experts in order; at least one.
    """

    index: int
    mlps: tuple[Mlp, ...]
    attention_norm: Norm | None = None
    mlp_norm: Norm | None = None
    query: TensorPart | None = None
    key: TensorPart | None = None
    value: TensorPart | None = None
    output: TensorPart | None = None

    @property
    def mlp(self) -> Mlp:
        """The first MLP: the dense one where there is one."""
        return self.mlps[0]

    @property
    def gate(self) -> TensorPart | None:
        """The first MLP's gate."""
        return self.mlps[0].gate

    @property
    def up(self) -> TensorPart:
        """The first MLP's up."""
        return self.mlps[0].up

    @property
    def down(self) -> TensorPart:
        """The first MLP's down."""
        return self.mlps[0].down


@dataclass(frozen=True)
class Anatomy:
    """The roles of a model's tensors.

    ``head`` is None where the output layer is the embedding. ``heads``, ``groups``, ``head_width``:
    query heads, key-value heads and dimensions of a head, 0 where not told. ``notes``: for people,
    what of the model is not covered, or how roles were found. ``left_out``: how many layers of the
    model are not among ``layers``, since they have no MLP. ``guessed``: whether roles were guessed
    from shapes, since names don't tell them: which of a kind is which is then open.
    """

    family: str
    hidden: int
    vocabulary: int
    embedding: TensorPart
    head: TensorPart | None
    last_norm: Norm | None
    layers: tuple[Layer, ...]
    heads: int = 0
    groups: int = 0
    head_width: int = 0
    notes: tuple[str, ...] = ()
    left_out: int = 0
    guessed: bool = False

    @property
    def gated(self) -> bool:
        """Whether every MLP has a gate."""
        return all(m.gate is not None for m in self.mlps())

    @property
    def units(self) -> tuple[int, ...]:
        """Hidden units of each layer's first MLP."""
        return tuple(layer.mlp.units for layer in self.layers)

    def mlps(self) -> Iterator[Mlp]:
        """All MLPs, layer by layer, experts included."""
        for layer in self.layers:
            yield from layer.mlps
