"""The attention and the MLPs of one layer under transformers' names: apart, fused, or one of many
experts.

Knows how each family fuses its matrices; every cut is held against the sizes that the config tells.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fingerprints.errors import printable
from fingerprints.weights.parts import Mlp, MlpKind, TensorPart
from fingerprints.weights.roles import RoleTable, number, unknown

Attention = tuple[TensorPart | None, TensorPart | None, TensorPart | None, TensorPart | None]

OTHER_ATTENTION = (
    "self_attn.kv_a_proj",
    "linear_attn.",
    "mamba.",
    "self_attn.kv_b_proj",
    "temporal_block.",
    "mixer.",
    "conv.",
)
"""Latent, linear and state-space attention: their matrices have other roles."""
GATED_QUERY = re.compile(r"qwen3_next|qwen3_5(_moe)?(_text)?")
"""Model types whose query projection also gives a gate for each head, behind the head's query."""
UNGATED = frozenset({"nemotron", "arcee", "apertus"})
"""Model types without a gate whose MLP has the names of a gated one."""
_ATTENTIONS = ("self_attn.", "attn.", "attention.", "self_attention.")
_OUTPUTS = ("o_proj", "out_proj", "dense", "c_proj", "wo")
_MLPS = ("mlp.", "feed_forward.", "ffn.", "")
_PAIRS = (
    ("c_fc", "c_proj"),
    ("dense_h_to_4h", "dense_4h_to_h"),
    ("fc1", "fc2"),
    ("fc_in", "fc_out"),
)
_TRIPLES = (("gate_proj", "up_proj", "down_proj"), ("w1", "w3", "w2"))
_EXPERT = re.compile(
    r"(?P<stem>(?:mlp|block_sparse_moe|feed_forward|moe)\.experts)\.(?P<number>\d{1,5})\.(?P<role>\w+)\.weight"
)
_SHARED = (
    "mlp.shared_expert.",
    "mlp.shared_experts.",
    "feed_forward.shared_expert.",
    "block_sparse_moe.shared_experts.",
)
_FUSED_EXPERTS = re.compile(
    r"(?P<stem>(?:mlp|feed_forward|block_sparse_moe|moe)\.experts)\.[A-Za-z_]\w*"
)


def attention(
    table: RoleTable, config: Mapping[str, Any], hidden: int, sizes: tuple[int, int, int]
) -> Attention:
    """Query, key, value and output; all None for another kind. Raises MalformedInput."""
    if any(name.startswith(OTHER_ATTENTION) for name in table.named):
        return None, None, None, None
    output_name = table.need("output", [f"{a}{o}.weight" for a in _ATTENTIONS for o in _OUTPUTS])
    for fused in ("qkv_proj", "c_attn", "query_key_value", "Wqkv"):
        info = table.first([f"{a}{fused}.weight" for a in _ATTENTIONS])
        if info is not None:
            parts = _fused_attention(table, fused, info.name, config, hidden, sizes)
            turned = parts[0].transposed
            return (*parts, table.matrix("output", output_name, hidden, parts[0].outputs, turned))
    query, key, value = (
        table.matrix(
            role,
            table.need(role, [f"{a}{n}.weight" for a in _ATTENTIONS for n in names]),
            inputs=hidden,
        )
        for role, names in (
            ("query", ("q_proj", "wq")),
            ("key", ("k_proj", "wk")),
            ("value", ("v_proj", "wv")),
        )
    )
    heads, _, width = sizes
    if (
        GATED_QUERY.fullmatch(str(config["model_type"]))
        and heads
        and query.outputs == 2 * heads * width
    ):
        query = TensorPart(query.tensor, heads * width, hidden, group=width, stride=2 * width)
    return query, key, value, table.matrix("output", output_name, hidden, query.outputs)


def _fused_attention(
    table: RoleTable,
    kind: str,
    name: str,
    config: Mapping[str, Any],
    hidden: int,
    sizes: tuple[int, int, int],
) -> tuple[TensorPart, TensorPart, TensorPart]:
    heads, groups, width = sizes
    info = table.weights.tensors[name]
    if not (heads and groups and width) or heads % groups:
        raise unknown(
            "the config does not tell heads, and query, key and value are one matrix", table.weights
        )
    family = config["model_type"]
    if kind == "query_key_value" and family == "falcon" and config.get("new_decoder_architecture"):
        each = heads // groups
        whole = table.matrix("query", info, groups * (each + 2) * width, hidden)
        stride = (each + 2) * width
        query = TensorPart(whole.tensor, heads * width, hidden, 0, False, each * width, stride)
        key = TensorPart(whole.tensor, groups * width, hidden, each * width, False, width, stride)
        return query, key, replace(key, start=(each + 1) * width)
    if kind == "query_key_value" and family == "falcon" and config.get("multi_query", True):
        return _three(table.pieces("query", info, (heads * width, width, width), hidden))
    if kind == "query_key_value":
        if family not in ("gpt_neox", "bloom", "falcon", "gpt_neox_japanese"):
            raise unknown(
                f"how {printable(str(family), 40)!r} fuses query, key and value is not known here",
                table.weights,
            )
        whole = table.matrix("query", info, 3 * heads * width, hidden)
        query = TensorPart(whole.tensor, heads * width, hidden, 0, False, width, 3 * width)
        return query, replace(query, start=width), replace(query, start=2 * width)
    # A one-dimensional convolution of width one stores its matrix as (inputs, outputs).
    turned = kind == "c_attn" and info.shape == (hidden, 3 * hidden)
    return _three(
        table.pieces("query", info, (heads * width, groups * width, groups * width), hidden, turned)
    )


def _three(parts: list[TensorPart]) -> tuple[TensorPart, TensorPart, TensorPart]:
    return parts[0], parts[1], parts[2]


def mlps(table: RoleTable, config: Mapping[str, Any], hidden: int) -> tuple[Mlp, ...]:
    """The dense or shared MLPs, then the experts. Raises MalformedInput for none."""
    found: list[Mlp] = []
    ungated = str(config["model_type"]) in UNGATED
    for stem in _MLPS:
        dense = _block(table, stem, "dense", hidden, ungated)
        if dense is not None:
            found.append(dense)
            break
    shared = (_block(table, stem, "shared", hidden, ungated) for stem in _SHARED)
    found += [block for block in shared if block is not None]
    numbered: dict[str, set[int]] = {}
    for name in table.named:
        hit = _EXPERT.fullmatch(name)
        if hit:
            numbered.setdefault(hit["stem"], set()).add(int(hit["number"]))
    for stem, numbers in numbered.items():
        if numbers != set(range(len(numbers))):
            raise unknown(f"{table.place} lacks some of its experts", table.weights)
        experts = [
            _block(table, f"{stem}.{i}.", "expert", hidden, ungated, i) for i in range(len(numbers))
        ]
        found += [e for e in experts if e is not None]
    fused = {hit["stem"] for hit in map(_FUSED_EXPERTS.fullmatch, table.named) if hit}
    for stem in sorted(fused) if not numbered else ():
        found += _fused_experts(table, stem, hidden)
    if not found:
        raise table.lacks("up", "mlp.up_proj.weight")
    _check_units(table, found[0], config)
    return tuple(found)


def _fused_experts(table: RoleTable, stem: str, hidden: int) -> list[Mlp]:
    """Experts as transformers holds them: gates above ups (experts, 2 x units, inputs), and
    downs (experts, outputs, units)."""
    both, down = table.first([f"{stem}.gate_up_proj"]), table.first([f"{stem}.down_proj"])
    if both is not None and down is not None and len(both.shape) == len(down.shape) == 3:
        count, rows, inputs = both.shape
        units = rows // 2
        if (inputs, rows % 2) == (hidden, 0) and down.shape == (count, hidden, units):
            return [
                Mlp(
                    up=TensorPart(both.name, units, hidden, i * rows + units),
                    down=TensorPart(down.name, hidden, units, i * hidden),
                    gate=TensorPart(both.name, units, hidden, i * rows),
                    kind="expert",
                    number=i,
                )
                for i in range(count)
            ]
    raise unknown(
        f"the experts of {table.place} are fused in a layout that is not known here", table.weights
    )


def _block(
    table: RoleTable, stem: str, kind: MlpKind, hidden: int, ungated: bool, index: int = 0
) -> Mlp | None:
    fused = table.first([f"{stem}gate_up_proj.weight"])
    if fused is not None:
        down = table.matrix("down", table.need("down", [f"{stem}down_proj.weight"]), hidden)
        gate, up = table.pieces("up", fused, (down.inputs, down.inputs), hidden)
        return Mlp(up, down, gate, kind, index)
    for names in _TRIPLES:
        gate_name, up_name, down_name = (f"{stem}{n}.weight" for n in names)
        if not any(n in table.named for n in (gate_name, up_name, down_name)):
            continue
        up = table.matrix("up", table.need("up", [up_name]), inputs=hidden)
        down = table.matrix("down", table.need("down", [down_name]), hidden, up.outputs)
        if ungated and gate_name not in table.named:
            return Mlp(up, down, None, kind, index)
        gate = table.matrix("gate", table.need("gate", [gate_name]), up.outputs, hidden)
        return Mlp(up, down, gate, kind, index)
    for first, second in _PAIRS:
        info = table.first([f"{stem}{first}.weight"])
        if info is not None:
            other = table.need("down", [f"{stem}{second}.weight"])
            turned = first == "c_fc" and info.shape[0] == hidden and other.shape[-1] == hidden
            up = table.matrix("up", info, inputs=hidden, turned=turned)
            down = table.matrix("down", other, hidden, up.outputs, turned)
            return Mlp(up, down, None, kind, index)
    return None


def _check_units(table: RoleTable, mlp: Mlp, config: Mapping[str, Any]) -> None:
    told = number(config, "intermediate_size", "n_inner", "ffn_hidden_size")
    if mlp.kind == "dense" and told and mlp.units != told:
        raise unknown(
            f"the role 'up' of {table.place} has {mlp.units} units, and the config says {told}",
            table.weights,
        )
