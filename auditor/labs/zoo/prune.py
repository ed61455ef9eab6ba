"""Copies with less: whole layers dropped, or the smallest units of every MLP.

Pure functions of a `Llama` and settings; the seed plays no part. Knows tensors; knows no file.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from auditor.labs.zoo.llama import DOWN, GATE, UP, Llama, with_layers
from fingerprints.errors import UsageProblem
from fingerprints.records import Record


class Layers(Record):
    """Which layers, counted from 0: those listed, or ``n`` that the kind chooses where none are."""

    n: Annotated[int, Field(ge=1, le=2000)] = 1
    layers: tuple[int, ...] = ()


class PruneUnits(Record):
    """``keep``: the share of each MLP's units that stay, at least one."""

    keep: Annotated[float, Field(gt=0, lt=1)] = 0.75


def drop_layers(llama: Llama, how: Layers, seed: int) -> Llama:
    """The model without some layers; unless they are listed, a block of ``n`` right before the last
    one.

    The default block follows Gromov et al. 2024, arXiv 2403.17887. Raises UsageProblem for layers
    that are not there, or when none would be left.
    """
    chosen = named_layers(llama, how, first=llama.layers - 1 - how.n)
    kept = [layer for layer in range(llama.layers) if layer not in chosen]
    if not kept:
        raise _no_fit(llama, "none would be left")
    return with_layers(llama, kept)


def named_layers(llama: Llama, how: Layers, first: int) -> list[int]:
    """The layers that settings name, in order; by default ``n`` from ``first`` on. Raises
    UsageProblem where one is missing."""
    chosen = sorted(how.layers) or list(range(first, first + how.n))
    if len(set(chosen)) != len(chosen):
        raise _no_fit(llama, "one is named twice")
    if chosen[0] < 0 or chosen[-1] >= llama.layers:
        raise _no_fit(llama, f"{len(chosen)} from {chosen[0]} to {chosen[-1]} were asked for")
    return chosen


def prune_units(llama: Llama, how: PruneUnits, seed: int) -> Llama:
    """Every MLP without the units of the smallest norm; those that stay keep their order.

    A unit's norm is the product of the norms of its gate row, up row and down column, which
    rescaling does not change.
    """
    count = max(1, round(llama.units * how.keep))
    out: dict[str, Tensor] = {}
    for layer in range(llama.layers):
        order = (
            torch.argsort(unit_norms(llama, layer), descending=True, stable=True)[:count]
            .sort()
            .values
        )
        names = [
            llama.name(layer, part, kind) for part in (GATE, UP) for kind in ("weight", "bias")
        ]
        out |= {name: llama.tensors[name][order] for name in names if name in llama.tensors}
        out[llama.name(layer, DOWN)] = llama.tensors[llama.name(layer, DOWN)][:, order]
    return llama.changed(out, intermediate_size=count)


def unit_norms(llama: Llama, layer: int) -> Tensor:
    """The norm of each of a layer's MLP units: product over gate row, up row and down column;
    shape (units,)."""
    gate, up, down = (llama.tensors[llama.name(layer, part)].double() for part in (GATE, UP, DOWN))
    norms: Tensor = gate.norm(dim=1) * up.norm(dim=1) * down.norm(dim=0)
    return norms


def _no_fit(llama: Llama, reason: str) -> UsageProblem:
    return UsageProblem(
        f"the layers do not fit a model of {llama.layers}: {reason}",
        where="layers",
        next_step=f"name layers from 0 to {llama.layers - 1}, and leave at least one",
    )
