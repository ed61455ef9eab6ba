"""Chat messages of others: what a turn says, and what it gives as thoughts beside it.

Knows the shapes of OpenAI's, Anthropic's, Ollama's and inspect_ai's messages; knows nothing of rows
and files.
"""

from __future__ import annotations

from typing import Any

from fingerprints.subjects.strict_json import BadValue

THOUGHTS = ("reasoning_content", "reasoning", "thinking")
"""Where thoughts stand beside what is said: DeepSeek, vLLM; OpenRouter, newer vLLM; Ollama."""
THOUGHT_PARTS = frozenset({"reasoning", "thinking", "redacted_thinking"})
"""Types of parts of a content that are thoughts: inspect_ai's, Anthropic's open and sealed ones."""


def content_of(content: Any) -> str:
    """The text of a message: a string, null (no text), or a list of text parts joined; parts that
    are thoughts are left out. Raises BadValue for other parts."""
    if not isinstance(content, list):
        return text_of(content, "content")
    texts = []
    for part in content:
        text = part.get("text") if isinstance(part, dict) else part
        if isinstance(part, dict) and part.get("type") in THOUGHT_PARTS:
            continue
        texts.append(string_of(text, "a part of the content"))
    return "".join(texts)


def thoughts_of(message: Any) -> str:
    """What a message gives as thoughts, in a field or in parts of its own; empty for none and for
    other types than texts."""
    told = message if isinstance(message, dict) else {}
    content = told.get("content")
    parts = [p for p in content if isinstance(p, dict)] if isinstance(content, list) else []
    sealed = (p.get(str(p["type"]), p.get("text")) for p in parts if p.get("type") in THOUGHT_PARTS)
    found = [*(told.get(name) for name in THOUGHTS), *(_text_within(thought) for thought in sealed)]
    # A server that speaks for two kinds of clients says the same under two names.
    said = dict.fromkeys(string_of(t, "thoughts") for t in found if isinstance(t, str) and t)
    return "\n".join(said)


def _text_within(thought: Any) -> Any:
    """A thought that is itself a list of text parts, as Mistral's are, as one text."""
    if not isinstance(thought, list):
        return thought
    texts = (part.get("text") for part in thought if isinstance(part, dict))
    return "".join(text for text in texts if isinstance(text, str))


def text_of(given: Any, name: str) -> str:
    """A text, null for none. Raises BadValue for any other type."""
    return "" if given is None else string_of(given, name)


def string_of(given: Any, name: str) -> str:
    """A string, lone surrogates made storable. Raises BadValue for any other type."""
    if not isinstance(given, str):
        raise BadValue(f"{name} is not a string")
    return given if given.isascii() else given.encode("utf-8", "replace").decode("utf-8")
