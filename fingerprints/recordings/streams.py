"""Answers that came in pieces, put together: server-sent events and lines of JSON as a browser or
curl keeps them.

Knows the streams of OpenAI's chat and Responses, Anthropic's, Gemini's and Ollama's; knows nothing
of files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from fingerprints.subjects.strict_json import BadValue, parse_json


def response_of(text: str) -> Any:
    """What a response's text holds: its JSON, or that of its pieces put together. Raises BadValue
    for neither."""
    try:
        return parse_json(text.encode("utf-8", "replace"))
    except BadValue as error:
        pieces = list(_pieces(text))
        if not pieces:
            raise
        whole = joined_pieces(pieces)
        if whole is None:
            raise BadValue("a stream of pieces that are of no known kind") from error
        return whole


def _pieces(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        data = line.removeprefix("data:").strip()
        if not data.startswith("{"):
            continue
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            yield value


def joined_pieces(pieces: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The response that its pieces make, None where they are of no known kind."""
    for piece in pieces:
        whole = piece.get("response")  # OpenAI's Responses end with the whole
        if piece.get("type") in ("response.completed", "response.incomplete"):
            return whole if isinstance(whole, dict) else None
    told: dict[str, list[str]] = {"text": [], "thoughts": []}
    model, end, known = None, None, False
    for piece in pieces:
        for kind, words in _words(piece):
            told[kind].append(words)
            known = True
        model = model or _model(piece)
        end = _end(piece) or end
    if not known:
        return None
    message = {"content": "".join(told["text"]), "reasoning_content": "".join(told["thoughts"])}
    return {"model": model, "choices": [{"message": message, "finish_reason": end}]}


def _words(piece: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for choice in _objects(piece.get("choices"))[:1]:
        delta = choice.get("delta")
        yield from _of(delta if isinstance(delta, dict) else choice, ("content", "text"))
    if piece.get("type") == "content_block_delta" and isinstance(piece.get("delta"), dict):
        yield from _of(piece["delta"], ("text",))
    for candidate in _objects(piece.get("candidates"))[:1]:
        content = candidate.get("content")
        for part in _objects(content.get("parts") if isinstance(content, dict) else None):
            kind = "thoughts" if part.get("thought") is True else "text"
            if isinstance(part.get("text"), str):
                yield kind, part["text"]
    if "done" in piece:
        message = piece.get("message")
        yield from _of(message if isinstance(message, dict) else piece, ("content", "response"))


def _of(told: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name in names:
        if isinstance(told.get(name), str):
            yield "text", told[name]
    for name in ("reasoning_content", "reasoning", "thinking"):
        if isinstance(told.get(name), str):
            yield "thoughts", told[name]


def _objects(value: Any) -> list[dict[str, Any]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _model(piece: Mapping[str, Any]) -> Any:
    message = piece.get("message")
    inner = message.get("model") if isinstance(message, dict) else None
    return piece.get("model") or piece.get("modelVersion") or inner


def _end(piece: Mapping[str, Any]) -> Any:
    found = [piece.get("done_reason")]
    for choice in _objects(piece.get("choices")) + _objects(piece.get("candidates")):
        found += [choice.get("finish_reason"), choice.get("finishReason")]
    delta = piece.get("delta")
    if isinstance(delta, dict):
        found.append(delta.get("stop_reason"))
    return next((f for f in found if isinstance(f, str)), None)
