"""A Llama-like checkpoint as a value: its config and its tensors by name; read and written.

Knows names, shapes and files; knows nothing of what is done to the weights. The folder is inspected
as any suspect's is.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from fingerprints.errors import MalformedInput, printable
from fingerprints.subjects.digests import TEMPLATE_FILES, TOKENIZER_FILES, weight_files
from fingerprints.subjects.safety import inspect_checkpoint, read_index

FAMILY = ("llama", "mistral", "qwen2")
"""Model types of one anatomy: RMSNorm that multiplies by its weight, gated MLP, rotary
grouped-query attention."""
EMBEDDING, HEAD, LAST_NORM = "model.embed_tokens.weight", "lm_head.weight", "model.norm.weight"
QUERY, KEY, VALUE, OUTPUT = (f"self_attn.{p}_proj" for p in "qkvo")
GATE, UP, DOWN = (f"mlp.{p}_proj" for p in ("gate", "up", "down"))
PROJECTIONS = (QUERY, KEY, VALUE, OUTPUT, GATE, UP, DOWN)
READERS = {"input_layernorm": (QUERY, KEY, VALUE), "post_attention_layernorm": (GATE, UP)}
"""Each norm of a layer, and the projections that read what it gives."""
WRITERS = (OUTPUT, DOWN)
"""The projections that add to the residual stream."""
OTHER_FILES = (*TOKENIZER_FILES, *TEMPLATE_FILES, "generation_config.json")
_LAYER = re.compile(r"model\.layers\.(\d{1,4})\.(.+)")
_BUFFER = re.compile(r"(?:.*\.)?rotary_emb\.inv_freq")


@dataclass(frozen=True)
class Llama:
    """The weights of one model with its config, as values: no function changes them in place.

    A matrix is stored as (outputs, inputs). ``tied``: the output layer is the embedding, and has no
    tensor of its own.
    """

    config: Mapping[str, Any]
    tensors: Mapping[str, Tensor]

    @property
    def layers(self) -> int:
        """How many layers."""
        return int(self.config["num_hidden_layers"])

    @property
    def hidden(self) -> int:
        """Width of the residual stream."""
        return int(self.config["hidden_size"])

    @property
    def units(self) -> int:
        """Hidden units of each MLP."""
        return int(self.config["intermediate_size"])

    @property
    def heads(self) -> int:
        """Query heads of a layer."""
        return int(self.config["num_attention_heads"])

    @property
    def groups(self) -> int:
        """Key-value heads of a layer; each serves ``heads / groups`` query heads."""
        return int(self.config.get("num_key_value_heads") or self.heads)

    @property
    def head_width(self) -> int:
        """Dimensions of one head."""
        return int(self.config.get("head_dim") or self.hidden // self.heads)

    @property
    def vocabulary(self) -> int:
        """Rows of the embedding."""
        return int(self.config["vocab_size"])

    @property
    def tied(self) -> bool:
        """Whether the output layer is the embedding."""
        return bool(self.config.get("tie_word_embeddings", False))

    def name(self, layer: int, part: str, kind: str = "weight") -> str:
        """The full name of a layer's tensor."""
        return f"model.layers.{layer}.{part}.{kind}"

    def changed(self, tensors: Mapping[str, Tensor], **config: Any) -> Llama:
        """A copy with some tensors and config keys replaced."""
        return replace(self, tensors={**self.tensors, **tensors}, config={**self.config, **config})

    def edited(
        self, edits: Mapping[str, Callable[[Tensor], Tensor]], layer: int
    ) -> dict[str, Tensor]:
        """A layer's tensors after edits given by ``part.weight`` or ``part.bias``; a bias that
        is not there is left out."""
        named = {f"model.layers.{layer}.{part}": edit for part, edit in edits.items()}
        return {
            name: edit(self.tensors[name]) for name, edit in named.items() if name in self.tensors
        }

    def matrices(self) -> tuple[str, ...]:
        """Names of every projection's weight, layer by layer."""
        return tuple(self.name(layer, part) for layer in range(self.layers) for part in PROJECTIONS)


def read_llama(folder: Path) -> Llama:
    """The checkpoint in a folder, on the CPU, in the number format that it is stored in.

    Raises MalformedInput for what is no whole checkpoint or not Llama-like, and what
    `fingerprints.subjects.safety.inspect_checkpoint` raises.
    """
    config = dict(inspect_checkpoint(folder).config)
    if config.get("model_type") not in FAMILY:
        named = printable(str(config.get("model_type")), 40)
        raise _foreign(f"its model_type is {named!r}", folder)
    tensors: dict[str, Tensor] = {}
    try:
        for path in _shards(folder):
            tensors.update(load_file(path))
    except SafetensorError as error:
        raise MalformedInput(
            "the weights can't be read", where=folder, next_step="copy the checkpoint again"
        ) from error
    tensors = {name: tensor for name, tensor in tensors.items() if not _BUFFER.fullmatch(name)}
    return _checked(_tied_as_loaded(config, tensors), folder)


def write_llama(llama: Llama, folder: Path, source: Path) -> None:
    """Writes weights and config into a folder, and copies the tokenizer's files from ``source``.

    The bytes depend on the tensors and the config alone.
    """
    tensors = {name: tensor.contiguous() for name, tensor in llama.tensors.items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.dumps(dict(llama.config), indent=2, sort_keys=True)
    (folder / "config.json").write_text(f"{config}\n", "utf-8")
    copy_files(source, folder, OTHER_FILES)


def copy_checkpoint(source: Path, folder: Path) -> None:
    """Copies a checkpoint's files byte by byte. Raises what inspecting it raises."""
    inspect_checkpoint(source)
    weights = [path.name for path in weight_files(source)]
    names = (*weights, "model.safetensors.index.json", "config.json", *OTHER_FILES)
    copy_files(source, folder, names)


def copy_files(source: Path, folder: Path, names: tuple[str, ...]) -> None:
    """Copies those of the named files that are there."""
    for name in names:
        if (source / name).is_file():
            shutil.copyfile(source / name, folder / name)


def _shards(folder: Path) -> list[Path]:
    index = folder / "model.safetensors.index.json"
    return [folder / name for name in read_index(index)] if index.exists() else weight_files(folder)


def _tied_as_loaded(config: dict[str, Any], tensors: dict[str, Tensor]) -> Llama:
    """Transformers ties what the config ties, unless the file holds another output layer."""
    head = tensors.get(HEAD)
    tied = bool(config.get("tie_word_embeddings")) and EMBEDDING in tensors
    if tied and head is not None and not torch.equal(head, tensors[EMBEDDING]):
        return Llama({**config, "tie_word_embeddings": False}, tensors)
    return Llama(config, {n: t for n, t in tensors.items() if n != HEAD} if tied else tensors)


def _checked(llama: Llama, folder: Path) -> Llama:
    shapes = _shapes(llama, folder)
    for name, tensor in llama.tensors.items():
        if name not in shapes:
            raise _foreign(f"it holds {printable(name, 80)!r}", folder)
        if tuple(tensor.shape) != shapes[name]:
            is_so = f"{printable(name, 80)} is {tuple(tensor.shape)}"
            raise _foreign(f"{is_so}, and the config says {shapes[name]}", folder)
        if not tensor.is_floating_point() or tensor.element_size() < 2:
            stored = str(tensor.dtype).removeprefix("torch.")
            raise _foreign(f"{printable(name, 80)} is stored as {stored}", folder)
    lacks = [n for n in shapes if n not in llama.tensors and not n.endswith(".bias")]
    if lacks:
        raise _foreign(f"it lacks {printable(lacks[0], 80)!r}", folder)
    return llama


def _shapes(llama: Llama, folder: Path) -> dict[str, tuple[int, ...]]:
    try:
        wide, units, rows = llama.hidden, llama.units, llama.vocabulary
        asked, kept = llama.heads * llama.head_width, llama.groups * llama.head_width
        odd = llama.heads % llama.groups != 0 or llama.layers < 1
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise _foreign("its config lacks a size", folder) from error
    if odd:
        raise _foreign("its heads do not divide into groups", folder)
    parts = {QUERY: (asked, wide), KEY: (kept, wide), VALUE: (kept, wide), OUTPUT: (wide, asked)}
    parts |= {GATE: (units, wide), UP: (units, wide), DOWN: (wide, units)}
    out: dict[str, tuple[int, ...]] = {EMBEDDING: (rows, wide), LAST_NORM: (wide,)}
    if not llama.tied:
        out[HEAD] = (rows, wide)
    for layer in range(llama.layers):
        out |= {llama.name(layer, norm): (wide,) for norm in READERS}
        out |= {llama.name(layer, part): shape for part, shape in parts.items()}
        out |= {llama.name(layer, part, "bias"): shape[:1] for part, shape in parts.items()}
    return out


def with_layers(llama: Llama, order: list[int]) -> Llama:
    """The model with these layers in this order; one that comes twice has tensors of its own.

    Config lists of one entry a layer follow.
    """
    owned: dict[int, list[tuple[str, Tensor]]] = {}
    kept: dict[str, Tensor] = {}
    for name, tensor in llama.tensors.items():
        found = _LAYER.fullmatch(name)
        if found:
            owned.setdefault(int(found[1]), []).append((found[2], tensor))
        else:
            kept[name] = tensor
    for place, layer in enumerate(order):
        kept |= {f"model.layers.{place}.{part}": tensor.clone() for part, tensor in owned[layer]}
    types = llama.config.get("layer_types")
    listed = {"layer_types": [types[layer] for layer in order]} if isinstance(types, list) else {}
    return Llama({**llama.config, **listed, "num_hidden_layers": len(order)}, kept)


def _foreign(reason: str, folder: Path) -> MalformedInput:
    return MalformedInput(
        f"not a Llama-like checkpoint: {reason}",
        where=folder,
        next_step=f"give an unquantised checkpoint of the type {', '.join(FAMILY)}",
    )
