"""Anthropic's Messages: the system text apart, answers as parts, thinking among them.

Knows this shape; sends nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from fingerprints.adjustments import Adjustment
from fingerprints.records import Request
from fingerprints.subjects.apis.base import AnswerBody, Api, Call, counts_of, objects_in
from fingerprints.subjects.apis.manners import Manners
from fingerprints.subjects.messages import text_of

VERSION = "2023-06-01"
"""The service asks for it in a header; there is no later one."""


class AnthropicMessages(Api):
    """``/v1/messages`` below the base address."""

    name: ClassVar[str] = "anthropic-messages"
    manners = Manners(left_out=frozenset({"seed"}), empty_system=False)

    def call(self, model: str, request: Request, manners: Manners) -> Call:
        """A conversation of user and assistant, the system text beside it."""
        turns, folded = manners.turns(request)
        drawn, adjusted = manners.drawn(request)
        if drawn.get("top_p") == 1:
            del drawn["top_p"]  # no wish, and some models refuse it beside a temperature
        system = [turn["content"] for turn in turns if turn["role"] == "system"]
        body: dict[str, Any] = {
            "model": model,
            "max_tokens": self.most(request),
            "messages": [turn for turn in turns if turn["role"] != "system"],
            **drawn,
        }
        if system:
            body["system"] = "\n\n".join(system)
        longer = (Adjustment.LONGER_ANSWER,) if self.room else ()
        told = {"anthropic-version": VERSION}
        return Call("/v1/messages", body, (*adjusted, *folded, *longer), told)

    def said(self, body: Mapping[str, Any], request: Request) -> AnswerBody:
        """Text parts joined, thinking apart; sealed thinking has no words. Raises BadValue."""
        parts, usage = objects_in(body.get("content"), "content"), counts_of(body, "usage")
        said = (text_of(p.get("text"), "text") for p in parts if p.get("type") == "text")
        thought = (
            text_of(p.get("thinking"), "thinking") for p in parts if p.get("type") == "thinking"
        )
        return AnswerBody(
            "".join(said),
            "\n".join(thought),
            text_of(body.get("stop_reason"), "stop_reason"),
            usage.get("input_tokens"),
            usage.get("output_tokens"),
            body.get("model"),
        )
