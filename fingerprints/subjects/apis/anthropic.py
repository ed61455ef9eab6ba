"""Anthropic's Messages: the system text apart, answers as parts, thinking among them.

Knows this shape; sends nothing.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from typing import Any, ClassVar

from fingerprints.records import Request
from fingerprints.subjects.apis.base import AnswerBody, Api, Call, counts_of, objects_in
from fingerprints.subjects.apis.manners import Manners
from fingerprints.subjects.messages import text_of

ANTHROPIC_HOST = "api.anthropic.com"
VERSION = "2023-06-01"
"""The service asks for it in a header; there is no later one."""


class AnthropicMessages(Api):
    """``/v1/messages`` below the base address."""

    name: ClassVar[str] = "anthropic-messages"

    def __init__(self, base_url: str = "", room: int = 0) -> None:
        super().__init__(room)
        # Its newer models refuse a top-p beside a temperature; others that speak like it have
        # defaults of their own.
        own = urllib.parse.urlsplit(base_url).hostname == ANTHROPIC_HOST
        self.manners = Manners(left_out=frozenset({"seed"}), empty_system=False, whole_top_p=own)

    def call(self, model: str, request: Request, manners: Manners) -> Call:
        """A conversation of user and assistant, the system text beside it."""
        turns, folded = manners.turns(request)
        drawn, adjusted = manners.drawn(request)
        system = [turn["content"] for turn in turns if turn["role"] == "system"]
        body: dict[str, Any] = {
            "model": model,
            "max_tokens": self.most(request),
            "messages": [turn for turn in turns if turn["role"] != "system"],
            **drawn,
        }
        if system:
            body["system"] = "\n\n".join(system)
        told = {"anthropic-version": VERSION}
        return Call("/v1/messages", body, (*adjusted, *folded, *self.longer(request)), told)

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
