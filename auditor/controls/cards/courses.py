"""The course of a training by step: loss, learning rate and reward, from a control's folder.

Knows journals; draws nothing.
"""

from __future__ import annotations

import math
from pathlib import Path

from auditor.controls.training.reward_journal import JOURNAL, read_rewards
from auditor.controls.training.step_journal import read_losses
from auditor.reporting.charts import Course

LOSSES = "losses.jsonl"


def read_courses(folder: Path) -> tuple[Course, ...]:
    """Loss and learning rate from ``losses.jsonl``, reward from ``rewards.jsonl``, as far as there.

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
