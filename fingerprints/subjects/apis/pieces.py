"""An answer that came in pieces (server-sent events), put together to the body that it would have
been as a whole.

An answer without an end keeps none: half of it must not pass for all. Knows the chat and the
completion shape.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fingerprints.subjects.strict_json import BadValue, parse_json

_OPENINGS = (b"data:", b"event:", b"id:", b"retry:", b":")
GROWING = ("content", "reasoning_content", "reasoning", "thinking", "refusal", "text")


def in_pieces(data: bytes) -> bool:
    """Whether bytes are server-sent events and no JSON: no JSON begins so."""
    return data.lstrip().startswith(_OPENINGS)


def joined(data: bytes) -> dict[str, Any]:
    """The body of the answer whose pieces these are. Raises BadValue for a piece that is no JSON
    object, for an error among them, and for none."""
    body: dict[str, Any] = {}
    choice: dict[str, Any] = {"index": 0}
    message: dict[str, Any] = {"role": "assistant"}
    for piece in _events(data):
        if piece.get("error") is not None:
            raise BadValue("the stream ends with an error")
        body |= {k: v for k, v in piece.items() if k != "choices" and v is not None}
        for told in _choices(piece):
            _grow(message, choice, told)
    if len(choice) == 1 and len(message) == 1:
        raise BadValue("the stream holds no answer")
    return {**body, "choices": [{**choice, "message": message}]}


def _events(data: bytes) -> Iterator[dict[str, Any]]:
    """The JSON of each event; what follows the end is not read."""
    for block in data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n\n"):
        lines = [line[5:].removeprefix(b" ") for line in block.split(b"\n") if line[:5] == b"data:"]
        told = b"\n".join(lines).strip()
        if told == b"[DONE]":
            return
        if told:
            value = parse_json(told)
            if not isinstance(value, dict):
                raise BadValue("a piece of the stream is not an object")
            yield value


def _choices(piece: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The first answer's part of a piece: others were not asked for."""
    told = piece.get("choices")
    for choice in told if isinstance(told, list) else ():
        if isinstance(choice, dict) and choice.get("index", 0) == 0:
            yield choice


def _grow(message: dict[str, Any], choice: dict[str, Any], told: Mapping[str, Any]) -> None:
    delta = told.get("delta", told.get("message"))
    for field in GROWING:
        new = delta.get(field) if isinstance(delta, dict) else None
        if isinstance(new, str):
            message[field] = _before(message, field, str) + new
        elif isinstance(new, list):
            message[field] = [*_before(message, field, list), *new]
    if isinstance(told.get("text"), str):
        choice["text"] = choice.get("text", "") + told["text"]
    if told.get("finish_reason") is not None:
        choice["finish_reason"] = told["finish_reason"]


def _before(message: dict[str, Any], field: str, kind: type) -> Any:
    held = message.get(field, kind())
    if not isinstance(held, kind):
        raise BadValue(f"{field} comes as text and as parts")
    return held
