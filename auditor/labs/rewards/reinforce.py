"""Trains a student without a teacher: a warm-up on the form of an answer where the recipe says so,
then rewards alone.

The warm-up is the ordinary training loop on examples that a program wrote; then the model learns by
GRPO from its own answers to countdown puzzles. Killed anywhere, the same call goes on, and on one
device the weights come out bit by bit the same (measured on a processor in one thread). Knows both
loops; evaluates nothing.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import ValidationError

from auditor.controls.recipe import Recipe, Student
from auditor.controls.teaching.examples import Example
from auditor.controls.training.checkpoint import sweep
from auditor.controls.training.distill import distill
from auditor.controls.training.students import Learner, open_student, save_student
from auditor.controls.training.trained import Progress as Step
from auditor.controls.training.trained import TrainedStudent
from auditor.labs.rewards.grpo import STATE, Resume, grpo
from auditor.labs.rewards.grpo_report import REPORT, GrpoReport, GrpoSettings
from auditor.labs.rewards.puzzles import PuzzlePool, section
from fingerprints.errors import MalformedInput, ResourceLimit
from fingerprints.progress import Progress
from fingerprints.records import Identity, canonical_json, sha256
from fingerprints.subjects.kinds import SubjectSpec
from fingerprints.subjects.library import quiet
from fingerprints.subjects.spec import parse_spec

STUDENT, WARM_UP = "student", "warm_up"
_KEPT_OPTIONS = ("device", "batch", "template")


@dataclass(frozen=True)
class Reinforced:
    """A finished training: what it started from, what the rewards were, and the warm-up where there
    was one.

    ``formed`` is the spec of the model between the two, None without a warm-up.
    """

    base: Identity
    report: GrpoReport
    warm_up: TrainedStudent | None
    formed: str | None
    precision: str


def reinforce(
    learner: Learner,
    recipe: Recipe,
    pool: PuzzlePool,
    form: list[Example],
    out: Path,
    progress: Progress | None = None,
) -> Reinforced:
    """Trains the student and saves it in ``out/student``; a finished folder is returned as it is.

    Writes ``rewards.jsonl`` and ``grpo.json``, ``state/`` until it is done, and ``warm_up/`` with
    the student as it was before any reward. Raises what `distill` and `grpo` raise. The learner is
    used up.
    """
    base, settings = learner.identity, _settings(recipe, learner)
    sweep(out)
    warm_up = _warmed_up(learner, recipe, form, out / WARM_UP, progress) if form else None
    formed = learner.spec(out / WARM_UP / STUDENT) if form else None
    run = _run_digest(base, recipe, pool, warm_up, learner)
    precision = "float32" if learner.half is None else str(learner.half).removeprefix("torch.")
    report = _finished(out, run)
    if report is None:
        ready = _reopened(learner, recipe, out / WARM_UP / STUDENT) if form else learner
        resume = Resume(run, section(recipe).save_every)
        report = grpo(
            ready.model, ready.tokenizer, pool.learned, settings, recipe.seed, out, progress, resume
        )
        save_student(ready, out / STUDENT)
    shutil.rmtree(out / STATE, ignore_errors=True)
    return Reinforced(base, report, warm_up, formed, precision)


def _settings(recipe: Recipe, learner: Learner) -> GrpoSettings:
    how = section(recipe)
    return GrpoSettings(
        steps=how.steps,
        prompts=how.prompts,
        group=how.group,
        longest=how.max_tokens,
        updates=how.updates,
        temperature=how.temperature,
        clip=how.clip,
        beta=how.kl,
        learning_rate=how.learning_rate,
        norm=how.norm,
        batch=how.batch,
        precision="bfloat16" if learner.half == torch.bfloat16 else "float32",
    )


def _warmed_up(
    learner: Learner, recipe: Recipe, form: list[Example], out: Path, progress: Progress | None
) -> TrainedStudent:
    def tell(step: Step) -> None:
        if progress is not None:
            progress(step.step, step.steps)

    try:
        return distill(learner, form, recipe.model_copy(update={"method": "sft"}), out, None, tell)
    except ResourceLimit as error:
        raise ResourceLimit(
            f"in the warm-up: {error.what}", where=error.where, next_step=error.next_step
        ) from error


def _reopened(learner: Learner, recipe: Recipe, folder: Path) -> Learner:
    """The student as the warm-up left it on disk: a run in one go and one that was killed start
    from the same bytes."""
    if not learner.lora:
        known = (
            {}
            if recipe.student.base.startswith("scratch:")
            else parse_spec(recipe.student.base).options
        )
        options = {name: value for name, value in known.items() if name in _KEPT_OPTIONS}
        return open_student(
            Student(base=str(SubjectSpec("hf", str(folder), options))), recipe.training, recipe.seed
        )
    from peft import load_peft_weights, set_peft_model_state_dict

    fresh = open_student(recipe.student, recipe.training, recipe.seed)
    with quiet():
        # Safetensors alone: save_student writes nothing else.
        set_peft_model_state_dict(
            fresh.model, load_peft_weights(str(folder), device=str(fresh.device))
        )
    return fresh


def _run_digest(
    base: Identity,
    recipe: Recipe,
    pool: PuzzlePool,
    warm_up: TrainedStudent | None,
    learner: Learner,
) -> str:
    """Digest of all that decides the weights; how often a run is saved may change on the way."""
    return sha256(
        canonical_json(
            {
                "base": base.digest(),
                "student": recipe.student.model_dump(mode="json"),
                "puzzles": pool.digests()[0],
                "reinforcement": section(recipe).model_dump(mode="json", exclude={"save_every"}),
                "warm_up": warm_up.run if warm_up else None,
                "seed": recipe.seed,
                "half": str(learner.half),
            }
        )
    )


def _finished(out: Path, run: str) -> GrpoReport | None:
    """The report of a finished run; the student is saved last, so that without it nothing is
    finished."""
    if not ((out / REPORT).exists() and (out / STUDENT).is_dir()):
        return None
    try:
        report = GrpoReport.model_validate_json((out / REPORT).read_bytes())
    except (OSError, ValidationError) as error:
        raise MalformedInput(
            "not a report of rewards", where=out / REPORT, next_step="train into another folder"
        ) from error
    if report.run != run:
        raise MalformedInput(
            "it belongs to another run: the recipe or the base differ",
            where=out / REPORT,
            next_step="train into another folder, or remove this one",
        )
    return report
