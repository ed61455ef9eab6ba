"""What a kind of service is to its caller: where a question goes, in which words, and what came
back.

Trusts no field of an answer. Knows requests and replies; sends nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from codecs import BOM_UTF8
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

from fingerprints.adjustments import Adjustment
from fingerprints.records import Reply, Request, Status
from fingerprints.subjects.apis.manners import Manners
from fingerprints.subjects.budget import sane_count
from fingerprints.subjects.complaints import complaint_of
from fingerprints.subjects.strict_json import BadValue, parse_json

LONGEST_FIELD = 200
CUT = frozenset({"length", "max_tokens", "max_output_tokens", "model_context_window_exceeded"})
"""Why an answer that was cut ended, in the services' words, in small letters."""


@dataclass(frozen=True)
class Call:
    """One question as it is sent: where below the base address, the JSON, headers beside the key,
    and what is otherwise than planned."""

    path: str
    body: Mapping[str, Any]
    adjusted: tuple[Adjustment, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


class AnswerBody(NamedTuple):
    """What an answer's body says: the text, thoughts apart from it, why it ended (nothing where it
    doesn't say), and what the service tells of itself. ``rejected`` says why there is none."""

    text: str
    thoughts: str = ""
    finish: str = ""
    tokens_in: Any = None
    tokens_out: Any = None
    model: Any = None
    build: Any = None
    rejected: str = ""


class Api(ABC):
    """One kind of service. ``name`` tells it in an identity, empty for the commonest;
    ``completions``: whether it goes on with a bare text; ``manners``: how it is asked at first.
    ``room`` are tokens that an answer may have beside those planned, for thoughts that its cap
    counts as well."""

    name: ClassVar[str]
    completions: ClassVar[bool] = False
    manners: Manners = Manners()

    def __init__(self, room: int = 0) -> None:
        self.room = room

    def most(self, request: Request) -> int:
        """The cap on an answer's tokens that is sent."""
        return request.max_tokens + self.room

    def longer(self, request: Request) -> tuple[Adjustment, ...]:
        """That a higher cap is sent than the planned one, where it is."""
        return (Adjustment.LONGER_ANSWER,) if self.most(request) > request.max_tokens else ()

    @abstractmethod
    def call(self, model: str, request: Request, manners: Manners) -> Call:
        """How a request is put to that model of the service."""

    @abstractmethod
    def said(self, body: Mapping[str, Any], request: Request) -> AnswerBody:
        """What the answer's body says. Raises BadValue for another shape."""

    def body(self, data: bytes) -> Any:
        """The JSON of an answer. Raises BadValue."""
        return parse_json(data.removeprefix(BOM_UTF8))

    def _was_cut(self, said: AnswerBody, request: Request) -> bool:
        """Whether an answer that is called whole is as long as it was allowed to be."""
        return said.finish in WHOLE and said.tokens_out == self.most(request)

    def reply(self, request: Request, data: bytes, seconds: float) -> Reply:
        """The reply in an answer's bytes; of another shape it gets status ``error`` with the
        reason."""
        taken = round(seconds, 3)
        try:
            body = self.body(data)
            if not isinstance(body, dict):
                raise BadValue("the answer is not an object")
            said = self.said(body, request)
        except BadValue as error:
            complaint = complaint_of(data)
            reason = f"not an answer: {error}" + (f" ({complaint})" if complaint else "")
            return request.reply(Status.ERROR, error=reason, seconds=taken)
        status = _status(said)
        if status is Status.OK and self._was_cut(said, request):
            status = Status.TRUNCATED
        return request.reply(
            status,
            said.text,
            thoughts=said.thoughts,
            finish_reason=said.finish[:LONGEST_FIELD],
            tokens_in=sane_count(said.tokens_in),
            tokens_out=sane_count(said.tokens_out),
            seconds=taken,
            served_model=_short(said.model),
            system_fingerprint=_short(said.build),
            error=_why_none(said),
        )


WHOLE = frozenset({"completed", "end_turn"})
"""Why an answer ended, in words under which llama.cpp's server and LiteLLM's gateway tell of cut
ones too."""


def _status(said: AnswerBody) -> Status:
    if said.rejected:
        return Status.REJECTED
    if not said.finish:
        return Status.ERROR
    if not said.text.strip():
        return Status.EMPTY
    return Status.TRUNCATED if said.finish.casefold() in CUT else Status.OK


def _why_none(said: AnswerBody) -> str | None:
    if said.rejected:
        return f"rejected: {said.rejected[:LONGEST_FIELD]}"
    if not said.finish:
        return "incomplete: the answer does not say why it ended"
    if not said.text.strip() and said.finish.casefold() in CUT:
        return "cut before it said anything: thoughts took all its tokens (give more by thoughts=)"
    return None


def _short(value: Any) -> str | None:
    return value[:LONGEST_FIELD] if isinstance(value, str) and value else None


def counts_of(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The counts that stand under a name; nothing where there is no object."""
    told = body.get(name)
    return told if isinstance(told, dict) else {}


def objects_in(value: Any, what: str) -> list[Mapping[str, Any]]:
    """A list of objects. Raises BadValue for anything else."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise BadValue(f"{what} is not a list of objects")
    return value
