"""Recorded web traffic: the bodies of requests to models alone, whole or streamed, and never a
header."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from fingerprints.errors import MalformedInput
from fingerprints.recordings.streams import response_of
from fingerprints.subjects.strict_json import BadValue
from tests.fingerprints.recordings.recorded import opened

ASKED = {"model": "lamb", "messages": [{"role": "user", "content": "Who are you?"}]}
KEY = "Bearer sk-secret"


def entry(response: str, status: int = 200, encoded: bool = False, **more: Any) -> dict[str, Any]:
    text = base64.b64encode(response.encode()).decode() if encoded else response
    return {
        "request": {
            "method": "POST",
            "url": "https://api.example/v1/chat/completions",
            "headers": [{"name": "Authorization", "value": KEY}],
            "postData": {"mimeType": "application/json", "text": json.dumps(ASKED)},
        },
        "response": {
            "status": status,
            "content": {"text": text, **({"encoding": "base64"} if encoded else {})},
        },
        **more,
    }


def har(path: Path, *entries: Any) -> Path:
    path.write_text(json.dumps({"log": {"version": "1.2", "entries": entries}}, indent=1))
    return path


def events(*values: Any) -> str:
    return "".join(f"event: x\ndata: {json.dumps(v)}\n\n" for v in values) + "data: [DONE]\n"


WHOLE = json.dumps({"model": "lamb", "choices": [{"message": {"content": "I am Y."}}]})
STREAMS = {
    "openai": events(
        {"model": "lamb", "choices": [{"delta": {"reasoning_content": "Hm."}}]},
        {"choices": [{"delta": {"content": "I am "}}]},
        {"choices": [{"delta": {"content": "Y."}, "finish_reason": "stop"}]},
    ),
    "responses": events(
        {"type": "response.output_text.delta", "delta": "I am"},
        {
            "type": "response.completed",
            "response": {
                "output": [
                    {"type": "reasoning", "summary": [{"text": "Hm."}]},
                    {"type": "message", "content": [{"type": "output_text", "text": "I am Y."}]},
                ]
            },
        },
    ),
    "anthropic": events(
        {"type": "message_start", "message": {"model": "lamb", "content": []}},
        {"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "Hm."}},
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "I am Y."}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
    ),
    "gemini": events(
        {"candidates": [{"content": {"parts": [{"text": "Hm.", "thought": True}]}}]},
        {"candidates": [{"content": {"parts": [{"text": "I am Y."}]}, "finishReason": "STOP"}]},
    ),
    "ollama": "\n".join(
        json.dumps(v)
        for v in (
            {"message": {"role": "assistant", "content": "", "thinking": "Hm."}, "done": False},
            {"message": {"role": "assistant", "content": "I am Y."}, "done": True},
        )
    ),
}


@pytest.mark.parametrize("kind", sorted(STREAMS))
def test_an_answer_in_pieces_is_put_together(tmp_path: Path, kind: str) -> None:
    said = opened(har(tmp_path / "a.har", entry(STREAMS[kind]))).recorded()
    (reply,) = said.replies
    assert (reply.text, reply.thoughts) == ("I am Y.", "Hm.")
    assert said.identity.name == "lamb"


def test_requests_to_models_are_told_from_all_else_and_failures_counted(tmp_path: Path) -> None:
    page = {"request": {"method": "GET", "url": "https://x/"}, "response": {"status": 200}}
    failed = entry('{"error": {"message": "no"}}', status=429)
    path = har(tmp_path / "a.har", page, page, entry(WHOLE, encoded=True), failed)
    subject = opened(path)
    assert subject.remark == "a: 1 answers read; 1 failed; skipped: 2 hold no answer"
    assert subject.recorded().counts() == {"ok": 1, "error": 1}


def test_no_header_is_kept(tmp_path: Path) -> None:
    said = opened(har(tmp_path / "a.har", entry(WHOLE))).recorded()
    kept = json.dumps([r.model_dump(mode="json") for r in said.replies])
    assert "sk-secret" not in kept + json.dumps([e.detail for e in said.events])


def test_a_response_that_is_of_no_known_kind_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(MalformedInput, match="1 of 1 can't be read"):
        opened(har(tmp_path / "a.har", entry("<html>")))
    with pytest.raises(BadValue, match="no known kind"):
        response_of('data: {"x": 1}\n')
