"""Answers a list of requests with a causal language model, fast: sorted, batched, with the shared
prompt read once.

Rows that have ended leave their batch at every stage, so that a long answer does not hold the short
ones' compute. Sampling is seeded per answer, whatever batch it lands in. Knows tensors and tokens;
knows nothing of files.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import GenerationConfig

from fingerprints.errors import ResourceLimit
from fingerprints.records import Reply, Request
from fingerprints.subjects.kept_state import state_bytes, with_room
from fingerprints.subjects.library import (
    Watermark,
    noise,
    processors,
    quiet,
    state_of,
    state_word,
)
from fingerprints.subjects.prompting import (
    Limits,
    OncePrompted,
    PromptRow,
    first_row,
    reply_of,
    shared_prefix,
)
from fingerprints.subjects.template import Chat
from fingerprints.system import memory_left

STAGE = 8
"""Tokens after which rows that have ended leave their batch (docs/benchmarks.md)."""
LOOKED_AT = 32
"""Tokens after which a caller's own end is looked for: another number makes other answers."""
SHARE_FOR_ROWS = 0.5
"""Of the memory that is left beside a model, so much may hold what was read."""


@dataclass(frozen=True)
class Speaker:
    """A model with what it takes to make it speak: tokenizer and template, stop and pad tokens,
    context length; and the watermark that its answers carry, None for most."""

    model: Any
    tokenizer: Any
    chat: Chat
    stop: tuple[int, ...]
    pad: int
    batch: int
    limits: Limits
    mark: Watermark | None = None


def answer(speaker: Speaker, requests: Sequence[Request]) -> Iterator[Reply]:
    """Answers requests, those that need the same settings together, each batch's replies as its
    rows end.

    Greedy at temperature 0. A prompt that leaves no room in the context yields ``skipped_context``,
    a template that fails or logits that are no numbers yield ``error``. Equal prompts have one
    greedy answer. The batch halves when memory runs out; raises ResourceLimit when one row alone
    does not fit.
    """
    rows: list[PromptRow] = []
    for request in requests:
        row = first_row(speaker, request)
        if isinstance(row, Reply):
            yield row
        else:
            rows.append(row)
    once = OncePrompted.of(rows)
    # Alike lengths stand together, so that little is padded.
    rows = sorted(once.rows, key=lambda r: (*r.settings, -len(r.ids), r.request.key))
    size = speaker.batch
    while rows:
        batch = _next_batch(speaker, rows, size)
        try:
            for row in written(speaker, batch):
                row.told = True
                yield from (reply_of(speaker, alike) for alike in once.ended(row))
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            size = halved(len(batch))
            for row in batch:
                row.out = []
        rows = [row for row in rows if not row.told]


def _next_batch(speaker: Speaker, rows: Sequence[PromptRow], size: int) -> list[PromptRow]:
    """The rows to be written next, at most ``size`` and so many as fit: those that are sampled
    alike, in batches of equal size, since a small last one costs nearly as much as a full one."""
    alike = [row for row in rows if row.settings == rows[0].settings]
    longest = max(len(row.ids) + row.room for row in alike[:size])
    fit = min(size, rows_that_fit(speaker, longest), len(alike))
    batches = -(-len(alike) // fit)
    return alike[: -(-len(alike) // batches)]


def rows_that_fit(speaker: Speaker, tokens: int) -> int:
    """How many rows of so many tokens the memory holds; on a graphics card that is found by
    trying."""
    if speaker.model.device.type != "cpu":
        return speaker.batch
    each = state_bytes(speaker.model) * tokens
    return max(1, int(memory_left() * SHARE_FOR_ROWS) // max(1, each))


def out_of_memory(error: RuntimeError) -> bool:
    """Whether memory ran out (CUDA has a class for it, the CPU allocator only words)."""
    said = str(error).lower()
    return (
        isinstance(error, torch.OutOfMemoryError)
        or "out of memory" in said
        or "can't allocate memory" in said
    )


def halved(size: int) -> int:
    """Half a batch that did not fit. Raises ResourceLimit when it was a single row."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if size == 1:
        raise ResourceLimit(
            "memory ran out on a single text; what was answered before is kept",
            next_step="use a smaller dtype (dtype=bfloat16), shorter answers or another device",
        )
    return size // 2


def written(
    speaker: Speaker, rows: Sequence[PromptRow], over: Callable[[PromptRow], bool] | None = None
) -> Iterator[PromptRow]:
    """Runs one batch in stages; after each, the rows that ended are yielded and leave.

    A row ends at a stop token, without room, and where ``over`` says so, which is asked every 32
    tokens. Rows share their temperature and top_p; the answers of one don't depend on which
    others are there.
    """
    for row in rows:
        row.noise = noise(row.request, row.part)
    live, state = list(rows), _begin(speaker, rows)
    stage = STAGE if over is None else LOOKED_AT
    while live:
        begun, left = time.monotonic(), max(row.room - len(row.out) for row in live)
        _advance(speaker, live, state, min(stage, left) if speaker.limits.divisible else left)
        share = (time.monotonic() - begun) / len(live)
        for row in live:
            row.seconds += share
            row.ended = row.ended or len(row.out) >= row.room or (over is not None and over(row))
        going = [i for i, row in enumerate(live) if not row.ended]
        yield from (row for row in live if row.ended)
        if going and len(going) < len(live):
            state.keep(torch.tensor(going, device=state.ids.device))
        live = [row for row in live if not row.ended]


@dataclass
class _DecodingState:
    """What a batch carries on: all token ids, which of them count, keys and values."""

    ids: torch.Tensor
    mask: torch.Tensor
    cache: Any

    def keep(self, index: torch.Tensor) -> None:
        """Goes on with these rows alone, (kept,)."""
        self.ids, self.mask = self.ids[index], self.mask[index]
        self.cache.batch_select_indices(index)


def _begin(speaker: Speaker, rows: Sequence[PromptRow]) -> _DecodingState:
    """Left-padded prompts; a prefix that all share stands before the padding, read once."""
    prefix = shared_prefix([row.ids for row in rows]) if _may_share(speaker.limits, rows) else []
    rest = [row.ids[len(prefix) :] for row in rows]
    longest = max(len(r) for r in rest)
    ids = torch.full((len(rows), longest), speaker.pad, dtype=torch.long)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    for i, tokens in enumerate(rest):
        ids[i, longest - len(tokens) :] = torch.tensor(tokens)
        mask[i, longest - len(tokens) :] = 1
    if prefix:
        head = torch.tensor(prefix).expand(len(rows), -1)
        ids, mask = torch.cat([head, ids], dim=1), torch.cat([torch.ones_like(head), mask], dim=1)
    device = speaker.model.device
    return _DecodingState(ids.to(device), mask.to(device), _read_prefix(speaker, prefix, len(rows)))


def _may_share(limits: Limits, rows: Sequence[PromptRow]) -> bool:
    """Padding after a prefix lengthens the way back: harmless while all fits the window."""
    reach = max(len(row.ids) + row.room for row in rows)
    return limits.divisible and (limits.window is None or reach <= limits.window)


def _read_prefix(speaker: Speaker, prefix: list[int], rows: int) -> Any:
    if not prefix:
        return None
    with torch.inference_mode(), quiet():
        ids = torch.tensor([prefix], device=speaker.model.device)
        cache = state_of(speaker.model(input_ids=ids, use_cache=True, logits_to_keep=1))
        cache.batch_repeat_interleave(rows)
    return with_room(cache)


def _advance(
    speaker: Speaker, rows: Sequence[PromptRow], state: _DecodingState, steps: int
) -> None:
    """Lets the library write up to ``steps`` tokens a row."""
    known = state.ids.shape[1]

    def broken(i: int) -> None:
        """Marks row i, whose scores are no numbers."""
        rows[i].broken = True

    with torch.inference_mode(), quiet():
        made = speaker.model.generate(
            input_ids=state.ids,
            attention_mask=state.mask,
            generation_config=_plan(speaker, steps),
            logits_processor=processors(
                rows[0].request, [row.noise for row in rows], broken, speaker.mark
            ),
            **{state_word(speaker.model): state.cache},
        )
    state.ids, state.cache = made.sequences, with_room(state_of(made))
    fresh = made.sequences[:, known:]
    state.mask = torch.cat([state.mask, torch.ones_like(fresh)], dim=1)
    for row, tokens in zip(rows, fresh.tolist(), strict=True):
        row.take(tokens, speaker.stop)


def settings(**values: Any) -> GenerationConfig:
    """The library's settings with these values, and none of what a model's makers recommend."""
    return GenerationConfig(**values)  # type: ignore[no-untyped-call]  # transformers has no types for it


def limits_of(model: Any) -> Limits:
    """What a loaded model's config says about its context, windows and state."""
    config = model.config.get_text_config()
    windows = [getattr(config, name, None) for name in ("sliding_window", "attention_chunk_size")]
    return Limits(
        context=getattr(config, "max_position_embeddings", None),
        window=min((int(w) for w in windows if w), default=None),
        divisible=not model._is_stateful,
    )


def _plan(speaker: Speaker, steps: int) -> GenerationConfig:
    return settings(
        max_new_tokens=steps,
        do_sample=False,
        num_beams=1,
        repetition_penalty=1.0,
        eos_token_id=list(speaker.stop) or None,
        pad_token_id=speaker.pad,
        return_dict_in_generate=True,
        use_cache=True,
    )
