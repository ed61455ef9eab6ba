"""OpenAI's chat completions and completions, which most servers speak; Azure's are the same under
other addresses.

The answer's text may be a list of parts or come in pieces. Knows these shapes; sends nothing.
"""

from __future__ import annotations

import urllib.parse
from codecs import BOM_UTF8
from collections.abc import Mapping
from typing import Any, ClassVar

from fingerprints.adjustments import Adjustment
from fingerprints.records import Request
from fingerprints.subjects.apis.base import AnswerBody, Api, Call, counts_of
from fingerprints.subjects.apis.manners import Manners
from fingerprints.subjects.apis.pieces import in_pieces, joined
from fingerprints.subjects.messages import content_of, text_of, thoughts_of
from fingerprints.subjects.strict_json import BadValue

OPENAI_HOST = "api.openai.com"


class ChatCompletions(Api):
    """``/chat/completions`` and ``/completions`` below the base address."""

    name: ClassVar[str] = ""
    completions: ClassVar[bool] = True

    def __init__(self, base_url: str = "", room: int = 0) -> None:
        super().__init__(room)
        # OpenAI's newest models refuse max_tokens; other servers may know nothing else.
        newest = urllib.parse.urlsplit(base_url).hostname == OPENAI_HOST
        self.manners = Manners(length="max_completion_tokens" if newest else "max_tokens")

    def path(self, completion: bool) -> str:
        """Where below the base address a question goes."""
        return "/completions" if completion else "/chat/completions"

    def call(self, model: str, request: Request, manners: Manners) -> Call:
        """A chat, or a text to go on with; the answer's cap under the name that is taken."""
        completion = request.probe.form == "completion"
        drawn, adjusted = manners.drawn(request)
        length = "max_tokens" if completion else manners.length
        body = {"model": model, length: self.most(request), **drawn}
        adjusted = (*adjusted, *self.longer(request))
        if manners.streams:
            body["stream"] = True
            adjusted = (*adjusted, Adjustment.STREAMED)
        if completion:
            return Call(self.path(True), {**body, "prompt": request.probe.prompt()}, adjusted)
        turns, folded = manners.turns(request)
        if length == "max_completion_tokens":
            adjusted = (Adjustment.MAX_COMPLETION_TOKENS, *adjusted)
        return Call(self.path(False), {**body, "messages": turns}, (*adjusted, *folded))

    def body(self, data: bytes) -> Any:
        """The JSON of an answer, whole or in pieces. Raises BadValue."""
        bare = data.removeprefix(BOM_UTF8)
        return joined(bare) if in_pieces(bare) else super().body(data)

    def said(self, body: Mapping[str, Any], request: Request) -> AnswerBody:
        """The first choice, whatever else there is. Raises BadValue without one."""
        choices = body.get("choices")
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            raise BadValue("it has no choices")
        choice, completion = choices[0], request.probe.form == "completion"
        message = choice.get("message", {} if completion else None)
        if not isinstance(message, dict):
            raise BadValue("the choice has no message")
        usage = counts_of(body, "usage")
        return AnswerBody(
            text_of(choice.get("text"), "the answer's text") if completion else _text(message),
            "" if completion else thoughts_of(message),
            text_of(choice.get("finish_reason"), "finish_reason"),
            usage.get("prompt_tokens"),
            usage.get("completion_tokens"),
            body.get("model"),
            body.get("system_fingerprint"),
        )


def _text(message: Mapping[str, Any]) -> str:
    """What a message says: its text or its parts, else its refusal."""
    content = message.get("content")
    if isinstance(content, list):
        refused = [{**p, "text": p["refusal"]} for p in content if _refuses(p)]
        content = refused or content
    return content_of(message.get("refusal") if content is None else content)


def _refuses(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") == "refusal" and "refusal" in part


class Azure(ChatCompletions):
    """A deployment of Azure OpenAI: with ``version`` the address that names deployment and version,
    without one the newer address, which is OpenAI's own below ``/openai/v1``."""

    name: ClassVar[str] = "azure-openai"

    def __init__(self, deployment: str, version: str | None = None, room: int = 0) -> None:
        super().__init__(room=room)
        self._deployment, self._version = deployment, version

    def path(self, completion: bool) -> str:
        """Where below the resource's address a question goes."""
        below = super().path(completion)
        if self._version is None:
            return f"/openai/v1{below}"
        named = urllib.parse.quote(self._deployment, safe="")
        version = urllib.parse.quote(self._version, safe="")
        return f"/openai/deployments/{named}{below}?api-version={version}"
