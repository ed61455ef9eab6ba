"""The table of published layouts (layouts.toml): what tensors are called, and where a family
departs from what most do.

Knows words; knows no tensor.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib.resources import files
from typing import Any, Literal

Qkv = Literal["", "split", "heads", "groups", "codegen"]
Experts = Literal["outputs_first", "inputs_first", "by_turns", "dbrx"]


@dataclass(frozen=True)
class Layout:
    """How one model's tensors are laid out, where that can't be read from names and shapes.

    ``gains``: whether norms multiply by their weights, by one more, or have none. ``qkv``: how
    query, key and value stand in a fused matrix ("": in thirds where the name leaves no doubt).
    ``groups``: key-value heads whatever the config says, 0 for the config's. ``units_told``: how
    many times the units the config counts, 0 where its number is another.
    ``refused``: why it is not read. The lists of names go before the general ones.
    """

    gains: Literal["weights", "plus_one", "none"] = "weights"
    parallel: bool = False
    single: bool = False
    gated_query: bool = False
    ungated: bool = False
    gate_in_up: bool = False
    qkv: Qkv = ""
    groups: int = 0
    experts: Experts = "outputs_first"
    units_told: int = 1
    stack: str = ""
    embedding: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    last_norm: tuple[str, ...] = ()
    attention_norm: tuple[str, ...] = ()
    gate_up_down: tuple[str, ...] = ()
    refused: str = ""


def names(role: str) -> tuple[str, ...]:
    """What tensors of a role are called, or begin with, whatever the family."""
    return tuple(_table()["names"][role])


def named_together(role: str) -> tuple[tuple[str, ...], ...]:
    """Names that stand for roles together: gate, up and down; up and down."""
    return tuple(tuple(some) for some in _table()["names"][role])


@cache
def known_words() -> frozenset[str]:
    """The words before ``.weight`` that published layouts have for what stands in a layer."""
    norms = (*names("attention_norm"), *names("mlp_norm"))
    words = [name.removesuffix(".weight").rpartition(".")[2] for name in norms]
    for role in ("query", "key", "value", "output", "fused"):
        words += names(role)
    for role in ("gated", "gate_up", "plain"):
        words += [word for some in named_together(role) for word in some]
    return frozenset(words)


def keys(what: str) -> tuple[str, ...]:
    """The config's keys for a size, the first that is there counts."""
    return tuple(_table()["keys"][what])


def layout_of(config: Mapping[str, Any]) -> Layout:
    """The layout of a config's model type: all rows that fit, later ones over earlier ones."""
    family, out = str(config.get("model_type", "")).lower(), Layout()
    for row in _table()["layout"]:
        told = any(config.get(k) != v for k, v in row.get("when", {}).items())
        if not told and any(_is(family, t) for t in row["types"]):
            out = replace(out, **{k: _frozen(v) for k, v in row.items() if k in _FIELDS})
    return out


_FIELDS = frozenset(f.name for f in fields(Layout))


def _is(family: str, listed: str) -> bool:
    return family.startswith(listed[:-1]) if listed.endswith("*") else family == listed


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


@cache
def _table() -> dict[str, Any]:
    with (files("fingerprints.weights") / "layouts.toml").open("rb") as file:
        return tomllib.load(file)
