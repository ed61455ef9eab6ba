"""Bedrock's Converse: one shape for the models of all makers that are hosted there.

Knows this shape; sends nothing, and signs nothing (`fingerprints.subjects.apis.aws`).
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Mapping
from typing import Any, ClassVar

from fingerprints.records import Request
from fingerprints.subjects.apis.base import AnswerBody, Api, Call, counts_of, objects_in
from fingerprints.subjects.apis.manners import Manners
from fingerprints.subjects.messages import text_of

FIELDS = {"temperature": "temperature", "top_p": "topP"}
BLOCKED = frozenset({"guardrail_intervened", "content_filtered"})


class Bedrock(Api):
    """``/model/ID/converse`` below the base address."""

    name: ClassVar[str] = "bedrock-converse"
    manners = Manners(left_out=frozenset({"seed"}), empty_system=False)

    def call(self, model: str, request: Request, manners: Manners) -> Call:
        """A conversation of text blocks, the system text beside it."""
        turns, folded = manners.turns(request)
        drawn, adjusted = manners.drawn(request)
        config = {FIELDS[name]: value for name, value in drawn.items()}
        body: dict[str, Any] = {
            "messages": [
                {"role": turn["role"], "content": [{"text": turn["content"]}]}
                for turn in turns
                if turn["role"] != "system"
            ],
            "inferenceConfig": {**config, "maxTokens": self.most(request)},
        }
        system = [{"text": turn["content"]} for turn in turns if turn["role"] == "system"]
        if system:
            body["system"] = system
        path = f"/model/{urllib.parse.quote(model, safe='')}/converse"
        return Call(path, body, (*adjusted, *folded, *self.longer(request)))

    def said(self, body: Mapping[str, Any], request: Request) -> AnswerBody:
        """Text blocks joined, reasoning apart; what a guardrail put in place of an answer is
        rejected. Raises BadValue."""
        message = counts_of(counts_of(body, "output"), "message")
        blocks, usage = objects_in(message.get("content"), "content"), counts_of(body, "usage")
        finish = text_of(body.get("stopReason"), "stopReason")
        thought = (counts_of(counts_of(b, "reasoningContent"), "reasoningText") for b in blocks)
        return AnswerBody(
            "".join(text_of(b.get("text"), "text") for b in blocks),
            "\n".join(text_of(t.get("text"), "text") for t in thought if t),
            finish,
            usage.get("inputTokens"),
            usage.get("outputTokens"),
            rejected=f"the answer was blocked: {finish}" if finish in BLOCKED else "",
        )
