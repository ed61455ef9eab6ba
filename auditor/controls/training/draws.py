"""Draws a model's own answers to learn from, and scores the drawn tokens again.

Pure sampling from the whole distribution, so that what is drawn is what the loss is about: no
top-k, no nucleus, none of the settings that a model's makers recommend. Knows tokens and chances;
knows nothing of rewards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from auditor.controls.training.losses import log_distribution
from fingerprints.errors import ResourceLimit, UsageProblem
from fingerprints.records import Probe, Record, Request
from fingerprints.subjects.generation import limits_of
from fingerprints.subjects.library import state_of, state_word
from fingerprints.subjects.template import Chat, open_chat


class NoNumbers(ResourceLimit):
    """The model's scores are no numbers: it learned too fast."""


class DrawSettings(Record):
    """How answers are drawn: of at most ``longest`` tokens each."""

    longest: Annotated[int, Field(ge=1)] = 64
    temperature: Annotated[float, Field(gt=0)] = 1.0
    precision: Literal["float32", "bfloat16"] = "float32"


class Prompted(Protocol):
    """Whatever has a prompt."""

    @property
    def prompt(self) -> str:
        """What the model is asked."""


@dataclass(frozen=True)
class DrawingModel:
    """A model, its chat form, the tokens that end an answer, and how answers are drawn."""

    model: Any
    chat: Chat
    ends: Tensor
    pad: int
    settings: DrawSettings

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return torch.device(self.model.device)

    def arithmetic(self) -> torch.autocast:
        """The context that its sums are computed in."""
        half = self.settings.precision == "bfloat16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=half)


@dataclass(frozen=True)
class Drawn:
    """Answers to prompts padded on the left to ``width``: all answers begin at one place.

    ``ids`` and ``mask``: (answers, width + tokens); ``chosen``: (answers, tokens), what the model
    drew itself, its end token included.
    """

    ids: Tensor
    mask: Tensor
    chosen: Tensor
    width: int


def open_voice(model: Any, tokenizer: Any, settings: DrawSettings) -> DrawingModel:
    """How a model is spoken to: by its chat template, or in the plain form where it has none."""
    chat = open_chat(tokenizer, None)
    named = model.generation_config.eos_token_id
    listed = named if isinstance(named, list) else [named]
    ends = sorted({int(i) for i in (*listed, tokenizer.eos_token_id, *chat.stop) if i is not None})
    pad = next((int(i) for i in (tokenizer.pad_token_id, *ends) if i is not None), 0)
    stops = torch.tensor(ends, dtype=torch.long, device=model.device)
    return DrawingModel(model, chat, stops, pad, settings)


def encode_prompts(voice: DrawingModel, tasks: Sequence[Prompted]) -> list[list[int]]:
    """The tokens of every prompt. Raises UsageProblem where an answer might not fit."""
    requests = [Request(probe=Probe(id="task", text=task.prompt)) for task in tasks]
    prompts = [voice.chat.encode(request, voice.chat.render(request)) for request in requests]
    context, longest = limits_of(voice.model).context, voice.settings.longest
    most = max(map(len, prompts))
    if context is not None and most + longest > context:
        raise UsageProblem(
            f"a prompt of {most} tokens and {longest} to answer pass the context of {context}",
            where="longest",
            next_step=f"set it to {context - most} or less"
            if most < context
            else "give shorter prompts",
        )
    return prompts


def draw(voice: DrawingModel, prompts: Sequence[list[int]], noise: torch.Generator) -> Drawn:
    """One answer to each prompt, token by token from the model's whole distribution.

    Ends when all have ended, or after ``longest`` tokens. Raises NoNumbers where the model's scores
    are no numbers.
    """
    width = max(map(len, prompts))
    ids = torch.tensor([[voice.pad] * (width - len(p)) + p for p in prompts], device=voice.device)
    seen = [[0] * (width - len(p)) + [1] * len(p) for p in prompts]
    mask = torch.tensor(seen, device=voice.device)
    live = torch.ones(len(prompts), dtype=torch.bool, device=voice.device)
    fresh, cache, word = ids, None, state_word(voice.model)
    with torch.no_grad(), voice.arithmetic():
        for _ in range(voice.settings.longest):
            places = _places(mask)[:, -fresh.shape[1] :]
            made = voice.model(
                input_ids=fresh,
                attention_mask=mask,
                position_ids=places,
                use_cache=True,
                **{word: cache},
            )
            picked = _pick(made.logits[:, -1], voice.settings.temperature, noise)
            token = torch.where(live, picked, voice.pad)
            fresh, cache = token[:, None], state_of(made)
            ids = torch.cat([ids, fresh], dim=1)
            mask = torch.cat([mask, live[:, None].long()], dim=1)
            live = live & ~torch.isin(token, voice.ends)
            if not bool(live.any()):
                break
    return Drawn(ids, mask, mask[:, width:].bool(), width)


def _pick(logits: Tensor, temperature: float, noise: torch.Generator) -> Tensor:
    chances = log_distribution(logits, temperature).exp()
    # On a GPU multinomial would fail inside the device, and no later call would work.
    if bool(chances.isnan().any()):
        raise NoNumbers(
            "the model's scores are no numbers (NaN)",
            next_step="train with a smaller learning_rate",
        )
    return torch.multinomial(chances, 1, generator=noise)[:, 0]


def texts(chat: Chat, part: Drawn) -> list[str]:
    """Each answer without special tokens, in the plain form up to the next turn's mark."""
    rows = zip(part.ids[:, part.width :], part.chosen, strict=True)
    decode = chat.tokenizer.decode
    found = [str(decode(ids[kept].tolist(), skip_special_tokens=True)) for ids, kept in rows]
    for mark in chat.cut:
        found = [text.partition(mark)[0] for text in found]
    return found


def token_logs(voice: DrawingModel, model: Any, part: Drawn) -> Tensor:
    """Log-probability of every drawn token, (answers, tokens), at the settings' temperature.

    0 where nothing was drawn, for every model alike: such places have ratio 1, divergence 0 and no
    gradient.
    """
    with voice.arithmetic():
        logits = model(
            input_ids=part.ids,
            attention_mask=part.mask,
            position_ids=_places(part.mask),
            use_cache=False,
        ).logits
    told = log_distribution(logits[:, part.width - 1 : -1], voice.settings.temperature)
    # The loss rather than gather: its gradient adds nothing up, so that a GPU gives the same at
    # every run.
    drawn = part.ids[:, part.width :].flatten()
    logs = -functional.nll_loss(told.flatten(0, 1), drawn, reduction="none")
    return torch.where(part.chosen, logs.view_as(part.chosen), 0.0)


def _places(mask: Tensor) -> Tensor:
    return (mask.cumsum(dim=-1) - 1).clamp(min=0)
