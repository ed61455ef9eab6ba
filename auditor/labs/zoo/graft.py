"""Copies that keep only parts of a parent, or keep them elsewhere: layers in another order, parts
taken from another model, an embedding that was made anew.

Pure functions of `Llama` values, settings and a seed. Knows tensors; knows no file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field

from auditor.labs.zoo.disguise import Nothing, generator
from auditor.labs.zoo.llama import EMBEDDING, HEAD, LAST_NORM, Llama, with_layers
from fingerprints.errors import UsageProblem
from fingerprints.records import Record

GraftedPart = Literal["attention", "mlp", "embedding"]
_OF_LAYER: dict[GraftedPart, tuple[str, ...]] = {
    "attention": ("self_attn.", "input_layernorm."),
    "mlp": ("mlp.", "post_attention_layernorm."),
}
"""A part's tensors in a layer; a norm goes with what reads it."""


class LayerOrder(Record):
    """``shift``: how many places every layer moves up, the last ones coming first; 0: an order that
    is drawn."""

    shift: Annotated[int, Field(ge=0, le=2000)] = 0


class Graft(Record):
    """What is taken from the second parent: these ``parts`` of these ``layers``, counted from 0 (of
    all layers where none are named). ``embedding`` takes the output layer and the last norm along.
    """

    parts: tuple[GraftedPart, ...] = ("attention", "mlp")
    layers: tuple[int, ...] = ()


def reorder_layers(llama: Llama, how: LayerOrder, seed: int) -> Llama:
    """The model's layers in another order. Raises UsageProblem where that leaves every layer in
    its place."""
    n = llama.layers
    order = [(layer - how.shift) % n for layer in range(n)]
    random = generator(seed)
    while how.shift == 0 and n > 1 and order == list(range(n)):
        order = torch.randperm(n, generator=random).tolist()
    if order == list(range(n)):
        raise UsageProblem(
            "every layer would stay in its place",
            where="shift",
            next_step=f"give a shift that {n} does not divide",
        )
    return with_layers(llama, order)


def graft(parents: Sequence[Llama], how: Graft, seed: int) -> Llama:
    """The first parent with parts of the second in their places, as tools that stack layers of
    several models make them.

    The seed plays no part. Raises UsageProblem for more than two parents, other shapes, and layers
    that are not there.
    """
    if len(parents) != 2:
        raise _no_fit(f"two parents are needed, and {len(parents)} were given")
    one, other = parents
    layers = how.layers or tuple(range(one.layers))
    if not how.parts or not all(0 <= layer < min(one.layers, other.layers) for layer in layers):
        raise _no_fit(f"parts and layers from 0 to {min(one.layers, other.layers) - 1} are needed")
    taken = {name: other.tensors[name] for name in _taken(other, how, layers)}
    if any(
        name not in one.tensors or one.tensors[name].shape != t.shape for name, t in taken.items()
    ):
        raise _no_fit("the parents' matrices are of different shapes")
    return one.changed(taken)


def _taken(other: Llama, how: Graft, layers: Sequence[int]) -> Iterator[str]:
    """The names of the tensors that come from the second parent."""
    for name in other.tensors:
        if name in (EMBEDDING, HEAD, LAST_NORM):
            if "embedding" in how.parts:
                yield name
            continue
        _, _, layer, rest = name.split(".", 3)
        if int(layer) in layers and any(
            rest.startswith(_OF_LAYER[part]) for part in how.parts if part != "embedding"
        ):
            yield name


def renew_embedding(llama: Llama, how: Nothing, seed: int) -> Llama:
    """The model with an embedding, and an output layer, of random numbers of the old ones' spread:
    what is left where a new vocabulary was begun from nothing."""
    random, out = generator(seed), {}
    for name in (EMBEDDING, HEAD):
        if name in llama.tensors:
            old = llama.tensors[name]
            drawn = torch.randn(old.shape, dtype=torch.float64, generator=random)
            out[name] = (drawn * old.double().std()).to(old.dtype)
    return llama.changed(out)


def _no_fit(reason: str) -> UsageProblem:
    return UsageProblem(
        f"nothing can be grafted: {reason}",
        where="source",
        next_step="give two checkpoints of one shape",
    )
