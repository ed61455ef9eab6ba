"""How likely a model finds given texts, in bits. Knows tensors and tokens; no files."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import torch

from fingerprints.records import Likelihoods
from fingerprints.scores import Passage
from fingerprints.subjects.generation import Speaker, halved, out_of_memory
from fingerprints.subjects.kept_state import with_room
from fingerprints.subjects.library import quiet, state_of, state_word
from fingerprints.subjects.scored_lines import (
    ScoredLine,
    lines_of_passages,
    lines_of_texts,
    record_of,
    records_of,
)

CHUNK_SCORES = 128 << 20
"""Most scores (rows × tokens × vocabulary) that exist at once: 256 MiB in bfloat16, twice that
in float32."""


def likelihoods(
    speaker: Speaker, texts: Sequence[str], contexts: Sequence[str] | None
) -> list[Likelihoods]:
    """Bits of each text under the model, one record a text, in the order given.

    Total and per token: negative log2 of the softmax in float32. The first token is scored after
    the context, or after the beginning-of-text token where the tokenizer has one; a model without
    either leaves the first token unscored. Longer texts than the context are refused, never cut.
    Raises ResourceLimit for those and when one text alone does not fit into memory.
    """
    bits = _bits_of(speaker, lines_of_texts(speaker, texts, contexts))
    return [record_of(text, bits[i]) for i, text in enumerate(texts)]


def passage_likelihoods(speaker: Speaker, passages: Sequence[Passage]) -> list[Likelihoods | str]:
    """Bits of each passage in the order given, or in words why it has none (a failing template, no
    room in the context).

    A question is rendered through the model's own template, which writes its own beginning-of-text
    token; the passage's lead follows as the beginning of the answer. Otherwise as `likelihoods`.
    Raises ResourceLimit as it does for memory.
    """
    found = lines_of_passages(speaker, passages)
    bits = _bits_of(speaker, [item for item in found if isinstance(item, ScoredLine)])
    return records_of([passage.text for passage in passages], found, bits)


def _bits_of(speaker: Speaker, items: Sequence[ScoredLine]) -> dict[int, list[float]]:
    bits: dict[int, list[float]] = {item.index: [] for item in items}
    todo = sorted((item for item in items if not item.empty), key=lambda item: -len(item.ids))
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


def _score(speaker: Speaker, items: Sequence[ScoredLine]) -> dict[int, list[float]]:
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
            cache = with_room(state_of(out))
            yield _bits(out.logits, ids[:, start + 1 : stop + 1])


def _bits(scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Negative log2-probability of each target, float32 on the CPU, row by row."""
    rows = [
        torch.logsumexp(row.float(), dim=-1) - row.gather(-1, goal[:, None])[:, 0].float()
        for row, goal in zip(scores, targets, strict=True)
    ]
    return torch.stack(rows).cpu() / math.log(2)
