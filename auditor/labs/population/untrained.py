"""Members of a ladder that nobody trains: the base, and a student with rounded weights.

Knows folders and their lineages; training is `auditor.controls.train`'s, rounding
`auditor.labs.zoo.derive`'s.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal

from auditor.controls.cards.card import CARD
from auditor.controls.lineage import LINEAGE, Lineage, read_lineage, write_lineage
from auditor.controls.recipe import Recipe, Student, Training
from auditor.controls.train import STUDENT
from auditor.version import VERSION
from fingerprints.collect import timestamp
from fingerprints.errors import MalformedInput
from fingerprints.records import Identity, Record
from fingerprints.subjects import open_subject

TRAINED, MERGED = "trained", "merged"
Bits = Literal[4, 8]


class UntrainedRung(Record):
    """A rung that is the base as it is; ``seed`` is of random weights, else None."""

    name: str
    base: str
    seed: int | None


class Quantised(Record):
    """A rung that is the student of a recipe with its weights rounded to ``bits``.

    ``twin`` is the name of the rung that holds the same student unrounded, where the ladder has
    one.
    """

    recipe: Recipe
    twin: str
    bits: Bits


def make_untrained(rung: UntrainedRung, folder: Path) -> str:
    """Writes the base's lineage (method ``none``) and returns the spec that opens it; random
    weights are kept in the folder.

    Made again it changes nothing. Raises MalformedInput for a folder of another control, and what
    opening the base raises.
    """
    folder.mkdir(parents=True, exist_ok=True)
    random = rung.base.startswith("scratch:")
    spec = f"hf:{folder / STUDENT}" if random else rung.base
    lineage = Lineage(
        name=rung.name,
        role="negative",
        method="none",
        base_spec=rung.base,
        base=_random_weights(rung, folder) if random else _identity(rung.base),
        dose=0.0,
        seed=rung.seed,
        n_examples=0,
        steps=0,
        checkpoint=STUDENT if random else None,
        notes=("the base itself: nothing was trained",),
        tool=f"distillation-auditor {VERSION}",
        created=timestamp(),
    )
    _write_once(lineage, folder)
    return spec


def _random_weights(rung: UntrainedRung, folder: Path) -> Identity:
    from auditor.controls.training.students import open_student, save_student

    learner = open_student(Student(base=rung.base), Training(precision="float32"), rung.seed or 0)
    if not (folder / STUDENT).exists():
        save_student(learner, folder / STUDENT)
    return learner.identity


def _identity(spec: str) -> Identity:
    with open_subject(spec) as subject:
        return subject.identity


def trained_folder(rung: Quantised, folder: Path) -> Path:
    """Where the unrounded student lies: in its twin's folder if finished, else in ``folder``."""
    own, twin = folder / TRAINED, folder.with_name(rung.twin)
    finished = (twin / CARD).is_file() and (twin / LINEAGE).is_file()
    return twin if finished and not own.exists() else own


def make_quantised(rung: Quantised, trained: Path, folder: Path) -> str:
    """Rounds the student in ``trained`` into ``folder``; returns the spec that opens it.

    An adapter is merged into its base first. Made again it changes nothing. Raises MalformedInput
    for a student that is no Llama-like checkpoint or a folder of another control.
    """
    known = read_lineage(trained)
    lineage = known.model_copy(
        update={
            "evasions": (*known.evasions, f"quantisation to {rung.bits} bits"),
            "checkpoint": STUDENT,
            "adapter": False,
        }
    )
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / LINEAGE).is_file():
        _round(rung, trained / STUDENT, folder, known.adapter)
    _write_once(lineage, folder)
    return f"hf:{folder / STUDENT}"


def _round(rung: Quantised, student: Path, folder: Path, adapter: bool) -> None:
    from auditor.controls.training.students import open_student, save_student
    from auditor.labs.zoo.derive import derive

    source = student
    if adapter:
        source = folder / MERGED
        merged = Student(base=f"{rung.recipe.student.base},adapter={student}")
        save_student(open_student(merged, Training(precision="float32"), rung.recipe.seed), source)
    derive(source, "quantise", folder / STUDENT, bits=rung.bits)
    shutil.rmtree(folder / MERGED, ignore_errors=True)


def _write_once(lineage: Lineage, folder: Path) -> None:
    """Writes the lineage where there is none. Raises MalformedInput where there is another one."""
    if not (folder / LINEAGE).is_file():
        write_lineage(folder, lineage)
        return
    older = read_lineage(folder)
    # Another day, or another version of the tool, makes no other control.
    if older != lineage.model_copy(update={"created": older.created, "tool": older.tool}):
        raise MalformedInput(
            "the folder holds another control",
            where=folder / LINEAGE,
            next_step="climb into another folder, or remove it",
        )
