"""Looks a checkpoint folder over before any library parses it, and refuses what could run code,
escape or explode.

Refused: pickles alone, code, keys that ask for code, links out of the folder, git-LFS pointers,
headers and sizes that lie. Never a flag to allow them: such flags failed as a boundary often enough
(CVE-2025-32434, CVE-2026-4372, CVE-2026-5241). Knows files and keys; loads nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from fingerprints.errors import MalformedInput, ResourceLimit, UnsafeInput, printable
from fingerprints.subjects.spec import PICKLES
from fingerprints.subjects.tensors_header import (
    TensorSlot,
    is_lfs_pointer,
    lfs_problem,
    read_safetensors_header,
)

# Far above any real checkpoint: what is larger is refused unread.
MOST_FILES = 10_000
LARGEST_JSON = 64 << 20
LARGEST_CONFIG = 4 << 20
LARGEST_TEMPLATE = 256 << 10
FORBIDDEN_KEYS = frozenset(
    {"auto_map", "trust_remote_code", "custom_pipelines", "custom_generate"}
    | {"attn_implementation", "auto_mapping"}
)
COPY_AGAIN = "copy the checkpoint again"
WITH_FILES = "copy the checkpoint with its files"
IF_KNOWN = "if transformers knows the architecture, or audit it behind an endpoint"
PARSED = ("config.json", "generation_config.json", "tokenizer_config.json", "adapter_config.json")
CEILINGS = {
    "num_hidden_layers": 2_000,
    "hidden_size": 1 << 18,
    "intermediate_size": 1 << 21,
    "vocab_size": 1 << 24,
    "num_attention_heads": 1 << 14,
    "num_key_value_heads": 1 << 14,
    "head_dim": 1 << 16,
    "num_experts": 1 << 14,
    "num_local_experts": 1 << 14,
    "max_position_embeddings": 1 << 28,
}
"""Far above every published model: what lies beyond is a slip or an attack on memory."""


@dataclass(frozen=True)
class Inspected:
    """What the look over a folder found: its architecture, how many numbers its weights hold,
    and what to tell."""

    architecture: str
    parameters: int
    config: Mapping[str, Any]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Contents:
    """What a folder holds before anything of it is loaded: its config, its weight files in
    order, and what to tell."""

    config: Mapping[str, Any]
    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()


def inspect_checkpoint(folder: Path, *, from_hub: bool = False) -> Inspected:
    """Checks a checkpoint folder's files, config, weights and tokenizer without loading them.

    ``from_hub`` allows the links of the hub's own cache. Raises MalformedInput, UnsafeInput or
    ResourceLimit, naming the file or key.
    """
    config, notes = _inspect_config(folder, from_hub=from_hub)
    architecture = _architecture(config, folder)
    _refuse_bombs(config, folder)
    slots = _weights(folder)
    parameters = sum(math.prod(s.shape) for s in slots)
    return Inspected(architecture, parameters, config, notes)


def inspect_folder(folder: Path, *, from_hub: bool = False) -> Contents:
    """The same look over a folder whose weights are read and never run: any architecture passes, no
    library is asked.

    Code beside the weights, and keys of the config that ask for it, are left alone and told: models
    are published with them, and nothing here could run them. The weight files' headers stay unread.
    Raises what `inspect_checkpoint` raises else.
    """
    config, notes = _inspect_config(folder, from_hub=from_hub, runs=False)
    _refuse_bombs(config, folder)
    return Contents(config, tuple(_weight_files(folder)), notes)


def _inspect_config(
    folder: Path, *, from_hub: bool, runs: bool = True
) -> tuple[dict[str, Any], tuple[str, ...]]:
    notes = _inspect_files(folder, from_hub=from_hub, runs=runs)
    if not (folder / "config.json").exists() and (folder / "adapter_config.json").exists():
        raise MalformedInput(
            "only an adapter: its base model is needed",
            where=folder,
            next_step=f"write hf:BASE,adapter={printable(str(folder), 120)}",
        )
    return read_config(folder / "config.json", runs=runs), notes


def inspect_adapter(folder: Path) -> tuple[str, ...]:
    """Checks an adapter's folder in the same way; returns what to tell. Raises likewise."""
    if not (folder / "adapter_config.json").is_file():
        said = "no adapter_config.json: not an adapter"
        raise MalformedInput(said, where=folder, next_step="check the option adapter=DIR")
    notes = _inspect_files(folder, from_hub=False)
    read_config(folder / "adapter_config.json")
    if not (folder / "adapter_model.safetensors").is_file():
        said = "no adapter_model.safetensors"
        raise MalformedInput(said, where=folder, next_step="save the adapter as safetensors")
    _weights(folder)
    return notes


def read_config(path: Path, *, runs: bool = True) -> dict[str, Any]:
    """A JSON file of a checkpoint as an object, refused where a key asks for code (``runs``: where
    the model is to be run, and not read alone).

    Raises MalformedInput for a file that is missing or no JSON object and UnsafeInput naming the
    key.
    """
    if not path.exists():
        said, step = f"no {path.name}: not a checkpoint", "give the folder that holds it"
        raise MalformedInput(said, where=path.parent, next_step=step)
    if is_lfs_pointer(path):
        raise lfs_problem(path)
    if path.stat().st_size > LARGEST_CONFIG:
        said, step = f"larger than {LARGEST_CONFIG:,} bytes", "a config has a few thousand bytes"
        raise ResourceLimit(said, where=path, next_step=step)
    try:
        value = json.loads(path.read_text("utf-8"))
        asks = next(_asking_for_code(value), None) if runs else None
    except (ValueError, RecursionError, OSError) as error:
        raise MalformedInput("no JSON", where=path, next_step=COPY_AGAIN) from error
    if not isinstance(value, dict):
        raise MalformedInput("no JSON object", where=path, next_step=COPY_AGAIN)
    if asks is not None:
        raise UnsafeInput(
            f"its key {printable(asks, 60)!r} asks to load code, which is never done",
            where=path,
            next_step=f"remove the key in a copy {IF_KNOWN}",
        )
    return value


def _asking_for_code(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            asks = key in FORBIDDEN_KEYS or key.startswith("_attn_implementation")
            if asks and not _harmless(key, inner):
                yield key
            yield from _asking_for_code(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _asking_for_code(inner)


def _harmless(key: str, value: Any) -> bool:
    """Two keys that libraries write into ordinary files: an old flag, and the class that an
    adapter was trained on."""
    if key == "_attn_implementation_autoset":
        return isinstance(value, bool)
    library = value.get("parent_library") if isinstance(value, dict) else None
    return key == "auto_mapping" and (
        value is None or (isinstance(library, str) and library.startswith("transformers.models."))
    )


def _inspect_files(folder: Path, *, from_hub: bool, runs: bool = True) -> tuple[str, ...]:
    if not folder.is_dir():
        raise MalformedInput(
            "not a folder",
            where=folder,
            next_step="give a checkpoint folder, or gguf:FILE for a GGUF file",
        )
    names = list(islice(folder.iterdir(), MOST_FILES + 1))
    if len(names) > MOST_FILES:
        said, step = f"more than {MOST_FILES:,} files", "give the folder of one checkpoint"
        raise ResourceLimit(said, where=folder, next_step=step)
    # In the hub's cache the files are links to ../../blobs: the model's own folder is then the
    # border.
    border = folder.resolve().parents[1] if from_hub else folder.resolve()
    for path in sorted(names):
        _inspect_file(path, border, runs=runs)
    pickles = sorted(p.name for p in names if p.suffix.lower() in PICKLES)
    if pickles and not any(p.suffix == ".safetensors" for p in names):
        raise UnsafeInput(
            f"its weights are a pickle ({printable(pickles[0], 60)}), which can run code and is"
            " never opened",
            where=folder,
            next_step="convert it to safetensors in a throw-away container, then audit that",
        )
    code = sorted(p.name for p in names if p.suffix == ".py")
    shown = ", ".join(printable(name, 60) for name in [*pickles, *code][:5])
    return (f"ignored unread: {shown}",) if shown else ()


def _inspect_file(path: Path, border: Path, *, runs: bool) -> None:
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        said = "a link that leads nowhere"
        raise UnsafeInput(said, where=path, next_step=WITH_FILES) from error
    if not real.is_relative_to(border):
        said = "a link that leads out of the folder"
        raise UnsafeInput(said, where=path, next_step=WITH_FILES)
    if not (real.is_file() or real.is_dir()):
        raise UnsafeInput(
            "neither a file nor a folder", where=path, next_step="copy the checkpoint without it"
        )
    if path.suffix == ".py" and runs:
        raise UnsafeInput(
            f"the checkpoint brings code ({printable(path.name, 60)}), which is never run",
            where=path.parent,
            next_step=f"copy it without code {IF_KNOWN}",
        )
    if path.suffix == ".json" and real.stat().st_size > LARGEST_JSON:
        raise ResourceLimit(
            f"larger than {LARGEST_JSON:,} bytes", where=path, next_step="look at it in a sandbox"
        )
    if real.is_file() and path.suffix in (".json", ".model") and is_lfs_pointer(path):
        raise lfs_problem(path)
    if path.suffix == ".jinja":
        refuse_long_template(real.stat().st_size, path)
    if path.name in PARSED:
        template = read_config(path, runs=runs).get("chat_template")
        refuse_long_template(len(json.dumps(template)), path)


def refuse_long_template(
    size: int, path: Path, next_step: str = "read it before you use it"
) -> None:
    """Raises ResourceLimit for a chat template of more than 256 KiB."""
    if size > LARGEST_TEMPLATE:
        said = f"a chat template above {LARGEST_TEMPLATE:,} bytes"
        raise ResourceLimit(said, where=path, next_step=next_step)


def _architecture(config: Mapping[str, Any], folder: Path) -> str:
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in MODEL_FOR_CAUSAL_LM_MAPPING_NAMES:
        raise MalformedInput(
            f"transformers knows no causal language model of the type {printable(str(kind), 60)!r}",
            where=folder / "config.json",
            next_step="update transformers, or serve the model and audit the endpoint:"
            " openai:NAME,base_url=URL",
        )
    if config.get("quantization_config") is not None:
        raise MalformedInput(
            "a quantised checkpoint, which needs its own kernels",
            where=folder / "config.json",
            next_step="give the unquantised checkpoint or a GGUF file, or audit an endpoint that"
            " serves it",
        )
    named = config.get("architectures")
    return str(named[0]) if isinstance(named, list) and named else kind


def _refuse_bombs(config: Mapping[str, Any], folder: Path) -> None:
    sections = [config, *(v for v in config.values() if isinstance(v, dict))]
    for section in sections:
        for key, ceiling in CEILINGS.items():
            value = section.get(key)
            if isinstance(value, (int, float)) and not 0 <= value <= ceiling:
                raise ResourceLimit(
                    f"{key} is {value:,}, and no known model passes {ceiling:,}",
                    where=folder / "config.json",
                    next_step="check the config: it would exhaust the memory",
                )


def _weights(folder: Path) -> list[TensorSlot]:
    return [slot for path in _weight_files(folder) for slot in read_safetensors_header(path)]


def _weight_files(folder: Path) -> list[Path]:
    files = sorted(p for p in folder.iterdir() if p.suffix == ".safetensors")
    if not files:
        raise MalformedInput(
            "no weights (*.safetensors)", where=folder, next_step="save the model as safetensors"
        )
    index = folder / "model.safetensors.index.json"
    return _shards(index) if index.exists() else files


def _shards(index: Path) -> list[Path]:
    listed = read_index(index)
    for name in listed:
        if "/" in name or "\\" in name or not name.endswith(".safetensors"):
            raise UnsafeInput(
                f"the shard index names {printable(name, 80)!r}, which is no file of this folder",
                where=index,
                next_step="do not open this checkpoint",
            )
        if not (index.parent / name).is_file():
            raise MalformedInput(
                f"the shard {printable(name, 80)!r} is missing",
                where=index.parent,
                next_step="copy the whole checkpoint",
            )
    return [index.parent / name for name in listed]


def read_index(index: Path) -> list[str]:
    """The shards that a safetensors index lists, in order. Raises MalformedInput."""
    try:
        value = json.loads(index.read_text("utf-8"))
        names = value["weight_map"].values()
        if not all(isinstance(n, str) for n in names):
            raise TypeError("a shard's name is no text")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError) as error:
        raise MalformedInput("not a shard index", where=index, next_step=COPY_AGAIN) from error
    return sorted(set(names))
