"""The names that transformers, and authors before it, give to tensors of decoder-only language
models.

Knows how to look for them; the names and what a family does in a way of its own are a table's
(`fingerprints.weights.layouts`). Another family passes where its names and shapes are those of
Llama or GPT.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from fingerprints.errors import printable
from fingerprints.weights.layers import attention, has_mlp, mlps
from fingerprints.weights.layouts import Layout, keys, layout_of, names
from fingerprints.weights.parts import Anatomy, Layer, Norm, TensorPart
from fingerprints.weights.roles import (
    RoleTable,
    check_attention,
    nameless,
    number,
    same_as_embedding,
    unknown,
)
from fingerprints.weights.tensors import TensorInfo
from fingerprints.weights.view import Weights

_LAYER = re.compile(r"(?P<stem>(?:\w+\.)*?(?:layers|h|blocks))\.(?P<number>\d{1,4})\.(?P<rest>.+)")
_TOWER = re.compile(r"(vision|visual|audio|image|encoder|mtp|talker|speech|multi_modal)")
_AFTER, _BEFORE = "post_feedforward_layernorm.weight", "pre_feedforward_layernorm.weight"
_DEEP = 2000


def hf_anatomy(weights: Weights) -> Anatomy:
    """The roles of a checkpoint's tensors. Raises MalformedInput as `anatomy_of` tells."""
    config = text_config(weights.config)
    family = config.get("model_type")
    if not isinstance(family, str):
        raise nameless("no config.json says what model type it is", weights)
    layout = layout_of(config)
    if layout.refused:
        raise unknown(f"of {printable(family, 40)!r} {layout.refused}", weights)
    stem, found = _stack(weights, number(config, *keys("layers")), layout)
    outside = RoleTable(weights, weights.tensors, "the model")
    parent = stem.rpartition(".")[0]
    around = f"{parent}." if parent else ""
    table = outside.need("embedding", (*layout.embedding, *_under(around, "embedding")))
    embedding = outside.matrix(
        "embedding",
        table,
        number(config, "vocab_size", "padded_vocab_size"),
        number(config, *keys("hidden")),
    )
    hidden, sizes = embedding.inputs, head_sizes(config, embedding.inputs)
    tables = [RoleTable(weights, n, f"layer {i}") for i, n in enumerate(found)]
    layers = tuple(
        _layer(table, i, config, layout, hidden, sizes)
        for i, table in enumerate(tables)
        if not layout.single or has_mlp(table)
    )
    if not layers:
        raise unknown("no layer has an MLP", weights)
    return Anatomy(
        family=family,
        hidden=hidden,
        vocabulary=embedding.outputs,
        embedding=embedding,
        head=_head(outside, embedding, config, layout, around),
        last_norm=_last_norm(outside, layout, around, hidden),
        layers=layers,
        notes=_uncovered(layers, len(tables), layout),
        left_out=len(tables) - len(layers),
        **sizes._asdict(),
    )


class HeadSizes(NamedTuple):
    """Query heads, key-value heads and the width of a head; zeros where the config doesn't tell."""

    heads: int
    groups: int
    head_width: int


def text_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The language model's config, its sections' keys among its own; a multimodal one has it
    under ``text_config``."""
    inner = config.get("text_config")
    out = {**config, **inner} if isinstance(inner, dict) else dict(config)
    for section in ("attn_config", "ffn_config"):
        more = out.get(section)
        if isinstance(more, dict):
            out = {**more, **out}
    return out


def head_sizes(config: Mapping[str, Any], hidden: int) -> HeadSizes:
    """The sizes that a config tells, or implies."""
    heads = number(config, *keys("heads"))
    groups = layout_of(config).groups or number(config, *keys("groups")) or heads
    width = number(config, *keys("width")) or (hidden // heads if heads else 0)
    return HeadSizes(heads, groups, width)


def _under(around: str, role: str) -> list[str]:
    return [around + name for name in names(role)]


def _stack(weights: Weights, count: int, layout: Layout) -> tuple[str, list[dict[str, TensorInfo]]]:
    stacks: dict[str, dict[int, dict[str, TensorInfo]]] = {}
    for name, info in weights.tensors.items():
        hit = _LAYER.fullmatch(name)
        if hit and (hit["stem"] == layout.stack or not _TOWER.search(hit["stem"])):
            layer = stacks.setdefault(hit["stem"], {}).setdefault(int(hit["number"]), {})
            layer[hit["rest"]] = info
    if layout.stack in stacks:
        stacks = {layout.stack: stacks[layout.stack]}
    if len(stacks) != 1:
        found = ", ".join(printable(s, 40) for s in sorted(stacks)[:3])
        listed = f" ({found})" if found else ""
        raise nameless(f"{len(stacks)} stacks of layers were found{listed}, not one", weights)
    ((stem, layers),) = stacks.items()
    # Some checkpoints keep extra layers for training behind the last one that the config counts.
    count = count or max(layers) + 1
    # A config may claim any number of layers: they are counted up to one that no model has.
    missing = next((i for i in range(min(count, _DEEP)) if i not in layers), None)
    if missing is not None or count > _DEEP:
        raise unknown(f"layer {missing} of {count} is missing", weights)
    return stem, [layers[i] for i in range(count)]


def _head(
    outside: RoleTable,
    embedding: TensorPart,
    config: Mapping[str, Any],
    layout: Layout,
    around: str,
) -> TensorPart | None:
    above = around[:-1].rpartition(".")[0]
    places = [p + n for n in names("head") for p in ("", around, f"{above}." if above else "")]
    tied, places = config.get("tie_word_embeddings"), [*layout.head, *places]
    found = outside.need("head", places) if tied is False else outside.first(places)
    if found is None:
        return None
    head = outside.matrix("head", found, embedding.outputs, embedding.inputs)
    # A config that leaves it open may belong to a checkpoint that stores the tied matrix twice.
    same = tied is not False and same_as_embedding(outside.weights, head, embedding)
    return None if same else head


def _last_norm(outside: RoleTable, layout: Layout, around: str, hidden: int) -> Norm | None:
    places = (*layout.last_norm, *_under(around, "last_norm"))
    if layout.gains == "none":
        return outside.norm("last_norm", outside.first(places), hidden, False)
    last = outside.need("last_norm", places)
    return outside.norm("last_norm", last, hidden, layout.gains == "plus_one")


def _layer(
    table: RoleTable,
    index: int,
    config: Mapping[str, Any],
    layout: Layout,
    hidden: int,
    sizes: HeadSizes,
) -> Layer:
    blocks, norms = mlps(table, config, layout, hidden), _norms(table, layout, hidden)
    parts = attention(table, config, layout, hidden, sizes)
    return check_attention(table, Layer(index, blocks, *norms, *parts), sizes, hidden)


def _norms(table: RoleTable, layout: Layout, hidden: int) -> tuple[Norm | None, Norm | None]:
    if layout.single:
        only = table.norm("mlp_norm", table.need("mlp_norm", ["norm.weight"]), hidden, False)
        return only, only
    first = table.first((*layout.attention_norm, *names("attention_norm")))
    second = table.first(names("mlp_norm"))
    after_only = _AFTER in table.named and _BEFORE not in table.named
    if layout.gains == "none" or (after_only and first is None):
        return None, None  # norms without weights, or only behind each block
    first = table.need("attention_norm", (*layout.attention_norm, *names("attention_norm")))
    if second is None:
        second = first if layout.parallel else table.need("mlp_norm", names("mlp_norm"))
    return table.norms(first, second, hidden, layout.gains == "plus_one")


def _uncovered(layers: tuple[Layer, ...], all_of_them: int, layout: Layout) -> tuple[str, ...]:
    """What of a model no comparison of its layers looks at, for people."""
    out = list[str]()
    if len(layers) < all_of_them:
        out.append(
            f"{all_of_them - len(layers)} of {all_of_them} layers have no MLP and are not compared"
        )
    other = sum(layer.query is None for layer in layers)
    if other and not layout.single:
        out.append(
            f"the attention of {other} of {all_of_them} layers is latent, linear, convolutional or"
            " state-space, and is not compared"
        )
    return tuple(out)
