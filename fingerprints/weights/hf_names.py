"""The names that transformers gives to tensors, over families of decoder-only language models.

Knows names and config keys. Families whose norms or fused matrices are laid out in a way of their
own are listed; another family passes where its names and shapes are those of Llama or GPT.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from fingerprints.errors import printable
from fingerprints.weights.layers import attention, mlps
from fingerprints.weights.parts import Anatomy, Layer, Norm, TensorPart
from fingerprints.weights.roles import (
    RoleTable,
    check_attention,
    number,
    same_as_embedding,
    unknown,
)
from fingerprints.weights.tensors import TensorInfo
from fingerprints.weights.view import Weights

PLUS_ONE = re.compile(
    r"gemma|gemma2|gemma3(_text)?|vaultgemma|recurrent_gemma|nemotron|qwen3_next|qwen3_5(_moe)?(_text)?|t5gemma"
)
"""Model types whose norms multiply by one more than their weights."""
OTHER_NORMS = re.compile(r"muse_.+|step3p.+|minimax_m3.*|qwen4_exp.*")
"""Model types whose norms are partly so: not told apart here."""
PARALLEL = frozenset({"falcon", "phi", "cohere", "cohere2", "gptj", "codegen", "stablelm"})
"""Model types whose attention and MLP may read the same, single norm."""
NO_NORM_WEIGHTS = frozenset({"olmo"})

_LAYER = re.compile(r"(?P<stem>(?:\w+\.)*?(?:layers|h|blocks))\.(?P<number>\d{1,4})\.(?P<rest>.+)")
_TOWER = re.compile(r"(vision|visual|audio|image|encoder|mtp|talker|speech|multi_modal)")
_EMBEDDING = (
    "embed_tokens.weight",
    "wte.weight",
    "embed_in.weight",
    "word_embeddings.weight",
    "tok_embeddings.weight",
)
_HEAD = ("lm_head.weight", "embed_out.weight")
_LAST_NORM = (
    "norm.weight",
    "ln_f.weight",
    "final_layer_norm.weight",
    "final_layernorm.weight",
    "norm_f.weight",
)
_ATTENTION_NORM = (
    "input_layernorm.weight",
    "ln_1.weight",
    "ln_attn.weight",
    "attention_norm.weight",
    "self_attn_layer_norm.weight",
)
_MLP_NORM = (
    "pre_feedforward_layernorm.weight",
    "ln_mlp.weight",
    "post_attention_layernorm.weight",
    "ln_2.weight",
    "ffn_norm.weight",
    "final_layer_norm.weight",
)
_AFTER = "post_feedforward_layernorm.weight"
_DEEP = 2000


def hf_anatomy(weights: Weights) -> Anatomy:
    """The roles of a checkpoint's tensors. Raises MalformedInput as `anatomy_of` tells."""
    config = text_config(weights.config)
    family = config.get("model_type")
    if not isinstance(family, str):
        raise unknown("no config.json says what model type it is", weights)
    if OTHER_NORMS.fullmatch(family):
        raise unknown(f"the norms of {printable(family, 40)!r} are not known here", weights)
    stem, found = _stack(weights, number(config, "num_hidden_layers", "n_layer", "num_layers"))
    outside = RoleTable(weights, weights.tensors, "the model")
    parent = stem.rpartition(".")[0]
    around = f"{parent}." if parent else ""
    table = outside.need("embedding", [around + n for n in _EMBEDDING])
    embedding = outside.matrix(
        "embedding", table, number(config, "vocab_size"), number(config, "hidden_size", "n_embd")
    )
    bare = family in NO_NORM_WEIGHTS
    norms = [around + n for n in _LAST_NORM]
    last = outside.first(norms) if bare else outside.need("last_norm", norms)
    hidden, one = embedding.inputs, PLUS_ONE.fullmatch(family) is not None
    sizes = head_sizes(config, hidden)
    return Anatomy(
        family=family,
        hidden=hidden,
        vocabulary=embedding.outputs,
        embedding=embedding,
        head=_head(outside, embedding, config, around),
        last_norm=outside.norm("last_norm", last, hidden, one),
        layers=tuple(
            _layer(RoleTable(weights, n, f"layer {i}"), i, config, hidden, sizes)
            for i, n in enumerate(found)
        ),
        **sizes._asdict(),
    )


class HeadSizes(NamedTuple):
    """Query heads, key-value heads and the width of a head; zeros where the config doesn't tell."""

    heads: int
    groups: int
    head_width: int


def text_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The language model's config; a multimodal one has it under ``text_config``."""
    inner = config.get("text_config")
    return {**config, **inner} if isinstance(inner, dict) else dict(config)


def head_sizes(config: Mapping[str, Any], hidden: int) -> HeadSizes:
    """The sizes that a config tells, or implies."""
    heads = number(config, "num_attention_heads", "n_head")
    groups = number(config, "num_key_value_heads", "num_kv_heads") or heads
    if (
        config.get("model_type") == "falcon"
        and not config.get("new_decoder_architecture")
        and config.get("multi_query", True)
    ):
        groups = 1
    width = number(config, "head_dim") or (hidden // heads if heads else 0)
    return HeadSizes(heads, groups, width)


def _stack(weights: Weights, count: int) -> tuple[str, list[dict[str, TensorInfo]]]:
    stacks: dict[str, dict[int, dict[str, TensorInfo]]] = {}
    for name, info in weights.tensors.items():
        hit = _LAYER.fullmatch(name)
        if hit and not _TOWER.search(hit["stem"]):
            layer = stacks.setdefault(hit["stem"], {}).setdefault(int(hit["number"]), {})
            layer[hit["rest"]] = info
    if len(stacks) != 1:
        found = ", ".join(printable(s, 40) for s in sorted(stacks)[:3])
        listed = f" ({found})" if found else ""
        raise unknown(f"{len(stacks)} stacks of layers were found{listed}, not one", weights)
    ((stem, layers),) = stacks.items()
    # Some checkpoints keep extra layers for training behind the last one that the config counts.
    count = count or max(layers) + 1
    # A config may claim any number of layers: they are counted up to one that no model has.
    missing = next((i for i in range(min(count, _DEEP)) if i not in layers), None)
    if missing is not None or count > _DEEP:
        raise unknown(f"layer {missing} of {count} is missing", weights)
    return stem, [layers[i] for i in range(count)]


def _head(
    outside: RoleTable, embedding: TensorPart, config: Mapping[str, Any], around: str
) -> TensorPart | None:
    above = around[:-1].rpartition(".")[0]
    places = [p + n for n in _HEAD for p in ("", around, f"{above}." if above else "")]
    tied = config.get("tie_word_embeddings")
    found = outside.need("head", places) if tied is False else outside.first(places)
    if found is None:
        return None
    head = outside.matrix("head", found, embedding.outputs, embedding.inputs)
    # A config that leaves it open may belong to a checkpoint that stores the tied matrix twice.
    same = tied is not False and same_as_embedding(outside.weights, head, embedding)
    return None if same else head


def _layer(
    table: RoleTable, index: int, config: Mapping[str, Any], hidden: int, sizes: HeadSizes
) -> Layer:
    blocks, norms = mlps(table, config, hidden), _norms(table, config, hidden)
    layer = Layer(index, blocks, *norms, *attention(table, config, hidden, sizes))
    return check_attention(table, layer, sizes, hidden)


def _norms(
    table: RoleTable, config: Mapping[str, Any], hidden: int
) -> tuple[Norm | None, Norm | None]:
    family = str(config["model_type"])
    one = PLUS_ONE.fullmatch(family) is not None
    first, second = table.first(_ATTENTION_NORM), table.first(_MLP_NORM)
    after_only = _AFTER in table.named and "pre_feedforward_layernorm.weight" not in table.named
    if family in NO_NORM_WEIGHTS or (after_only and first is None):
        return None, None  # norms without weights, or only behind each block
    first = table.need("attention_norm", _ATTENTION_NORM)
    second = second or (first if family in PARALLEL else table.need("mlp_norm", _MLP_NORM))
    return table.norms(first, second, hidden, one)
