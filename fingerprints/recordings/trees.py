"""Chats that branch, as exports of ChatGPT, Claude and Open WebUI and sessions of Claude Code hold
them: every answer once, with what stood before it on its own branch.

Knows parents and children; knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from fingerprints.recordings.rows import (
    AsideReason,
    RecordParts,
    SetAsideRows,
    Told,
    rows_of_chat,
)
from fingerprints.recordings.turns import RecordedTurn, joined, turn_in
from fingerprints.subjects.strict_json import BadValue

LONGEST_BRANCH = 20_000
"""Turns of one branch at most; a longer one is no chat of a person."""
MOST_WALKED = 5_000_000
"""Turns of all branches of one chat, added up: leaves on a long stem are walked down one by one."""


class ChatNode(NamedTuple):
    """A message of a chat and what it answers; ``message`` is None where nobody speaks."""

    id: str
    parent: str | None
    message: Any


class BranchingChat(NamedTuple):
    """The nodes of one chat in their order, with what is told of all."""

    nodes: list[ChatNode]
    model: Any = None
    id: Any = None
    system: Any = None


def rows_of_tree(chat: BranchingChat) -> Iterator[Told]:
    """The answers of all branches, each once; a chat that nobody answered is set aside.

    Raises BadValue for a chat that goes in a circle, one whose branches add up to more than
    `MOST_WALKED` turns, and for a message that can't be read.
    """
    by_id = {node.id: node for node in chat.nodes}
    turns = {n.id: turn for n in chat.nodes if n.message is not None if (turn := _turn(n))}
    parents = {node.parent for node in chat.nodes}
    parts = RecordParts(model=chat.model, id=chat.id, system=chat.system)
    seen, walked = set[str](), 0
    for leaf in (node for node in chat.nodes if node.id not in parents):
        branch = _branch(leaf, by_id)
        walked += len(branch)
        if walked > MOST_WALKED:
            raise BadValue(f"its branches add up to more than {MOST_WALKED:,} turns")
        spoken = [i for i in branch if i in turns]
        new = {i for i in spoken if i not in seen}
        seen |= new
        if any(turns[i].role == "assistant" for i in new):
            yield from _rows(parts, joined(turns[i]._replace(new=i in new) for i in spoken))
    if chat.nodes and not seen & {i for i, t in turns.items() if t.role == "assistant"}:
        if len(seen) < len(turns):
            raise BadValue("its messages answer each other in a circle")
        yield SetAsideRows(AsideReason.NO_ANSWER)


def _rows(parts: RecordParts, turns: list[RecordedTurn]) -> Iterator[Told]:
    try:
        yield from rows_of_chat(parts, turns)
    except BadValue:  # an opening that answers nobody
        yield SetAsideRows(AsideReason.NO_ANSWER)


def _branch(leaf: ChatNode, by_id: Mapping[str, ChatNode]) -> list[str]:
    out: list[str] = []
    at: ChatNode | None = leaf
    while at is not None:
        out.append(at.id)
        if len(out) > LONGEST_BRANCH:
            raise BadValue("its messages answer each other in a circle, or without end")
        at = None if at.parent is None else by_id.get(at.parent)
    return out[::-1]


def _turn(node: ChatNode) -> RecordedTurn | None:
    turn = turn_in(node.message)
    empty = not (turn.text or turn.thoughts or turn.calls or turn.unseen)
    return None if empty and turn.role != "assistant" else turn


def chatgpt(value: Mapping[str, Any]) -> BranchingChat:
    """A chat of ChatGPT's export."""
    nodes = []
    for name, node in _objects(value.get("mapping")):
        message = node.get("message")
        told = message if isinstance(message, dict) and _shown(message) else None
        slug = (told.get("metadata") or {}).get("model_slug") if told else None
        if told and told.get("recipient") not in (None, "all"):
            told = {"author": told.get("author"), "tool_calls": [told.get("recipient")]}
        nodes.append(ChatNode(name, _text(node.get("parent")), told and {**told, "model": slug}))
    return BranchingChat(nodes, value.get("default_model_slug"), value.get("id"))


def _shown(message: Mapping[str, Any]) -> bool:
    """Whether a node is one that people see: no hidden system turn, no recap of a thought."""
    content, hidden = message.get("content"), message.get("metadata")
    kind = content.get("content_type") if isinstance(content, dict) else None
    if isinstance(hidden, dict) and hidden.get("is_visually_hidden_from_conversation"):
        return False
    return kind not in ("reasoning_recap", "user_editable_context", "model_editable_context")


def open_webui(value: Mapping[str, Any]) -> BranchingChat:
    """A chat of Open WebUI's export."""
    chat = value["chat"]
    held = (
        chat.get("history", {}).get("messages") if isinstance(chat.get("history"), dict) else None
    )
    models = chat.get("models")
    model = models[0] if isinstance(models, list) and len(models) == 1 else None
    listed = list(_objects(held)) or _numbered(chat.get("messages"))
    nodes = [ChatNode(n, _text(m.get("parentId")), _timed(m)) for n, m in listed]
    params = chat.get("params")
    system = params.get("system") if isinstance(params, dict) else None
    return BranchingChat(nodes, model, value.get("id"), system)


def _timed(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """A message whose type, which tells of its medium, is no role; thoughts, which stand folded in
    its text, apart."""
    told = {k: v for k, v in message.items() if k not in ("id", "type", "models", "files")}
    content = told.get("content")
    if isinstance(content, str) and message.get("role") == "assistant":
        told["content"], told["thinking"] = _unfolded(content)
    return {**told, "images": message.get("files")}


_FOLDED, _UNFOLDS = '<details type="reasoning"', "</details>"


def _unfolded(text: str) -> tuple[str, str]:
    """A text without its folded thoughts, and these."""
    said, thoughts, at = [], [], 0
    while (start := text.find(_FOLDED, at)) >= 0 and (end := text.find(_UNFOLDS, start)) >= 0:
        said.append(text[at:start])
        thoughts.append(text[text.find(">", start) + 1 : end].strip())
        at = end + len(_UNFOLDS)
    return "".join((*said, text[at:])).strip() if thoughts else text, "\n".join(thoughts)


def claude(value: Mapping[str, Any]) -> BranchingChat:
    """A chat of Claude's export."""
    messages = value["chat_messages"]
    nodes, before = [], None
    for number, message in enumerate(messages if isinstance(messages, list) else []):
        if not isinstance(message, dict):
            raise BadValue("a message is not an object")
        name = _text(message.get("uuid")) or f"#{number}"
        parent = _text(message.get("parent_message_uuid")) or before
        files = message.get("files") or message.get("attachments")
        told = {**message, "images": files}
        nodes.append(ChatNode(name, parent, told))
        before = name
    return BranchingChat(nodes, value.get("model"), value.get("uuid"))


def claude_code(lines: list[Mapping[str, Any]]) -> Iterator[BranchingChat]:
    """The sessions of Claude Code's log; lines that are no messages stay as the links between."""
    sessions: dict[str, list[ChatNode]] = {}
    for number, line in enumerate(lines):
        told = line.get("message") if line.get("type") in ("user", "assistant") else None
        hidden = line.get("isMeta") or line.get("isApiErrorMessage")
        synthetic = isinstance(told, dict) and told.get("model") == "<synthetic>"
        name = _text(line.get("uuid")) or f"#{number}"
        node = ChatNode(
            name,
            _text(line.get("parentUuid")) or _text(line.get("logicalParentUuid")),
            None if hidden or synthetic or not isinstance(told, dict) else told,
        )
        sessions.setdefault(str(line.get("sessionId")), []).append(node)
    for name, nodes in sessions.items():
        yield BranchingChat(nodes, id=name)


def is_claude_code(value: Mapping[str, Any]) -> bool:
    """Whether a line is one of a session's log."""
    return "sessionId" in value and "type" in value and ("parentUuid" in value or "uuid" in value)


TREES: tuple[tuple[str, Callable[[Mapping[str, Any]], BranchingChat]], ...] = (
    ("mapping", chatgpt),
    ("chat_messages", claude),
    ("chat", open_webui),
)
"""By the key that holds the messages."""


def tree_of(value: Mapping[str, Any]) -> BranchingChat | None:
    """A record as a chat that branches; None for one that is none."""
    for key, read in TREES:
        if isinstance(value.get(key), dict | (list if key == "chat_messages" else dict)):
            return read(value)
    return None


def _objects(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, item in value.items() if isinstance(value, dict) else ():
        if isinstance(item, dict):
            yield name, item


def _numbered(value: Any) -> list[tuple[str, dict[str, Any]]]:
    """Messages of a plain list, each the answer to the one before."""
    items = [m for m in value if isinstance(m, dict)] if isinstance(value, list) else []
    return [(f"#{i}", {**m, "parentId": f"#{i - 1}" if i else None}) for i, m in enumerate(items)]


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
