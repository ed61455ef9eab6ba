"""Turns examples into token batches: labels on answers alone, short examples packed.

Knows tokens and their order; knows nothing of weights. The order is a pure function of the seed, so
that a step's number says where in the data a run stands.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from auditor.controls.recipe import Training
from auditor.controls.training.losses import IGNORED
from fingerprints.errors import MalformedInput
from fingerprints.records import Probe, Request, canonical_json, sha256
from fingerprints.subjects.template import PLAIN_STOP, Chat

THINK, END_THINK = "<think>", "</think>"
OPEN_ROWS = 64
"""Rows that packing keeps open at once: more fill better and take longer to search."""
SORTED_BATCHES = 16
"""Batches within which rows are sorted by length, so that little is padded and the order stays
random across them."""

Row = tuple[int, ...]
"""Numbers of the examples that share one row."""
MicroBatch = tuple[Row, ...]
"""Rows that go through the model at once."""
Step = tuple[MicroBatch, ...]
"""Micro-batches between two updates of the weights."""


class Lesson(Protocol):
    """What an example must tell. An empty prompt makes the answer a plain text, learned whole."""

    @property
    def id(self) -> str:
        """Names the example."""

    @property
    def prompt(self) -> str:
        """What was asked."""

    @property
    def answer(self) -> str:
        """What the student shall say."""

    @property
    def thinking(self) -> str | None:
        """What it shall think before, where the teacher showed that."""


@dataclass(frozen=True)
class Encoded:
    """One example as tokens; those from ``taught`` on are learned, the others only read."""

    ids: tuple[int, ...]
    taught: int

    @property
    def first(self) -> int:
        """The first token that is learned: a text's very first has nothing before it."""
        return max(1, self.taught)

    @property
    def learned(self) -> int:
        """How many of its tokens are learned."""
        return len(self.ids) - self.first


@dataclass(frozen=True)
class EncodedSet:
    """All examples that fit, how many were cut short, and how many had no room for an answer.

    ``places``: where each stood among those that were given.
    """

    examples: tuple[Encoded, ...]
    truncated: int
    left_out: int
    places: tuple[int, ...] = ()

    def digest(self) -> str:
        """SHA-256 over every token and label: equal for runs that see the same."""
        return sha256(canonical_json([[e.taught, list(e.ids)] for e in self.examples]))


@dataclass(frozen=True)
class Batch:
    """One micro-batch, all (rows, length) on one device.

    ``labels``: the token that each position shall predict, `IGNORED` where it isn't learned.
    ``positions``: only where examples are packed; they count from 0 in every example, and the
    library makes an attention mask of them that keeps the examples apart. ``order``: numbers of the
    examples, row by row.
    """

    ids: Tensor
    labels: Tensor
    positions: Tensor | None
    order: tuple[int, ...]


def encode_examples(
    examples: Sequence[Lesson], chat: Chat, longest: int, *, traces: bool
) -> EncodedSet:
    """Tokens of all examples, cut at ``longest`` tokens; ``traces``: the thinking too, in its tags.

    Raises MalformedInput when no example is left.
    """
    kept, places, truncated, left_out = [], [], 0, 0
    for place, example in enumerate(examples):
        whole = encode(example, chat, traces=traces)
        cut = Encoded(whole.ids[:longest], whole.taught)
        if cut.learned <= 0:
            left_out += 1
            continue
        truncated += len(cut.ids) < len(whole.ids)
        kept.append(cut)
        places.append(place)
    if not kept:
        raise MalformedInput(
            f"none of {len(examples)} examples leaves room for an answer within {longest} tokens",
            where="training.longest",
            next_step="raise it, or check the examples",
        )
    return EncodedSet(tuple(kept), truncated, left_out, tuple(places))


def encode(example: Lesson, chat: Chat, *, traces: bool) -> Encoded:
    """One example as tokens: the prompt as the audit renders it, the answer, the end of a turn.

    The answer's words never become control tokens, whatever they spell. An example with an empty
    prompt starts with the beginning-of-text token where there is one. Raises MalformedInput where
    the chat template fails.
    """
    tokenizer = chat.tokenizer
    if not example.prompt:
        head = [] if tokenizer.bos_token_id is None else [int(tokenizer.bos_token_id)]
        said = _words(tokenizer, example.answer)
        return Encoded((*head, *said, *ending(chat, plain=True)), len(head))
    request = Request(probe=Probe(id=example.id[:200], text=example.prompt))
    text = chat.render(request)
    head = chat.encode(request, text)
    space = " " if chat.kind == "plain" else ""
    answer = space + _said(example, traces=traces, opened=text.rstrip().endswith(THINK))
    return Encoded((*head, *_words(tokenizer, answer), *ending(chat, plain=False)), len(head))


def _said(example: Lesson, *, traces: bool, opened: bool) -> str:
    """The text to learn. Where a template opens the thinking, only its end is left to say."""
    thinking = example.thinking if traces else None
    if thinking is None and not opened:
        return example.answer
    start = "\n" if opened else f"{THINK}\n"
    return f"{start}{(thinking or '').strip()}\n{END_THINK}\n\n{example.answer}"


def _words(tokenizer: Any, text: str) -> list[int]:
    cut = tokenizer(text, add_special_tokens=False, split_special_tokens=True)
    return [int(i) for i in cut.input_ids]


def ending(chat: Chat, *, plain: bool) -> list[int]:
    """The tokens that end an answer; ``plain``: of a text that no prompt stands before."""
    if chat.stop and not plain:
        return [chat.stop[0]]
    end = chat.tokenizer.eos_token_id
    return [int(end)] if end is not None else _words(chat.tokenizer, PLAIN_STOP)


def plan_steps(lengths: Sequence[int], training: Training, seed: int) -> list[Step]:
    """The whole order of a run: each example once an epoch, shuffled anew, in steps.

    A pure function of its arguments. The last micro-batch and the last step of an epoch may be
    smaller.
    """
    steps: list[Step] = []
    for epoch in range(training.epochs):
        chance = random.Random(f"{seed}/{epoch}")
        order = list(range(len(lengths)))
        chance.shuffle(order)
        rows = pack(order, lengths, training.longest) if training.pack else [(i,) for i in order]
        batches = _batches(rows, lengths, training.batch, chance)
        steps += [
            tuple(batches[i : i + training.accumulate])
            for i in range(0, len(batches), training.accumulate)
        ]
    return steps


def pack(order: Sequence[int], lengths: Sequence[int], longest: int) -> list[Row]:
    """Rows of several examples, none above ``longest`` tokens: each goes into the first open row
    that has room for it."""
    done: list[Row] = []
    rows: list[tuple[int, list[int]]] = []
    for number in order:
        roomy = (i for i, (used, _) in enumerate(rows) if used + lengths[number] <= longest)
        place = next(roomy, None)
        if place is not None:
            used, members = rows[place]
            rows[place] = (used + lengths[number], [*members, number])
            continue
        rows.append((lengths[number], [number]))
        if len(rows) > OPEN_ROWS:
            # The fullest has the least chance of another example that fits.
            fullest = max(range(len(rows)), key=lambda i: rows[i][0])
            done.append(tuple(rows.pop(fullest)[1]))
    return [*done, *(tuple(members) for _, members in rows)]


def _batches(
    rows: Sequence[Row], lengths: Sequence[int], size: int, chance: random.Random
) -> list[MicroBatch]:
    window = size * SORTED_BATCHES
    batches: list[MicroBatch] = []
    for start in range(0, len(rows), window):
        near = sorted(rows[start : start + window], key=lambda row: -sum(lengths[i] for i in row))
        batches += [tuple(near[i : i + size]) for i in range(0, len(near), size)]
    chance.shuffle(batches)
    return batches


def make_batch(
    examples: Sequence[Encoded], rows: MicroBatch, pad: int, device: torch.device
) -> Batch:
    """The tensors of a micro-batch, padded on the right, where no earlier token sees the
    padding: no mask is needed."""
    width = max(sum(len(examples[i].ids) for i in row) for row in rows)
    packed = any(len(row) > 1 for row in rows)
    ids = torch.full((len(rows), width), pad, dtype=torch.long)
    labels = torch.full((len(rows), width), IGNORED, dtype=torch.long)
    positions = torch.zeros_like(ids)
    for r, start, example in _placed(examples, rows):
        end = start + len(example.ids)
        ids[r, start:end] = torch.tensor(example.ids)
        # A position's label is the token after it.
        labels[r, start + example.first - 1 : end - 1] = torch.tensor(example.ids[example.first :])
        positions[r, start:end] = torch.arange(end - start)
    order = tuple(i for row in rows for i in row)
    return Batch(ids.to(device), labels.to(device), positions.to(device) if packed else None, order)


def _placed(examples: Sequence[Encoded], rows: MicroBatch) -> Iterator[tuple[int, int, Encoded]]:
    for r, row in enumerate(rows):
        start = 0
        for number in row:
            yield r, start, examples[number]
            start += len(examples[number].ids)


def learned_tokens(examples: Sequence[Encoded], step: Step) -> int:
    """How many tokens a step learns: what its loss is a mean over."""
    return sum(examples[i].learned for rows in step for row in rows for i in row)
