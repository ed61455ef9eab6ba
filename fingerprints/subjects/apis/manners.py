"""How a server wants to be asked, as it turns out: what it refuses is left out or said otherwise.

Guesses from a complaint are tried, and kept only where the very same question is then answered, so
that an ill understood complaint changes nothing. Knows complaints and fields; sends nothing.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from fingerprints.adjustments import Adjustment
from fingerprints.records import Arm, Request
from fingerprints.subjects.complaints import filter_of
from fingerprints.subjects.strict_json import BadValue, parse_json
from fingerprints.subjects.template import fold_system

NEGOTIABLE = frozenset({400, 404, 422, 500, 501})
"""Statuses under which servers complain of a field; of 404 and 500 only the words can tell."""
LONGEST_COMPLAINT = 4000
DEEPEST = 6
LengthField = Literal["max_tokens", "max_completion_tokens"]
Optional = Literal["temperature", "top_p", "seed"]
LEFT_OUT: dict[Optional, Adjustment] = {
    "temperature": Adjustment.SERVER_TEMPERATURE,
    "top_p": Adjustment.SERVER_TOP_P,
    "seed": Adjustment.NO_SEED,
}


@dataclass(frozen=True)
class Manners:
    """What one server takes. Both names of the answer's cap exist; ``left_out`` is never sent;
    ``own_system``: it knows a system role; ``empty_system``: it takes an empty system text;
    ``streams``: it answers in pieces only; ``whole_top_p``: it is known to draw from all tokens
    where no top-p is sent, so that one of 1 need not be."""

    length: LengthField = "max_tokens"
    left_out: frozenset[Optional] = frozenset()
    own_system: bool = True
    empty_system: bool = True
    streams: bool = False
    whole_top_p: bool = False

    def turns(self, request: Request) -> tuple[list[dict[str, str]], tuple[Adjustment, ...]]:
        """The conversation as this server takes it, and what of it is otherwise than planned."""
        messages = request.messages()
        if not any(turn["role"] == "system" for turn in messages):
            return messages, ()
        if not self.own_system:
            return fold_system(messages), (Adjustment.SYSTEM_IN_QUESTION,)
        if request.arm is Arm.EMPTY and not self.empty_system:
            return messages[1:], (Adjustment.NO_EMPTY_SYSTEM,)
        return messages, ()

    def drawn(self, request: Request) -> tuple[dict[str, Any], tuple[Adjustment, ...]]:
        """How answers are to be drawn, by the usual names, and what of it is left to the server.

        Without a temperature neither seed nor top-p is sent: the answer is to be the likeliest.
        """
        wanted: dict[Optional, Any] = {"temperature": request.temperature}
        if request.temperature > 0:
            wanted |= {"seed": request.seed, "top_p": request.top_p}
        # Elsewhere a model's makers may have set another default (Bedrock, llama.cpp: 0.9, 0.95).
        idle = {"top_p"} if self.whole_top_p and wanted.get("top_p") == 1 else set()
        sent: dict[str, Any] = {n: v for n, v in wanted.items() if n not in self.left_out | idle}
        missed = (n for n in wanted if n in self.left_out - idle)
        return sent, tuple(LEFT_OUT[name] for name in missed)


def complaint_in(data: bytes) -> str:
    """All that an error's body says in words, at most 4,000 characters; empty for none.

    The fields that complaints stand in are read and no others: some servers repeat the question.
    """
    try:
        body = parse_json(data.removeprefix(BOM_UTF8))
    except BadValue:
        body = data[:LONGEST_COMPLAINT].decode("utf-8", "replace")
    return " ".join(_said(body, DEEPEST))[:LONGEST_COMPLAINT]


_SAYING = ("error", "message", "detail", "details", "msg", "param", "code", "type", "loc")


def _said(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif depth and isinstance(value, list):
        for item in value[:20]:
            yield from _said(item, depth - 1)
    elif depth and isinstance(value, dict):
        for name in _SAYING:
            yield from _said(value.get(name), depth - 1)


_UNKNOWN = re.compile(
    r"unsupported|not supported|n't support|not support|unknown|unrecogni[sz]ed|unexpected|extra|"
    r"not permitted|not allowed|deprecated|no such|not available",
    re.IGNORECASE,
)
"""Words by which a field itself is refused."""
_REFUSED = re.compile(
    _UNKNOWN.pattern + r"|invalid|cannot|can't|can not|only|must|should|strictly|not enabled|range|"
    r"refus|disabled|omit|remove",
    re.IGNORECASE,
)
"""Words by which a field or its value is refused."""
_SYSTEM = re.compile(
    r"(?:system|developer) (?:role|message|prompt|instruction)|'system'|\"system\"|"
    r"roles? must alternate|only user[^.]{0,40} roles?",
    re.IGNORECASE,
)
_EMPTY = re.compile(r"empty|at least 1 char|min_length|minlength|too short|blank", re.IGNORECASE)
_ONLY_STREAM = re.compile(
    r"stream[^.]{0,60}(?:must|only|required|enable|true|mandatory)|"
    r"(?:must|only|requires?|enable|set)[^.]{0,60}stream|non-?stream",
    re.IGNORECASE,
)

Guess = Callable[[Manners, Request, str], Manners | None]


def _length(manners: Manners, request: Request, told: str) -> Manners | None:
    if manners.length not in told or not _UNKNOWN.search(told):
        return None
    other: LengthField
    other = "max_completion_tokens" if manners.length == "max_tokens" else "max_tokens"
    return replace(manners, length=other)


def _left_out(name: Optional) -> Guess:
    spelled = re.compile(name.replace("_", "[_ -]?"), re.IGNORECASE)

    def guess(manners: Manners, request: Request, told: str) -> Manners | None:
        """The manners without the setting, where it was sent and the refusal names it."""
        sent = name in manners.drawn(request)[0]
        if not sent or not spelled.search(told) or not _REFUSED.search(told):
            return None
        return replace(manners, left_out=manners.left_out | {name})

    return guess


def _system(manners: Manners, request: Request, told: str) -> Manners | None:
    turns = manners.turns(request)[0]
    if not any(turn["role"] == "system" for turn in turns) or not _SYSTEM.search(told):
        return None
    return replace(manners, own_system=False) if _REFUSED.search(told) else None


def _empty_system(manners: Manners, request: Request, told: str) -> Manners | None:
    bare = request.arm is Arm.EMPTY and manners.own_system and manners.empty_system
    return replace(manners, empty_system=False) if bare and _EMPTY.search(told) else None


def _streams(manners: Manners, request: Request, told: str) -> Manners | None:
    return (
        None if manners.streams or not _ONLY_STREAM.search(told) else replace(manners, streams=True)
    )


GUESSES: tuple[Guess, ...] = (
    _length,
    # Where both are refused together, the one that changes less is left out.
    _left_out("seed"),
    _left_out("top_p"),
    _left_out("temperature"),
    _empty_system,
    _system,
    _streams,
)
"""What a complaint may mean, the plainest first."""


def guessed(manners: Manners, request: Request, status: int, data: bytes) -> Iterator[Manners]:
    """Other manners under which the same question may be answered, the likeliest first; none where
    the complaint is of nothing that can be sent otherwise."""
    if status not in NEGOTIABLE or filter_of(data):
        return
    told = complaint_in(data)
    for guess in GUESSES:
        changed = guess(manners, request, told)
        if changed is not None:
            yield changed
