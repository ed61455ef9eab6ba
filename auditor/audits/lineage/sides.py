"""One model's weights as the tests of lineage read them: a few rows at a time, norms folded into
what reads them.

Knows where numbers come from; weighs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors.lineage.independence import Array, Indices
from fingerprints.errors import AuditError, MalformedInput, printable
from fingerprints.weights import Anatomy, Mlp, TensorPart, Weights

RUN = 16
"""Neighbouring rows that are read together: on a disk, one row here and one there cost as much
as a run of them."""
CENTRED = frozenset({"cohere", "cohere2", "command-r", "olmo", "mpt"})
"""Families whose norms take the mean away without having a bias of their own."""
MOST_MLPS = 4
"""Experts of a layer that are compared: they are many, and a few tell."""


@dataclass(frozen=True)
class Side:
    """A model's weights with the roles of its tensors, and its vocabulary where a tokenizer lies
    beside them. ``centres``: whether its norms take the mean away, where its names can't tell."""

    name: str
    weights: Weights
    anatomy: Anatomy
    vocabulary: Mapping[str, int] = field(default_factory=dict)
    centres: bool | None = None

    @property
    def layers(self) -> int:
        """How many layers."""
        return len(self.anatomy.layers)

    @cached_property
    def centred(self) -> bool:
        """Whether the norms take the mean over coordinates away: what is added to all of a row
        alike is then never seen by the model, and is left out here, since it would hide a row."""
        if self.centres is not None:
            return self.centres
        norms = (
            norm
            for layer in self.anatomy.layers
            for norm in (layer.attention_norm, layer.mlp_norm)
            if norm is not None
        )
        biases = (f"{n.tensor.removesuffix('weight')}bias" for n in norms)
        return self.anatomy.family in CENTRED or any(
            name in self.weights.tensors for name in biases
        )

    def holds(self, place: str) -> bool:
        """Whether a place that an error names is among this model's files."""
        return Path(place) == self.weights.path or self.weights.path in Path(place).parents

    def rows(self, part: TensorPart, which: Indices) -> Array:
        """Rows of a matrix as they are stored, (n, inputs)."""
        with self._reading_here():
            return self.finite(self.weights.part_rows(part, which), part.tensor)

    def columns(self, part: TensorPart, which: Indices) -> Array:
        """Columns of a matrix, (n, outputs). All of it is read, in portions."""
        with self._reading_here():
            return self.finite(self.weights.part_columns(part, which), part.tensor)

    def mlps(self, layer: int) -> tuple[Mlp, ...]:
        """The MLPs of a layer that are compared."""
        return self.anatomy.layers[layer].mlps[:MOST_MLPS]

    @property
    def mlps_left(self) -> int:
        """How many MLPs no comparison looks at: experts after the fourth of a layer."""
        return sum(max(0, len(layer.mlps) - MOST_MLPS) for layer in self.anatomy.layers)

    def embedding(self, tokens: Indices) -> Array:
        """Embeddings of tokens, (n, width)."""
        return self._written(self.rows(self.anatomy.embedding, tokens))

    @property
    def untied(self) -> bool:
        """Whether what writes tokens is a matrix of its own."""
        return self.anatomy.head is not None

    def written_tokens(self, tokens: Indices) -> Array:
        """The output layer's rows of tokens as they read the residual stream, (n, width): the
        embedding's where it is that."""
        part = self.anatomy.head or self.anatomy.embedding
        norm = self.anatomy.last_norm
        with self._reading_here():
            gain = self.weights.gain(norm, self.anatomy.hidden)
        return self._written(self.finite(self.rows(part, tokens) * gain, part.tensor))

    def gate(self, layer: int, mlp: Mlp, units: Indices) -> Array | None:
        """What opens each unit, (n, width), as it reads the residual stream; None where there
        are no gates."""
        return None if mlp.gate is None else self._reading(mlp.gate, layer, units, mlp=True)

    def up(self, layer: int, mlp: Mlp, units: Indices) -> Array:
        """What each unit reads, (n, width)."""
        return self._reading(mlp.up, layer, units, mlp=True)

    def down(self, mlp: Mlp, units: Indices) -> Array:
        """What each unit writes, (n, width). All of the matrix is read, in portions."""
        return self._written(self.columns(mlp.down, units))

    def attention(self, layer: int, role: str, rows: Indices) -> Array | None:
        """Rows of query, key or value as they read the residual stream, or what dimensions of
        the output write, (n, width)."""
        part: TensorPart | None = getattr(self.anatomy.layers[layer], role)
        if part is None:
            return None
        if role == "output":
            return self._written(self.columns(part, rows))
        return self._reading(part, layer, rows, mlp=False)

    def attention_width(self, layer: int, role: str) -> int:
        """How many rows `attention` can give."""
        part: TensorPart | None = getattr(self.anatomy.layers[layer], role)
        return 0 if part is None else part.inputs if role == "output" else part.outputs

    def gain(self, layer: int, *, mlp: bool) -> NDArray[np.float32]:
        """What the norm before a block multiplies each coordinate by, (width,)."""
        known = self._gains.get((layer, mlp))
        if known is not None:
            return known
        block = self.anatomy.layers[layer]
        norm = block.mlp_norm if mlp else block.attention_norm
        with self._reading_here():
            gain = self.weights.gain(norm, self.anatomy.hidden)
            gain = gain if norm is None else self.finite(gain, norm.tensor)
        self._gains[layer, mlp] = gain
        return gain

    @cached_property
    def _gains(self) -> dict[tuple[int, bool], NDArray[np.float32]]:
        """What norms multiply by, once it was read: it is asked for with every row."""
        return {}

    def _reading(self, part: TensorPart, layer: int, rows: Indices, *, mlp: bool) -> Array:
        gain = self.gain(layer, mlp=mlp)
        with self._reading_here():
            told = self.weights.part_rows(part, rows)
        # In place, since new room costs more than the product; what is not finite stays so.
        with np.errstate(over="ignore", invalid="ignore"):
            np.multiply(told, gain, out=told)
        return self._written(self.finite(told, part.tensor))

    def _written(self, rows: Array) -> Array:
        """Rows without what a norm takes away."""
        return centred(rows) if self.centred else rows

    def vector(self, tensor: str) -> Array:
        """A vector as it is stored."""
        with self._reading_here():
            return self.finite(self.weights.vector(tensor), tensor)

    def finite(self, rows: Array, tensor: str) -> Array:
        """The same numbers of a tensor. Raises MalformedInput where one is none, or too large."""
        # Squares of what is not finite add up to nothing finite; those of large numbers neither.
        flat = rows.reshape(-1)
        with np.errstate(all="ignore"):
            squares = np.dot(flat, flat)
        if not np.isfinite(squares) and not np.isfinite(rows).all():
            raise MalformedInput(
                f"tensor {printable(tensor, 80)!r} holds NaN, infinity, or numbers too large to"
                " compare",
                where=self.weights.path,
                next_step="no comparison of such weights says anything: get an undamaged copy",
            )
        return rows

    @contextmanager
    def _reading_here(self) -> Iterator[None]:
        """Errors of reading that name no place name this model's."""
        try:
            yield
        except AuditError as error:
            error.where = error.where or str(self.weights.path)
            raise


def centred(rows: Array) -> Array:
    """Rows less their means."""
    out: Array = rows - rows.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    return out


def sampled(n: int, most: int) -> Indices:
    """At most ``most`` numbers from 0 to n − 1, evenly spread: the same ones for the same n."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.intp))


def looked_into(n: int, most: int, nearness: Sequence[float] = ()) -> Indices:
    """At most ``most`` of n layers: half of them evenly spread, the others those that are most like
    any of another model's (``nearness``, where it is known), since whoever knows which are looked
    at could put layers there that come from nowhere.

    >>> looked_into(9, 4).tolist(), looked_into(9, 4, [0, 0, 0, 0, 0, 3, 0, 2, 0]).tolist()
    ([0, 3, 5, 8], [0, 5, 7, 8])
    """
    if n <= most or len(nearness) != n:
        return sampled(n, most)
    even = sampled(n, most // 2)
    rest = np.setdiff1d(np.arange(n, dtype=np.intp), even)
    nearest = rest[np.argsort(-np.asarray(nearness)[rest], kind="stable")]
    return np.sort(np.concatenate([even, nearest[: most - len(even)]]))


def runs(n: int, most: int) -> Indices:
    """At most ``most`` numbers from 0 to n − 1 in evenly spread runs of neighbours, which a disk
    reads at once."""
    if n <= most or most < 2 * RUN:
        return sampled(n, most)
    starts = np.unique(np.linspace(0, n - RUN, most // RUN).round().astype(np.intp))
    return np.unique((starts[:, None] + np.arange(RUN)).reshape(-1))


def _told_by_text(one: Mapping[str, int], other: Mapping[str, int]) -> Indices:
    """The numbers of the tokens that two vocabularies share, in either, (n, 2)."""
    if one is other or one == other:
        same = np.fromiter(one.values(), dtype=np.intp, count=len(one))
        return np.stack([same, same], axis=1)
    found = [(one[token], i) for token, i in other.items() if token in one]
    return np.array(found, dtype=np.intp).reshape(-1, 2)


def shared_tokens(one: Side, other: Side, most: int) -> tuple[Indices, Indices]:
    """The ids, in either model, of tokens that both have, at most ``most``, evenly spread over the
    vocabulary.

    By the text of the token where both tokenizers are at hand, else by number, up to the smaller
    vocabulary.
    """
    rows = one.anatomy.embedding.outputs, other.anatomy.embedding.outputs
    if one.vocabulary and other.vocabulary:
        pairs = _told_by_text(one.vocabulary, other.vocabulary)
        known = pairs[((pairs >= 0) & (pairs < rows)).all(axis=1)]
        chosen = known[np.lexsort(known.T)]
        chosen = chosen[runs(len(chosen), most)] if len(chosen) else chosen
        return chosen[:, 0], chosen[:, 1]
    same = runs(min(rows), most)
    return same, same
