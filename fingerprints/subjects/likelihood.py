"""How likely a model finds given texts, in bits. Knows tensors and tokens; no files."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from fingerprints.errors import MalformedInput, ResourceLimit
from fingerprints.records import Arm, Likelihoods, Request, sha256
from fingerprints.scores import Passage
from fingerprints.subjects.generation import Speaker, halved, out_of_memory
from fingerprints.subjects.library import quiet, state_of, state_word

CHUNK_SCORES = 128 << 20
"""Most scores (rows × tokens × vocabulary) that exist at once: 256 MiB in bfloat16, twice that
in float32."""


@dataclass(frozen=True)
class TextItem:
    """A text as tokens, with those before it; the scored ones begin at ``scored_from``."""

    index: int
    ids: list[int]
    scored_from: int


BitsOf = Callable[[Speaker, Sequence[TextItem]], dict[int, list[float]]]
"""Gives the bits of every scored token, by the items' index."""


def likelihoods(
    speaker: Speaker,
    texts: Sequence[str],
    contexts: Sequence[str] | None,
    bits_of: BitsOf | None = None,
) -> list[Likelihoods]:
    """Bits of each text under the model, one record a text, in the order given; ``bits_of``
    computes them where another program than torch runs the model.

    Total and per token: negative log2 of the softmax in float32. The first token is scored after
    the context, or after the beginning-of-text token where the tokenizer has one; a model without
    either leaves the first token unscored. Longer texts than the context are refused, never cut.
    Raises ResourceLimit for those and when one text alone does not fit into memory.
    """
    before = contexts or [""] * len(texts)
    items = [_item(speaker, i, text, before[i]) for i, text in enumerate(texts)]
    bits = (bits_of or _bits_of)(speaker, items)
    return [_record(text, bits[i]) for i, text in enumerate(texts)]


def passage_likelihoods(
    speaker: Speaker, passages: Sequence[Passage], bits_of: BitsOf | None = None
) -> list[Likelihoods | str]:
    """Bits of each passage in the order given, or in words why it has none (a failing template, no
    room in the context).

    A question is rendered through the model's own template, which writes its own beginning-of-text
    token; the passage's lead follows as the beginning of the answer. Otherwise as `likelihoods`.
    Raises ResourceLimit as it does for memory.
    """
    found = [_passage_item(speaker, i, passage) for i, passage in enumerate(passages)]
    bits = (bits_of or _bits_of)(speaker, [item for item in found if isinstance(item, TextItem)])
    return [
        item if isinstance(item, str) else _record(passages[i].text, bits[i])
        for i, item in enumerate(found)
    ]


def _passage_item(speaker: Speaker, index: int, passage: Passage) -> TextItem | str:
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
        return _item(speaker, index, passage.text, context, special=not templated)
    except ResourceLimit as error:
        return error.what


def _bits_of(speaker: Speaker, items: Sequence[TextItem]) -> dict[int, list[float]]:
    bits: dict[int, list[float]] = {item.index: [] for item in items}
    scored = (item for item in items if len(item.ids) > item.scored_from)
    todo = sorted(scored, key=lambda item: -len(item.ids))
    size = speaker.batch
    while todo:
        batch = todo[:size]
        try:
            bits.update(_score(speaker, batch))
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            size = halved(len(batch))
            continue
        del todo[: len(batch)]
    return bits


def _record(text: str, bits: list[float]) -> Likelihoods:
    size = len(text.encode("utf-8", "replace"))
    return Likelihoods(
        text_sha256=sha256(text),
        bits=math.fsum(bits),
        tokens=len(bits),
        bytes=size,
        token_bits=tuple(bits),
    )


def _item(speaker: Speaker, index: int, text: str, context: str, special: bool = True) -> TextItem:
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
    return TextItem(index, [int(i) for i in ids], max(1, len(head)))


def _score(speaker: Speaker, items: Sequence[TextItem]) -> dict[int, list[float]]:
    """Right-padded: with causal attention the padding after a text can't change it."""
    longest = max(len(item.ids) for item in items)
    ids = torch.full((len(items), longest), speaker.pad, dtype=torch.long)
    mask = torch.zeros((len(items), longest), dtype=torch.long)
    for row, item in enumerate(items):
        ids[row, : len(item.ids)] = torch.tensor(item.ids)
        mask[row, : len(item.ids)] = 1
    device = speaker.model.device
    bits = torch.cat(list(_segments(speaker, ids.to(device), mask.to(device))), dim=1)
    return {
        item.index: bits[row, item.scored_from - 1 : len(item.ids) - 1].tolist()
        for row, item in enumerate(items)
    }


def _segments(speaker: Speaker, ids: torch.Tensor, mask: torch.Tensor) -> Iterator[torch.Tensor]:
    """Bits of tokens 1, 2, … of every row, a stretch at a time, as many as fit."""
    rows, length = ids.shape
    words = int(speaker.model.config.get_text_config().vocab_size)
    stretch = max(1, CHUNK_SCORES // (rows * words))
    cache, word = None, state_word(speaker.model)
    with torch.inference_mode(), quiet():
        for start in range(0, length - 1, stretch):
            stop = min(start + stretch, length - 1)
            out = speaker.model(
                input_ids=ids[:, start:stop],
                attention_mask=mask[:, :stop],
                use_cache=stop < length - 1 or cache is not None,
                **{word: cache},
            )
            cache = state_of(out)
            yield _bits(out.logits, ids[:, start + 1 : stop + 1])


def _bits(scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Negative log2-probability of each target, float32 on the CPU, row by row."""
    rows = [
        torch.logsumexp(row.float(), dim=-1) - row.gather(-1, goal[:, None])[:, 0].float()
        for row, goal in zip(scores, targets, strict=True)
    ]
    return torch.stack(rows).cpu() / math.log(2)
