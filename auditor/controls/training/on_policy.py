"""The method on_policy: the student answers, and the teacher says at every token of that what it
would have found likely there.

Generalised knowledge distillation (GKD; Agarwal et al. 2023, arXiv 2306.13649, algorithm 1): with a
chance of ``student_share`` a step reads the student's own answers to its prompts, otherwise the
teacher's. The loss is the same divergence on both; no gradient goes through the drawing, and the
cross-entropy part is left out where the student wrote the words.

Which steps are its own, and what it draws, depends on the seed, the step's number and the weights
alone, so that a resumed run draws again what it drew. Knows models and distributions; knows nothing
of updates.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from auditor.controls.recipe import Distillation, OnPolicy, Recipe
from auditor.controls.training.batches import Batch, Encoded, Step, learned_tokens
from auditor.controls.training.capture import check_tokenizer, scoring_speaker
from auditor.controls.training.draws import DrawingModel, Drawn, DrawSettings, draw, open_voice
from auditor.controls.training.losses import IGNORED, distillation_loss, top_logits
from auditor.controls.training.objectives import TeacherReading, as_planned
from auditor.controls.training.scores import kept_scores
from auditor.controls.training.step_journal import LossRow
from auditor.controls.training.students import Learner, trims_logits
from fingerprints.errors import MalformedInput, ResourceLimit, UsageProblem
from fingerprints.subjects.base import Subject
from fingerprints.subjects.generation import Speaker
from fingerprints.subjects.library import quiet


def is_own(seed: int, number: int, share: float) -> bool:
    """Whether step ``number`` (from 1) reads the student's own answers: drawn under the seed."""
    return random.Random(f"on-policy/{seed}/share/{number}").random() < share


@dataclass(frozen=True)
class OwnWords:
    """The student as it draws, the teacher as it scores, and the teacher's own answers."""

    voice: DrawingModel
    speaker: Speaker
    examples: Sequence[Encoded]
    settings: Distillation
    drawing: OnPolicy
    vocabulary: int
    longest: int
    seed: int

    def reading(self, number: int, step: Step) -> TeacherReading:
        """The plan's examples, or what the student answers now to their prompts."""
        if not is_own(self.seed, number, self.drawing.student_share):
            return as_planned(self.examples, step)
        noise = torch.Generator(self.voice.device)
        noise.manual_seed(random.Random(f"on-policy/{self.seed}/draw/{number}").getrandbits(63))
        said: list[Encoded] = []
        rows: list[tuple[tuple[int], ...]] = []
        for batch in step:
            fresh = self._answers([i for row in batch for i in row], noise, number)
            rows.append(tuple((len(said) + n,) for n in range(len(fresh))))
            said += fresh
        return TeacherReading(said, tuple(rows), learned_tokens(said, tuple(rows)), own=True)

    def loss(self, reading: TeacherReading, scores: Tensor, labels: Tensor, batch: Batch) -> Tensor:
        """The divergence from what the teacher finds likely after the same words; of the
        teacher's answers mixed as set."""
        learned = labels != IGNORED
        there = self.speaker.model.device
        places = None if batch.positions is None else batch.positions.to(there)
        asked = replace(
            batch, ids=batch.ids.to(there), labels=batch.labels.to(there), positions=places
        )
        with torch.no_grad(), quiet():
            model = self.speaker.model
            theirs, same = kept_scores(model, asked, trims=trims_logits(model))
            theirs = theirs[same != IGNORED][:, : self.vocabulary].to(scores.device)
            top = top_logits(theirs, self.settings.top_k, self.settings.temperature)
        # Its own words are no example to follow: only what the teacher thinks of them counts.
        weight = 0.0 if reading.own else self.settings.ce_weight
        settings = self.settings.model_copy(update={"ce_weight": weight})
        ours = scores[learned][:, : self.vocabulary]
        return distillation_loss(ours, labels[learned], top, settings, reading.tokens)

    def counts(self, losses: Sequence[LossRow]) -> dict[str, int]:
        """How many steps, and tokens in them, were the student's own."""
        own = [row for row in losses if is_own(self.seed, row.step, self.drawing.student_share)]
        return {
            "steps on the student's own answers": len(own),
            "steps on the teacher's answers": len(losses) - len(own),
            "tokens that the student drew": sum(row.tokens for row in own),
        }

    def _answers(self, numbers: Sequence[int], noise: torch.Generator, step: int) -> list[Encoded]:
        """The student's answers to these prompts, without dropout, cut as the teacher's are."""
        prompts = [list(self.examples[i].ids[: self.examples[i].taught]) for i in numbers]
        model = self.voice.model
        before = model.training
        model.eval()
        try:
            drawn = draw(self.voice, prompts, noise)
        except ResourceLimit as error:
            raise ResourceLimit(
                f"{error.what} at step {step}", next_step=error.next_step
            ) from error
        finally:
            model.train(before)
        fresh = [
            Encoded((*prompt, *self._said(drawn, r))[: self.longest], len(prompt))
            for r, prompt in enumerate(prompts)
        ]
        # Without a single word of its own there is nothing to learn from: then the teacher's answer
        # stands in.
        both = zip(fresh, numbers, strict=True)
        return [e if len(e.ids) > e.taught else self.examples[i] for e, i in both]

    def _said(self, drawn: Drawn, row: int) -> list[int]:
        """What was drawn, up to a token that the teacher doesn't know (padding)."""
        ids = drawn.ids[row, drawn.width :][drawn.chosen[row]].tolist()
        unknown = next((n for n, i in enumerate(ids) if i >= self.vocabulary), len(ids))
        return [int(i) for i in ids[:unknown]]


def open_own_words(
    teacher: Subject,
    learner: Learner,
    examples: Sequence[Encoded],
    recipe: Recipe,
    settings: Distillation,
    drawing: OnPolicy,
) -> OwnWords:
    """The guide of a recipe. Asks the teacher nothing yet.

    Raises UsageProblem for a teacher without weights or with another tokenizer and for answers
    without a prompt, MalformedInput where a prompt leaves no room to answer in the context of
    teacher or student.
    """
    speaker = scoring_speaker(teacher, recipe.method)
    check_tokenizer(speaker, learner, examples, recipe.method, teacher.spec)
    if any(e.taught == 0 for e in examples):
        raise UsageProblem(
            "an example has no prompt to answer",
            where="prompts",
            next_step="use method logits for plain texts",
        )
    longest = max(e.taught for e in examples) + drawing.max_tokens
    for context, whose in ((learner.context, "student"), (speaker.limits.context, "teacher")):
        if context is not None and longest > context:
            raise MalformedInput(
                f"a prompt with {drawing.max_tokens} tokens of answer makes {longest}, and the"
                f" {whose} reads {context}",
                where="on_policy.max_tokens",
                next_step="lower it, or give shorter prompts",
            )
    drawn = DrawSettings(
        longest=drawing.max_tokens, temperature=drawing.temperature, precision=learner.precision
    )
    voice = open_voice(learner.model, learner.tokenizer, drawn)
    return OwnWords(
        voice=replace(voice, chat=learner.chat, pad=learner.pad),
        speaker=speaker,
        examples=examples,
        settings=settings,
        drawing=drawing,
        vocabulary=min(int(speaker.model.config.get_text_config().vocab_size), learner.vocabulary),
        longest=recipe.training.longest,
        seed=recipe.seed,
    )
