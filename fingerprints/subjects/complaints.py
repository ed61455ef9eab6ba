"""What an endpoint's error says: its message, its code, and whether it is a content filter's.

Trusts no field. Knows nothing of networks.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from typing import Any

from fingerprints.subjects.strict_json import BadValue, parse_json

LONGEST_FIELD = 200
_FILTERED = re.compile(
    r"content[ _-]?(?:filter|polic|management|moderat|safety)|moderation|"
    r"responsible ?ai|prohibited[ _]content|"
    r"(?:input|prompt|request|message) (?:was|is|has been) flagged|data[ _]?inspection[ _]?failed|"
    r"safety (?:system|filter|polic)|内容安全|敏感|违规|不当内容",
    re.IGNORECASE,
)
"""Words of an error that is about what was asked and not about who asks."""


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
        return parse_json(data.removeprefix(BOM_UTF8))
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
