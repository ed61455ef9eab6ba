"""The course of a training by step: loss, learning rate and reward, as they lie in a control's
folder.

Knows journals; draws nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from auditor.controls.training.reward_journal import JOURNAL, read_rewards
from auditor.controls.training.step_journal import read_losses

LOSSES = "losses.jsonl"
SPANS = 20
"""A smoothed course averages over a twentieth of all steps."""


@dataclass(frozen=True)
class Course:
    """One quantity by step. ``weights``: how many tokens each value stands for; None: it is not
    smoothed."""

    label: str
    steps: tuple[int, ...]
    values: tuple[float, ...]
    weights: tuple[float, ...] | None = None

    def smoothed(self) -> tuple[float, ...]:
        """The mean over a window of a twentieth of the steps (three at least) around each,
        weighted by tokens."""
        if self.weights is None:
            return self.values
        reach = max(3, len(self.values) // SPANS) // 2
        out = []
        for i in range(len(self.values)):
            near = range(max(0, i - reach), min(len(self.values), i + reach + 1))
            weight = sum(self.weights[j] for j in near)
            plain = sum(self.values[j] for j in near) / len(near)
            out.append(
                sum(self.values[j] * self.weights[j] for j in near) / weight if weight else plain
            )
        return tuple(out)


def read_courses(folder: Path) -> tuple[Course, ...]:
    """Loss and learning rate from ``losses.jsonl``, reward from ``rewards.jsonl``: what of them is
    in the folder.

    Values that are not finite are left out. Raises MalformedInput for a journal that is none.
    """
    out: list[Course] = []
    if (folder / LOSSES).is_file():
        rows = [r for r in read_losses(folder / LOSSES) if math.isfinite(r.loss)]
        steps = tuple(r.step for r in rows)
        tokens = tuple(float(r.tokens) for r in rows)
        out.append(Course("loss, nats a token", steps, tuple(r.loss for r in rows), tokens))
        out.append(Course("learning rate", steps, tuple(r.rate for r in rows)))
    if (folder / JOURNAL).is_file():
        found = [r for r in read_rewards(folder / JOURNAL) if math.isfinite(r.reward)]
        weights = tuple(float(r.tokens) for r in found)
        out.append(
            Course("reward", tuple(r.step for r in found), tuple(r.reward for r in found), weights)
        )
    return tuple(course for course in out if course.values)
