"""derivation.json: from which weights a copy of known history was made, how, and under which seed.

Knows the file; knows nothing of tensors.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from fingerprints.record_files import RecordFile, write_record
from fingerprints.records import Record

DERIVATION = "derivation.json"


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
    write_record(path, derivation)
    return path


def read_derivation(folder: Path) -> Derivation:
    """The derivation in a folder. Raises MalformedInput where it is missing or none."""
    return _FILE.read(folder / DERIVATION)


_FILE = RecordFile(Derivation, "no derivation", "derive the checkpoint again", largest=1_000_000)
