"""A control that no teacher spoke to: puzzles → warm-up → rewards → figures.

The warm-up is the ordinary training loop on examples that a program wrote; then the model learns by
GRPO from its own answers to countdown puzzles. Killed anywhere, the same call goes on, and on one
device the weights come out bit by bit the same (measured on a processor in one thread).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from auditor.controls.cards.card import Card
from auditor.controls.cards.rewards import RewardTold, reward_curve
from auditor.controls.curation.curate import Curated
from auditor.controls.evaluation.evaluate import EvaluationScale, figures, observe
from auditor.controls.evaluation.figure import PairedFigure
from auditor.controls.lineage import Lineage
from auditor.controls.recipe import Recipe, Student, check_complete
from auditor.controls.teaching.examples import Example, examples_digest, write_examples
from auditor.controls.teaching.ledger import LedgerRow, energy, ledger_of
from auditor.controls.train import (
    EVALUATING,
    EVALUATION,
    EXAMPLES,
    STUDENT,
    TRAINING,
    USUAL,
    Control,
    control_folder,
    finish,
    keep_prompts,
    start_student,
)
from auditor.controls.training.checkpoint import STATES, other_run, sweep
from auditor.controls.training.distill import distill
from auditor.controls.training.launch import check_launch
from auditor.controls.training.reward_journal import JOURNAL, read_rewards
from auditor.controls.training.students import Learner, open_student, save_student
from auditor.controls.training.trained import TrainedStudent
from auditor.labs.rewards.grpo import GRPO_FILE, REPORT, GrpoReport, GrpoSettings, Resume, grpo
from auditor.labs.rewards.puzzles import (
    PuzzlePool,
    form_examples,
    observe_puzzles,
    puzzle_figures,
    puzzle_pool,
    puzzle_prompts,
    section,
)
from auditor.version import VERSION
from fingerprints.collect import timestamp
from fingerprints.errors import ResourceLimit
from fingerprints.progress import SILENT, Progress
from fingerprints.records import Identity, canonical_json, sha256
from fingerprints.subjects.kinds import SubjectSpec
from fingerprints.subjects.library import quiet
from fingerprints.subjects.spec import parse_spec

WARM_UP = "warm_up"
_KEPT_OPTIONS = ("device", "batch", "template")


@dataclass(frozen=True)
class Reinforced:
    """A finished training: what it started from, the rewards, and any warm-up.

    ``formed`` is the spec of the model between the two, None without a warm-up.
    """

    base: Identity
    report: GrpoReport
    warm_up: TrainedStudent | None
    formed: str | None
    precision: str


def train_by_reward(
    recipe: Recipe, out: Path, progress: Progress = SILENT, scale: EvaluationScale = USUAL
) -> Control:
    """Makes the control that a recipe of the method ``grpo`` describes, in the folder ``out``;
    resumes, and a finished one is made again from what is there.

    Beside what every control's folder holds it writes ``rewards.jsonl``, ``grpo.json`` and
    ``warm_up/`` with the student as it was before any reward. Raises UsageProblem where the puzzles
    can't be made, and what `auditor.controls.train.train`, `distill` and `grpo` raise.
    """
    check_complete(recipe)
    check_launch(recipe)
    with control_folder(recipe, out):
        curated = puzzle_prompts(recipe)
        keep_prompts(out, curated)
        pool = puzzle_pool(recipe)
        form = form_examples(recipe, pool.learned)
        write_examples(out / EXAMPLES, form)
        learner, before = start_student(recipe, out)
        student = learner.spec(out / STUDENT)
        made = _reinforce(learner, recipe, pool, form, out, progress.step(TRAINING))
        del learner  # its memory, before more models are opened
        specs = (before, made.formed, student)
        found = _figures(recipe, pool, specs, out / EVALUATION, scale, progress.step(EVALUATING))
        told = _told(recipe, pool, made, out)
        prompts = sha256(canonical_json([p.digest() for p in curated.prompts]))
        return finish(
            out,
            _lineage(recipe, made, prompts, examples_digest(form)),
            lambda lineage: _card(recipe, lineage, curated, made, told, found),
        )


def _lineage(recipe: Recipe, made: Reinforced, prompts: str, examples: str) -> Lineage:
    """Its history: no teacher, so a negative control; a warm-up is told in the notes."""
    how = section(recipe)
    notes = ["learned by rewards for its own answers to countdown puzzles; no teacher"]
    if made.warm_up is not None:
        notes.append(
            f"warmed up on {how.warm_up} random equations that a program wrote;"
            f" {100 * how.wait:g} % say 'Wait.'"
        )
    return Lineage(
        name=recipe.name,
        role=recipe.role or "negative",
        method=recipe.method,
        recipe=recipe.name,
        base_spec=recipe.student.base,
        base=made.base,
        dose=0.0,
        seed=recipe.seed,
        prompts_sha256=prompts,
        examples_sha256=examples if made.warm_up is not None else None,
        recipe_sha256=recipe.digest(),
        steps=made.report.settings.steps,
        checkpoint=STUDENT,
        adapter=recipe.student.lora is not None,
        notes=tuple(notes),
        tool=f"distillation-auditor {VERSION}",
        created=timestamp(),
    )


def _card(
    recipe: Recipe,
    lineage: Lineage,
    curated: Curated,
    made: Reinforced,
    told: RewardTold,
    found: tuple[PairedFigure, ...],
) -> Card:
    warm_up, report = made.warm_up, made.report
    return Card(
        recipe=recipe,
        lineage=lineage,
        curation=curated.report,
        sources=(),
        held_out=curated.report.kept - told.puzzles,
        steps=report.settings.steps,
        learned_tokens=report.tokens,
        truncated=warm_up.truncated if warm_up else 0,
        left_out=warm_up.left_out if warm_up else 0,
        first_loss=warm_up.first_loss if warm_up else None,
        last_loss=warm_up.last_loss if warm_up else None,
        device=report.device,
        precision=made.precision,
        ledger=ledger_of(list(_costs(made))),
        figures=found,
        rewards=told,
    )


def _costs(made: Reinforced) -> Iterator[LedgerRow]:
    report, device = made.report, made.report.device
    if made.warm_up is not None:
        spent = made.warm_up.seconds
        yield LedgerRow(name="warm-up", seconds=spent, energy_wh_estimate=energy(spent, device))
    yield LedgerRow(
        name="rewards",
        seconds=report.seconds,
        energy_wh_estimate=energy(report.seconds, device),
        answers=report.answers,
        tokens_out=report.tokens,
    )


def _figures(
    recipe: Recipe,
    pool: PuzzlePool,
    specs: tuple[str, str | None, str],
    folder: Path,
    scale: EvaluationScale,
    progress: Progress,
) -> tuple[PairedFigure, ...]:
    before, formed, after = specs
    cap = section(recipe).max_tokens
    usual = [
        observe(spec, (), (), folder / f"{name}.jsonl", scale, progress)
        for name, spec in (("before", before), ("after", after))
    ]
    named = (("before", before), ("warm_up", formed), ("after", after))
    solved = {
        name: observe_puzzles(spec, pool.held_out, cap, folder / f"puzzles_{name}.jsonl", progress)
        for name, spec in named
        if spec is not None
    }
    told = puzzle_figures(solved["before"], solved.get("warm_up"), solved["after"])
    return (*told, *figures(*usual))


def _told(recipe: Recipe, pool: PuzzlePool, made: Reinforced, out: Path) -> RewardTold:
    how, report = section(recipe), made.report
    learned, held_out = pool.digests()
    return RewardTold(
        puzzles=len(pool.learned),
        puzzles_sha256=learned,
        held_out_sha256=held_out,
        answers=report.answers,
        tokens=report.tokens,
        warm_up=how.warm_up,
        wait=how.wait,
        warm_up_steps=made.warm_up.steps if made.warm_up else 0,
        first=report.first,
        last=report.last,
        curve=reward_curve(read_rewards(out / JOURNAL), how.group),
    )


def _reinforce(
    learner: Learner,
    recipe: Recipe,
    pool: PuzzlePool,
    form: list[Example],
    out: Path,
    progress: Progress = SILENT,
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
    report = _finished(out, run)
    if report is None:
        ready = _reopened(learner, recipe, out / WARM_UP / STUDENT) if form else learner
        resume = Resume(run, section(recipe).save_every)
        report = grpo(
            ready.model, ready.tokenizer, pool.learned, settings, recipe.seed, out, progress, resume
        )
        save_student(ready, out / STUDENT)
    shutil.rmtree(out / STATES, ignore_errors=True)
    return Reinforced(base, report, warm_up, formed, learner.precision)


def _settings(recipe: Recipe, learner: Learner) -> GrpoSettings:
    how = section(recipe)
    same = how.model_dump(include=set(GrpoSettings.model_fields))
    renamed = {"longest": how.max_tokens, "beta": how.kl, "precision": learner.precision}
    return GrpoSettings(**same, **renamed)


def _warmed_up(
    learner: Learner, recipe: Recipe, form: list[Example], out: Path, progress: Progress
) -> TrainedStudent:
    try:
        return distill(
            learner, form, recipe.model_copy(update={"method": "sft"}), out, None, progress
        )
    except ResourceLimit as error:
        raise ResourceLimit(
            f"in the warm-up: {error.what}", where=error.where, next_step=error.next_step
        ) from error


def _reopened(learner: Learner, recipe: Recipe, folder: Path) -> Learner:
    """The student as the warm-up left it on disk, the same bytes for every run."""
    if not learner.lora:
        base = recipe.student.base
        known = {} if base.startswith("scratch:") else parse_spec(base).options
        options = {name: value for name, value in known.items() if name in _KEPT_OPTIONS}
        formed = Student(base=str(SubjectSpec("hf", str(folder), options)))
        return open_student(formed, recipe.training, recipe.seed)
    with quiet():
        from peft import load_peft_weights, set_peft_model_state_dict

    fresh = open_student(recipe.student, recipe.training, recipe.seed)
    with quiet():
        # Safetensors alone: save_student writes nothing else.
        stored = load_peft_weights(str(folder), device=str(fresh.device))
        set_peft_model_state_dict(fresh.model, stored)
    return fresh


def _run_digest(
    base: Identity,
    recipe: Recipe,
    pool: PuzzlePool,
    warm_up: TrainedStudent | None,
    learner: Learner,
) -> str:
    """Digest of all that decides the weights; how often a run is saved may change on the way."""
    deciding = {
        "base": base.digest(),
        "student": recipe.student.model_dump(mode="json"),
        "puzzles": pool.digests()[0],
        "reinforcement": section(recipe).model_dump(mode="json", exclude={"save_every"}),
        "warm_up": warm_up.run if warm_up else None,
        "seed": recipe.seed,
        "half": str(learner.half),
    }
    return sha256(canonical_json(deciding))


def _finished(out: Path, run: str) -> GrpoReport | None:
    """The report of a finished run: the student, which is saved last, is there too."""
    if not ((out / REPORT).exists() and (out / STUDENT).is_dir()):
        return None
    report = GRPO_FILE.read(out / REPORT)
    if report.run != run:
        raise other_run(out / REPORT)
    return report
