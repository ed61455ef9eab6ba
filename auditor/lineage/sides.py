"""One model's weights as the tests of lineage read them: a few rows at a time, norms folded into what reads them.

Knows where numbers come from; weighs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from detectors.independence import Array, Indices
from fingerprints.errors import MalformedInput, printable
from fingerprints.weights import Anatomy, Mlp, Part, Weights

RUN = 16
"""Neighbouring rows that are read together: on a disk, one row here and one there cost as much as a run of them."""
MOST_MLPS = 4
"""Experts of a layer that are compared: they are many, and a few tell."""


@dataclass(frozen=True)
class Side:
    """A model's weights with the roles of its tensors, and its vocabulary where a tokenizer lies beside them."""

    name: str
    weights: Weights
    anatomy: Anatomy
    vocabulary: Mapping[str, int] = field(default_factory=dict)

    @property
    def layers(self) -> int:
        """How many layers."""
        return len(self.anatomy.layers)

    def mlps(self, layer: int) -> tuple[Mlp, ...]:
        """The MLPs of a layer that are compared."""
        return self.anatomy.layers[layer].mlps[:MOST_MLPS]

    def embedding(self, tokens: Indices) -> Array:
        """Embeddings of tokens, (n, width)."""
        return self._finite(self.weights.part_rows(self.anatomy.embedding, tokens), self.anatomy.embedding)

    def gate(self, layer: int, mlp: Mlp, units: Indices) -> Array | None:
        """What opens each unit, (n, width), as it reads the residual stream; None where there are no gates."""
        return None if mlp.gate is None else self._reading(mlp.gate, layer, units, mlp=True)

    def up(self, layer: int, mlp: Mlp, units: Indices) -> Array:
        """What each unit reads, (n, width)."""
        return self._reading(mlp.up, layer, units, mlp=True)

    def down(self, mlp: Mlp, units: Indices) -> Array:
        """What each unit writes, (n, width). All of the matrix is read, in portions."""
        return self._finite(self.weights.part_columns(mlp.down, units), mlp.down)

    def attention(self, layer: int, role: str, rows: Indices) -> Array | None:
        """Rows of query, key or value as they read the residual stream, or what dimensions of the output write, (n, width)."""
        part: Part | None = getattr(self.anatomy.layers[layer], role)
        if part is None:
            return None
        if role == "output":
            return self._finite(self.weights.part_columns(part, rows), part)
        return self._reading(part, layer, rows, mlp=False)

    def attention_width(self, layer: int, role: str) -> int:
        """How many rows `attention` can give."""
        part: Part | None = getattr(self.anatomy.layers[layer], role)
        return 0 if part is None else part.inputs if role == "output" else part.outputs

    def gain(self, layer: int, *, mlp: bool) -> NDArray[np.float32]:
        """What the norm before a block multiplies each coordinate by, (width,)."""
        block = self.anatomy.layers[layer]
        return self.weights.gain(block.mlp_norm if mlp else block.attention_norm, self.anatomy.hidden)

    def _reading(self, part: Part, layer: int, rows: Indices, *, mlp: bool) -> Array:
        return self._finite(self.weights.part_rows(part, rows), part) * self.gain(layer, mlp=mlp)

    def _finite(self, rows: Array, part: Part) -> Array:
        if not np.isfinite(rows).all():
            raise MalformedInput(
                f"tensor {printable(part.tensor, 80)!r} holds NaN or infinity",
                where=self.weights.path,
                next_step="no comparison of such weights says anything: get an undamaged copy",
            )
        return rows


def sampled(n: int, most: int) -> Indices:
    """At most ``most`` numbers from 0 to n − 1, evenly spread: the same ones for the same n."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.intp))


def runs(n: int, most: int) -> Indices:
    """At most ``most`` numbers from 0 to n − 1 in evenly spread runs of neighbours, which a disk reads at once."""
    if n <= most or most < 2 * RUN:
        return sampled(n, most)
    starts = np.unique(np.linspace(0, n - RUN, most // RUN).round().astype(np.intp))
    return np.unique((starts[:, None] + np.arange(RUN)).reshape(-1))


def shared_tokens(one: Side, other: Side, most: int) -> tuple[Indices, Indices]:
    """The ids, in either model, of tokens that both have, at most ``most``, evenly spread over the vocabulary.

    By the text of the token where both tokenizers are at hand, else by number, up to the smaller vocabulary.
    """
    rows = one.anatomy.embedding.outputs, other.anatomy.embedding.outputs
    if one.vocabulary and other.vocabulary:
        both = [(one.vocabulary[t], i) for t, i in other.vocabulary.items() if t in one.vocabulary]
        pairs = np.array(sorted((b, a) for a, b in both if a < rows[0] and b < rows[1]), dtype=np.intp).reshape(-1, 2)
        chosen = pairs[runs(len(pairs), most)] if len(pairs) else pairs
        return chosen[:, 1], chosen[:, 0]
    same = runs(min(rows), most)
    return same, same
