"""What a recorded response of a service holds: OpenAI's chat, completion and Responses, Anthropic's
Messages, Ollama's chat, and a bare message.

A response of another shape is refused by the fields that it has: an answer that isn't found must
not pass for an empty one. Knows shapes; knows nothing of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from fingerprints.errors import printable
from fingerprints.subjects.messages import content_of, text_of, thoughts_of
from fingerprints.subjects.strict_json import BadValue

FIELDS_SHOWN = 12


class RecordedSaying(NamedTuple):
    """One answer of a response; ``completion`` where it goes on with a text instead of a chat."""

    text: str
    thoughts: str = ""
    finish: str = ""
    completion: bool = False


def said_in(response: Mapping[str, Any]) -> list[RecordedSaying]:
    """The answers of a response, none where it tells of an error. Raises BadValue for a shape that
    is not known, naming its fields."""
    body = response.get("body", response)
    if not isinstance(body, dict):
        raise BadValue("the response's body is not an object")
    for field, read in _SHAPES.items():
        if body.get(field) is not None:
            return list(read(body))
    if "choices" in body or body.get("error") is not None:
        return []
    shown = ", ".join(printable(str(name), 40) for name in list(body)[:FIELDS_SHOWN]) or "none"
    raise BadValue(f"a response without {', '.join(_SHAPES)}; its fields: {shown}")


def said_by(choice: Any) -> RecordedSaying:
    """The answer of one choice: its message, or its text. Raises BadValue without either."""
    told = choice if isinstance(choice, dict) else {}
    message, end = told.get("message"), _end(told, "finish_reason", "stop_reason")
    if isinstance(message, dict):
        return RecordedSaying(content_of(message.get("content")), thoughts_of(message), end)
    if "text" in told:
        return RecordedSaying(text_of(told["text"], "text"), "", end, True)
    raise BadValue("a choice of the response has neither message nor text")


def _by_choices(body: Mapping[str, Any]) -> Iterator[RecordedSaying]:
    choices = body["choices"]
    yield from map(said_by, choices if isinstance(choices, list) else [])


def _by_items(body: Mapping[str, Any]) -> Iterator[RecordedSaying]:
    """The Responses API: items of which messages are said and reasoning was thought."""
    items = body["output"]
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise BadValue("output is not a list of objects")
    said = [content_of(i.get("content")) for i in items if i.get("type") == "message"]
    thought = [p for i in items if i.get("type") == "reasoning" for p in _summary(i)]
    details = body.get("incomplete_details")
    end = _end(details if isinstance(details, dict) else {}, "reason") or _end(body, "status")
    yield RecordedSaying("\n\n".join(said), "\n".join(thought), end)


def _summary(item: Mapping[str, Any]) -> Iterator[str]:
    for field in ("summary", "content"):
        parts = item.get(field)
        for part in parts if isinstance(parts, list) else []:
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                yield part["text"]


def _by_message(body: Mapping[str, Any]) -> Iterator[RecordedSaying]:
    message = body["message"]
    if not isinstance(message, dict):
        raise BadValue("message is not an object")
    told = content_of(message.get("content"))
    yield RecordedSaying(told, thoughts_of(message), _end(body, "done_reason", "finish_reason"))


def _by_content(body: Mapping[str, Any]) -> Iterator[RecordedSaying]:
    end = _end(body, "stop_reason", "finish_reason")
    yield RecordedSaying(content_of(body["content"]), thoughts_of(body), end)


def _end(told: Mapping[str, Any], *fields: str) -> str:
    return next((v[:40] for f in fields if isinstance(v := told.get(f), str)), "")


_SHAPES: Mapping[str, Callable[[Mapping[str, Any]], Iterator[RecordedSaying]]] = {
    "choices": _by_choices,
    "output": _by_items,
    "message": _by_message,
    "content": _by_content,
}
"""By the field that holds the answer, in the order in which it is looked for."""
