"""From a recipe to a control: curate → teach → train → evaluate → lineage and card.

A folder holds one control. Every step keeps what it did there, so that the same call goes on where
a killed one stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.controls.cards.card import CARD, Card, read_card
from auditor.controls.cards.card_document import write_card
from auditor.controls.curation.curate import Curated
from auditor.controls.curation.difficulty import curate_for
from auditor.controls.curation.pool import Prompt
from auditor.controls.evaluation.evaluate import EvaluationScale, figures, observe
from auditor.controls.evaluation.figure import PairedFigure
from auditor.controls.evaluation.scaling import scaling
from auditor.controls.lineage import LINEAGE, Lineage, LineageTeacher, read_lineage, write_lineage
from auditor.controls.recipe import SCORED, Recipe, check_complete
from auditor.controls.recipe_files import read_recipe
from auditor.controls.teaching.examples import (
    Example,
    examples_digest,
    read_examples,
    write_examples,
)
from auditor.controls.teaching.ledger import Ledger, LedgerRow, energy, ledger_of
from auditor.controls.teaching.teach import Taught, teach
from auditor.controls.training.launch import check_launch
from auditor.version import VERSION
from fingerprints.collect import timestamp
from fingerprints.errors import MalformedInput, UsageProblem
from fingerprints.progress import SILENT, Progress
from fingerprints.record_files import write_record
from fingerprints.records import canonical_json, sha256
from fingerprints.subjects import open_subject
from fingerprints.work_folder import WorkFolder

if TYPE_CHECKING:
    from auditor.controls.training.parallel import Crew
    from auditor.controls.training.students import Learner
    from auditor.controls.training.trained import TrainedStudent

RECIPE, PROMPTS, CURATION = "recipe.yaml", "prompts.jsonl", "curation.json"
EXAMPLES, HELD_OUT, ANSWERS, EVALUATION = (
    "examples.jsonl",
    "held_out.jsonl",
    "answers",
    "evaluation",
)
START, STUDENT = "base", "student"


ASKING, TRAINING, EVALUATING = (
    "asking the teacher",
    "training the student",
    "asking before and after",
)
"""The steps of making a control, as progress is told of them."""
USUAL = EvaluationScale()


@dataclass(frozen=True)
class Control:
    """A finished control: its folder, what it learned from whom, and its card."""

    folder: Path
    lineage: Lineage
    card: Card


def train(
    recipe: Recipe, out: Path, progress: Progress = SILENT, scale: EvaluationScale = USUAL
) -> Control:
    """Makes the control that a recipe describes, in the folder ``out``; a finished one is made
    again from what is there.

    Resumes: no answer that was given is asked again, and training goes on from its last checkpoint.
    Deterministic for greedy sampling on one device. Raises UsageProblem for a recipe that leaves a
    model open, MalformedInput for a folder of another recipe, Locked while another process works
    there, and the errors of every step.
    """
    from auditor.controls.training.parallel import gather

    if recipe.reinforcement is not None:
        raise UsageProblem(
            "the recipe learns by rewards and from no teacher",
            where="method",
            next_step="make it with `auditor control train`",
        )
    check_complete(recipe)
    check_launch(recipe)
    with gather() as crew:
        if crew.first:
            made = _make(recipe, out, progress, scale, crew)
            crew.meet()
            return made
        _follow(recipe, out, crew)
    return Control(out, read_lineage(out), read_card(out))


def _make(
    recipe: Recipe, out: Path, progress: Progress, scale: EvaluationScale, crew: Crew
) -> Control:
    with control_folder(recipe, out):
        curated = curate_for(recipe)
        keep_prompts(out, curated)
        taught = teach(recipe, curated.prompts, out / ANSWERS, progress.step(ASKING))
        write_examples(out / EXAMPLES, taught.examples)
        write_examples(out / HELD_OUT, taught.held_out)
        learner, start = start_student(recipe, out)
        crew.meet()
        trained = _learn(recipe, learner, taught.examples, out, progress.step(TRAINING), crew)
        student = learner.spec(out / STUDENT)
        del learner  # its memory, before two more models are opened
        evaluating = progress.step(EVALUATING)
        found = _evaluated(recipe, start, student, taught, out, scale, evaluating)
        found += _scaled(recipe, student, curated, taught, out, evaluating)
        return finish(
            out,
            _lineage(recipe, curated.prompts, taught, trained),
            lambda lineage: _card(recipe, lineage, curated, taught, trained, found),
        )


def finish(out: Path, lineage: Lineage, card: Callable[[Lineage], Card]) -> Control:
    """Writes a control's card and then its lineage, with which it counts as finished.

    The date is that on which the folder first told it: making a finished control again changes
    nothing.
    """
    if (out / LINEAGE).is_file():
        older = read_lineage(out)
        same = older == lineage.model_copy(update={"created": older.created})
        lineage = older if same else lineage
    made = card(lineage)
    write_card(out, made)
    write_lineage(out, lineage)
    return Control(out, lineage, made)


def _follow(recipe: Recipe, out: Path, crew: Crew) -> None:
    """What all but the first process do: wait for examples, train along, wait for the card."""
    from auditor.controls.training.students import open_student

    crew.meet()
    learner = open_student(recipe.student, recipe.training, recipe.seed)
    _learn(recipe, learner, read_examples(out / EXAMPLES), out, SILENT, crew)
    crew.meet()


def keep_prompts(out: Path, curated: Curated) -> None:
    """Writes what is asked, and how it was chosen, into the control's folder."""
    write_record(out / CURATION, curated.report)
    write_examples(out / PROMPTS, curated.prompts)


@contextmanager
def control_folder(recipe: Recipe, out: Path) -> Iterator[None]:
    """The control's folder, made or recognised, held by one process."""
    folder = WorkFolder(out, "another process makes this control", RECIPE)
    with folder.held(partial(_refuse_another, recipe), recipe.to_yaml()):
        yield


def _refuse_another(recipe: Recipe, written: Path) -> None:
    if read_recipe(written) != recipe:
        raise MalformedInput(
            "the folder holds a control of another recipe",
            where=written,
            next_step="train into another folder",
        )


def start_student(recipe: Recipe, out: Path) -> tuple[Learner, str]:
    """The student before training, and the spec of what it started from: random weights are
    saved to be asked too."""
    from auditor.controls.training.students import open_student, save_student

    learner = open_student(recipe.student, recipe.training, recipe.seed)
    if not recipe.student.base.startswith("scratch:"):
        return learner, recipe.student.base
    if not (out / START).exists():
        save_student(learner, out / START)
    return learner, f"hf:{out / START}"


def _learn(
    recipe: Recipe,
    learner: Learner,
    examples: Sequence[Example],
    out: Path,
    progress: Progress,
    crew: Crew,
) -> TrainedStudent:
    from auditor.controls.training.distill import distill

    if recipe.method not in SCORED:
        return distill(learner, examples, recipe, out, None, progress, crew)
    with open_subject(recipe.teachers[0].spec) as teacher:
        return distill(learner, examples, recipe, out, teacher, progress, crew)


def _evaluated(
    recipe: Recipe,
    start: str,
    student: str,
    taught: Taught,
    out: Path,
    scale: EvaluationScale,
    progress: Progress,
) -> tuple[PairedFigure, ...]:
    folder = out / EVALUATION
    # A student that was not taught the thinking is not measured on it.
    held = [
        e if recipe.method == "traces" else e.model_copy(update={"thinking": None})
        for e in taught.held_out
    ]
    vendors = [s.told.vendor for s in taught.sources if not s.filler]
    before = observe(start, held, vendors, folder / "before.jsonl", scale, progress)
    after = observe(student, held, vendors, folder / "after.jsonl", scale, progress)
    return figures(before, after)


def _scaled(
    recipe: Recipe, student: str, curated: Curated, taught: Taught, out: Path, progress: Progress
) -> tuple[PairedFigure, ...]:
    if recipe.inference is None:
        return ()
    held = {e.id for e in taught.held_out}
    return scaling(
        student,
        recipe.inference,
        [p for p in curated.prompts if p.id in held],
        out / EVALUATION,
        progress,
    )


def _lineage(
    recipe: Recipe, prompts: Sequence[Prompt], taught: Taught, trained: TrainedStudent
) -> Lineage:
    total = len(taught.examples)
    teachers = tuple(
        LineageTeacher(
            name=s.name,
            vendor=s.told.vendor,
            kind="filler" if s.filler else "teacher",
            identity=s.identity,
            share=s.report.kept / total,
            n_examples=s.report.kept,
        )
        for s in taught.sources
    )
    learned = any(t.kind == "teacher" and t.n_examples for t in teachers)
    note = f"{trained.left_out} examples had no room and were not learned from"
    return Lineage(
        name=recipe.name,
        role=recipe.role or ("positive" if learned else recipe.untaught_role),
        method=recipe.method,
        recipe=recipe.name,
        base_spec=recipe.student.base,
        base=trained.base,
        dose=recipe.dose,
        seed=recipe.seed,
        teachers=teachers,
        evasions=recipe.evasions,
        launderer=taught.launderer,
        n_examples=total,
        prompts_sha256=sha256(canonical_json([p.digest() for p in prompts])),
        examples_sha256=examples_digest(taught.examples),
        recipe_sha256=recipe.digest(),
        steps=trained.steps,
        checkpoint=STUDENT,
        adapter=recipe.student.lora is not None,
        notes=(note,) if trained.left_out else (),
        tool=f"distillation-auditor {VERSION}",
        created=timestamp(),
    )


def _card(
    recipe: Recipe,
    lineage: Lineage,
    curated: Curated,
    taught: Taught,
    trained: TrainedStudent,
    found: tuple[PairedFigure, ...],
) -> Card:
    return Card(
        recipe=recipe,
        lineage=lineage,
        curation=curated.report,
        sources=tuple(s.report for s in taught.sources),
        held_out=len(taught.held_out),
        steps=trained.steps,
        learned_tokens=trained.learned_tokens,
        truncated=trained.truncated,
        left_out=trained.left_out,
        counts=trained.counts,
        first_loss=trained.first_loss,
        last_loss=trained.last_loss,
        device=trained.device,
        precision=trained.precision,
        ledger=_ledger(taught, trained),
        figures=found,
    )


def _ledger(taught: Taught, trained: TrainedStudent) -> Ledger:
    own = LedgerRow(
        name="training",
        seconds=trained.seconds,
        energy_wh_estimate=energy(trained.seconds, trained.device),
    )
    return ledger_of([*(row for s in taught.sources for row in s.costs), own])


__all__ = ["CARD", "Control", "train"]
