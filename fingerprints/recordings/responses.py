"""What a recorded response of a service holds: OpenAI's chat, completion and Responses, Anthropic's
Messages, Gemini's candidates, Ollama's chat and generate, LangChain's generations, a bare message.

A response of another shape is refused by the fields that it has: an answer that isn't found must
not pass for an empty one. Knows shapes; knows nothing of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from fingerprints.errors import printable
from fingerprints.recordings.turns import said_of
from fingerprints.subjects.messages import text_of, thoughts_of
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
    if any(k in body for k in ("choices", "candidates")) or body.get("error") is not None:
        return []
    if any(isinstance(body.get(k), list) for k in ("tool_calls", "toolCalls")):
        return [RecordedSaying("")]
    shown = ", ".join(printable(str(name), 40) for name in list(body)[:FIELDS_SHOWN]) or "none"
    raise BadValue(f"a response without {', '.join(_SHAPES)}; its fields: {shown}")


def is_response(value: Any) -> bool:
    """Whether a value is a response by itself, as one is saved: nothing of what was asked."""
    if not isinstance(value, dict):
        return False
    if isinstance(value.get("choices"), list) or isinstance(value.get("candidates"), list):
        return True
    if isinstance(value.get("output"), list) and value.get("object") == "response":
        return True
    if isinstance(value.get("content"), list) and value.get("type") == "message":
        return True
    return "done" in value and ("message" in value or "response" in value)


def said_by(choice: Any) -> RecordedSaying:
    """The answer of one choice: its message, or its text. Raises BadValue without either."""
    told = choice if isinstance(choice, dict) else {}
    message, end = told.get("message"), _end(told, "finish_reason", "stop_reason")
    if isinstance(message, dict):
        return _spoken(message, end)
    if "text" in told:
        return RecordedSaying(text_of(told["text"], "text"), "", end, True)
    raise BadValue("a choice of the response has neither message nor text")


def _spoken(message: Mapping[str, Any], end: str) -> RecordedSaying:
    """What a message says: its content, or the refusal that stands in its place."""
    content = message.get("content")
    said = said_of(message.get("refusal") if content is None else content)
    beside = thoughts_of({k: v for k, v in message.items() if k != "content"})
    thoughts = dict.fromkeys(filter(None, (beside, *said.thoughts)))
    return RecordedSaying("".join(said.texts), "\n".join(thoughts), end)


def _by_choices(body: Mapping[str, Any]) -> Iterator[RecordedSaying]:
    choices = body["choices"]
    yield from map(said_by, choices if isinstance(choices, list) else [])


def _by_candidates(body: Mapping[str, Any]) -> Iterator[RecordedSaying]:
    found = body["candidates"]
    for candidate in found if isinstance(found, list) else []:
        if not isinstance(candidate, dict):
            raise BadValue("a candidate of the response is not an object")
        content, end = candidate.get("content"), _end(candidate, "finishReason", "finish_reason")
        yield _spoken(content if isinstance(content, dict) else {}, end)._replace(
            text="".join((told := said_of(content)).texts), thoughts="\n".join(told.thoughts)
        )


def _by_items(body: Mapping[str, Any]) -> Iterator[RecordedSaying]:
    """The Responses API: items of which messages are said and reasoning was thought; else a bare
    text or message under the same name."""
    items = body["output"]
    if isinstance(items, str):
        yield RecordedSaying(text_of(items, "output"))
        return
    if isinstance(items, dict):
        yield from said_in(items)
        return
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise BadValue("output is not a list of objects")
    messages = [i for i in items if i.get("type", "message") == "message"]
    if not messages and all(i.get("type") in ("text", "output_text") for i in items):
        messages = [{"content": items}]  # parts of one message, without the message
    said = [_spoken(i, "") for i in messages]
    thought = [p for i in items if i.get("type") == "reasoning" for p in _summary(i)]
    details = body.get("incomplete_details")
    end = _end(details if isinstance(details, dict) else {}, "reason") or _end(body, "status")
    thoughts = "\n".join(filter(None, (*thought, *(s.thoughts for s in said))))
    yield RecordedSaying("\n\n".join(s.text for s in said), thoughts, end)


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
    yield _spoken(message, _end(body, "done_reason", "finish_reason", "finishReason"))


def _by_content(body: Mapping[str, Any]) -> Iterator[RecordedSaying]:
    yield _spoken(body, _end(body, "stop_reason", "finish_reason"))


def _by_response(body: Mapping[str, Any]) -> Iterator[RecordedSaying]:
    """Ollama's /api/generate: the text stands beside everything else."""
    thoughts = text_of(body.get("thinking"), "thinking")
    yield RecordedSaying(text_of(body["response"], "response"), thoughts, _end(body, "done_reason"))


def _by_generations(body: Mapping[str, Any]) -> Iterator[RecordedSaying]:
    """LangChain's results: a list of prompts, each with a list of generations."""
    for generation in _flat(body["generations"]):
        message = generation.get("message")
        inner = message.get("kwargs") if isinstance(message, dict) else None
        told = inner if isinstance(inner, dict) else message
        info = generation.get("generation_info") or generation.get("generationInfo")
        end = _end(info if isinstance(info, dict) else {}, "finish_reason", "stop_reason")
        if isinstance(told, dict) and "content" in told:
            yield _spoken(told, end)
        else:
            yield RecordedSaying(text_of(generation.get("text"), "text"), "", end)


def _flat(given: Any) -> Iterator[Mapping[str, Any]]:
    for item in given if isinstance(given, list) else []:
        if isinstance(item, list):
            yield from _flat(item)
        elif isinstance(item, dict):
            yield item
        else:
            raise BadValue("a generation is not an object")


def _by_parts(body: Mapping[str, Any]) -> Iterator[RecordedSaying]:
    said = said_of(body)
    yield RecordedSaying("".join(said.texts), "\n".join(said.thoughts))


def _by_text(body: Mapping[str, Any]) -> Iterator[RecordedSaying]:
    yield RecordedSaying(text_of(body["text"], "text"), thoughts_of(body))


def _end(told: Mapping[str, Any], *fields: str) -> str:
    return next((v[:40] for f in fields if isinstance(v := told.get(f), str)), "")


_SHAPES: Mapping[str, Callable[[Mapping[str, Any]], Iterator[RecordedSaying]]] = {
    "choices": _by_choices,
    "candidates": _by_candidates,
    "generations": _by_generations,
    "output": _by_items,
    "message": _by_message,
    "content": _by_content,
    "response": _by_response,
    "parts": _by_parts,
    "text": _by_text,
}
"""By the field that holds the answer, in the order in which it is looked for."""
