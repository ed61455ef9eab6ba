"""Finding roles among the tensors of one layer, and holding their shapes against each other; shared
by both naming habits.

Knows shapes; the names come from `hf_names` and `gguf_names`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fingerprints.errors import MalformedInput, printable
from fingerprints.weights.parts import Layer, Mlp, Norm, TensorPart
from fingerprints.weights.tensors import TensorInfo
from fingerprints.weights.view import Weights

SAMPLED = 64
"""Rows by which an output layer is told to be the embedding: one that was trained apart differs in
any of them."""

MOST_EXPERTS = 1 << 14
"""Experts of one layer at most: eight times the most of any published model. A tensor of no bytes
may claim billions."""


def unknown(reason: str, weights: Weights) -> MalformedInput:
    """The error for an anatomy that is not understood."""
    told = weights.config.get("quantization_config")
    method = told.get("quant_method") if isinstance(told, dict) else None
    note = f" (it is quantised with {printable(str(method), 30)})" if method else ""
    return MalformedInput(
        f"lineage by weights is not possible for this anatomy: {reason}{note}",
        where=weights.path,
        next_step="check that all files are there; else compare answers instead of weights",
    )


class UnknownNames(MalformedInput):
    """No tensor has a name that a role is known by."""


def nameless(reason: str, weights: Weights) -> UnknownNames:
    """The error for names that are not known."""
    told = unknown(reason, weights)
    return UnknownNames(told.what, where=told.where, next_step=told.next_step)


def words(table: str) -> frozenset[str]:
    """The words of a table of names."""
    return frozenset(table.split())


def number(config: Mapping[str, Any], *keys: str) -> int:
    """The first of some config keys that is a whole number above zero; 0 where none is."""
    for key in keys:
        value = config.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
    return 0


@dataclass(frozen=True)
class RoleTable:
    """The tensors of one layer (or of what stands outside them) by the rest of their name."""

    weights: Weights
    named: Mapping[str, TensorInfo]
    place: str

    def first(self, names: Iterable[str]) -> TensorInfo | None:
        """The first tensor of these names that is there."""
        return next((self.named[n] for n in names if n in self.named), None)

    def need(self, role: str, names: Iterable[str]) -> TensorInfo:
        """The first of these names that is there. Raises MalformedInput, naming the role."""
        listed = tuple(names)
        found = self.first(listed)
        if found is None:
            raise self.lacks(role, listed[0])
        return found

    def lacks(self, role: str, name: str) -> UnknownNames:
        """The error for a role that no tensor plays, such as one of that name."""
        said = f"{self.place} lacks the role {role!r} (no tensor such as {name!r})"
        return nameless(said, self.weights)

    def matrix(
        self, role: str, info: TensorInfo, outputs: int = 0, inputs: int = 0, turned: bool = False
    ) -> TensorPart:
        """A whole tensor as a matrix; a size of 0 may be any. Raises MalformedInput."""
        if len(info.shape) != 2:
            raise self.misfit(role, info, "a matrix")
        stored = (info.shape[1], info.shape[0]) if turned else (info.shape[0], info.shape[1])
        if (outputs and stored[0] != outputs) or (inputs and stored[1] != inputs):
            raise self.misfit(role, info, f"{outputs or 'any'} outputs by {inputs or 'any'} inputs")
        return TensorPart(info.name, stored[0], stored[1], transposed=turned)

    def norm(self, role: str, info: TensorInfo | None, width: int, plus_one: bool) -> Norm | None:
        """A norm's weights; None stays None. Raises MalformedInput for another width."""
        if info is None:
            return None
        if info.shape != (width,):
            raise self.misfit(role, info, f"{width} numbers")
        return Norm(info.name, width, plus_one)

    def norms(
        self, first: TensorInfo, second: TensorInfo, width: int, plus_one: bool
    ) -> tuple[Norm | None, Norm | None]:
        """The norms before the attention and before the MLP."""
        return (
            self.norm("attention_norm", first, width, plus_one),
            self.norm("mlp_norm", second, width, plus_one),
        )

    def misfit(self, role: str, info: TensorInfo, wanted: str) -> MalformedInput:
        """The error for a tensor of another shape than its role needs."""
        return unknown(
            f"the role {role!r} of {self.place} has the shape {info.shape} in"
            f" {printable(info.name, 80)!r}, not {wanted}",
            self.weights,
        )

    def pieces(
        self, role: str, info: TensorInfo, sizes: tuple[int, ...], inputs: int, turned: bool = False
    ) -> list[TensorPart]:
        """A fused tensor cut into consecutive outputs of these sizes."""
        whole = self.matrix(role, info, sum(sizes), inputs, turned)
        starts = [sum(sizes[:i]) for i in range(len(sizes))]
        return [
            TensorPart(whole.tensor, n, inputs, at, turned)
            for n, at in zip(sizes, starts, strict=True)
        ]


def refuse_uncountable(table: RoleTable, info: TensorInfo, count: int, units: int) -> None:
    """Raises MalformedInput for more experts than any model has, and for experts of no unit."""
    if count > MOST_EXPERTS or units < 1:
        raise table.misfit("experts", info, f"up to {MOST_EXPERTS:,} experts of some units")


def experts_of(
    table: RoleTable, roles: tuple[TensorInfo | None, TensorInfo, TensorInfo], hidden: int
) -> list[Mlp]:
    """The experts in tensors of three dimensions, (experts, outputs, inputs) each."""
    gate, up, down = roles
    if len(up.shape) != 3 or up.shape[2] != hidden:
        raise table.misfit("experts' up", up, f"(experts, units, {hidden})")
    count, units, _ = up.shape
    refuse_uncountable(table, up, count, units)
    if down.shape != (count, hidden, units):
        raise table.misfit("experts' down", down, f"{(count, hidden, units)}")
    if gate is not None and gate.shape != up.shape:
        raise table.misfit("experts' gate", gate, f"{up.shape}")
    return [
        Mlp(
            up=TensorPart(up.name, units, hidden, i * units),
            down=TensorPart(down.name, hidden, units, i * hidden),
            gate=None if gate is None else TensorPart(gate.name, units, hidden, i * units),
            kind="expert",
            number=i,
        )
        for i in range(count)
    ]


def check_attention(
    table: RoleTable, layer: Layer, sizes: tuple[int, int, int], hidden: int
) -> Layer:
    """The layer, once its attention's sizes agree with each other and, where told, with heads,
    groups and head width."""
    heads, groups, width = sizes
    parts = (layer.query, layer.key, layer.value, layer.output)
    if all(p is None for p in parts):
        return layer
    if any(p is None for p in parts):
        raise unknown(f"{table.place} has only some of query, key, value and output", table.weights)
    query, key, value, output = (p for p in parts if p is not None)
    for role, part, n in (("query", query, heads), ("key", key, groups)):
        if n and width and part.outputs != n * width:
            raise unknown(
                f"the role {role!r} of {table.place} has {part.outputs} outputs, not {n} x {width}",
                table.weights,
            )
    if output.outputs != hidden or any(p.inputs != hidden for p in (query, key, value)):
        raise unknown(
            f"the attention of {table.place} does not fit {hidden} coordinates", table.weights
        )
    return layer


def same_as_embedding(weights: Weights, head: TensorPart, embedding: TensorPart) -> bool:
    """Whether an evenly spaced sample of rows of the output layer equals the embedding's."""
    if (head.outputs, head.inputs) != (embedding.outputs, embedding.inputs):
        return False
    which = np.unique(np.linspace(0, head.outputs - 1, min(SAMPLED, head.outputs)).astype(np.int64))
    return bool(np.array_equal(weights.part_rows(head, which), weights.part_rows(embedding, which)))
