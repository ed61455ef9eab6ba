"""Copies with less or more: layers dropped or repeated, the smallest units of every MLP left out,
tokens added to the vocabulary.

Functions of a `Llama`, settings and a seed; one of them also extends the tokenizer's files. Knows
tensors and tokenizers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
from pydantic import Field
from torch import Generator, Tensor
from transformers import AutoTokenizer

from auditor.labs.zoo.disguise import generator
from auditor.labs.zoo.llama import DOWN, EMBEDDING, GATE, HEAD, UP, Llama, with_layers
from fingerprints.errors import MalformedInput, UsageProblem, printable
from fingerprints.records import Record
from fingerprints.subjects.checkpoint import LOADING_ERRORS
from fingerprints.subjects.library import quiet


class Layers(Record):
    """Which layers, counted from 0: those listed, or ``n`` that the kind chooses where none are."""

    n: Annotated[int, Field(ge=1, le=2000)] = 1
    layers: tuple[int, ...] = ()


class PruneUnits(Record):
    """``keep``: the share of each MLP's units that stay, at least one."""

    keep: Annotated[float, Field(gt=0, lt=1)] = 0.75


def drop_layers(llama: Llama, how: Layers, seed: int) -> Llama:
    """The model without the listed layers, or a block of ``n`` right before the last one.

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
        largest = torch.argsort(unit_norms(llama, layer), descending=True, stable=True)
        # Sorted again: those that stay keep their order.
        order = largest[:count].sort().values
        both = ("weight", "bias")
        names = [llama.name(layer, part, kind) for part in (GATE, UP) for kind in both]
        out |= {name: llama.tensors[name][order] for name in names if name in llama.tensors}
        out[llama.name(layer, DOWN)] = llama.tensors[llama.name(layer, DOWN)][:, order]
    return llama.changed(out, intermediate_size=count)


def unit_norms(llama: Llama, layer: int) -> Tensor:
    """The norm of each MLP unit, (units,): product over gate row, up row and down column."""
    gate, up, down = (llama.tensors[llama.name(layer, part)].double() for part in (GATE, UP, DOWN))
    norms: Tensor = gate.norm(dim=1) * up.norm(dim=1) * down.norm(dim=0)
    return norms


def _no_fit(llama: Llama, reason: str) -> UsageProblem:
    return UsageProblem(
        f"the layers do not fit a model of {llama.layers}: {reason}",
        where="layers",
        next_step=f"name layers from 0 to {llama.layers - 1}, and leave at least one",
    )


class ExtendVocabulary(Record):
    """``n`` new tokens; ``spread`` of their rows from the mean row, in standard deviations."""

    n: Annotated[int, Field(ge=1, le=100_000)] = 8
    spread: Annotated[float, Field(ge=0, le=10)] = 0.1


def repeat_layers(llama: Llama, how: Layers, seed: int) -> Llama:
    """The model with a block of layers repeated after itself: those listed, or ``n`` in the middle.

    Depth up-scaling as in SOLAR (Kim et al. 2023, arXiv 2312.15166), without the training that
    follows there. Raises UsageProblem for layers that are not there.
    """
    block = named_layers(llama, how, first=(llama.layers - how.n) // 2)
    after = block[-1] + 1
    return with_layers(llama, [*range(after), *block, *range(after, llama.layers)])


def extend_vocabulary(llama: Llama, how: ExtendVocabulary, seed: int) -> Llama:
    """The model with ``n`` more rows in embedding and output layer, near the mean of the old ones.

    The scores of the old tokens stay as they were.
    """
    random = generator(seed)
    names = [name for name in (EMBEDDING, HEAD) if name in llama.tensors]
    out = {name: _extended(llama.tensors[name], how, random) for name in names}
    return llama.changed(out, vocab_size=llama.vocabulary + how.n)


def extend_tokenizer(source: Path, folder: Path, n: int) -> None:
    """Writes the source's tokenizer into ``folder`` with ``n`` tokens ``<|added_N|>`` more.

    Raises MalformedInput for a tokenizer that can't be loaded or that has them already.
    """
    with quiet():
        try:
            tokenizer = AutoTokenizer.from_pretrained(
                str(source), local_files_only=True, trust_remote_code=False
            )
        except LOADING_ERRORS as error:
            raise MalformedInput(
                f"the tokenizer can't be loaded: {printable(' '.join(str(error).split()), 120)}",
                where=source,
                next_step="copy tokenizer.json and tokenizer_config.json beside the weights",
            ) from error
        first = len(tokenizer)
        tokenizer.add_tokens([f"<|added_{number}|>" for number in range(first, first + n)])
        if len(tokenizer) != first + n:
            raise MalformedInput(
                "the tokenizer has some of the new tokens already",
                where=source,
                next_step="give another checkpoint",
            )
        tokenizer.save_pretrained(str(folder))


def _extended(rows: Tensor, how: ExtendVocabulary, random: Generator) -> Tensor:
    old = rows.double()
    noise = torch.randn(how.n, rows.shape[1], dtype=torch.float64, generator=random)
    new = old.mean(dim=0) + how.spread * old.std(dim=0) * noise
    return torch.cat([rows, new.to(rows.dtype)])
