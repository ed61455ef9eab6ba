"""An answer that came in pieces (server-sent events), put together to the body that it would have
been as a whole.

An answer without an end keeps none: half of it must not pass for all. Knows the chat and the
completion shape.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any

from fingerprints.subjects.strict_json import BadValue, parse_json

_OPENINGS = (b"data:", b"event:", b"id:", b"retry:", b":")
GROWING = ("content", "reasoning_content", "reasoning", "thinking", "refusal", "text")
COMPLETION = "completion"
"""Where the text of a completion is kept, which stands beside a message and not in it."""


def in_pieces(data: bytes) -> bool:
    """Whether bytes are server-sent events and no JSON: no JSON begins so."""
    return data.lstrip().startswith(_OPENINGS)


def joined(data: bytes) -> dict[str, Any]:
    """The body of the answer whose pieces these are. Raises BadValue for a piece that is no JSON
    object, for an error among them, and for none."""
    body: dict[str, Any] = {}
    choice: dict[str, Any] = {"index": 0}
    said: dict[str, list[Any]] = {}
    for piece in _events(data):
        if piece.get("error") is not None:
            raise BadValue("the stream ends with an error")
        body |= {k: v for k, v in piece.items() if k != "choices" and v is not None}
        for told in _choices(piece):
            _take(said, choice, told)
    if len(choice) == 1 and not said:
        raise BadValue("the stream holds no answer")
    whole = {field: _whole(field, parts) for field, parts in said.items()}
    if COMPLETION in whole:
        choice["text"] = whole.pop(COMPLETION)
    return {**body, "choices": [{**choice, "message": {"role": "assistant", **whole}}]}


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


def _take(said: dict[str, list[Any]], choice: dict[str, Any], told: Mapping[str, Any]) -> None:
    """Keeps what a piece adds; put together only at the end, since a stream may have very many."""
    delta = told.get("delta", told.get("message"))
    for field in GROWING:
        new = delta.get(field) if isinstance(delta, dict) else None
        if isinstance(new, str | list):
            said.setdefault(field, []).append(new)
    if isinstance(told.get("text"), str):
        said.setdefault(COMPLETION, []).append(told["text"])
    if told.get("finish_reason") is not None:
        choice["finish_reason"] = told["finish_reason"]


def _whole(field: str, parts: list[Any]) -> str | list[Any]:
    """All that came for a field: one text, or one list of parts."""
    if all(isinstance(part, str) for part in parts):
        return "".join(parts)
    if any(isinstance(part, str) for part in parts):
        raise BadValue(f"{field} comes as text and as parts")
    return [*chain.from_iterable(parts)]
