"""The known history of a derived copy: derivation.json tells from which weights it was made and
how, and its lineage what it takes over of its parents' teachers.

Knows folders and records; knows nothing of tensors.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from auditor.controls.lineage import LINEAGE, Lineage, LineageTeacher, read_lineage
from fingerprints.errors import MalformedInput, UnsafeInput, UsageProblem, printable
from fingerprints.record_files import RecordFile, write_record
from fingerprints.records import Record

DERIVATION = "derivation.json"


class Parent(Record):
    """A checkpoint that weights came from, with digests as in `Identity`."""

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


HERE = "."
"""The place of a checkpoint that lies beside its lineage."""


@dataclass(frozen=True)
class MergeSource:
    """A checkpoint to derive from, with its lineage where one is told."""

    checkpoint: Path
    lineage: Lineage | None


def open_source(path: Path) -> MergeSource:
    """The checkpoint that a path names: its folder, or a control's with its student in it.

    A lineage is read beside the checkpoint, and in the control's folder around it. Raises
    MalformedInput for a path that is no folder or a lineage that is none, UnsafeInput for a lineage
    that points out of its folder, UsageProblem for an adapter.
    """
    if not path.is_dir():
        raise MalformedInput(
            "no such checkpoint folder", where=path, next_step="check the path of the source"
        )
    if (path / LINEAGE).is_file():
        return _told(path, read_lineage(path))
    above = path.resolve().parent
    if (above / LINEAGE).is_file():
        lineage = read_lineage(above)
        if lineage.checkpoint == path.resolve().name:
            return _told(above, lineage)
    return _whole(MergeSource(path, None))


def _told(folder: Path, lineage: Lineage) -> MergeSource:
    place = (folder / (lineage.checkpoint or HERE)).resolve()
    if not place.is_relative_to(folder.resolve()):
        raise UnsafeInput(
            "its checkpoint lies outside of the folder",
            where=folder / LINEAGE,
            next_step="give the checkpoint's own folder",
        )
    return _whole(MergeSource(place, lineage))


def _whole(source: MergeSource) -> MergeSource:
    told = source.lineage is not None and source.lineage.adapter
    if told or (source.checkpoint / "adapter_config.json").is_file():
        raise UsageProblem(
            "an adapter, and copies are derived from whole checkpoints",
            where=source.checkpoint,
            next_step="train the control without lora, or merge the adapter into its base",
        )
    return source


def inherited(
    name: str, parents: Sequence[Lineage], derivations: Sequence[Derivation], checkpoint: str = HERE
) -> Lineage:
    """The lineage of a copy: what its parents learned, and each derivation as note and evasion.

    Of several parents the teachers are put together without shares and counts, and what differs
    between them is left open.
    """
    kinds = tuple(f"derived: {d.kind}" for d in derivations if d.kind != "copy")
    changes = {
        "name": name,
        "checkpoint": checkpoint,
        "evasions": tuple(dict.fromkeys(e for parent in parents for e in parent.evasions)) + kinds,
        "notes": tuple(dict.fromkeys(n for parent in parents for n in parent.notes))
        + tuple(map(_note, derivations)),
    }
    merged = parents[0] if len(parents) == 1 else _merged(parents)
    return merged.model_copy(update=changes)


def _note(derivation: Derivation) -> str:
    d = derivation
    settings = json.dumps(d.settings, sort_keys=True) if d.settings else "no settings"
    parents = " and ".join(f"{printable(p.name, 60)} {p.weights_sha256[:12]}" for p in d.parents)
    return f"weights derived by {d.kind} ({settings}, seed {d.seed}) from {parents}"


def _merged(parents: Sequence[Lineage]) -> Lineage:
    teachers: dict[tuple[str, str, str], LineageTeacher] = {}
    for teacher in (t for parent in parents for t in parent.teachers if t.n_examples != 0):
        bare = teacher.model_copy(update={"share": None, "n_examples": None})
        teachers.setdefault((teacher.kind, teacher.name, teacher.vendor), bare)
    first = parents[0]
    same = {
        field: getattr(first, field)
        for field in ("recipe", "base_spec", "base", "dose", "seed", "tool")
        if all(getattr(parent, field) == getattr(first, field) for parent in parents)
    }
    roles = [parent.role for parent in parents]
    role = next((r for r in ("positive", "confounded") if r in roles), "negative")
    methods = " + ".join(dict.fromkeys(parent.method for parent in parents))
    told = {"name": first.name, "role": role, "method": methods}
    return Lineage.model_validate({**same, **told, "teachers": tuple(teachers.values())})
