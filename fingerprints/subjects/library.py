"""The manners of the model library: how it is kept quiet while it works, what it calls the state
that a model keeps of what it has read (``cache``, and ``past_key_values`` before 5.24), and how it
draws the next token: from each answer's own randomness, whatever batch it lands in.

Knows settings, signatures, scores and seeds; knows nothing of prompts.
"""

from __future__ import annotations

import hashlib
import inspect
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from transformers import (
    LogitsProcessor,
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TopPLogitsWarper,
    WatermarkingConfig,
)
from transformers.utils import logging as library

from fingerprints.plants import SealedWatermark
from fingerprints.records import Request, canonical_json

NEW, OLD = "cache", "past_key_values"
BESIDE = ("bitsandbytes", "peft")
"""Libraries that others load where they are installed, and that say on stderr what they lack."""


@contextmanager
def quiet() -> Iterator[None]:
    """No bars, log lines or warnings of transformers, or of what it or PEFT loads, inside; the
    settings come back."""
    verbosity, bars = library.get_verbosity(), library.is_progress_bar_enabled()
    levels = {logger: logger.level for logger in map(logging.getLogger, BESIDE)}
    for logger in levels:
        logger.setLevel(logging.CRITICAL)
    library.set_verbosity(logging.CRITICAL)
    library.disable_progress_bar()  # type: ignore[no-untyped-call]  # transformers has no types for it
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        library.set_verbosity(verbosity)
        for logger, level in levels.items():
            logger.setLevel(level)
        if bars:
            library.enable_progress_bar()  # type: ignore[no-untyped-call]  # transformers has no types for it


def state_word(model: Any) -> str:
    """The keyword for a model's kept state; an adapter is asked for the model inside."""
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    return NEW if NEW in inspect.signature(base.forward).parameters else OLD


def state_of(made: Any) -> Any:
    """The kept state in what a model's call or `generate` returned; None where it kept none."""
    return made[NEW] if NEW in made else made.get(OLD)


Noise = torch.Generator | None
"""One answer's own randomness; None for a greedy one."""


def noise(request: Request, part: int) -> Noise:
    """A generator of one answer's own randomness, from its seed and key (and of its part, where
    it is written in several): batch plans don't change what is drawn."""
    if request.temperature == 0:
        return None
    material = canonical_json([request.seed, *request.key, *([part] if part else [])])
    digest = hashlib.sha256(material).digest()
    return torch.Generator("cpu").manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def processors(
    request: Request,
    noises: Sequence[Noise],
    broken: Callable[[int], None],
    mark: Watermark | None = None,
) -> LogitsProcessorList:
    """What scores go through before the largest is taken, for rows that are sampled like
    ``request``; ``broken`` is told the numbers of rows whose scores are no numbers.

    The watermark comes where the library's own `generate` has it: after temperature and top-p.
    """
    out = LogitsProcessorList([_NotANumber(broken)])
    drawn = request.temperature > 0
    if drawn and request.temperature != 1:
        out.append(TemperatureLogitsWarper(request.temperature))
    if drawn and request.top_p < 1:
        out.append(TopPLogitsWarper(request.top_p))
    if mark is not None:
        out.append(mark)
    if drawn:
        out.append(_Gumbel(noises))
    return out


class Watermark(LogitsProcessor):
    """The library's green-list watermark (``lefthash``), drawn on the CPU wherever the scores
    are: a graphics card's generator shuffles otherwise, and its text would be marked by lists that
    nobody can draw again elsewhere. Lists are kept, for few tokens make up most of a text."""

    KEPT = 4096

    def __init__(self, sealed: SealedWatermark) -> None:
        scheme = sealed.scheme
        config = WatermarkingConfig(
            greenlist_ratio=scheme.share,
            bias=scheme.bias,
            hashing_key=sealed.key,
            seeding_scheme=scheme.scheme,
        )
        self.bias, self.vocabulary = scheme.bias, scheme.vocabulary
        self._lists = config.construct_processor(scheme.vocabulary, "cpu")
        self._known: dict[int, torch.Tensor] = {}

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """The scores of every row, those of its green tokens raised."""
        lists = [self._after(token) for token in input_ids[:, -1].tolist()]
        green = torch.stack(lists).to(scores.device)
        return scores.scatter_add(1, green, torch.full_like(scores, self.bias)[:, : green.shape[1]])

    def _after(self, token: int) -> torch.Tensor:
        found = self._known.get(token)
        if found is None:
            if len(self._known) >= self.KEPT:
                self._known.clear()
            found = self._lists._get_greenlist_ids(torch.LongTensor([token]))
            self._known[token] = found
        return found


class _NotANumber(LogitsProcessor):
    """Tells of rows whose scores are no numbers, and flattens them: the others go on."""

    def __init__(self, broken: Callable[[int], None]) -> None:
        self.broken = broken

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        bad = torch.isnan(scores).any(dim=-1) | torch.isneginf(scores).all(dim=-1)
        if not bool(bad.any()):
            return scores
        for i in bad.nonzero().flatten().tolist():
            self.broken(i)
        return torch.where(bad[:, None], torch.zeros_like(scores), scores)


class _Gumbel(LogitsProcessor):
    """Adds Gumbel noise to each row from its own generator: the largest sum is then a draw from
    the softmax."""

    def __init__(self, generators: Sequence[Noise]) -> None:
        self.generators = generators

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        width = scores.shape[-1]
        # Minus the logarithm of an exponential draw is a Gumbel one.
        waits = torch.stack([torch.empty(width).exponential_(generator=g) for g in self.generators])
        return scores.float() - waits.to(scores.device).log()
