"""The method cross_tokenizer: a teacher's scores at common places, over what both can name.

The scores are asked once and kept on disk as those of the method logits are. Positions that can't
be compared are counted, by reason. Knows captures, cells and losses; knows nothing of updates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from auditor.controls.recipe import Comparability as Terms
from auditor.controls.recipe import Distillation
from auditor.controls.training.align import Reader, TokenAlignment, align, spell
from auditor.controls.training.batches import Batch, Encoded, Lesson, Step, make_batch
from auditor.controls.training.capture import (
    ROWS,
    CaptureManifest,
    TeacherLogits,
    fill,
    scoring_speaker,
)
from auditor.controls.training.cells import (
    Cells,
    TokenSide,
    pooled,
    share_out,
    shared_mass,
    top_cells,
)
from auditor.controls.training.losses import IGNORED, TopLogits, cross_entropy, divergence
from auditor.controls.training.objectives import TeacherReading, as_planned
from auditor.controls.training.scores import kept_scores
from auditor.controls.training.step_journal import LossRow
from auditor.controls.training.students import Learner, trims_logits
from fingerprints.errors import MalformedInput
from fingerprints.records import canonical_json, sha256
from fingerprints.subjects.base import Subject
from fingerprints.subjects.generation import Speaker
from fingerprints.subjects.library import quiet
from fingerprints.subjects.template import Chat

SHARED = "shared"


@dataclass(frozen=True)
class AlignedGuide:
    """A finished capture at common places, open for reading.

    ``places``: for each example the learned tokens (numbers from 0) that are compared, ``rows``
    which of its captured rows those are. ``student``: the cell of each of the student's tokens.
    """

    examples: Sequence[Encoded]
    logits: TeacherLogits
    places: tuple[tuple[int, ...], ...]
    rows: tuple[tuple[int, ...], ...]
    student: Tensor
    settings: Distillation
    told: dict[str, int]

    def reading(self, number: int, step: Step) -> TeacherReading:
        """The examples that the plan names, with how many of their tokens are compared."""
        compared = sum(len(self.places[i]) for batch in step for row in batch for i in row)
        return replace(as_planned(self.examples, step), compared=compared)

    def loss(self, reading: TeacherReading, scores: Tensor, labels: Tensor, batch: Batch) -> Tensor:
        """``ce_weight`` × cross-entropy over all learned tokens + the rest × divergence over all
        compared ones."""
        weight, temperature = self.settings.ce_weight, self.settings.temperature
        chosen, top = self._top(batch.order, scores.device)
        # Rows without a compared token have a gradient too, of nothing.
        parts = [0.0 * scores.sum()]
        if weight > 0:
            parts = [weight * cross_entropy(scores, labels, reading.tokens)]
        if weight < 1 and top is not None:
            learned, count = scores[labels != IGNORED], self.logits.manifest.vocabulary
            logs = pooled(learned[chosen], self.student, count, temperature)
            apart = divergence(logs * temperature, top, self.settings)
            parts.append((1 - weight) * apart.sum() / max(1, reading.compared))
        return torch.stack(parts).sum()

    def counts(self, losses: Sequence[LossRow]) -> dict[str, int]:
        """How many learned tokens were compared, and why the others were not."""
        return self.told

    def _top(self, order: Sequence[int], device: torch.device) -> tuple[Tensor, TopLogits | None]:
        """Which of a batch's learned tokens are compared, and the teacher's distributions there."""
        chosen: list[int] = []
        held: list[int] = []
        start = captured = 0
        for number in order:
            chosen += [start + place for place in self.places[number]]
            held += [captured + row for row in self.rows[number]]
            start += self.examples[number].learned
            captured += self.logits.lengths[number]
        if not held:
            return torch.tensor(chosen, dtype=torch.long, device=device), None
        top = self.logits.rows([n for n in order if self.logits.lengths[n]], device)
        picked = torch.tensor(held, device=device)
        rest = None if top.rest is None else top.rest[picked]
        return torch.tensor(chosen, device=device), TopLogits(
            top.tokens[picked], top.logs[picked], rest
        )


def open_aligned(
    teacher: Subject,
    learner: Learner,
    data: Sequence[Encoded],
    lessons: Sequence[Lesson],
    terms: Terms,
    settings: Distillation,
    folder: Path,
) -> AlignedGuide:
    """Aligns the answers (``lessons`` in the order of ``data``), and asks the teacher where the
    folder doesn't hold it yet.

    Raises UsageProblem for a teacher without weights and tokenizers whose tokens spell nothing,
    MalformedInput where nothing can be compared and for a folder of another teacher or other
    examples, ResourceLimit on a full disk.
    """
    speaker = scoring_speaker(teacher, "cross_tokenizer")
    theirs, ours = spell(speaker.tokenizer, teacher.spec), spell(learner.tokenizer, learner.base)
    longest = max(len(e.ids) for e in data)
    reads = Reader(speaker.chat, theirs, speaker.limits.context)
    found = align(lessons, Reader(learner.chat, ours, longest), reads, teacher.spec)
    found = _within(found, data)
    scored = int(speaker.model.config.get_text_config().vocab_size)
    cells = share_out(
        TokenSide(theirs, _end(speaker.chat), speaker.tokenizer, scored),
        TokenSide(ours, _end(learner.chat), learner.tokenizer, learner.vocabulary),
    )
    logits = _captured(teacher, speaker, found, cells, settings, folder)
    student = cells.student.to(learner.device)
    return _opened(data, found, logits, student, terms, settings, teacher.spec)


def _captured(
    teacher: Subject,
    speaker: Speaker,
    found: TokenAlignment,
    cells: Cells,
    settings: Distillation,
    folder: Path,
) -> TeacherLogits:
    asked = [cells.digest(), [list(e.ids) for e in found.teacher], found.pairs]
    wanted = CaptureManifest(
        teacher=teacher.identity,
        teacher_sha256=teacher.identity.digest(),
        examples=sha256(canonical_json(asked)),
        vocabulary=cells.count,
        top_k=min(settings.top_k or cells.count, cells.count - 1),
        temperature=settings.temperature,
    )
    lengths = tuple(len(pairs) for pairs in found.pairs)
    there = cells.teacher.to(speaker.model.device)
    manifest = fill(
        folder,
        wanted,
        lengths,
        lambda first, last: _ask(speaker, found, first, last, there, wanted),
    )
    return TeacherLogits(manifest, folder, lengths)


def _within(found: TokenAlignment, data: Sequence[Encoded]) -> TokenAlignment:
    """Pairs without the student's tokens that were cut off in training."""
    both = zip(found.pairs, data, strict=True)
    kept = tuple(tuple(p for p in pairs if p[0] < e.learned) for pairs, e in both)
    return replace(found, pairs=kept)


def _opened(
    data: Sequence[Encoded],
    found: TokenAlignment,
    logits: TeacherLogits,
    student: Tensor,
    terms: Terms,
    settings: Distillation,
    where: str,
) -> AlignedGuide:
    shards = [load_file(logits.folder / shard.file)[SHARED] for shard in logits.manifest.shards]
    masses = torch.split(torch.cat(shards), list(logits.lengths))
    rows = tuple(tuple((mass >= terms.least_shared).nonzero()[:, 0].tolist()) for mass in masses)
    places = tuple(
        tuple(pairs[row][0] for row in kept) for pairs, kept in zip(found.pairs, rows, strict=True)
    )
    learned, paired, compared = (
        sum(e.learned for e in data),
        sum(logits.lengths),
        sum(map(len, places)),
    )
    if not compared:
        raise MalformedInput(
            f"at none of {paired} common places does {terms.least_shared:.0%} of the teacher's"
            " distribution lie on strings that both tokenizers have",
            where=where,
            next_step="lower alignment.least_shared, or use method sft",
        )
    told = {
        "learned tokens": learned,
        "compared with the teacher": compared,
        "skipped: the teacher begins no token there": learned - paired,
        "skipped: too little that both can name": paired - compared,
        "answers that a tokenizer changes": found.unspelled,
    }
    return AlignedGuide(data, logits, places, rows, student, settings, told)


def _ask(
    speaker: Speaker,
    found: TokenAlignment,
    first: int,
    last: int,
    cells: Tensor,
    terms: CaptureManifest,
) -> dict[str, Tensor]:
    """Captured rows of some answers: cells, log-probabilities, the rest, the shared mass."""
    asked = [n for n in range(first, last + 1) if found.pairs[n]]
    empty = torch.zeros(0, terms.top_k)
    parts = [(TopLogits(empty.int(), empty, empty[:, 0]), empty[:, 0])]
    for start in range(0, len(asked), ROWS):
        some = asked[start : start + ROWS]
        rows = tuple((n,) for n in some)
        batch = make_batch(found.teacher, rows, speaker.pad, speaker.model.device)
        with torch.inference_mode(), quiet():
            scores, labels = kept_scores(speaker.model, batch, trims=trims_logits(speaker.model))
            paired = scores[labels != IGNORED][_picked(found, some)]
            logs = pooled(paired, cells, terms.vocabulary, terms.temperature).cpu()
        parts.append((top_cells(logs, terms.top_k), shared_mass(logs)))
    tops = [top for top, _ in parts]
    return {
        "tokens": torch.cat([t.tokens.int() for t in tops]),
        "logs": torch.cat([t.logs for t in tops]),
        "rest": torch.cat([t.rest for t in tops if t.rest is not None]),
        SHARED: torch.cat([mass for _, mass in parts]),
    }


def _picked(found: TokenAlignment, some: Sequence[int]) -> list[int]:
    """Where the paired tokens stand among all that a batch of these answers learns."""
    picked: list[int] = []
    start = 0
    for number in some:
        picked += [start + theirs for _, theirs in found.pairs[number]]
        start += found.teacher[number].learned
    return picked


def _end(chat: Chat) -> int | None:
    """The token that ends an answer, where one token does."""
    end = chat.stop[0] if chat.stop else chat.tokenizer.eos_token_id
    return None if end is None else int(end)
