"""Chats of others as turns, whatever they call roles and texts: who spoke, what was said, and what
was thought or handed over beside it.

Knows the messages of OpenAI, Anthropic, Gemini, Ollama, ShareGPT, LangChain, ragas, garak and of
the exports of ChatGPT, Claude and Open WebUI; knows nothing of rows and files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from fingerprints.errors import printable
from fingerprints.subjects.messages import string_of, text_of, thoughts_of
from fingerprints.subjects.strict_json import BadValue, parse_json

Role = Literal["system", "user", "assistant"]
SPEAKERS: Mapping[str, Role] = {
    **dict.fromkeys(("system", "developer", "systemmessage"), "system"),
    **dict.fromkeys(("user", "human", "humanmessage", "prompter", "customer"), "user"),
    **dict.fromkeys(
        ("assistant", "gpt", "chatgpt", "model", "ai", "aimessage", "aimessagechunk", "bot"),
        "assistant",
    ),
    **dict.fromkeys(
        ("tool", "function", "toolmessage", "functionmessage", "ipython", "observation"), "user"
    ),
}
"""Roles in any letter case. What a tool handed back stands as a user's turn, as it does in
Anthropic's Messages: it isn't the model's, and the next answer builds on it."""
ROLE_KEYS = ("role", "from", "sender", "author", "type", "speaker")
TEXT_KEYS = ("content", "value", "text", "parts", "message")
CALLS = frozenset({"tool_use", "tool_call", "function_call", "server_tool_use", "mcp_call"})
"""Parts by which a model calls a tool: no words of its answer."""
THOUGHT_PARTS = frozenset({"reasoning", "thinking", "redacted_thinking", "thoughts", "thought"})
WORDS = ("parts", "text", "refusal", "value", "output", "content", "answer")
"""Where a part keeps its words; the last is Arena-Hard's."""
DEEPEST = 6


class RecordedTurn(NamedTuple):
    """One turn. ``calls``: it calls a tool; ``unseen``: it holds an image, a sound or a file;
    ``key``: turns of one key are one; ``model`` and ``end`` where the turn tells them; ``new``: not
    taken before, on another branch of its chat."""

    role: Role
    text: str
    thoughts: str = ""
    calls: bool = False
    unseen: bool = False
    model: str | None = None
    end: str = ""
    key: str | None = None
    new: bool = True


class _Said(NamedTuple):
    texts: tuple[str, ...] = ()
    thoughts: tuple[str, ...] = ()
    calls: bool = False
    unseen: bool = False


def is_chat(value: Any) -> bool:
    """Whether a value is a list of messages: objects that say who speaks."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(m, dict) and _role(m) is not None for m in value[:4])
    )


def turns_in(messages: list[Any]) -> list[RecordedTurn]:
    """Messages as turns, oldest first; pieces of one turn are joined. Raises BadValue for none and
    for one whose speaker or text isn't known."""
    if not messages:
        raise BadValue("the list of messages is empty")
    if len(messages) == 1 and isinstance(messages[0], list):  # LangChain's batch of one chat
        return turns_in(messages[0])
    return joined(turn_in(message) for message in messages)


def joined(turns: Iterator[RecordedTurn]) -> list[RecordedTurn]:
    """Turns of which those of one key, and thoughts and the answer after them, are one."""
    out: list[RecordedTurn] = []
    for turn in turns:
        before = out[-1] if out else None
        if before is None or turn.role != "assistant" or before.role != "assistant":
            out.append(turn)
            continue
        same = turn.key is not None and turn.key == before.key
        if not same and (before.text or before.calls):
            out.append(turn)
            continue
        out[-1] = turn._replace(
            text="\n\n".join(filter(None, (before.text, turn.text))),
            thoughts="\n".join(filter(None, (before.thoughts, turn.thoughts))),
            calls=before.calls or turn.calls,
            unseen=before.unseen or turn.unseen,
            model=turn.model or before.model,
            new=before.new or turn.new,
        )
    return out


def turn_in(message: Any) -> RecordedTurn:
    """One message as a turn. Raises BadValue."""
    told = _opened(message)
    role = _role(told)
    if role is None:
        shown = printable(str(_spoken(told)), 40)
        raise BadValue(f"a message has the role {shown!r}, not system, user or assistant")
    said = said_of(next((told[k] for k in TEXT_KEYS if told.get(k)), None))
    if told.get("isThought") is True:
        said = _Said((), said.texts)
    calls = said.calls or bool(told.get("tool_calls") or told.get("function_call"))
    wordless = not calls and not any(k in told for k in TEXT_KEYS)
    beside = thoughts_of({k: v for k, v in told.items() if k != "content"})
    return RecordedTurn(
        role=role,
        text="".join(said.texts),
        thoughts="\n".join(dict.fromkeys(filter(None, (beside, *said.thoughts)))),
        calls=calls,
        unseen=said.unseen or wordless or bool(told.get("images")),
        model=_name(told.get("model")),
        end=_name(told.get("stop_reason") or told.get("finish_reason")) or "",
        key=_name(told.get("id")) if told.get("type") == "message" else None,
    )


def _opened(message: Any) -> Mapping[str, Any]:
    """The object that holds the message: LangChain's stand in ``data`` or ``kwargs``, under a
    type's name; Inspect's and OpenAI's are themselves."""
    if not isinstance(message, dict):
        raise BadValue("a message is not an object")
    for key in ("data", "kwargs"):
        inner = message.get(key)
        if isinstance(inner, dict) and "content" in inner:
            names = message.get("id")
            kind = names[-1] if isinstance(names, list) and names else message.get("type")
            return {**inner, "role": kind}
    return message


def _spoken(told: Mapping[str, Any]) -> Any:
    for key in ROLE_KEYS:
        found = told.get(key)
        if isinstance(found, dict):
            found = found.get("role")
        if isinstance(found, str) and not (key == "type" and found in ("text", "message")):
            return found
    return None


def _role(told: Mapping[str, Any]) -> Role | None:
    inner = told.get("data") or told.get("kwargs")
    if isinstance(inner, dict) and "content" in inner:
        told = _opened(told)
    spoken = _spoken(told)
    return SPEAKERS.get(spoken.lower()) if isinstance(spoken, str) else None


def said_of(content: Any, depth: int = 0) -> _Said:
    """What a content says: a text, null, a list of parts, or an object that holds one. Raises
    BadValue for other types."""
    if content is None or isinstance(content, str):
        return _Said((text_of(content, "content"),))
    if depth > DEEPEST:
        raise BadValue("a content is nested too deeply")
    if isinstance(content, list):
        parts = [_part(part, depth + 1) for part in content]
        return _Said(
            tuple(t for p in parts for t in p.texts),
            tuple(t for p in parts for t in p.thoughts),
            any(p.calls for p in parts),
            any(p.unseen for p in parts),
        )
    return _part(content, depth + 1)


def _part(part: Any, depth: int) -> _Said:
    if isinstance(part, str):
        return _Said((string_of(part, "a part of the content"),))
    if not isinstance(part, dict):
        raise BadValue("a part of the content is neither a text nor an object")
    kind = part.get("type") or part.get("content_type")
    if kind in THOUGHT_PARTS or part.get("thought") is True:
        return _Said((), tuple(_thoughts_in(part)))
    if kind in CALLS or "functionCall" in part or "function_call" in part:
        return _Said(calls=True)
    handed = part.get("functionResponse", part.get("function_response"))
    if isinstance(handed, dict):
        return _Said((_words(handed.get("response")),))
    held = next((part[key] for key in WORDS if key in part), None)
    empty = held is None and not any(key in part for key in WORDS)
    return _Said(unseen=True) if empty else said_of(held, depth)


def _thoughts_in(part: Mapping[str, Any]) -> Iterator[str]:
    for key in ("thinking", "reasoning", "text", "data", "thoughts", "summary", "content"):
        found = part.get(key)
        if isinstance(found, str) and found:
            yield string_of(found, "thoughts")
        elif isinstance(found, list):
            yield from (t for p in found if isinstance(p, dict) for t in _thoughts_in(p))


def _words(value: Any) -> str:
    texts = value.values() if isinstance(value, dict) else [value]
    return "\n".join(string_of(t, "a tool's result") for t in texts if isinstance(t, str))


def _name(given: Any) -> str | None:
    return string_of(given, "a name")[:200] if isinstance(given, str) and given else None


def chat_in(text: str) -> list[Any] | None:
    """The messages that a text holds as JSON; None for any other text."""
    if not text.lstrip()[:2].startswith(("[", "{")):
        return None
    try:
        value = parse_json(text.encode("utf-8", "replace"))
    except BadValue:
        return None
    if isinstance(value, dict) and is_chat(value.get("messages")):
        value = value["messages"]
    return value if is_chat(value) else None
