"""Answers and scores by llama.cpp: rows side by side, the next request in a row as soon as one is
free, the beginning that all share read once.

Sampling is seeded per answer, whatever stands beside it. Knows tokens; knows nothing of files.
"""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from fingerprints.errors import ResourceLimit
from fingerprints.records import Reply, Request, canonical_json
from fingerprints.subjects.llama.engine import (
    MOST_AT_ONCE,
    Fed,
    LoadedGguf,
    RowReader,
    Scores,
    log2_scores,
)
from fingerprints.subjects.llama.tokens import GgufTokenizer
from fingerprints.subjects.prompting import (
    Limits,
    OncePrompted,
    PromptRow,
    first_row,
    reply_of,
    shared_prefix,
)
from fingerprints.subjects.scored_lines import ScoredLine
from fingerprints.subjects.template import Chat

SCORES_AT_ONCE = 32 << 20
"""Most scores (tokens × vocabulary) that exist at once when texts are scored: 128 MiB."""


@dataclass(frozen=True)
class GgufVoice:
    """A loaded GGUF file with what it takes to make it speak; ``row_bytes`` is what one token of
    one row takes, ``room`` how many bytes all rows may."""

    model: LoadedGguf
    tokenizer: GgufTokenizer
    chat: Chat
    stop: frozenset[int]
    limits: Limits
    batch: int
    threads: int
    row_bytes: int
    room: int

    def rows_of(self, tokens: int) -> int:
        """How many rows of so many tokens may stand side by side, one more for what they share.

        Raises ResourceLimit where not even one fits.
        """
        fit = self.room // max(1, self.row_bytes * (tokens + 256)) - 1
        if fit < 1:
            raise ResourceLimit(
                f"an answer of {tokens} tokens does not fit into the memory that is left",
                where=self.model.path,
                next_step="ask for shorter answers, or close other programs",
            )
        return min(self.batch, fit)


def answers_of(voice: GgufVoice, requests: Sequence[Request]) -> Iterator[Reply]:
    """Answers requests, each as soon as its row ends.

    Greedy at temperature 0. A prompt without room in the context yields ``skipped_context``, a
    failing template or scores that are no numbers ``error``. Prompts that are equal have one greedy
    answer. Raises ResourceLimit where one row alone does not fit.
    """
    rows: list[PromptRow] = []
    for request in requests:
        row = first_row(voice, request)
        if isinstance(row, Reply):
            yield row
        else:
            rows.append(row)
    once = OncePrompted.of(rows)
    rows = sorted(once.rows, key=lambda r: (_together(r), -len(r.ids), r.request.key))
    for _, group in groupby(rows, key=_together):
        for row in _written(voice, list(group)):
            yield from (reply_of(voice, alike) for alike in once.ended(row))


def _together(row: PromptRow) -> tuple[float, float, int, str, str]:
    """Rows that are sampled alike and begin alike: they share what is read once."""
    return (*row.settings, row.request.arm.value, row.request.probe.form)


@dataclass
class _Table:
    """Rows under way: which request stands in which row of the reader, and the token that each
    goes on from. Rows are kept without gaps: llama.cpp reads neighbours together."""

    reader: RowReader
    prefix: list[int]
    shared: int
    live: list[PromptRow] = field(default_factory=list)

    def seat(self, row: PromptRow, stop: frozenset[int]) -> None:
        """Reads a row's prompt into the first free row, and takes its first token."""
        place = len(self.live)
        if self.prefix:
            self.reader.hand_on(self.shared, place)
        else:
            self.reader.forget(place)
        rest = row.ids[len(self.prefix) :]
        scores = self.reader.read_row(place, rest, len(self.prefix))
        self.live.append(row)
        _go_on(row, scores[0], stop)

    def leave(self) -> Iterator[PromptRow]:
        """Takes out the rows that ended; the last one moves into each gap."""
        for place in reversed(range(len(self.live))):
            row = self.live[place]
            if not row.ended:
                continue
            yield row
            last = len(self.live) - 1
            if place != last:
                self.reader.hand_on(last, place)
                self.live[place] = self.live[last]
            self.reader.forget(last)
            self.live.pop()

    def step(self, stop: frozenset[int]) -> None:
        """One more token for every row."""
        fed = [
            Fed(row.out[-1], len(row.ids) + len(row.out) - 1, place, wanted=True)
            for place, row in enumerate(self.live)
        ]
        scores = self.reader.read(fed)
        for row, line in zip(self.live, scores, strict=True):
            _go_on(row, line, stop)


def _written(voice: GgufVoice, rows: Sequence[PromptRow]) -> Iterator[PromptRow]:
    for row in rows:
        row.noise = _noise(row.request)
    longest = max(len(row.ids) + row.room for row in rows)
    prefix = shared_prefix([row.ids for row in rows]) if _may_share(voice.limits, longest) else []
    places = min(voice.rows_of(longest), len(rows))
    waiting = deque(rows)
    with RowReader(voice.model, places + bool(prefix), longest, voice.threads) as reader:
        table = _Table(reader, prefix, shared=places)
        if prefix:
            reader.read_row(places, prefix)
        while waiting or table.live:
            begun = time.monotonic()
            if waiting and len(table.live) < places:
                table.seat(waiting.popleft(), voice.stop)
                table.live[-1].seconds += time.monotonic() - begun
            else:
                table.step(voice.stop)
                share = (time.monotonic() - begun) / len(table.live)
                for row in table.live:
                    row.seconds += share
            yield from table.leave()


def _may_share(limits: Limits, longest: int) -> bool:
    return limits.divisible and (limits.window is None or longest <= limits.window)


def _noise(request: Request) -> np.random.Generator | None:
    """One answer's own randomness, from its seed and key; None for a greedy one."""
    if request.temperature == 0:
        return None
    digest = hashlib.sha256(canonical_json([request.seed, *request.key])).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def _go_on(row: PromptRow, scores: NDArray[np.float32], stop: frozenset[int]) -> None:
    """Takes the token that a row goes on with, and ends it where it is over."""
    if bool(np.isnan(scores).any()) or not bool(np.isfinite(scores).any()):
        row.broken = row.ended = True
        return
    row.take([_chosen(row, scores)], stop)
    row.ended = row.ended or len(row.out) >= row.room


def _chosen(row: PromptRow, scores: NDArray[np.float32]) -> int:
    """The likeliest token, or a draw: the largest sum of score and Gumbel noise."""
    if row.noise is None:
        return int(scores.argmax())
    warm = scores.astype(np.float64) / row.request.temperature
    if row.request.top_p < 1:
        warm = _nucleus(warm, row.request.top_p)
    # Minus the logarithm of an exponential draw is a Gumbel one.
    return int((warm - np.log(row.noise.standard_exponential(len(warm)))).argmax())


def _nucleus(scores: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """The scores of the fewest tokens that hold a share of the probability; others at minus
    infinity."""
    order = np.argsort(-scores, kind="stable")
    likely = np.exp(scores[order] - scores[order[0]])
    held = np.cumsum(likely) / likely.sum()
    kept = order[: int(np.searchsorted(held, share)) + 1]
    out = np.full_like(scores, -np.inf)
    out[kept] = scores[kept]
    return out


def bits_of(voice: GgufVoice, lines: Sequence[ScoredLine]) -> dict[int, list[float]]:
    """Bits of every scored token, line by line, one text at a time."""
    bits: dict[int, list[float]] = {line.index: [] for line in lines}
    full = [line for line in lines if not line.empty]
    if not full:
        return bits
    longest = max(len(line.ids) for line in full)
    voice.rows_of(longest)
    with RowReader(voice.model, 1, longest, voice.threads) as reader:
        for line in full:
            bits[line.index] = _bits_of_line(reader, line)
    return bits


def _bits_of_line(reader: RowReader, line: ScoredLine) -> list[float]:
    reader.forget(0)
    stretch = max(1, min(MOST_AT_ONCE, SCORES_AT_ONCE // reader.model.words))
    out: list[float] = []
    last = len(line.ids) - 1
    for start in range(0, last, stretch):
        part = line.ids[start : min(start + stretch, last)]
        wanted = [start + i + 1 >= line.scored_from for i in range(len(part))]
        scores: Scores = reader.read([Fed(t, start + i, 0, wanted[i]) for i, t in enumerate(part)])
        goals = [line.ids[start + i + 1] for i in range(len(part)) if wanted[i]]
        out += log2_scores(scores, goals)
    return out
