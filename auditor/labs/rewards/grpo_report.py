"""What a GRPO run is set to and what it tells: settings, one row of rewards a step, and the report
at its end.

Knows figures and files; knows nothing of tensors, models and tasks.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from detectors.stats.intervals import clustered_rate
from fingerprints.durable import disk_problem, replacing
from fingerprints.errors import MalformedInput, UsageProblem
from fingerprints.records import Record, Spoken, canonical_json

JOURNAL, REPORT = "rewards.jsonl", "grpo.json"
TOTAL = "reward"

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(gt=0, lt=1)]
Above = Annotated[float, Field(gt=0)]


class GrpoSettings(Record):
    """How a run learns.

    Each of ``steps`` takes ``prompts`` tasks, draws ``group`` answers to each of at most
    ``longest`` tokens, and makes ``updates`` updates from them. ``clip`` is the paper's ε, ``beta``
    its β (0: no reference model is kept), ``norm`` the longest gradient, ``batch`` the answers read
    at once (memory, and what is drawn, depend on it).
    """

    steps: Count = 100
    prompts: Count = 8
    group: Annotated[int, Field(ge=2)] = 8
    longest: Count = 64
    updates: Count = 1
    temperature: Above = 1.0
    clip: Share = 0.2
    beta: Annotated[float, Field(ge=0)] = 0.04
    learning_rate: Above = 1e-6
    norm: Above = 1.0
    batch: Count = 32
    precision: Literal["float32", "bfloat16"] = "float32"


class DrawGroup(Record):
    """The answers to one task in one step: which task, and their mean reward with its
    components."""

    task: int
    rewards: dict[str, float]


class RewardRow(Record):
    """One step, as the journal holds it.

    ``reward`` is the mean over answers, ``flat`` the share of groups whose answers all earned the
    same. ``kl`` (k3 from the reference, nats a token) and ``clipped`` (share of tokens whose
    gradient was cut off) are as the last update found them, ``gradient`` is its norm before
    clipping. ``sample`` is the first answer of the first group.
    """

    step: int
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


class RewardJournal:
    """Writes ``rewards.jsonl`` into a folder, a line a step. Raises UsageProblem where there is one
    that is not to go on.

    ``kept``: the run goes on after so many steps; rows of later ones, which will be made again, and
    a torn last line go. Raises MalformedInput when the rows up to that step are not all there.
    """

    def __init__(self, folder: Path, kept: int | None = None) -> None:
        self.path = folder / JOURNAL
        if kept is not None and self.path.exists():
            self._cut(kept)
            return
        if kept:
            raise self._lacking(kept)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.path.open("xb").close()
        except FileExistsError as error:
            raise UsageProblem(
                "the folder holds a run already",
                where=self.path,
                next_step="train into another folder, or remove it",
            ) from error
        except OSError as error:
            raise disk_problem(error, self.path) from error

    def _cut(self, kept: int) -> None:
        try:
            lines = self.path.read_bytes().split(b"\n")[:-1][:kept]
            if [RewardRow.model_validate_json(line).step for line in lines] != list(
                range(1, kept + 1)
            ):
                raise self._lacking(kept)
            with replacing(self.path) as file:
                file.write(b"".join(line + b"\n" for line in lines))
        except (OSError, ValidationError) as error:
            raise self._lacking(kept) from error

    def _lacking(self, kept: int) -> MalformedInput:
        return MalformedInput(
            f"it lacks some of the first {kept} steps",
            where=self.path,
            next_step="train into another folder",
        )

    def sync(self) -> None:
        """Forces the rows onto the disk, which a checkpoint of the same step presumes. Raises
        ResourceLimit."""
        try:
            with self.path.open("rb") as file:
                os.fsync(file.fileno())
        except OSError as error:
            raise disk_problem(error, self.path) from error

    def add(self, row: RewardRow) -> None:
        """Appends one row. Raises ResourceLimit on a full disk."""
        try:
            with self.path.open("ab") as file:
                file.write(canonical_json(row.model_dump(mode="json")) + b"\n")
        except OSError as error:
            raise disk_problem(error, self.path) from error


def read_rewards(path: Path) -> list[RewardRow]:
    """Every whole line of a journal of rewards; a torn last line is left out. Raises
    MalformedInput for something else."""
    try:
        return [RewardRow.model_validate_json(line) for line in path.read_bytes().split(b"\n")[:-1]]
    except (OSError, ValidationError) as error:
        raise MalformedInput(
            "not a journal of rewards", where=path, next_step="give the rewards.jsonl of a run"
        ) from error


def write_report(folder: Path, report: GrpoReport) -> None:
    """Writes ``grpo.json`` whole. Raises ResourceLimit on a full disk."""
    with replacing(folder / REPORT) as file:
        file.write(json.dumps(report.model_dump(mode="json"), indent=1).encode("utf-8"))


def group_of(task: int, earned: Sequence[Mapping[str, float]]) -> DrawGroup:
    """The mean of every component over the answers to one task, and of their sum."""
    means = {name: sum(e[name] for e in earned) / len(earned) for name in earned[0]}
    # Sums of parts may pass 1 by a rounding error, and a rate may not.
    return DrawGroup(task=task, rewards={**means, TOTAL: min(1.0, sum(means.values()))})


def ends_of(rows: Sequence[RewardRow], answers: int) -> tuple[dict[str, Mean], dict[str, Mean]]:
    """Mean rewards over the first and the last tenth of the steps, by component, for groups of
    so many answers."""
    tenth = max(1, len(rows) // 10)
    return means_of(rows[:tenth], answers), means_of(rows[-tenth:], answers)


def means_of(rows: Sequence[RewardRow], answers: int) -> dict[str, Mean]:
    """The reward and its components over rows, by name, for groups of so many answers; intervals
    are by task."""
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
