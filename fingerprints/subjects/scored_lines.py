"""A text to be scored as a line of tokens with what stands before it, and the record that its bits
become: what every backend that scores here shares.

Knows texts and tokens; knows nothing of tensors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fingerprints.errors import MalformedInput, ResourceLimit
from fingerprints.records import Arm, Likelihoods, Request, sha256
from fingerprints.scores import Passage
from fingerprints.subjects.prompting import NO_NUMBERS, Prompting


@dataclass(frozen=True)
class ScoredLine:
    """All ids of one text with its context, and from which of them on they are scored."""

    index: int
    ids: list[int]
    scored_from: int

    @property
    def empty(self) -> bool:
        """Whether nothing of it can be scored."""
        return len(self.ids) <= self.scored_from


def lines_of_texts(
    speaker: Prompting, texts: Sequence[str], contexts: Sequence[str] | None
) -> list[ScoredLine]:
    """The lines of texts behind their contexts. Raises ResourceLimit for one that passes the
    model's context: nothing is cut."""
    before = contexts or [""] * len(texts)
    return [line_of(speaker, i, text, before[i]) for i, text in enumerate(texts)]


def lines_of_passages(speaker: Prompting, passages: Sequence[Passage]) -> list[ScoredLine | str]:
    """The lines of passages, questions rendered through the model's own template, which writes its
    own beginning-of-text token; or in words why one has none."""
    return [_line_of_passage(speaker, i, passage) for i, passage in enumerate(passages)]


def _line_of_passage(speaker: Prompting, index: int, passage: Passage) -> ScoredLine | str:
    if passage.probe is None:
        context, templated = passage.lead, False
    else:
        arm = Arm.OWN if passage.arm is Arm.RECORDED else passage.arm
        request = Request(probe=passage.probe, arm=arm)
        try:
            context = speaker.chat.render(request) + passage.lead
        except MalformedInput as error:
            return error.line()
        templated = speaker.chat.kind == "model" and passage.probe.form != "completion"
    try:
        return line_of(speaker, index, passage.text, context, special=not templated)
    except ResourceLimit as error:
        return error.what


def line_of(
    speaker: Prompting, index: int, text: str, context: str, special: bool = True
) -> ScoredLine:
    """One text behind a context, or behind the token that documents began after in training."""
    tokenizer = speaker.tokenizer
    head = list(tokenizer(context, add_special_tokens=special).input_ids) if context else []
    if not head:
        # Without a beginning of text, documents followed an end of text in training.
        starts = (tokenizer.bos_token_id, tokenizer.eos_token_id)
        head = [start for start in starts if start is not None][:1]
    ids = head + list(tokenizer(text, add_special_tokens=False).input_ids)
    if speaker.limits.context is not None and len(ids) > speaker.limits.context:
        raise ResourceLimit(
            f"text {index} has {len(ids)} tokens with its context, above the model's"
            f" {speaker.limits.context}",
            next_step="cut the text into shorter ones",
        )
    return ScoredLine(index, [int(i) for i in ids], max(1, len(head)))


def records_of(
    texts: Sequence[str], found: Sequence[ScoredLine | str], bits: Mapping[int, list[float]]
) -> list[Likelihoods | str]:
    """The record of each text by its line's bits, or the reason why it has none: what it is, or
    that the model gives no numbers."""
    return [
        item if isinstance(item, str) else _record_or_why(texts[i], bits[i])
        for i, item in enumerate(found)
    ]


def _record_or_why(text: str, bits: list[float]) -> Likelihoods | str:
    return record_of(text, bits) if all(map(math.isfinite, bits)) else NO_NUMBERS


def record_of(text: str, bits: list[float]) -> Likelihoods:
    """What a text's bits, token by token, come to."""
    size = len(text.encode("utf-8", "replace"))
    return Likelihoods(
        text_sha256=sha256(text),
        bits=math.fsum(bits),
        tokens=len(bits),
        bytes=size,
        token_bits=tuple(bits),
    )
