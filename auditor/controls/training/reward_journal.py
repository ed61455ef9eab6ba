"""What each step of learning by rewards earned, and means of that with their intervals.

Knows figures and a file; knows nothing of tensors, models and tasks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from auditor.controls.training.step_journal import StepJournal, StepRow, read_steps
from detectors.stats.intervals import clustered_rate
from fingerprints.records import Record, Spoken

JOURNAL = "rewards.jsonl"
TOTAL = "reward"


class DrawGroup(Record):
    """The answers to one task in one step: their mean reward with its components."""

    task: int
    rewards: dict[str, float]


class RewardRow(StepRow):
    """One step, as the journal holds it.

    ``reward`` is the mean over answers, ``flat`` the share of groups whose answers all earned the
    same. ``kl`` (k3 from the reference, nats a token) and ``clipped`` (share of tokens whose
    gradient was cut off) are as the last update found them, ``gradient`` is its norm before
    clipping. ``sample`` is the first answer of the first group.
    """

    reward: float
    flat: float
    kl: float
    clipped: float
    gradient: float
    tokens: int
    groups: tuple[DrawGroup, ...]
    sample: Spoken


class Mean(Record):
    """A mean over tasks, 0 to 1, with its 95 % interval by task."""

    value: float
    low: float
    high: float
    tasks: int
    answers: int


class RewardJournal(StepJournal[RewardRow]):
    """The journal ``rewards.jsonl``."""

    row, what = RewardRow, "journal of rewards"


def read_rewards(path: Path) -> list[RewardRow]:
    """Every whole line of a journal of rewards. Raises what `read_steps` raises."""
    return read_steps(path, RewardRow, "journal of rewards")


def group_of(task: int, earned: Sequence[Mapping[str, float]]) -> DrawGroup:
    """The mean of every component over the answers to one task, and of their sum."""
    means = {name: sum(e[name] for e in earned) / len(earned) for name in earned[0]}
    # Sums of parts may pass 1 by a rounding error, and a rate may not.
    return DrawGroup(task=task, rewards={**means, TOTAL: min(1.0, sum(means.values()))})


def ends_of(rows: Sequence[RewardRow], answers: int) -> tuple[dict[str, Mean], dict[str, Mean]]:
    """Mean rewards over the first and the last tenth of the steps, by component."""
    tenth = max(1, len(rows) // 10)
    return means_of(rows[:tenth], answers), means_of(rows[-tenth:], answers)


def means_of(rows: Sequence[RewardRow], answers: int) -> dict[str, Mean]:
    """The reward and its components over rows, by name; intervals are by task."""
    groups = [group for row in rows for group in row.groups]
    return {name: _mean(name, groups, answers) for name in groups[0].rewards}


def _mean(name: str, groups: Sequence[DrawGroup], answers: int) -> Mean:
    found = clustered_rate([g.rewards[name] for g in groups], [g.task for g in groups])
    return Mean(
        value=found.value,
        low=found.low,
        high=found.high,
        tasks=found.clusters,
        answers=len(groups) * answers,
    )
