"""One piece of work of a population or a ladder, and how it is done in any process: asked for by
value, finished by a mark.

A finished piece leaves ``done.json`` with the digest of what was asked for, so that a resumed run
passes it by at once. Knows recipes and folders; knows nothing of processes.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from auditor.controls.cohort import TRANSCRIPT
from auditor.controls.likelihoods import (
    HeldOut,
    held_out_of,
    measure_likelihoods,
    write_likelihoods,
)
from auditor.controls.recipe import Recipe, TeacherChoice
from fingerprints.errors import MalformedInput, UsageProblem
from fingerprints.record_files import RecordFile, write_record
from fingerprints.records import Probe, ProbeSet, Record, Sampling, canonical_json, sha256

DONE = "done.json"
HELD_OUT_PREFIX = "held-out/"
_HELD_OUT = RecordFile(HeldOut, "no held-out texts", "remove its folder and run again")


class Done(Record):
    """The mark of a finished piece: what was asked for, and the seconds that it took."""

    task_sha256: str
    seconds: float


class RungMaking(Record):
    """Trains a recipe into ``folder``, asks it ``probes`` and measures the likelihood of the
    texts in the file ``texts``."""

    kind: Literal["control"] = "control"
    name: str
    group: str
    needs: tuple[str, ...] = ()
    folder: str
    recipe: Recipe
    probes: ProbeSet | None = None
    texts: str | None = None

    def digest(self) -> str:
        """Over the recipe's own digest, which a field that comes later doesn't change."""
        value = self.model_dump(mode="json", exclude={"recipe"})
        return sha256(canonical_json({**value, "recipe": self.recipe.digest()}))


class Asking(Record):
    """Asks a teacher all that any student will learn from it, and the held-out openings."""

    kind: Literal["asking"] = "asking"
    name: str
    group: str = "asking a teacher"
    needs: tuple[str, ...] = ()
    folder: str
    spec: str
    teacher: TeacherChoice
    prompts: str
    held_out: str


class Gathering(Record):
    """Writes the held-out words of every teacher, from their transcripts, into one file."""

    kind: Literal["gathering"] = "gathering"
    name: str
    group: str = "gathering held-out texts"
    needs: tuple[str, ...] = ()
    folder: str
    transcripts: dict[str, str]


class Climbing(Record):
    """One rung of a plain ladder, which is given as plain values: a worker without such a rung
    needs none of its parts."""

    kind: Literal["climbing"] = "climbing"
    name: str
    group: str
    needs: tuple[str, ...] = ()
    folder: str
    ladder: dict[str, Any]


Task = RungMaking | Asking | Gathering | Climbing
_TASK: TypeAdapter[Task] = TypeAdapter(Annotated[Task, Field(discriminator="kind")])


def read_task(text: bytes) -> Task:
    """A task from its JSON. Raises MalformedInput for anything else."""
    try:
        return _TASK.validate_json(text)
    except ValidationError as error:
        raise MalformedInput(
            "no task of a ladder", where="stdin", next_step="run `auditor control ladder`"
        ) from error


def finished(task: Task) -> Done | None:
    """The mark of this very task in its folder, None where it isn't done."""
    try:
        mark = Done.model_validate_json((Path(task.folder) / DONE).read_bytes())
    except (OSError, ValidationError):
        return None
    return mark if mark.task_sha256 == task.digest() else None


def perform(task: Task) -> Done:
    """Does the work that isn't done yet, from where a killed process stopped."""
    mark = finished(task)
    if mark is not None:
        return mark
    began = time.monotonic()
    match task:
        case RungMaking():
            _train(task)
        case Asking():
            _ask(task)
        case Gathering():
            _gather(task)
        case Climbing():
            _climb(task)
    mark = Done(task_sha256=task.digest(), seconds=round(time.monotonic() - began, 2))
    write_record(Path(task.folder) / DONE, mark)
    return mark


def _train(task: RungMaking) -> None:
    from auditor.controls.evaluation.evaluate import EvaluationScale
    from auditor.controls.train import STUDENT, train
    from fingerprints.collect import collect
    from fingerprints.subjects import open_subject

    folder = Path(task.folder)
    # It is known by its transcript and likelihoods: before and after, hardly anything is asked.
    train(task.recipe, folder, scale=EvaluationScale(choices=1, identity=1))
    if task.probes is None and task.texts is None:
        return
    with open_subject(f"hf:{folder / STUDENT},dtype=float32") as subject:
        if task.probes is not None:
            collect(subject, [task.probes], Sampling(), folder / TRANSCRIPT)
        if task.texts is not None:
            held_out = _HELD_OUT.read(Path(task.texts))
            write_likelihoods(folder, measure_likelihoods(subject, held_out))
    shutil.rmtree(folder / "teacher_logits", ignore_errors=True)


def _ask(task: Asking) -> None:
    from auditor.controls.answer_cache import cached
    from auditor.controls.curation.pool import read_source
    from auditor.controls.teaching.teach import ask
    from fingerprints.collect import collect
    from fingerprints.subjects import open_subject

    folder = Path(task.folder)
    folder.mkdir(parents=True, exist_ok=True)
    held = tuple(
        Probe(id=f"{HELD_OUT_PREFIX}{p.id}", text=p.text) for p in read_source(task.held_out)
    )
    length = task.teacher.sampling.max_tokens or 120
    with open_subject(task.spec) as subject:
        if task.prompts:
            ask(subject, task.teacher, read_source(task.prompts), folder / "answers.jsonl")
        questions = ProbeSet(name="held-out", version="1", max_tokens=length, probes=held)
        known = cached(subject)
        collect(known, [questions], task.teacher.sampling, folder / TRANSCRIPT)


def _gather(task: Gathering) -> None:
    from fingerprints.transcript import load_transcript

    found = held_out_of(
        {name: load_transcript(Path(p)) for name, p in task.transcripts.items()}, HELD_OUT_PREFIX
    )
    write_record(Path(task.folder) / "held_out.json", found)


def _climb(task: Climbing) -> None:
    from auditor.labs.population.ladder import Ladder, climb_rung

    ladder = Ladder.model_validate(task.ladder)
    rung = dict(ladder.rungs()).get(task.name)
    if rung is None:
        raise UsageProblem(
            "the ladder has no such rung", where=task.name, next_step="start the ladder again"
        )
    climb_rung(ladder, rung, Path(task.folder))
