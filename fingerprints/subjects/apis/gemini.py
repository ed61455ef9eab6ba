"""Gemini's generateContent: contents of user and model, thoughts as marked parts.

Knows this shape; sends nothing.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from typing import Any, ClassVar

from fingerprints.records import Request
from fingerprints.subjects.apis.base import (
    CUT,
    AnswerBody,
    Api,
    Call,
    counts_of,
    objects_in,
)
from fingerprints.subjects.apis.manners import Manners
from fingerprints.subjects.messages import text_of
from fingerprints.subjects.strict_json import BadValue

FIELDS = {"temperature": "temperature", "top_p": "topP", "seed": "seed"}
ENDED = frozenset({"stop"}) | CUT
"""Why an answer of the model's own ended; every other reason is a filter's."""


class Gemini(Api):
    """``/models/NAME:generateContent`` below the base address."""

    name: ClassVar[str] = "gemini"
    manners = Manners(empty_system=False)

    def call(self, model: str, request: Request, manners: Manners) -> Call:
        """A conversation as contents, the system text as an instruction beside them."""
        turns, folded = manners.turns(request)
        drawn, adjusted = manners.drawn(request)
        system = [turn["content"] for turn in turns if turn["role"] == "system"]
        config = {FIELDS[name]: value for name, value in drawn.items()}
        body: dict[str, Any] = {
            "contents": [_content(turn) for turn in turns if turn["role"] != "system"],
            "generationConfig": {**config, "maxOutputTokens": self.most(request)},
        }
        if system:
            body["systemInstruction"] = {"parts": [{"text": "\n\n".join(system)}]}
        named = urllib.parse.quote(model.removeprefix("models/"), safe="")
        return Call(
            f"/models/{named}:generateContent", body, (*adjusted, *folded, *self.longer(request))
        )

    def said(self, body: Mapping[str, Any], request: Request) -> AnswerBody:
        """The first candidate; a blocked question or answer is rejected. Raises BadValue for
        neither."""
        usage, candidates = counts_of(body, "usageMetadata"), body.get("candidates")
        blocked = counts_of(body, "promptFeedback").get("blockReason")
        if not candidates and isinstance(blocked, str):
            return AnswerBody("", rejected=f"the question was blocked: {blocked}")
        found = objects_in(candidates, "candidates")
        if not found:
            raise BadValue("it has no candidates")
        finish = text_of(found[0].get("finishReason"), "finishReason")
        told = counts_of(found[0], "content").get("parts")
        parts = objects_in([] if told is None else told, "parts")
        said = "".join(text_of(p.get("text"), "text") for p in parts if not p.get("thought"))
        filtered = finish and finish.casefold() not in ENDED and not said
        return AnswerBody(
            said,
            "\n".join(text_of(p.get("text"), "text") for p in parts if p.get("thought")),
            finish,
            usage.get("promptTokenCount"),
            usage.get("candidatesTokenCount"),
            body.get("modelVersion"),
            rejected=f"the answer was blocked: {finish}" if filtered else "",
        )


def _content(turn: Mapping[str, str]) -> dict[str, Any]:
    role = "model" if turn["role"] == "assistant" else "user"
    return {"role": role, "parts": [{"text": turn["content"]}]}
