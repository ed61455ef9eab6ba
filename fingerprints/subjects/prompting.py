"""A request as a row of tokens under way, and the reply that it becomes: what every backend that
answers here shares.

Knows prompts, tokens and statuses; knows nothing of tensors.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from fingerprints.errors import MalformedInput
from fingerprints.records import Reply, Request, Status
from fingerprints.subjects.template import Chat

NO_NUMBERS = "the model's scores are no numbers (NaN)"
SHORTEST_PREFIX = 8
"""A shared prefix below this many tokens costs more in bookkeeping than reading it again."""


@dataclass
class PromptRow:
    """One request under way: its prompt as text and tokens, how many tokens may follow, and those
    answered so far.

    ``part`` numbers the parts of an answer that is written in several, each from what was written
    before: sampling draws other noise in each. ``noise`` is the backend's own source of randomness
    for it, None for a greedy answer.
    """

    request: Request
    prompt: str
    ids: list[int]
    room: int
    part: int = 0
    out: list[int] = field(default_factory=list)
    ended: bool = False
    seconds: float = 0.0
    broken: bool = False
    told: bool = False
    noise: Any = None

    @property
    def settings(self) -> tuple[float, float, int]:
        """What all rows of a batch must share."""
        return (self.request.temperature, self.request.top_p, self.request.max_tokens)

    def take(self, tokens: Sequence[int], stop: Collection[int]) -> None:
        """Adds what was written, up to a stop token or the row's room."""
        for token in tokens[: self.room - len(self.out)]:
            if self.broken or token in stop:
                self.ended = True
                return
            self.out.append(token)


@dataclass
class OncePrompted:
    """Rows to be written, no two of which have the same greedy answer: arms whose prompts a
    template makes equal (it adds no system prompt of its own) are written once.

    ``alike`` holds, by the identity of a row in ``rows``, those that share its answer.
    """

    rows: list[PromptRow] = field(default_factory=list)
    alike: dict[int, list[PromptRow]] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Sequence[PromptRow]) -> OncePrompted:
        """Sorts out rows; sampled ones have their own randomness, and stay apart."""
        out, first = cls(), dict[tuple[object, ...], PromptRow]()
        for row in rows:
            key = (tuple(row.ids), row.room, row.request.probe.form, *row.settings)
            if row.request.temperature == 0 and key in first:
                out.alike.setdefault(id(first[key]), []).append(row)
            else:
                first[key] = row
                out.rows.append(row)
        return out

    def ended(self, row: PromptRow) -> Iterator[PromptRow]:
        """A row that was written, and those that share its answer and the time that it took."""
        sharing = self.alike.pop(id(row), [])
        row.seconds /= 1 + len(sharing)
        for other in sharing:
            other.out, other.broken, other.seconds = list(row.out), row.broken, row.seconds
            other.ended = True
        yield row
        yield from sharing


@dataclass(frozen=True)
class Limits:
    """What a model's build allows: its context, the shortest attention window, and whether its
    state can be cut up.

    ``window`` is None where every token sees every earlier one; ``divisible`` is False for
    recurrent states, which can't be read once for many rows or lose rows half-way.
    """

    context: int | None
    window: int | None
    divisible: bool


class Prompting(Protocol):
    """What makes a prompt of a request: a template, and the room that the model has."""

    @property
    def chat(self) -> Chat:
        """How it is spoken to."""

    @property
    def tokenizer(self) -> Any:
        """What writes its tokens as text."""

    @property
    def limits(self) -> Limits:
        """What it has room for."""


def first_row(speaker: Prompting, request: Request, beside: int = 0) -> PromptRow | Reply:
    """The row that answers a request, or the reply that says why there is none.

    ``beside``: tokens that may be written beside the answer's own (a thinking budget); they need
    room in the context too.
    """
    try:
        prompt = speaker.chat.render(request)
    except MalformedInput as error:
        return request.reply(Status.ERROR, error=error.line())
    ids = speaker.chat.encode(request, prompt)
    if not ids:
        return request.reply(Status.ERROR, error="the prompt has no tokens")
    room = request.max_tokens + beside
    if speaker.limits.context is not None and len(ids) + room > speaker.limits.context:
        reason = (
            f"{len(ids)} prompt tokens and {room} to answer pass the context of"
            f" {speaker.limits.context}"
        )
        skipped = Status.SKIPPED_CONTEXT
        return request.reply(skipped, error=reason, prompt=prompt, tokens_in=len(ids))
    return PromptRow(request, prompt, ids, room)


def shared_prefix(prompts: Sequence[Sequence[int]]) -> list[int]:
    """The tokens that all prompts begin with, never a whole one; empty for too few."""
    if len(prompts) < 2:
        return []
    length = min(len(p) for p in prompts) - 1
    first = prompts[0]
    common = next((i for i in range(length) if any(p[i] != first[i] for p in prompts)), length)
    return list(first[:common]) if common >= SHORTEST_PREFIX else []


def reply_of(speaker: Prompting, row: PromptRow) -> Reply:
    """The reply that a row has become."""
    request = row.request
    if row.broken:
        size = len(row.ids)
        return request.reply(Status.ERROR, error=NO_NUMBERS, prompt=row.prompt, tokens_in=size)
    text = speaker.tokenizer.decode(row.out, skip_special_tokens=True)
    whole = len(row.out) < request.max_tokens
    if speaker.chat.kind == "plain" and request.probe.form != "completion":
        for mark in speaker.chat.cut:
            text, found, _ = text.partition(mark)
            whole = whole or bool(found)
        text = text.strip()
    status = Status.EMPTY if not text.strip() else Status.OK if whole else Status.TRUNCATED
    return request.reply(
        status,
        text,
        finish_reason="stop" if whole else "length",
        prompt=row.prompt,
        tokens_in=len(row.ids),
        tokens_out=len(row.out),
        seconds=round(row.seconds, 4),
    )
