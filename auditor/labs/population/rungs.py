"""One piece of work of a population or a ladder, and how it is done in any process: asked for by
value, finished by a mark.

A finished piece leaves ``done.json``, so that a resumed run passes it by at once. Knows recipes and
folders; knows nothing of processes.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, ClassVar, Self

from auditor.controls.cohort import TRANSCRIPT
from auditor.controls.likelihoods import (
    HeldOut,
    held_out_of,
    measure_likelihoods,
    write_likelihoods,
)
from auditor.controls.recipe import Recipe, TeacherChoice
from auditor.execution.tasks import WorkTask
from fingerprints.errors import UsageProblem
from fingerprints.progress import SILENT, Progress
from fingerprints.record_files import RecordFile, write_record
from fingerprints.records import Probe, ProbeSet, Sampling, canonical_json, sha256

DONE = "done.json"
HELD_OUT_PREFIX = "held-out/"
_HELD_OUT = RecordFile(HeldOut, "no held-out texts", "remove its folder and run again")


class RungTask(WorkTask):
    """A piece of a population or a ladder, in a folder of its own. Pieces of one ``group`` take
    about as long as each other."""

    kind: ClassVar[str] = ""

    group: str
    folder: str

    @classmethod
    def make(cls, name: str, folder: Path, needs: tuple[str, ...] = (), **parts: Any) -> Self:
        """A piece with its key: the digest of all that it was asked for. Models of a relative spec
        are those of the folder that this is called in."""
        known = {"id": name, "needs": needs, "folder": str(folder), **parts}
        draft = cls.model_validate(
            {**known, "key": "", "home": str(Path.cwd()), "ends": str(folder / DONE)}
        )
        return draft.model_copy(update={"key": draft.asked_digest()})

    def asked_digest(self) -> str:
        """Over the piece alone, so that marks of older versions count."""
        told = self.model_dump(mode="json", exclude={*WorkTask.model_fields, "recipe"})
        told |= {"kind": self.kind, "name": self.id, "needs": list(self.needs), **self.recipes()}
        return sha256(canonical_json(told))

    def recipes(self) -> dict[str, str]:
        """What stands in the key for recipes: their own digests, which a field that comes later
        doesn't change."""
        return {}


class RungMaking(RungTask):
    """Trains a recipe into ``folder``, asks it ``probes`` and measures the likelihood of the
    texts in the file ``texts``."""

    kind: ClassVar[str] = "control"

    recipe: Recipe
    probes: ProbeSet | None = None
    texts: str | None = None

    def recipes(self) -> dict[str, str]:
        """The one that it trains."""
        return {"recipe": self.recipe.digest()}

    def do(self, progress: Progress = SILENT) -> None:
        """Trains, asks and measures."""
        _train(self, progress)


class Asking(RungTask):
    """Asks a teacher all that any student will learn from it, and the held-out openings."""

    kind: ClassVar[str] = "asking"

    group: str = "asking a teacher"
    spec: str
    teacher: TeacherChoice
    prompts: str
    held_out: str

    def do(self, progress: Progress = SILENT) -> None:
        """Asks what was not answered yet."""
        _ask(self)


class Gathering(RungTask):
    """Writes the held-out words of every teacher, from their transcripts, into one file."""

    kind: ClassVar[str] = "gathering"

    group: str = "gathering held-out texts"
    transcripts: dict[str, str]

    def do(self, progress: Progress = SILENT) -> None:
        """Writes the file."""
        _gather(self)


class Climbing(RungTask):
    """One rung of a plain ladder, which is given as plain values: a process without such a rung
    needs none of its parts."""

    kind: ClassVar[str] = "climbing"

    group: str = "rung"
    ladder: dict[str, Any]

    def do(self, progress: Progress = SILENT) -> None:
        """Makes the rung and asks it."""
        _climb(self, progress)


def _train(task: RungMaking, progress: Progress) -> None:
    from auditor.controls.evaluation.evaluate import EvaluationScale
    from auditor.controls.train import STUDENT, train
    from fingerprints.collect import collect
    from fingerprints.subjects import open_subject

    folder = Path(task.folder)
    # It is known by its transcript and likelihoods: before and after, hardly anything is asked.
    train(task.recipe, folder, progress, EvaluationScale(choices=1, identity=1))
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


def _climb(task: Climbing, progress: Progress) -> None:
    from auditor.labs.population.ladder import Ladder, climb_rung

    ladder = Ladder.model_validate(task.ladder)
    rung = dict(ladder.rungs()).get(task.id)
    if rung is None:
        raise UsageProblem(
            "the ladder has no such rung", where=task.id, next_step="start the ladder again"
        )
    climb_rung(ladder, rung, Path(task.folder), progress)
