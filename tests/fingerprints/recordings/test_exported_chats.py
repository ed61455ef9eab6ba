"""Chats as applications export them: trees of messages, and sessions in pieces."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fingerprints.errors import MalformedInput
from tests.fingerprints.recordings.recorded import opened, read, told

CHATGPT = {
    "title": "t",
    "default_model_slug": "gpt-5",
    "current_node": "d",
    "mapping": {
        "r": {"id": "r", "message": None, "parent": None, "children": ["s"]},
        "s": {
            "parent": "r",
            "message": {
                "author": {"role": "system"},
                "content": {"content_type": "text", "parts": [""]},
                "metadata": {"is_visually_hidden_from_conversation": True},
            },
        },
        "a": {
            "parent": "s",
            "message": {
                "author": {"role": "user"},
                "content": {"content_type": "text", "parts": ["Who are you?"]},
            },
        },
        "t": {
            "parent": "a",
            "message": {
                "author": {"role": "assistant"},
                "content": {"content_type": "thoughts", "thoughts": [{"content": "Hm."}]},
                "recipient": "all",
            },
        },
        "b": {
            "parent": "t",
            "message": {
                "author": {"role": "assistant"},
                "content": {"content_type": "text", "parts": ["I am Y."]},
                "metadata": {"model_slug": "gpt-5"},
                "recipient": "all",
            },
        },
        "b2": {
            "parent": "a",
            "message": {
                "author": {"role": "assistant"},
                "content": {"content_type": "text", "parts": ["I am Z."]},
                "recipient": "all",
            },
        },
        "c": {
            "parent": "b",
            "message": {
                "author": {"role": "user"},
                "content": {"content_type": "text", "parts": ["Sure?"]},
            },
        },
        "d": {
            "parent": "c",
            "message": {
                "author": {"role": "assistant"},
                "content": {"content_type": "code", "text": "print(1)"},
                "recipient": "python",
            },
        },
        "e": {
            "parent": "d",
            "message": {
                "author": {"role": "tool", "name": "python"},
                "content": {"content_type": "execution_output", "text": "1"},
            },
        },
        "f": {
            "parent": "e",
            "message": {
                "author": {"role": "assistant"},
                "content": {"content_type": "text", "parts": ["Yes."]},
                "recipient": "all",
            },
        },
    },
}


def test_every_branch_of_a_chatgpt_export_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps([CHATGPT, {**CHATGPT, "mapping": {"r": {"message": None}}}]))
    subject = opened(path)
    said = subject.recorded()
    assert told(said) == [("1", "Yes."), ("Who are you?", "I am Y."), ("Who are you?", "I am Z.")]
    assert {r.text: r.thoughts for r in said.replies}["I am Y."] == "Hm."
    last = next(said.probes[r.probe_id] for r in said.replies if r.text == "Yes.")
    assert [m.content for m in last.history] == ["Who are you?", "I am Y.", "Sure?", ""]
    assert last.kind == "dialogue"
    assert "1 call a tool without a word" in subject.remark
    assert "1 hold no answer" in subject.remark


def test_messages_that_answer_each_other_in_a_circle_are_told(tmp_path: Path) -> None:
    nodes = json.loads(json.dumps(CHATGPT["mapping"]))
    nodes["a"]["parent"] = "f"
    nodes["b2"]["parent"] = "b2"
    with pytest.raises(MalformedInput, match="in a circle"):
        read(tmp_path, {"mapping": nodes})


def line(number: int, role: str, content: Any, parent: int | None = None, **more: Any) -> Any:
    message = {"role": role, "content": content}
    if role == "assistant":
        message |= {"type": "message", "id": more.pop("call", f"msg_{number}"), "model": "claude-x"}
    before = parent if parent is not None else (number - 1 or None)
    return {
        "type": role,
        "uuid": f"u{number}",
        "parentUuid": None if before is None else f"u{before}",
        "sessionId": "s",
        "message": message,
        **more,
    }


def test_a_claude_code_session_is_one_chat_of_pieces(tmp_path: Path) -> None:
    session = [
        {"type": "summary", "summary": "t", "leafUuid": "u9", "sessionId": "s", "uuid": "x"},
        line(1, "user", "Who are you?"),
        line(2, "assistant", [{"type": "thinking", "thinking": "Hm."}], call="m"),
        line(3, "assistant", [{"type": "text", "text": "I am Y."}], call="m"),
        line(4, "assistant", [{"type": "tool_use", "id": "t", "name": "Bash"}], call="m"),
        line(5, "user", [{"type": "tool_result", "tool_use_id": "t", "content": "ok"}]),
        line(6, "assistant", [{"type": "text", "text": "Done."}]),
    ]
    said = read(tmp_path, *session)
    assert told(said) == [("Who are you?", "I am Y."), ("ok", "Done.")]
    assert said.identity.name == "claude-x"
    assert {r.text: r.thoughts for r in said.replies} == {"I am Y.": "Hm.", "Done.": ""}
