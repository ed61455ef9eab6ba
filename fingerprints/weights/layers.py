"""The attention and the MLPs of one layer by their names: apart, fused, or one of many experts.

Knows the ways in which matrices are fused; which family does it how is the table's
(`fingerprints.weights.layouts`), and every cut is held against the sizes that the config tells.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fingerprints.errors import printable
from fingerprints.weights.experts import fused_experts, numbered_experts
from fingerprints.weights.layouts import Layout, keys, named_together, names
from fingerprints.weights.parts import Mlp, MlpKind, TensorPart
from fingerprints.weights.roles import RoleTable, number, unknown

Attention = tuple[TensorPart | None, TensorPart | None, TensorPart | None, TensorPart | None]
CODEGEN_BLOCKS = 4
"""How many accelerators CodeGen was trained on: its fused matrix has a block for each."""
_NUMBERED = re.compile(r"(?P<stem>.+)\.\d{1,5}\.\w+\.weight")


def attention(
    table: RoleTable,
    config: Mapping[str, Any],
    layout: Layout,
    hidden: int,
    sizes: tuple[int, int, int],
) -> Attention:
    """Query, key, value and output; all None for another kind. Raises MalformedInput."""
    places, other = names("attention"), names("other_attention")
    plain = table.first([f"{a}{n}.weight" for a in places for n in names("key")])
    latent = any(n.startswith("self_attn.kv_") for n in table.named)
    elsewhere = layout.single or any(name.startswith(other) for name in table.named)
    if elsewhere and (plain is None or latent):
        return None, None, None, None
    last = table.need("output", [f"{a}{o}.weight" for a in places for o in names("output")])
    for kind in names("fused"):
        info = table.first([f"{a}{kind}.weight" for a in places])
        if info is not None:
            parts = _fused_attention(table, kind, info.name, config, layout, hidden, sizes)
            turned = parts[0].transposed
            return (*parts, table.matrix("output", last, hidden, parts[0].outputs, turned))
    query, key, value = (
        table.matrix(
            role,
            table.need(role, [f"{a}{n}.weight" for a in places for n in names(role)]),
            inputs=hidden,
        )
        for role in ("query", "key", "value")
    )
    heads, _, width = sizes
    if layout.gated_query and heads and query.outputs == 2 * heads * width:
        query = TensorPart(query.tensor, heads * width, hidden, group=width, stride=2 * width)
    return query, key, value, table.matrix("output", last, hidden, query.outputs)


def _fused_attention(
    table: RoleTable,
    kind: str,
    name: str,
    config: Mapping[str, Any],
    layout: Layout,
    hidden: int,
    sizes: tuple[int, int, int],
) -> tuple[TensorPart, TensorPart, TensorPart]:
    heads, groups, width = sizes
    info = table.weights.tensors[name]
    if not (heads and groups and width) or heads % groups:
        raise unknown(
            "the config does not tell heads, and query, key and value are one matrix", table.weights
        )
    if layout.qkv == "groups":
        each = heads // groups
        stride = (each + 2) * width
        whole = table.matrix("query", info, groups * stride, hidden)
        query = TensorPart(whole.tensor, heads * width, hidden, 0, False, each * width, stride)
        key = TensorPart(whole.tensor, groups * width, hidden, each * width, False, width, stride)
        return query, key, replace(key, start=(each + 1) * width)
    if layout.qkv == "heads":
        whole = table.matrix("query", info, 3 * heads * width, hidden)
        query = TensorPart(whole.tensor, heads * width, hidden, 0, False, width, 3 * width)
        return query, replace(query, start=width), replace(query, start=2 * width)
    if layout.qkv == "codegen":
        whole = table.matrix("query", info, 3 * hidden, hidden)
        block = hidden // CODEGEN_BLOCKS
        query = TensorPart(whole.tensor, hidden, hidden, 0, False, block, 3 * block)
        return query, replace(query, start=2 * block), replace(query, start=block)
    if kind == "query_key_value" and not layout.qkv:
        family = printable(str(config["model_type"]), 40)
        raise unknown(f"how {family!r} fuses query, key and value is not known here", table.weights)
    # A one-dimensional convolution of width one stores its matrix as (inputs, outputs).
    turned = kind == "c_attn" and info.shape == (hidden, 3 * hidden)
    sizes_each = (heads * width, groups * width, groups * width)
    query, key, value = table.pieces("query", info, sizes_each, hidden, turned)
    return query, key, value


def has_mlp(table: RoleTable) -> bool:
    """Whether a layer has an MLP by any of the names."""
    ends = {n for some in (*named_together("gated"), *named_together("plain")) for n in some}
    ends |= {n for some in named_together("gate_up") for n in some}
    return any(name.split(".")[-2:-1] and name.split(".")[-2] in ends for name in table.named)


def mlps(
    table: RoleTable, config: Mapping[str, Any], layout: Layout, hidden: int
) -> tuple[Mlp, ...]:
    """The dense or shared MLPs, then the experts. Raises MalformedInput for none."""
    found: list[Mlp] = []
    for stem in names("mlp"):
        dense = block(table, stem, "dense", hidden, layout)
        if dense is not None:
            found.append(dense)
            break
    shared = (block(table, stem, "shared", hidden, layout) for stem in names("shared"))
    found += [one for one in shared if one is not None]
    stems = {hit["stem"] for hit in map(_NUMBERED.fullmatch, table.named) if hit}
    numbered = [stem for stem in names("experts") if stem in stems]
    for stem in numbered:
        found += numbered_experts(table, stem, hidden, layout, block)
    if not numbered:
        found += fused_experts(table, hidden, layout)
    if not found:
        raise table.lacks("up", "mlp.up_proj.weight")
    _check_units(table, found[0], config, layout)
    return tuple(found)


def block(
    table: RoleTable, stem: str, kind: MlpKind, hidden: int, layout: Layout, index: int = 0
) -> Mlp | None:
    """The MLP whose matrices' names begin in this way; None where there is none. Raises
    MalformedInput for half of one."""
    for first, last in named_together("gate_up"):
        info = table.first([f"{stem}{first}.weight"])
        if info is not None and len(info.shape) == 2:
            return _cut(table, stem, last, info.name, kind, hidden, index)
    triples = named_together("gated")
    for triple in (layout.gate_up_down, *triples) if layout.gate_up_down else triples:
        gate_name, up_name, down_name = (f"{stem}{n}.weight" for n in triple)
        # The last one may be a plain MLP's as well, as c_proj is.
        told = (gate_name, up_name) if triple[2] == "c_proj" else (gate_name, up_name, down_name)
        if not any(n in table.named for n in told):
            continue
        up = table.matrix("up", table.need("up", [up_name]), inputs=hidden)
        down = table.matrix("down", table.need("down", [down_name]), hidden, up.outputs)
        if layout.ungated and gate_name not in table.named:
            return Mlp(up, down, None, kind, index)
        gate = table.matrix("gate", table.need("gate", [gate_name]), up.outputs, hidden)
        return Mlp(up, down, gate, kind, index)
    for first, last in named_together("plain"):
        info = table.first([f"{stem}{first}.weight"])
        if info is not None and layout.gate_in_up:
            return _cut(table, stem, last, info.name, kind, hidden, index)
        if info is not None:
            other = table.need("down", [f"{stem}{last}.weight"])
            turned = first == "c_fc" and info.shape[0] == hidden and other.shape[-1] == hidden
            up = table.matrix("up", info, inputs=hidden, turned=turned)
            down = table.matrix("down", other, hidden, up.outputs, turned)
            return Mlp(up, down, None, kind, index)
    return None


def _cut(
    table: RoleTable, stem: str, last: str, name: str, kind: MlpKind, hidden: int, index: int
) -> Mlp:
    """A gate and up in one matrix, the gate first."""
    down = table.matrix("down", table.need("down", [f"{stem}{last}.weight"]), hidden)
    info = table.weights.tensors[name]
    gate, up = table.pieces("up", info, (down.inputs, down.inputs), hidden)
    return Mlp(up, down, gate, kind, index)


def _check_units(table: RoleTable, mlp: Mlp, config: Mapping[str, Any], layout: Layout) -> None:
    told = number(config, *keys("units"))
    counted = mlp.units * layout.units_told
    if mlp.kind == "dense" and told and counted and counted != told:
        raise unknown(
            f"the role 'up' of {table.place} has {mlp.units} units, and the config says {told}",
            table.weights,
        )
