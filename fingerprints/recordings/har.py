"""Recorded web traffic (HAR): requests to a model with their responses, whatever else a browser
fetched.

Of an entry only the two bodies are read: its headers and cookies hold keys.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from fingerprints.recordings.rows import AsideReason, RecordParts
from fingerprints.recordings.streams import response_of
from fingerprints.subjects.strict_json import BadValue, parse_json

ASKING = ("messages", "contents", "prompt", "input", "inputs")
"""Keys of which a request to a model has one."""


def parts_of_entry(entry: Mapping[str, Any]) -> RecordParts | AsideReason:
    """The question and the answer of one entry, or why it holds none. Raises BadValue for a request
    to a model whose response can't be read."""
    request, response = entry.get("request"), entry.get("response")
    asked = _asked(request if isinstance(request, dict) else {})
    if asked is None or not isinstance(response, dict):
        return AsideReason.NO_ANSWER
    model = asked.get("model")
    status = response.get("status")
    if isinstance(status, int) and status >= 400:
        return RecordParts(asked=asked, said=None, model=model, error=f"HTTP {status}")
    content = response.get("content")
    text = _text(content if isinstance(content, dict) else {})
    if not text.strip():
        error = "the record has no response's text"
        return RecordParts(asked=asked, said=None, model=model, error=error)
    return RecordParts(asked=asked, said=response_of(text), model=model)


def _asked(request: Mapping[str, Any]) -> dict[str, Any] | None:
    sent = request.get("postData")
    text = sent.get("text") if isinstance(sent, dict) else None
    if request.get("method") != "POST" or not isinstance(text, str):
        return None
    try:
        body = parse_json(text.encode("utf-8", "replace"))
    except BadValue:
        return None
    return body if isinstance(body, dict) and any(body.get(k) for k in ASKING) else None


def _text(content: Mapping[str, Any]) -> str:
    text = content.get("text")
    if not isinstance(text, str):
        return ""
    if content.get("encoding") != "base64":
        return text
    try:
        return base64.b64decode(text, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError) as error:
        raise BadValue("the response's text is no base64") from error
