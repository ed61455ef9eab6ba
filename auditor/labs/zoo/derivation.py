"""derivation.json: from which weights a copy of known history was made, how, and under which seed.

Knows the file; knows nothing of tensors.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import JsonValue, ValidationError

from fingerprints.durable import replacing
from fingerprints.errors import MalformedInput, printable
from fingerprints.records import Record

DERIVATION = "derivation.json"
LARGEST_FILE = 1_000_000


class Parent(Record):
    """A checkpoint that weights came from: its folder's name, and digests of its weights and
    config as in `Identity`."""

    name: str
    weights_sha256: str
    config_sha256: str | None = None


class Derivation(Record):
    """The known history of a derived checkpoint.

    ``settings`` are complete, with defaults; ``seed`` is recorded also where a kind draws nothing.
    ``keeps_function``: whether the copy computes what its parent computes, up to rounding.
    ``weights_sha256`` is that of the copy.
    """

    format: Literal["derivation/1"] = "derivation/1"
    kind: str
    parents: tuple[Parent, ...]
    settings: dict[str, JsonValue]
    seed: int
    keeps_function: bool
    weights_sha256: str
    tool: str = ""


def write_derivation(folder: Path, derivation: Derivation) -> Path:
    """Writes ``derivation.json`` into a folder, whole or not at all, and returns its path."""
    path = folder / DERIVATION
    text = json.dumps(derivation.model_dump(mode="json"), ensure_ascii=False, indent=2)
    with replacing(path) as file:
        file.write(text.encode("utf-8") + b"\n")
    return path


def read_derivation(folder: Path) -> Derivation:
    """The derivation in a folder. Raises MalformedInput where it is missing or none."""
    path = folder / DERIVATION
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise _bad(f"larger than {LARGEST_FILE:,} bytes", path)
        return Derivation.model_validate(json.loads(path.read_text("utf-8")))
    except OSError as error:
        raise _bad(f"can't be read: {error.strerror}", path) from error
    except ValidationError as error:
        first = error.errors()[0]
        raise _bad(
            f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}", path
        ) from error
    except (ValueError, RecursionError) as error:
        raise _bad("not JSON in UTF-8", path) from error


def _bad(reason: str, path: Path) -> MalformedInput:
    return MalformedInput(
        f"no derivation: {printable(reason, 160)}",
        where=path,
        next_step="derive the checkpoint again",
    )
