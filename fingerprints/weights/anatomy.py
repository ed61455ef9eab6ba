"""What the tensors of a model are to it: embedding, norms, and each layer's attention and MLPs,
from names and shapes alone.

What is not understood is refused with the name of what is missing; nothing is guessed. Knows no
weights' values, but for one question: whether a stored output layer is the embedding over again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from fingerprints.weights.parts import Norm, TensorPart
from fingerprints.weights.view import Weights

MlpKind = Literal["dense", "shared", "expert"]


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
    query heads, key-value heads and dimensions of a head, 0 where not told.
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


def anatomy_of(weights: Weights) -> Anatomy:
    """The roles of a model's tensors, for transformers checkpoints and GGUF files of decoder-only
    language models.

    Raises MalformedInput, naming the role or tensor, for what is missing, fits neither the config
    nor its neighbours, or is of an anatomy that is not known here; lineage by weights is then not
    possible.
    """
    from fingerprints.weights.gguf_names import gguf_anatomy
    from fingerprints.weights.hf_names import hf_anatomy

    return gguf_anatomy(weights) if weights.format == "gguf" else hf_anatomy(weights)


def same_as_embedding(
    weights: Weights, head: TensorPart, embedding: TensorPart, sample: int = 64
) -> bool:
    """Whether an evenly spaced sample of rows of the output layer equals the embedding's."""
    if (head.outputs, head.inputs) != (embedding.outputs, embedding.inputs):
        return False
    which = np.unique(np.linspace(0, head.outputs - 1, min(sample, head.outputs)).astype(np.int64))
    return bool(np.array_equal(weights.part_rows(head, which), weights.part_rows(embedding, which)))
