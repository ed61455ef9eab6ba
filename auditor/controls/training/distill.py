"""The one training loop: a student, examples, a recipe → a student that learned.

AdamW, linear warm-up and cosine decay, accumulation, clipping, bfloat16 arithmetic where asked,
gradient checkpointing. Killed anywhere, the same call goes on from the last checkpoint, and on one
device the weights come out bit by bit as if it had never been killed (measured on a processor in
one thread; CUDA needs CUBLAS_WORKSPACE_CONFIG=:4096:8 in the environment for that and was not
measured). Several devices share out the examples of every step and hold the whole student each, so
that a checkpoint doesn't depend on how many there are. A ladder uses several devices by training
one student on each.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from auditor.controls.recipe import Comparability, Recipe, Training
from auditor.controls.training.aligned import open_aligned
from auditor.controls.training.batches import (
    Batch,
    EncodedSet,
    Lesson,
    Step,
    encode_examples,
    make_batch,
    plan_steps,
)
from auditor.controls.training.capture import capture
from auditor.controls.training.checkpoint import (
    STATES,
    Bench,
    load_state,
    memory_told,
    no_number,
    other_run,
    repeatable,
    save_state,
    seeded,
)
from auditor.controls.training.losses import cross_entropy
from auditor.controls.training.objectives import Guide, TeacherReading, TokenGuide, as_planned
from auditor.controls.training.on_policy import open_own_words
from auditor.controls.training.parallel import ALONE, Crew
from auditor.controls.training.scores import check_packing, learned_scores
from auditor.controls.training.step_journal import LossJournal, LossRow, read_losses
from auditor.controls.training.students import Learner, check_context, save_student
from auditor.controls.training.trained import TRAINED, TrainedStudent, read_trained, write_trained
from fingerprints.errors import UsageProblem
from fingerprints.progress import SILENT, Told
from fingerprints.records import canonical_json, sha256
from fingerprints.subjects.base import Subject
from fingerprints.subjects.library import quiet

STUDENT, JOURNAL, TEACHER = "student", "losses.jsonl", "teacher_logits"
LOWEST_RATE = 0.1
"""Where the cosine ends, as a share of the peak."""


def distill(
    learner: Learner,
    examples: Sequence[Lesson],
    recipe: Recipe,
    out: Path,
    teacher: Subject | None = None,
    progress: Told = SILENT,
    crew: Crew = ALONE,
) -> TrainedStudent:
    """Trains the student and saves it in ``out/student``; a finished folder stays as it is.
    ``progress`` is told of every step.

    Of several processes (``crew``), each with the same arguments, the first writes; all see one
    folder. ``teacher`` is needed by the methods that read its scores. Writes ``losses.jsonl`` and
    ``trained.json`` beside it, and ``state/`` until it is done. The caller's random generators are
    left as they were. Raises ResourceLimit when the loss is no number, memory or disk run out (the
    last checkpoint stands); MalformedInput for a folder of another run and examples without room;
    UsageProblem for a teacher that doesn't fit; Locked while another process trains there.

    The learner is used up: open the student again with ``learner.spec(out / "student")``.
    """
    check_context(learner, recipe.training.longest)
    data = encode_examples(
        examples, learner.chat, recipe.training.longest, traces=recipe.method == "traces"
    )
    if recipe.training.pack:
        check_packing(learner, data)
    run = run_digest(learner, data, recipe, teacher)
    crew.check_same(run)
    with _journal(out, crew) as journal, repeatable(), seeded(recipe.seed, learner.device):
        # Asked under the journal's lock: no other process can be writing the folder now.
        if (out / TRAINED).exists():
            return _finished(out, run)
        with crew.first_alone():
            guide = _guide(learner, examples, data, recipe, teacher, out / TEACHER)
        steps = plan_steps([len(e.ids) for e in data.examples], recipe.training, recipe.seed)
        work = _Work(learner, data, recipe, guide, steps, crew)
        seconds = _train(work, out, run, journal, progress)
        if journal is None:
            crew.meet()  # when the first process has saved
            return read_trained(out)
        save_student(learner, out / STUDENT)
        trained = _told(work, run, seconds, read_losses(out / JOURNAL), teacher)
        write_trained(out, trained)
        shutil.rmtree(out / STATES, ignore_errors=True)
        crew.meet()
    return trained


def _journal(out: Path, crew: Crew) -> AbstractContextManager[LossJournal | None]:
    return LossJournal(out / JOURNAL) if crew.first else nullcontext()


@dataclass(frozen=True)
class _Work:
    """All that the steps of one run need."""

    learner: Learner
    data: EncodedSet
    recipe: Recipe
    guide: Guide | None
    steps: list[Step]
    crew: Crew


def _train(work: _Work, out: Path, run: str, journal: LossJournal | None, progress: Told) -> float:
    """The loop. Returns the seconds that the run took, earlier parts included."""
    training, model = work.recipe.training, work.learner.model
    bench = _bench(work.learner, training)
    _prepare(model, training)
    with work.crew.first_alone():
        state = load_state(out / STATES, bench, run)
    before, done = (state.seconds, state.step) if state else (0.0, 0)
    work.crew.own_noise(work.recipe.seed, done)
    if journal is not None:
        journal.cut(done)
    began = time.monotonic()
    for number in range(done + 1, len(work.steps) + 1):
        # By the number of the step alone: a resumed run has the same rates.
        rate = rate_at(number, len(work.steps), training)
        row = _update(work, bench, number, rate, out)
        taken = time.monotonic() - began
        if journal is not None:
            journal.add(row)
            if number % training.save_every == 0 or number == len(work.steps):
                # The rows first: a checkpoint whose rows are missing can't be resumed from.
                journal.sync()
                save_state(out / STATES, bench, run, number, before + taken)
        progress(number, len(work.steps))
    model.eval()
    return before + time.monotonic() - began


def _update(work: _Work, bench: Bench, number: int, rate: float, out: Path) -> LossRow:
    """One step: the gradient of all its micro-batches, clipped, and one update of the weights."""
    step, training = work.steps[number - 1], work.recipe.training
    for group in bench.optimizer.param_groups:
        group["lr"] = rate
    bench.optimizer.zero_grad(set_to_none=True)
    guide, examples = work.guide, work.data.examples
    with memory_told(
        number, out, "a smaller training.batch or longest, or gradient_checkpointing: true"
    ):
        read = as_planned(examples, step) if guide is None else guide.reading(number, step)
        total = sum(_backward(work, read, rows) for rows in work.crew.share(read.step))
    loss = work.crew.total(float(total))
    work.crew.add_up(bench.weights.values())
    norm = float(torch.nn.utils.clip_grad_norm_(bench.weights.values(), training.clip))
    for what, value in (("loss", loss), ("gradient", norm)):
        if not math.isfinite(value):
            raise no_number(
                f"the {what} is no number", number, len(work.steps), out, training.learning_rate
            )
    bench.optimizer.step()
    return LossRow(step=number, loss=loss, gradient=norm, rate=rate, tokens=read.tokens)


def _backward(work: _Work, read: TeacherReading, rows: tuple[tuple[int, ...], ...]) -> Tensor:
    """Adds the gradient of one micro-batch; returns its part of the step's mean loss."""
    learner = work.learner
    batch = make_batch(read.examples, rows, learner.pad, learner.device)
    with torch.autocast(
        learner.device.type, dtype=learner.half or torch.bfloat16, enabled=learner.half is not None
    ):
        scores, labels = learned_scores(learner, batch)
    loss = _loss(work, read, scores, labels, batch)
    loss.backward()  # type: ignore[no-untyped-call]  # torch has no types for it
    return loss.detach()


def _loss(
    work: _Work, read: TeacherReading, scores: Tensor, labels: Tensor, batch: Batch
) -> Tensor:
    if work.guide is None:
        return cross_entropy(scores, labels, read.tokens)
    return work.guide.loss(read, scores, labels, batch)


def _guide(
    learner: Learner,
    examples: Sequence[Lesson],
    data: EncodedSet,
    recipe: Recipe,
    teacher: Subject | None,
    folder: Path,
) -> Guide | None:
    """The teacher's scores as the recipe's method uses them; None where words alone are learned."""
    settings = recipe.distillation
    if settings is None:
        return None
    given = _needed(teacher, recipe.method)
    if recipe.method == "cross_tokenizer":
        lessons = [examples[place] for place in data.places]
        terms = recipe.alignment or Comparability()
        return open_aligned(given, learner, data.examples, lessons, terms, settings, folder)
    if recipe.on_policy is not None:
        return open_own_words(given, learner, data.examples, recipe, settings, recipe.on_policy)
    captured = capture(given, learner, data.examples, settings, folder)
    return TokenGuide(data.examples, captured, settings)


def rate_at(step: int, steps: int, training: Training) -> float:
    """The learning rate of a step (from 1): linear warm-up, then a cosine to a tenth."""
    warm = max(1, round(training.warmup * steps)) if training.warmup > 0 else 0
    if step <= warm:
        return training.learning_rate * step / warm
    turned = (step - warm) / max(1, steps - warm)
    share = LOWEST_RATE + (1 - LOWEST_RATE) * (1 + math.cos(math.pi * turned)) / 2
    return training.learning_rate * share


def run_digest(learner: Learner, data: EncodedSet, recipe: Recipe, teacher: Subject | None) -> str:
    """Digest of all that decides the weights, a teacher's identity included.

    ``save_every`` is left out: how often a run is saved may change on the way. Sections that older
    recipes don't have count only where they are set, so that a run begun before there were any goes
    on.
    """
    settings = recipe.distillation
    later = {"alignment": recipe.alignment, "on_policy": recipe.on_policy}
    set_ones = {name: part.model_dump(mode="json") for name, part in later.items() if part}
    deciding = {
        "base": learner.identity.digest(),
        "student": recipe.student.model_dump(mode="json"),
        "examples": data.digest(),
        "method": recipe.method,
        "distillation": settings and settings.model_dump(mode="json"),
        "training": recipe.training.model_dump(mode="json", exclude={"save_every"}),
        "seed": recipe.seed,
        "half": str(learner.half),
        "teacher": teacher.identity.digest() if teacher is not None and settings else None,
        **set_ones,
    }
    return sha256(canonical_json(deciding))


def _bench(learner: Learner, training: Training) -> Bench:
    weights = {name: p for name, p in learner.model.named_parameters() if p.requires_grad}
    # Biases and the gains of norms are not decayed: a norm's gain belongs at 1, and not at 0.
    matrices = [p for p in weights.values() if p.ndim >= 2]
    vectors = [p for p in weights.values() if p.ndim < 2]
    decays = ((matrices, training.weight_decay), (vectors, 0.0))
    groups = [{"params": held, "weight_decay": decay} for held, decay in decays if held]
    optimizer = torch.optim.AdamW(groups, lr=training.learning_rate, fused=True)
    return Bench(weights, optimizer, learner.device)


def _prepare(model: Any, training: Training) -> None:
    model.train()
    if training.gradient_checkpointing:
        with quiet():  # late 5.x calls this name old; early 5.x knows no other
            model.gradient_checkpointing_enable(
                gradient_checkpointing_kwargs={"use_reentrant": False}
            )


def _needed(teacher: Subject | None, method: str) -> Subject:
    if teacher is None:
        raise UsageProblem(
            f"the method {method} needs its teacher",
            where="teachers",
            next_step="give a teacher with weights",
        )
    return teacher


def _finished(out: Path, run: str) -> TrainedStudent:
    trained = read_trained(out)
    if trained.run != run:
        raise other_run(out)
    shutil.rmtree(out / STATES, ignore_errors=True)
    return trained


def _told(
    work: _Work, run: str, seconds: float, losses: list[LossRow], teacher: Subject | None
) -> TrainedStudent:
    learner, guide = work.learner, work.guide
    return TrainedStudent(
        run=run,
        base=learner.identity,
        examples=len(work.data.examples),
        examples_sha256=work.data.digest(),
        truncated=work.data.truncated,
        left_out=work.data.left_out,
        steps=len(work.steps),
        learned_tokens=sum(row.tokens for row in losses),
        trained_parameters=sum(p.numel() for p in learner.model.parameters() if p.requires_grad),
        first_loss=losses[0].loss,
        last_loss=losses[-1].loss,
        seconds=round(seconds, 3),
        device=learner.device.type,
        precision=learner.precision,
        torch=torch.__version__,
        teacher_sha256=None if teacher is None or guide is None else teacher.identity.digest(),
        counts={} if guide is None else guide.counts(losses),
    )
