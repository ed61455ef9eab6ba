"""What a step reads and is pulled towards: where methods with a teacher's scores differ.

A guide is asked twice a step: what is read, and how far the student's scores are from where they
shall go. Knows batches, losses and captured scores; knows nothing of updates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from auditor.controls.recipe import Distillation
from auditor.controls.training.batches import Batch, Encoded, Step, learned_tokens
from auditor.controls.training.capture import TeacherLogits
from auditor.controls.training.losses import IGNORED, distillation_loss
from auditor.controls.training.step_journal import LossRow


@dataclass(frozen=True)
class TeacherReading:
    """What one step reads: examples, their rows by number, and what its means are taken over.

    ``tokens`` are learned; ``compared`` of them have a teacher's distribution where not all have;
    ``own``: the student wrote them itself.
    """

    examples: Sequence[Encoded]
    step: Step
    tokens: int
    compared: int = 0
    own: bool = False


class Guide(Protocol):
    """A teacher's scores, as one method uses them."""

    def reading(self, number: int, step: Step) -> TeacherReading:
        """What step ``number`` (from 1) of the plan reads: a function of both and the weights."""

    def loss(self, reading: TeacherReading, scores: Tensor, labels: Tensor, batch: Batch) -> Tensor:
        """A micro-batch's part of the step's loss, from scores (rows, kept, vocabulary)."""

    def counts(self, losses: Sequence[LossRow]) -> dict[str, int]:
        """What a reader of the finished run should know, by its name in plain words."""


def as_planned(examples: Sequence[Encoded], step: Step) -> TeacherReading:
    """The examples that the plan names."""
    return TeacherReading(examples, step, learned_tokens(examples, step))


@dataclass(frozen=True)
class TokenGuide:
    """The method logits: the teacher's captured distribution at every learned token."""

    examples: Sequence[Encoded]
    logits: TeacherLogits
    settings: Distillation

    def reading(self, number: int, step: Step) -> TeacherReading:
        """The examples that the plan names."""
        return as_planned(self.examples, step)

    def loss(self, reading: TeacherReading, scores: Tensor, labels: Tensor, batch: Batch) -> Tensor:
        """The mix of cross-entropy and divergence over all learned tokens."""
        learned = labels != IGNORED
        top = self.logits.rows(batch.order, scores.device)
        chosen = scores[learned][:, : self.logits.manifest.vocabulary]
        return distillation_loss(chosen, labels[learned], top, self.settings, reading.tokens)

    def counts(self, losses: Sequence[LossRow]) -> dict[str, int]:
        """Nothing: every learned token is compared."""
        return {}
