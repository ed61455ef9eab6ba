"""What a model says of its own descent: model card, config, adapter and GGUF metadata. Claims, not
evidence.

Bounded and parsed with a safe loader; every text is a stranger's and is made printable.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from fingerprints.errors import printable
from fingerprints.records import Record
from fingerprints.subjects.safety import read_config
from fingerprints.weights.view import Weights

LARGEST_CARD = 1 << 20
LARGEST_FRONT = 64 << 10
MOST_LISTED = 50
MOST_BRACKETS = 200
LONGEST_TEXT = 200


class DeclaredLineage(Record):
    """Where a model says that it comes from. Nothing of it is checked.

    ``base_models`` and ``relation`` (finetune, adapter, merge, quantized): of the model card, the
    adapter's config or GGUF's metadata. ``name_or_path``: what the config was loaded from when it
    was saved. ``notes``: what could not be read.
    """

    base_models: tuple[str, ...] = ()
    relation: str | None = None
    licence: str | None = None
    tags: tuple[str, ...] = ()
    name_or_path: str | None = None
    notes: tuple[str, ...] = ()


def declared_lineage(weights: Weights) -> DeclaredLineage:
    """What a model's files say of its descent, from all places where they say it. Raises what
    `read_config` raises."""
    if weights.format == "gguf":
        said = _of_gguf(weights.metadata)
    else:
        said = read_model_card(weights.path if weights.path.is_dir() else weights.path.parent)
        said = said.model_copy(update={"name_or_path": _text(weights.config.get("_name_or_path"))})
    if weights.adapter is None:
        return said
    config = read_config(weights.adapter / "adapter_config.json")
    base, own = _text(config.get("base_model_name_or_path")), read_model_card(weights.adapter)
    bases = tuple(dict.fromkeys((*own.base_models, *((base,) if base else ()), *said.base_models)))
    return own.model_copy(
        update={
            "base_models": bases,
            "relation": own.relation or "adapter",
            "name_or_path": said.name_or_path,
        }
    )


def read_model_card(folder: Path) -> DeclaredLineage:
    """The front matter of a folder's README.md; empty where there is none, with a note where it
    can't be read.

    At most 64 KiB of it are parsed. Never raises for what a card holds.
    """
    path = folder / "README.md"
    try:
        if not path.is_file():
            return DeclaredLineage()
        with path.open("rb") as file:
            front = _front(file.read(LARGEST_CARD).decode("utf-8", "replace"))
    except OSError:
        return DeclaredLineage(notes=("the model card can't be read",))
    return DeclaredLineage() if front is None else _parsed(front)


def _parsed(front: str) -> DeclaredLineage:
    if len(front) > LARGEST_FRONT:
        return DeclaredLineage(
            notes=(f"the model card's front matter is larger than {LARGEST_FRONT:,} bytes",)
        )
    if front.count("[") + front.count("{") > MOST_BRACKETS or "<<" in front:
        # Nested brackets cost the parser cubic time, and merged keys grow without end.
        return DeclaredLineage(notes=("the model card's front matter is nested as no card is",))
    try:
        value = yaml.safe_load(front)
    except (yaml.YAMLError, ValueError, RecursionError, TypeError, OverflowError):
        return DeclaredLineage(notes=("the model card's front matter is no YAML",))
    if not isinstance(value, dict):
        return DeclaredLineage(notes=("the model card's front matter is no list of keys",))
    return DeclaredLineage(
        base_models=_texts(value.get("base_model")),
        relation=_text(value.get("base_model_relation")),
        licence=_text(value.get("license")),
        tags=_texts(value.get("tags")),
    )


def _front(text: str) -> str | None:
    lines = text.lstrip("\ufeff").splitlines()
    if not lines or lines[0].strip() != "---":
        return None
    end = next((i for i, line in enumerate(lines[1:], 1) if line.strip() in ("---", "...")), None)
    return None if end is None else "\n".join(lines[1:end])


def _of_gguf(metadata: Mapping[str, Any]) -> DeclaredLineage:
    count = metadata.get("general.base_model.count", 0)
    bases: list[str] = []
    for i in range(min(count, MOST_LISTED) if isinstance(count, int) else 0):
        address, *parts = (
            _text(metadata.get(f"general.base_model.{i}.{key}"))
            for key in ("repo_url", "organization", "name")
        )
        bases += [address or "/".join(p for p in parts if p) or f"base model {i} without a name"]
    return DeclaredLineage(
        base_models=tuple(bases),
        licence=_text(metadata.get("general.license")),
        tags=_texts(metadata.get("general.tags")),
        name_or_path=_text(metadata.get("general.name")),
    )


def _text(value: Any) -> str | None:
    return printable(value, LONGEST_TEXT) if isinstance(value, str) and value else None


def _texts(value: Any) -> tuple[str, ...]:
    listed = value if isinstance(value, list | tuple) else [value]
    return tuple(t for t in map(_text, listed[:MOST_LISTED]) if t is not None)
