"""Makes the shadows by an executor and asks each what the suspect was asked, until all are there or
the budget is spent.

A finished shadow is passed by; an unfinished one goes on at its step or question. Knows rungs and
folders; judges nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from auditor.audits.shadow.budget import Purse, Spent
from auditor.audits.shadow.rungs import ShadowRung
from auditor.controls.cards.card import CARD, read_card
from auditor.controls.cohort import TRANSCRIPT
from auditor.controls.evaluation.evaluate import EvaluationScale
from auditor.controls.lineage import LINEAGE
from auditor.controls.recipe import Recipe
from auditor.execution.order import Executor, do_all
from auditor.execution.tasks import TaskEnd, WorkTask, end_in
from auditor.execution.telling import check_ends, told_failure
from auditor.labs.population.ladder import make_rung
from auditor.labs.population.rungs import DONE
from auditor.labs.population.untrained import UntrainedRung
from fingerprints.collect import collect
from fingerprints.errors import MalformedInput
from fingerprints.progress import SILENT, Progress
from fingerprints.records import ProbeSet, Sampling, canonical_json, sha256
from fingerprints.subjects import open_subject
from fingerprints.transcript import Transcript, is_transcript, load_transcript

BRIEF_TOKENS = 16
FEW = EvaluationScale(choices=1, identity=1, answer_tokens=BRIEF_TOKENS)
"""A shadow is known by its transcript: before and after, hardly anything else is asked, and
answered in a few words."""


@dataclass(frozen=True)
class Questions:
    """What every shadow is asked, and how."""

    sets: Sequence[ProbeSet]
    sampling: Sampling


class ShadowMaking(WorkTask):
    """One shadow to be made in its folder, the student of a recipe or the base itself, and what it
    is asked then."""

    folder: str
    rung: Recipe | UntrainedRung
    sets: tuple[ProbeSet, ...]
    sampling: Sampling

    @classmethod
    def make(cls, rung: ShadowRung, asked: Questions, folder: Path) -> Self:
        """The task of a shadow. Models of a relative spec are those of the folder that this is
        called in."""
        made = {"rung": rung.rung, "sets": tuple(asked.sets), "sampling": asked.sampling}
        told = {name: _plain(value) for name, value in made.items()}
        return cls.model_validate(
            {
                "id": rung.name,
                "key": sha256(canonical_json(told)),
                "home": str(Path.cwd()),
                "ends": str(folder / DONE),
                "device": "share",
                "folder": str(folder),
                **made,
            }
        )

    def do(self, progress: Progress = SILENT) -> None:
        """Trains it where it is not trained, and asks what it was not asked."""
        folder = Path(self.folder)
        spec = make_rung(self.rung, folder, progress, FEW)
        asking = progress.step("asking")
        with open_subject(spec) as subject:
            collect(subject, self.sets, self.sampling, folder / TRANSCRIPT, asking)


def _plain(value: object) -> object:
    if isinstance(value, Recipe):
        return value.digest()  # which a field that comes later doesn't change
    if isinstance(value, UntrainedRung | ProbeSet | Sampling):
        return value.model_dump(mode="json")
    return [_plain(part) for part in value] if isinstance(value, tuple) else value


def grow(
    rungs: Sequence[ShadowRung],
    asked: Questions,
    folder: Path,
    purse: Purse,
    executor: Executor,
    progress: Progress = SILENT,
) -> tuple[str, ...]:
    """Makes every shadow that is not there yet and fits into the budget; returns the names of those
    left out.

    Raises Incomplete where some failed, once the others are done; what was finished stays.
    """
    growing = _Growing(rungs, folder, purse, progress)
    tasks = [_task(r, asked, folder / r.name) for r in rungs if r.name not in growing.there]
    carried = growing.carried if purse.limited else None
    ends = do_all(tasks, executor, growing, carried)
    check_ends(ends, "shadows")
    return tuple(task.id for task in tasks if task.id not in ends)


def make(rung: ShadowRung, asked: Questions, folder: Path, executor: Executor) -> Transcript:
    """Makes one shadow in its folder and asks it; made again it changes nothing. Raises its own
    error where it fails."""
    if not finished(folder):
        ends = do_all([_task(rung, asked, folder)], executor, lambda task, end, done: None)
        check_ends(ends, "shadows")
    return load_transcript(folder / TRANSCRIPT)


def _task(rung: ShadowRung, asked: Questions, folder: Path) -> ShadowMaking:
    """The task of a shadow that is not there: a mark that says otherwise is of one that somebody
    took away in part."""
    task = ShadowMaking.make(rung, asked, folder.absolute())
    if folder.is_dir():  # a file that stands in its place is told where it is made
        Path(task.ends).unlink(missing_ok=True)
    return task


class _Growing:
    """What the budget still carries while shadows are made; tells of each that was."""

    def __init__(
        self, rungs: Sequence[ShadowRung], folder: Path, purse: Purse, progress: Progress
    ) -> None:
        self.there = {r.name for r in rungs if finished(folder / r.name)}
        self.always = {r.name for r in rungs if r.seed is None}
        self.folder, self.purse, self.progress = folder, purse, progress
        self.total, self.refused = len(rungs), False
        progress.step("shadows", whole=True)(len(self.there), self.total)

    def carried(self, task: WorkTask, running: int) -> bool:
        """What follows one that is left out is left out too: the order keeps what is made balanced
        (docs/shadow.md). The base has no seed, and is always there."""
        if task.id in self.always:
            return True
        self.refused = self.refused or not self.purse.carries_another(running)
        return not self.refused

    def __call__(self, task: WorkTask, end: TaskEnd, ended: int) -> None:
        """One ended, the one that makes so many."""
        self.purse.put(task.id, self._took(task, end))
        done = len(self.there) + ended
        remaining = (self.total - done) * self.purse.each.seconds / self.purse.at_once
        self.progress.step("shadows", whole=True)(done, self.total, remaining)
        told_failure(task, end, self.progress)
        if not end.exit_code:
            left = f", at most {remaining / 60:.0f} min left" if done < self.total else ""
            told = f"{done} of {self.total}: {task.id}, {end.seconds:.0f} s{left}"
            self.progress.note(told)

    def _took(self, task: WorkTask, end: TaskEnd) -> Spent:
        """What it took; of one that failed over a damaged file, seconds are all that is known."""
        try:
            return _spent(self.folder / task.id, end.seconds)
        except MalformedInput:
            if not end.exit_code:
                raise
            return Spent(seconds=end.seconds, tokens=0, trained=False)


def _spent(folder: Path, seconds: float) -> Spent:
    """What a shadow took: tokens learned and written, as far as they were."""
    trained = (folder / CARD).is_file()
    learned = read_card(folder).learned_tokens if trained else 0
    said = load_transcript(folder / TRANSCRIPT) if is_transcript(folder / TRANSCRIPT) else None
    written = 0 if said is None else sum(r.tokens_out or 0 for r in said.replies)
    return Spent(seconds=seconds, tokens=learned + written, trained=trained)


def ends_in(folder: Path, names: Sequence[str]) -> list[TaskEnd]:
    """How these shadows ended, by their marks: only of those that have a readable one."""
    ends = [end_in(folder / name / DONE) for name in names]
    return [end for end in ends if end is not None]


def finished(folder: Path) -> bool:
    """Whether a shadow has its lineage and answered everything."""
    path = folder / TRANSCRIPT
    return (folder / LINEAGE).is_file() and is_transcript(path) and load_transcript(path).complete
