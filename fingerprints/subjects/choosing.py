"""Which token a model would have written at every place of a given text: the likeliest, or the one
whose probability rose most against another model of the same vocabulary.

One pass over the text, however long. Knows tensors and tokens; knows nothing of watermarks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from fingerprints.choices import Choices
from fingerprints.errors import MalformedInput, UsageProblem
from fingerprints.records import Arm, Request, sha256
from fingerprints.scores import Passage
from fingerprints.subjects.generation import Speaker
from fingerprints.subjects.library import quiet, state_of, state_word
from fingerprints.subjects.vocabulary import starts_of

PLAINLY = {"skip_special_tokens": False, "clean_up_tokenization_spaces": False}
STRETCH_SCORES = 64 << 20
"""Most scores (tokens × vocabulary) of one model that exist at once: 256 MiB in float32."""


@dataclass(frozen=True)
class _Line:
    """A text as the model reads it: all ids, where the text's own begin, and the characters at
    which each of those begins."""

    ids: list[int]
    first: int
    starts: tuple[int, ...]


def choices(
    speaker: Speaker, passages: Sequence[Passage], against: Speaker | None = None
) -> Iterator[Choices | str]:
    """The choice at every token of each passage's text but its first, in the order given, or in
    words why there are none (a failing template, no room in the context, a text that its tokens
    don't give back).

    Special tokens are never chosen. Raises UsageProblem where ``against`` has another vocabulary.
    """
    if against is not None and speaker.tokenizer.get_vocab() != against.tokenizer.get_vocab():
        raise UsageProblem(
            "the two models have different vocabularies, so no token can have risen",
            next_step="give the model that the suspect was trained from, or leave the base out",
        )
    barred = torch.tensor(sorted(set(speaker.tokenizer.all_special_ids)), dtype=torch.long)
    for passage in passages:
        line = _line(speaker, passage)
        yield line if isinstance(line, str) else _chosen(speaker, against, passage, line, barred)


def _line(speaker: Speaker, passage: Passage) -> _Line | str:
    tokenizer = speaker.tokenizer
    head: list[int] = []
    if passage.probe is not None:
        arm = Arm.OWN if passage.arm is Arm.RECORDED else passage.arm
        request = Request(probe=passage.probe, arm=arm)
        try:
            head = speaker.chat.encode(request, speaker.chat.render(request))
        except MalformedInput as error:
            return error.line()
    if not head:
        firsts = (tokenizer.bos_token_id, tokenizer.eos_token_id)
        head = [token for token in firsts if token is not None][:1]
    own = [int(i) for i in tokenizer(passage.text, add_special_tokens=False).input_ids]
    ids = [*head, *own]
    if speaker.limits.context is not None and len(ids) > speaker.limits.context:
        return f"{len(ids)} tokens pass the context of {speaker.limits.context}"
    starts = starts_of(lambda some: str(tokenizer.decode(some, **PLAINLY)), own, passage.text)
    return _Line(ids, len(head), starts) if starts else "its tokens don't give the text back"


def _chosen(
    speaker: Speaker,
    against: Speaker | None,
    passage: Passage,
    line: _Line,
    barred: torch.Tensor,
) -> Choices:
    starts: list[int] = []
    said: list[str] = []
    found = _likeliest(speaker, against, line, barred)
    for i in range(1, len(line.starts)):
        text = _written(speaker.tokenizer, line.ids[line.first + i - 1], found[i - 1])
        if text:
            starts.append(line.starts[i])
            said.append(text)
    return Choices(text_sha256=sha256(passage.text), starts=tuple(starts), chosen=tuple(said))


def _likeliest(
    speaker: Speaker, against: Speaker | None, line: _Line, barred: torch.Tensor
) -> list[int]:
    """The choices at the text's tokens from its second on."""
    words = int(speaker.model.config.get_text_config().vocab_size)
    stretch = max(1, STRETCH_SCORES // words)
    ids = torch.tensor([line.ids[:-1]])
    out: list[int] = []
    streams = [_scores(who, ids, stretch) for who in (speaker, against) if who is not None]
    with torch.inference_mode(), quiet():
        for place, parts in enumerate(zip(*streams, strict=True)):
            here = [part.softmax(-1) for part in parts]
            worth = here[0] - here[1] if len(here) > 1 else here[0]
            worth[:, barred] = -torch.inf
            first = max(0, line.first - place * stretch)
            out += worth[first:].argmax(-1).tolist()
    return out


def _scores(speaker: Speaker, ids: torch.Tensor, stretch: int) -> Iterator[torch.Tensor]:
    """What a model expects after each of the ids, (≤ stretch, vocabulary) in float32 on the CPU."""
    cache, word, length = None, state_word(speaker.model), ids.shape[1]
    device = speaker.model.device
    for start in range(0, length, stretch):
        stop = min(start + stretch, length)
        out = speaker.model(
            input_ids=ids[:, start:stop].to(device),
            attention_mask=torch.ones((1, stop), dtype=torch.long, device=device),
            use_cache=stop < length or cache is not None,
            **{word: cache},
        )
        cache = state_of(out)
        yield out.logits[0].float().cpu()


def _written(tokenizer: Any, before: int, token: int) -> str:
    """A token as the text that it adds behind another one; empty for half of a character."""
    head, whole = (str(tokenizer.decode(ids, **PLAINLY)) for ids in ([before], [before, token]))
    text = whole[len(head) :] if whole.startswith(head) else ""
    return "" if "\ufffd" in text else text
