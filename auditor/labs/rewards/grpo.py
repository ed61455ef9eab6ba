"""Reinforcement learning without a teacher: a loop of Group Relative Policy Optimisation.

After Shao et al. 2024 (DeepSeekMath, arXiv 2402.03300), section 4.1, with the reward of the whole
answer (outcome supervision). The model answers each prompt several times, a rule rewards the
answers, and what did better than its group becomes likelier. No one else's text enters: whoever is
trained so and then looks taught is a false alarm of the audit. What is documented of TinyZero,
which this follows at a small scale, stands in `auditor.labs.rewards.countdown`.

Choices that the paper leaves open: the spread of a group is its standard deviation with n in the
denominator; a group whose answers all earn the same teaches nothing, and a step of such groups
alone changes no weight; the model is in evaluation mode, without dropout, so that the ratio of the
first update is 1; the reference is the model as it came, for the whole run. Not here: rewards for
single steps, a reward model, several devices. Knows answers, rewards and gradients; knows nothing
of what a task means.
"""

from __future__ import annotations

import copy
import math
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import torch
from pydantic import Field
from torch import Tensor

from auditor.controls.training.checkpoint import (
    STATES,
    Bench,
    load_state,
    memory_told,
    no_number,
    repeatable,
    save_state,
    seeded,
    tensors_sha256,
)
from auditor.controls.training.draws import (
    DrawingModel,
    Drawn,
    DrawSettings,
    NoNumbers,
    draw,
    encode_prompts,
    open_voice,
    texts,
    token_logs,
)
from auditor.controls.training.reward_journal import (
    JOURNAL,
    Mean,
    RewardJournal,
    RewardRow,
    ends_of,
    group_of,
    read_rewards,
)
from auditor.labs.rewards.objective import advantages, answer_mean, k3, level, picks, surrogate
from fingerprints.errors import ResourceLimit, UsageProblem
from fingerprints.progress import SILENT, Progress
from fingerprints.record_files import RecordFile, write_record
from fingerprints.records import Record

REPORT = "grpo.json"
Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, lt=1)]
Above = Annotated[float, Field(gt=0)]


class GrpoSettings(DrawSettings):
    """How a run learns.

    Each of ``steps`` takes ``prompts`` tasks, draws ``group`` answers to each of at most
    ``longest`` tokens, and makes ``updates`` updates from them. ``clip`` is the paper's ε, ``beta``
    its β (0: no reference model is kept), ``norm`` the longest gradient, ``batch`` the answers read
    at once (memory, and what is drawn, depend on it).
    """

    steps: Count = 100
    prompts: Count = 8
    group: Annotated[int, Field(ge=2)] = 8
    updates: Count = 1
    clip: Share = 0.2
    beta: Annotated[float, Field(ge=0)] = 0.04
    learning_rate: Above = 1e-6
    norm: Above = 1.0
    batch: Count = 32


class GrpoReport(Record):
    """What a run was: ``grpo.json`` in its folder. No teacher took part.

    ``first`` and ``last`` hold the reward and its components over the first and the last tenth of
    the steps (one at least). The digests are of the weights before and after, ``run`` of all that
    decides them, where the caller named it.
    """

    format: Literal["grpo/1"] = "grpo/1"
    settings: GrpoSettings
    seed: int
    tasks: int
    answers: int
    tokens: int
    first: dict[str, Mean]
    last: dict[str, Mean]
    start_sha256: str
    end_sha256: str
    seconds: float
    device: str
    torch: str
    run: str = ""


GRPO_FILE = RecordFile(GrpoReport, "not a report of rewards", "train into another folder")


class Task(Protocol):
    """Something to answer, with a rule that rewards answers."""

    @property
    def prompt(self) -> str:
        """What the model is asked."""

    def rewards(self, answer: str) -> Mapping[str, float]:
        """What an answer earns, by component; the reward, 0 to 1, is their sum. Never raises."""


def grpo(
    model: Any,
    tokenizer: Any,
    tasks: Sequence[Task],
    settings: GrpoSettings,
    seed: int,
    out: Path,
    progress: Progress = SILENT,
    resume: Resume | None = None,
) -> GrpoReport:
    """Trains the model in place by its rewarded answers; writes ``rewards.jsonl``, ``grpo.json``.

    Maximises the paper's equation 3: the mean over answers of the mean over their tokens of
    `surrogate` − β·`k3`. Tasks come in an order drawn under the seed, each once before any comes
    again. ``progress`` hears of (steps done, steps in all). Deterministic for a seed on one device
    (measured on a processor in one thread); the caller's random generators are not touched. The
    model stays in evaluation mode; its weights are the caller's to save.

    With ``resume``, the same call with the same model as it came goes on where a killed one had
    saved, and ends in the same weights and journal, bit by bit on one device. Raises UsageProblem
    for no tasks, prompts without room, weights that don't learn in float32, rewards beyond 0 to 1,
    and a folder that holds a run that is not to go on; MalformedInput for what another run left;
    ResourceLimit when memory or disk run out or scores or a gradient are no numbers (the weights
    are then those of the last good update, and the last checkpoint is kept).
    """
    work = _open(model, tokenizer, tasks, settings, seed)
    start, began = tensors_sha256(work.named()), time.monotonic()
    if resume is None and (out / JOURNAL).exists():
        raise UsageProblem(
            "the folder holds a run already",
            where=out / JOURNAL,
            next_step="train into another folder, or remove it",
        )
    with repeatable(), seeded(seed, work.voice.device), RewardJournal(out / JOURNAL) as journal:
        state = load_state(out / STATES, work.bench(), resume.run) if resume else None
        done, before = (state.step, state.seconds) if state else (0, 0.0)
        journal.cut(done)
        for number in range(done + 1, settings.steps + 1):
            journal.add(_step(work, number, out))
            if resume and (number % resume.save_every == 0 or number == settings.steps):
                # The rows first: a checkpoint whose rows are missing can't be resumed from.
                journal.sync()
                taken = before + time.monotonic() - began
                save_state(out / STATES, work.bench(), resume.run, number, taken)
            progress(number, settings.steps)
    taken = before + time.monotonic() - began
    report = _report(work, read_rewards(out / JOURNAL), start, taken, resume.run if resume else "")
    write_record(out / REPORT, report)
    return report


@dataclass(frozen=True)
class Resume:
    """That a run can go on: the digest of all that decides it, and steps between checkpoints.

    The checkpoints lie in ``state`` beside the journal; the caller removes them once it has saved
    the weights.
    """

    run: str
    save_every: int


@dataclass(frozen=True)
class _RewardWork:
    """All that the steps of one run need; no ``reference``: nothing holds the model back."""

    voice: DrawingModel
    reference: Any
    optimizer: torch.optim.Optimizer
    weights: dict[str, torch.nn.Parameter]
    tasks: Sequence[Task]
    prompts: list[list[int]]
    settings: GrpoSettings
    seed: int

    def bench(self) -> Bench:
        """What a checkpoint of it holds."""
        return Bench(self.weights, self.optimizer, self.voice.device)

    def named(self) -> dict[str, Tensor]:
        """All its weights by name, those that don't learn too."""
        return dict(self.voice.model.named_parameters())

    def no_number(self, what: str, number: int, out: Path) -> ResourceLimit:
        """The error for a step after which scores or a gradient are no numbers."""
        return no_number(what, number, self.settings.steps, out, self.settings.learning_rate)


def _open(
    model: Any, tokenizer: Any, tasks: Sequence[Task], settings: GrpoSettings, seed: int
) -> _RewardWork:
    weights = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if not tasks:
        raise UsageProblem(
            "no tasks to learn from",
            where="tasks",
            next_step="make some, for example countdown puzzles",
        )
    if not weights or any(p.dtype != torch.float32 for p in weights.values()):
        raise UsageProblem(
            "the weights that learn must be float32",
            where="model",
            next_step="open it in float32; precision is for the sums",
        )
    # Without dropout: the policy that is read must be the one that drew.
    model.eval()
    voice = open_voice(model, tokenizer, settings)
    return _RewardWork(
        voice=voice,
        reference=copy.deepcopy(model).requires_grad_(False) if settings.beta > 0 else None,
        optimizer=torch.optim.AdamW(
            weights.values(), lr=settings.learning_rate, weight_decay=0.0, fused=True
        ),
        weights=weights,
        tasks=tasks,
        prompts=encode_prompts(voice, tasks),
        settings=settings,
        seed=seed,
    )


def _step(work: _RewardWork, number: int, out: Path) -> RewardRow:
    """Draws answers, has them rewarded, and learns from them."""
    size = work.settings.group
    picked = picks(len(work.tasks), work.settings.prompts, number, work.seed)
    owners = [task for task in picked for _ in range(size)]
    with memory_told(number, out, "a smaller batch or longest"):
        parts = _draw_all(work, owners, number, out)
        answers = [text for part in parts for text in texts(work.voice.chat, part)]
        said = zip(owners, answers, strict=True)
        earned = [work.tasks[task].rewards(text) for task, text in said]
        rewards = _totals(earned).view(-1, size)
        found = _learn(work, parts, advantages(rewards).flatten().float(), number, out)
    return RewardRow(
        step=number,
        reward=float(rewards.mean()),
        flat=float(level(rewards).double().mean()),
        tokens=sum(int(part.chosen.sum()) for part in parts),
        groups=tuple(
            group_of(task, earned[i * size : (i + 1) * size]) for i, task in enumerate(picked)
        ),
        sample=answers[0],
        **found,
    )


def _totals(earned: Sequence[Mapping[str, float]]) -> Tensor:
    """Each answer's whole reward. Raises UsageProblem for one beyond 0 to 1: the report's
    intervals rest on that range."""
    totals = torch.tensor([sum(e.values()) for e in earned], dtype=torch.float64)
    if not bool(((totals >= 0) & (totals <= 1)).all()):
        raise UsageProblem(
            "a reward lies outside 0 to 1",
            where="tasks",
            next_step="divide by the largest: its scale does not matter",
        )
    return totals


def _draw_all(work: _RewardWork, owners: Sequence[int], number: int, out: Path) -> list[Drawn]:
    # A step's draws depend on the seed and its number alone, not on how much chance the steps
    # before used up.
    noise = torch.Generator(work.voice.device)
    noise.manual_seed(random.Random(f"grpo/{work.seed}/draw/{number}").getrandbits(63))
    rows, size = [work.prompts[task] for task in owners], work.settings.batch
    parts = [rows[start : start + size] for start in range(0, len(rows), size)]
    try:
        return [draw(work.voice, part, noise) for part in parts]
    except NoNumbers as error:
        raise work.no_number(error.what, number, out) from error


def _learn(
    work: _RewardWork, parts: Sequence[Drawn], advantage: Tensor, number: int, out: Path
) -> dict[str, float]:
    """The step's updates; what the last one found: distance, clipped share, gradient."""
    shares = torch.split(advantage.to(work.voice.device), [len(part.ids) for part in parts])
    with torch.no_grad():
        # Before the first update the policy is the old one: only more updates need what it said
        # before.
        once = work.settings.updates == 1
        old = [None if once else token_logs(work.voice, work.voice.model, part) for part in parts]
        held = work.reference
        kept = [None if held is None else token_logs(work.voice, held, part) for part in parts]
    found: list[tuple[float, float]] = []
    norm = 0.0
    for _ in range(work.settings.updates):
        work.optimizer.zero_grad(set_to_none=True)
        batches = zip(parts, shares, old, kept, strict=True)
        found = [_backward(work, *each, len(advantage)) for each in batches]
        norm = float(torch.nn.utils.clip_grad_norm_(work.weights.values(), work.settings.norm))
        # Before the update: the weights stay those of the last good one.
        if not math.isfinite(norm):
            raise work.no_number("the gradient is no number", number, out)
        if bool(advantage.any()):
            # Where every group is flat only rounding is left of the gradient, and Adam would blow
            # that up to full steps.
            work.optimizer.step()
    tokens = sum(int(part.chosen.sum()) for part in parts)
    kl, clipped = (sum(values) / tokens for values in zip(*found, strict=True))
    return {"kl": 0.0 if work.reference is None else kl, "clipped": clipped, "gradient": norm}


def _backward(
    work: _RewardWork,
    part: Drawn,
    share: Tensor,
    old: Tensor | None,
    kept: Tensor | None,
    answers: int,
) -> tuple[float, float]:
    """Adds one batch's part of the gradient; returns its sum of k3 and its clipped tokens."""
    policy = token_logs(work.voice, work.voice.model, part)
    old = policy.detach() if old is None else old
    gain = surrogate(policy, old, share[:, None], work.settings.clip)
    apart = torch.zeros_like(policy) if kept is None else k3(policy, kept)
    value = gain if kept is None else gain - work.settings.beta * apart
    (-answer_mean(value, part.chosen).sum() / answers).backward()  # type: ignore[no-untyped-call]  # torch has no types for it
    with torch.no_grad():
        cut = gain < (policy - old).exp() * share[:, None]
        return float(apart.sum()), float((cut & part.chosen).sum())


def _report(
    work: _RewardWork, rows: Sequence[RewardRow], start: str, seconds: float, run: str
) -> GrpoReport:
    settings = work.settings
    first, last = ends_of(rows, settings.group)
    return GrpoReport(
        settings=settings,
        seed=work.seed,
        tasks=len(work.tasks),
        answers=settings.steps * settings.prompts * settings.group,
        tokens=sum(row.tokens for row in rows),
        first=first,
        last=last,
        start_sha256=start,
        end_sha256=tensors_sha256(work.named()),
        seconds=round(seconds, 3),
        device=work.voice.device.type,
        torch=torch.__version__,
        run=run,
    )
