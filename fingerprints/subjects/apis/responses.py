"""OpenAI's Responses: items of which messages are said and reasoning was thought.

Nothing is kept at the service (``store`` is false). Knows this shape; sends nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from fingerprints.records import Request
from fingerprints.subjects.apis.base import AnswerBody, Api, Call, counts_of, objects_in
from fingerprints.subjects.apis.manners import Manners
from fingerprints.subjects.messages import text_of

LEAST_TOKENS = 16
"""The service refuses a lower cap."""


class Responses(Api):
    """``/responses`` below the base address."""

    name: ClassVar[str] = "openai-responses"
    manners = Manners(left_out=frozenset({"seed"}))

    def call(self, model: str, request: Request, manners: Manners) -> Call:
        """A conversation as input items, its system text as instructions."""
        turns, folded = manners.turns(request)
        drawn, adjusted = manners.drawn(request)
        most = self.most(request)
        system = [turn["content"] for turn in turns if turn["role"] == "system"]
        body: dict[str, Any] = {"model": model, "max_output_tokens": most, "store": False, **drawn}
        if system:
            body["instructions"] = "\n\n".join(system)
        body["input"] = [turn for turn in turns if turn["role"] != "system"]
        return Call("/responses", body, (*adjusted, *folded, *self.longer(request)))

    def most(self, request: Request) -> int:
        """The cap that is sent: no lower one is taken."""
        return max(super().most(request), LEAST_TOKENS)

    def said(self, body: Mapping[str, Any], request: Request) -> AnswerBody:
        """Messages joined by an empty line, reasoning apart. Raises BadValue without items."""
        items = objects_in(body.get("output"), "output")
        usage, status = counts_of(body, "usage"), text_of(body.get("status"), "status")
        cut = text_of(counts_of(body, "incomplete_details").get("reason"), "reason")
        said = (
            p for item in items if item.get("type") == "message" for p in _parts(item, "content")
        )
        thought = [
            part
            for item in items
            if item.get("type") == "reasoning"
            for field in ("summary", "content")
            for part in _parts(item, field)
        ]
        return AnswerBody(
            "".join(said),
            "\n".join(thought),
            # A status that tells of no end (queued, in progress, failed) is none.
            cut or (status if status == "completed" else ""),
            usage.get("input_tokens"),
            usage.get("output_tokens"),
            body.get("model"),
        )


def _parts(item: Mapping[str, Any], field: str) -> Iterator[str]:
    told = item.get(field)
    for part in objects_in([] if told is None else told, field):
        yield text_of(part.get("text", part.get("refusal")), "a part's text")
