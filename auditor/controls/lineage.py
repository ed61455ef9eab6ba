"""lineage.json: who a model learned from, how much, and by which method. Written by this pipeline,
or by hand for others.

Anybody's checkpoint of known history enters a cohort by such a file beside it: only ``name``,
``role`` and ``method`` must be there. Knows the file; knows nothing of how the model was trained.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from auditor.controls.recipe import Role
from fingerprints.record_files import RecordFile, write_record
from fingerprints.records import Identity, Record, canonical_json, sha256

LINEAGE = "lineage.json"


class LineageTeacher(Record):
    """One source: ``n_examples`` of its answers were learned, ``share`` of all examples."""

    name: str
    vendor: str = ""
    kind: Literal["teacher", "filler"] = "teacher"
    identity: Identity | None = None
    share: Annotated[float, Field(ge=0, le=1)] | None = None
    n_examples: Annotated[int, Field(ge=0)] | None = None


class LineageLaunderer(Record):
    """Who paraphrased the teachers' answers before they were learned, by which instruction."""

    name: str
    vendor: str = ""
    identity: Identity | None = None
    instruction_sha256: str | None = None


class Lineage(Record):
    """The known history of one model.

    ``role``: positive (learned from a teacher), negative (from none), confounded (from none, but
    made to look so). ``base`` is the identity that it started from, ``base_spec`` how that was
    opened. ``checkpoint`` is the student's place within the folder, and ``None`` where the model is
    elsewhere. ``vendor`` is the model's own maker. Models of one ``group`` are not independent of
    each other (one lineage, several versions); without one, those of one recipe, teacher and base
    are taken to be one. Digests are SHA-256.
    """

    format: Literal["lineage/1"] = "lineage/1"
    name: str
    role: Role
    method: str
    vendor: str = ""
    group: str = ""
    recipe: str = ""
    base_spec: str = ""
    base: Identity | None = None
    dose: Annotated[float, Field(ge=0, le=1)] | None = None
    seed: int | None = None
    teachers: tuple[LineageTeacher, ...] = ()
    evasions: tuple[str, ...] = ()
    launderer: LineageLaunderer | None = None
    n_examples: int | None = None
    prompts_sha256: str | None = None
    examples_sha256: str | None = None
    recipe_sha256: str | None = None
    steps: int | None = None
    checkpoint: str | None = None
    adapter: bool = False
    notes: tuple[str, ...] = ()
    tool: str = ""
    created: str = ""

    @model_validator(mode="after")
    def _counts_fit(self) -> Self:
        known = [t.n_examples for t in self.teachers if t.n_examples is not None]
        told = self.n_examples is not None and len(known) == len(self.teachers)
        if told and sum(known) != self.n_examples:
            raise ValueError(
                f"n_examples is {self.n_examples}, and the sources' add up to {sum(known)}"
            )
        if self.role == "positive" and not any(t.kind == "teacher" for t in self.teachers):
            raise ValueError("a positive control names the teacher that it learned from")
        return self

    def digest(self) -> str:
        """As of every record; what older lineages don't have counts only where it is set."""
        value = self.model_dump(mode="json")
        later = {"launderer": None, "vendor": "", "group": ""}
        value = {k: v for k, v in value.items() if k not in later or v != later[k]}
        return sha256(canonical_json(value))


def write_lineage(folder: Path, lineage: Lineage) -> Path:
    """Writes ``lineage.json`` into a folder, whole or not at all, and returns its path."""
    path = folder / LINEAGE
    write_record(path, lineage, exclude_none=True)
    return path


def read_lineage(folder: Path) -> Lineage:
    """The lineage in a folder, or in a file. Raises MalformedInput where it is missing or none."""
    return _FILE.read(folder / LINEAGE if folder.is_dir() else folder)


_FILE = RecordFile(
    Lineage,
    "not a lineage",
    "write a lineage.json beside the model (docs/recipes.md says what it holds)",
    largest=4_000_000,
)
