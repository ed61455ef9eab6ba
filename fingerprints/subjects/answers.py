"""What an endpoint's answer says: a JSON body checked by its shape and turned into a reply, or into
the reason why not.

Knows the chat and the completion shape; trusts no field. Knows nothing of networks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from fingerprints.records import Reply, Request, Status
from fingerprints.subjects.budget import sane_count
from fingerprints.subjects.messages import thoughts_of
from fingerprints.subjects.strict_json import BadValue, parse_json

BOM = b"\xef\xbb\xbf"
LONGEST_FIELD = 200
_FILTERED = re.compile(
    r"content[ _-]?(?:filter|polic|management|moderat|safety)|moderation|"
    r"responsible ?ai|prohibited[ _]content|"
    r"(?:input|prompt|request|message) (?:was|is|has been) flagged|data[ _]?inspection[ _]?failed|"
    r"safety (?:system|filter|polic)|内容安全|敏感|违规|不当内容",
    re.IGNORECASE,
)
"""Words of an error that is about what was asked and not about who asks."""


def reply_from(request: Request, data: bytes, seconds: float) -> Reply:
    """The reply in a body; one of another shape gets status ``error`` with the reason."""
    try:
        body = parse_json(data.removeprefix(BOM))
        if not isinstance(body, dict):
            raise BadValue("the answer is not an object")
        text, thoughts, finish = _first_choice(body, request.probe.form == "completion")
    except BadValue as error:
        reason = f"not an answer: {error}"
        return request.reply(Status.ERROR, error=reason, seconds=round(seconds, 3))
    usage = body.get("usage") if isinstance(body.get("usage"), dict) else {}
    return request.reply(
        _status(text, finish),
        text,
        thoughts=thoughts,
        finish_reason=finish,
        tokens_in=_count(usage, "prompt_tokens"),
        tokens_out=_count(usage, "completion_tokens"),
        seconds=round(seconds, 3),
        served_model=_short(body.get("model")),
        system_fingerprint=_short(body.get("system_fingerprint")),
        error=None if finish else "incomplete: the answer has no finish_reason",
    )


def complaint_of(data: bytes) -> str:
    """The message in an error's body, at most 200 characters; empty where it has none."""
    return next(iter(_said(data, "message", "detail")), "")


def code_of(data: bytes) -> str:
    """The code in an error's body (``content_filter``, …), at most 200 characters, or nothing."""
    body = _body(data)
    told = body.get("error") if isinstance(body, dict) else None
    code = told.get("code") if isinstance(told, dict) else None
    return _line(code) if isinstance(code, str) else ""


def filter_of(data: bytes) -> str:
    """What in an error's body names a content filter: its code, its type or its message; empty
    where none does.

    A server that turns a filtered question away with the status of a missing permission is told
    from one that turns the caller away by this alone.
    """
    if not isinstance(_body(data), dict):
        return ""
    told = _said(data, "code", "type", "message", "detail")
    return next((line for line in told if _FILTERED.search(line)), "")


def _body(data: bytes) -> Any:
    try:
        return parse_json(data.removeprefix(BOM))
    except BadValue:
        return None


def _said(data: bytes, *names: str) -> list[str]:
    """The texts under these names of what an error's body tells; itself where it is a text."""
    body = _body(data)
    told = body.get("error", body) if isinstance(body, dict) else body
    said = [told.get(name) for name in names] if isinstance(told, dict) else [told]
    return [_line(text) for text in said if isinstance(text, str)]


def _line(text: str) -> str:
    return " ".join(text.split())[:LONGEST_FIELD]


def _first_choice(body: Mapping[str, Any], completion: bool) -> tuple[str, str, str]:
    """Text, thoughts and the reason why it ended."""
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise BadValue("it has no choices")
    choice = choices[0]
    finish = choice.get("finish_reason")
    if finish is not None and not isinstance(finish, str):
        raise BadValue("finish_reason is not a string")
    text = choice.get("text") if completion else _message_text(choice.get("message"))
    if text is not None and not isinstance(text, str):
        raise BadValue("the answer's text is not a string")
    thoughts = "" if completion else thoughts_of(choice.get("message"))
    return text or "", thoughts, (finish or "")[:LONGEST_FIELD]


def _message_text(message: Any) -> Any:
    if not isinstance(message, dict):
        raise BadValue("the choice has no message")
    content = message.get("content")
    return message.get("refusal") if content is None else content


def _status(text: str, finish: str) -> Status:
    if not finish:
        return Status.ERROR
    if not text.strip():
        return Status.EMPTY
    return Status.TRUNCATED if finish == "length" else Status.OK


def _count(usage: Any, name: str) -> int | None:
    return sane_count(usage.get(name)) if isinstance(usage, dict) else None


def _short(value: Any) -> str | None:
    return value[:LONGEST_FIELD] if isinstance(value, str) and value else None
