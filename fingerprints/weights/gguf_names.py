"""The names that GGUF gives to tensors, and how llama.cpp's converter lays some of them out.

Knows names and architectures. An architecture that is in neither list is refused: whether its
rotary pairs stand side by side can't be told from names and shapes.
"""

from __future__ import annotations

import re
from functools import partial

from fingerprints.errors import printable
from fingerprints.weights.gguf_table import EMBEDDING, HEAD
from fingerprints.weights.hf_names import HeadSizes, head_sizes
from fingerprints.weights.parts import Anatomy, Layer, Mlp, MlpKind, Norm, TensorPart
from fingerprints.weights.roles import (
    RoleTable,
    check_attention,
    experts_of,
    number,
    same_as_embedding,
    unknown,
    words,
)
from fingerprints.weights.tensors import TensorInfo
from fingerprints.weights.view import Weights

PAIRED = words("llama granite granitemoe minicpm internlm2 baichuan xverse olmo smollm3 arcee")
"""Architectures whose query and key rows the converter permutes: the two halves of a head, row
by row in turn."""
UNGATED = words("gpt2 gptneox falcon bloom starcoder2 phi2 nemotron mpt arcee gptj codeshell")
"""Architectures whose MLP has no gate."""
AS_STORED = (UNGATED - PAIRED) | words(
    "qwen2 qwen2moe qwen3 qwen3moe gemma gemma2 gemma3 gemma3n phi3 olmo2 olmoe stablelm exaone"
    " deepseek2 glm4 command-r cohere2 llama4 gpt-oss"
)
"""Architectures whose rows lie as transformers has them."""
FUSED_GATE = frozenset({"phi3", "glm4", "chatglm"})
"""Architectures whose ``ffn_up`` holds the gate first and then up."""
PARALLEL = frozenset({"falcon", "phi2", "command-r", "cohere2", "stablelm", "gptj"})
_LAYER = re.compile(r"blk\.(?P<number>\d{1,4})\.(?P<rest>.+)")
_EXPERT = re.compile(r"ffn_up\.(?P<number>\d{1,5})\.weight")


def gguf_anatomy(weights: Weights) -> Anatomy:
    """The roles of a GGUF file's tensors. Raises MalformedInput as `anatomy_of` tells."""
    family = str(weights.config.get("model_type", ""))
    if family not in PAIRED | AS_STORED:
        raise unknown(f"the GGUF architecture {printable(family, 40)!r} is not known here", weights)
    outside = RoleTable(weights, weights.tensors, "the model")
    width = number(weights.config, "hidden_size")
    embedding = outside.matrix("embedding", outside.need("embedding", [EMBEDDING]), inputs=width)
    hidden, sizes = embedding.inputs, head_sizes(weights.config, embedding.inputs)
    find_norm = outside.first if family == "olmo" else partial(outside.need, "last_norm")
    last = find_norm(["output_norm.weight"])
    return Anatomy(
        family=family,
        hidden=hidden,
        vocabulary=embedding.outputs,
        embedding=embedding,
        head=_head(outside, embedding),
        last_norm=outside.norm("last_norm", last, hidden, False),
        layers=tuple(
            _layer(table, i, family, hidden, sizes) for i, table in enumerate(_tables(weights))
        ),
        **sizes._asdict(),
    )


def _head(outside: RoleTable, embedding: TensorPart) -> TensorPart | None:
    info = outside.first([HEAD])
    if info is None:
        return None
    head = outside.matrix("head", info, embedding.outputs, embedding.inputs)
    return None if same_as_embedding(outside.weights, head, embedding) else head


def _tables(weights: Weights) -> list[RoleTable]:
    layers: dict[int, dict[str, TensorInfo]] = {}
    for name, info in weights.tensors.items():
        hit = _LAYER.fullmatch(name)
        if hit:
            layers.setdefault(int(hit["number"]), {})[hit["rest"]] = info
    count = number(weights.config, "num_hidden_layers") or len(layers)
    missing = next((i for i in range(min(count, len(layers) + 1)) if i not in layers), None)
    if missing is not None or not layers:
        raise unknown(f"layer {missing or 0} of {count} is missing", weights)
    return [RoleTable(weights, layers[i], f"layer {i}") for i in range(count)]


def _layer(table: RoleTable, index: int, family: str, hidden: int, sizes: HeadSizes) -> Layer:
    norms, mlps = _norms(table, family, hidden), _mlps(table, family, hidden)
    layer = Layer(index, mlps, *norms, *_attention(table, family, hidden, sizes))
    return check_attention(table, layer, sizes, hidden)


def _norms(table: RoleTable, family: str, hidden: int) -> tuple[Norm | None, Norm | None]:
    if family in ("olmo", "olmo2"):
        return None, None  # norms without weights, or only behind each block
    first = table.need("attention_norm", ["attn_norm.weight"])
    # What gpt-oss calls so stands before its experts, and behind the attention in others.
    before = "post_attention_norm.weight" if family == "gpt-oss" else "ffn_norm.weight"
    second = table.first([before])
    if second is None:
        second = first if family in PARALLEL else table.need("mlp_norm", [before])
    if family == "falcon" and "attn_norm_2.weight" in table.named:
        first, second = table.named["attn_norm_2.weight"], first
    return table.norms(first, second, hidden, False)


def _attention(
    table: RoleTable, family: str, hidden: int, sizes: HeadSizes
) -> tuple[TensorPart | None, TensorPart | None, TensorPart | None, TensorPart | None]:
    if any(n.startswith(("attn_kv_a_mqa", "attn_kv_b", "attn_k_b", "ssm_")) for n in table.named):
        return None, None, None, None  # latent or state-space attention
    heads, groups, width = sizes
    fused = table.first(["attn_qkv.weight"])
    if fused is not None:
        if not (heads and groups and width):
            said = "the metadata do not tell heads, and query, key and value are one matrix"
            raise unknown(said, table.weights)
        cuts = (heads * width, groups * width, groups * width)
        query, key, value = table.pieces("query", fused, cuts, hidden)
    else:
        query, key, value = (
            table.matrix(role, table.need(role, [f"attn_{letter}.weight"]), inputs=hidden)
            for role, letter in (("query", "q"), ("key", "k"), ("value", "v"))
        )
    if family in PAIRED:
        if not width or width % 2 or query.outputs % width or key.outputs % width:
            said = "the metadata do not tell the width of a head, within which rows are permuted"
            raise unknown(said, table.weights)
        query, key = (
            TensorPart(p.tensor, p.outputs, hidden, p.start, paired=width) for p in (query, key)
        )
    last = table.need("output", ["attn_output.weight"])
    return query, key, value, table.matrix("output", last, hidden, query.outputs)


def _mlps(table: RoleTable, family: str, hidden: int) -> tuple[Mlp, ...]:
    found: list[Mlp] = []
    if "ffn_up.weight" in table.named or "ffn_down.weight" in table.named:
        found.append(_block(table, family, "", "dense", hidden))
    if "ffn_up_shexp.weight" in table.named:
        found.append(_block(table, family, "_shexp", "shared", hidden))
    up = table.first(["ffn_up_exps.weight"])
    if up is not None:
        gate = None if family in UNGATED else table.need("experts' gate", ["ffn_gate_exps.weight"])
        down = table.need("experts' down", ["ffn_down_exps.weight"])
        found += experts_of(table, (gate, up, down), hidden)
    numbers = sorted(int(hit["number"]) for hit in map(_EXPERT.fullmatch, table.named) if hit)
    if numbers != list(range(len(numbers))):
        raise unknown(f"{table.place} lacks some of its experts", table.weights)
    found += [_block(table, family, f".{i}", "expert", hidden, i) for i in numbers]
    if not found:
        raise table.lacks("up", "ffn_up.weight")
    return tuple(found)


def _block(
    table: RoleTable, family: str, end: str, kind: MlpKind, hidden: int, index: int = 0
) -> Mlp:
    info = table.need("up", [f"ffn_up{end}.weight"])
    down = table.matrix("down", table.need("down", [f"ffn_down{end}.weight"]), hidden)
    if family in FUSED_GATE and f"ffn_gate{end}.weight" not in table.named:
        gate, up = table.pieces("up", info, (down.inputs, down.inputs), hidden)
        return Mlp(up, down, gate, kind, index)
    up = table.matrix("up", info, down.inputs, hidden)
    if family in UNGATED:
        return Mlp(up, down, None, kind, index)
    named = table.need("gate", [f"ffn_gate{end}.weight"])
    return Mlp(up, down, table.matrix("gate", named, down.inputs, hidden), kind, index)
