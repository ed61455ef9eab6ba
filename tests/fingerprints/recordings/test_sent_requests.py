"""Answers that lie apart from what was asked: they are joined by an id, or by the one request."""

from __future__ import annotations

from pathlib import Path

import pytest

from fingerprints.errors import MalformedInput
from tests.fingerprints.recordings.recorded import ASKED, SAID, opened, read, told, write


def test_a_batchs_answers_are_joined_with_its_requests_by_id(tmp_path: Path) -> None:
    sent = [
        {
            "custom_id": f"q{i}",
            "method": "POST",
            "url": "/v1",
            "body": {"model": "m", "messages": ASKED},
        }
        for i in range(2)
    ]
    sent[1]["body"]["messages"] = [{"role": "user", "content": "And you?"}]
    got = [
        {
            "id": f"batch_{i}",
            "custom_id": f"q{i}",
            "response": {
                "status_code": 200,
                "body": {"model": "m", "choices": [{"message": SAID}]},
            },
            "error": None,
        }
        for i in (1, 0)
    ]
    got.append({"custom_id": "q1", "response": None, "error": {"message": "expired"}})
    with pytest.raises(MalformedInput, match=r"without its question.*--requests FILE"):
        read(tmp_path, *got)
    requests = write(tmp_path / "sent.jsonl", *sent)
    said = read(tmp_path, *got, requests=str(requests))
    assert told(said) == [("And you?", ""), ("And you?", "I am Y."), ("Who are you?", "I am Y.")]
    assert said.counts() == {"ok": 2, "error": 1}
    assert said.identity.name == "m"


def test_anthropics_batch_and_a_request_that_is_not_there(tmp_path: Path) -> None:
    message = {"type": "message", "model": "m", "content": [{"type": "text", "text": "I am Y."}]}
    got = [
        {"custom_id": name, "result": {"type": "succeeded", "message": message}} for name in "ab"
    ]
    sent = write(tmp_path / "sent.jsonl", {"custom_id": "a", "params": {"messages": ASKED}})
    got.append({"custom_id": "a", "result": {"type": "errored", "error": {"type": "x"}}})
    subject = opened(write(tmp_path / "a.jsonl", *got), requests=str(sent), partial="yes")
    assert subject.recorded().counts() == {"ok": 1}
    assert subject.remark.startswith(
        "a: 1 answers read; 1 failed; 1 of 3 can't be read (line 2: no request has the id"
    )


def test_a_saved_response_is_read_with_the_request_that_was_sent(tmp_path: Path) -> None:
    response = {
        "id": "x",
        "object": "chat.completion",
        "model": "m",
        "choices": [{"message": SAID}],
    }
    request = write(tmp_path / "sent.json", {"model": "m", "messages": ASKED})
    assert told(read(tmp_path, response, requests=str(request))) == [("Who are you?", "I am Y.")]
    path = write(tmp_path / "b.jsonl", response, response)
    two = opened(path, requests=str(request), partial="yes")
    assert "1 of 2 can't be read (line 2: no request has the id" in two.remark


def test_mt_benchs_answers_belong_to_its_questions_turn_by_turn(tmp_path: Path) -> None:
    question = {"question_id": 81, "category": "writing", "turns": ["One?", "Two?"]}
    answer = {
        "question_id": 81,
        "answer_id": "x",
        "model_id": "lamb",
        "choices": [{"index": 0, "turns": ["First.", "Second."]}],
    }
    sent = write(tmp_path / "question.jsonl", question)
    said = read(tmp_path, answer, requests=str(sent))
    assert told(said) == [("One?", "First."), ("Two?", "Second.")]
    assert said.identity.name == "lamb"
    hard = {**answer, "choices": [{"index": 0, "turns": [{"content": "A.", "token_len": 2}] * 2}]}
    assert [a for _, a in told(read(tmp_path, hard, requests=str(sent)))] == ["A.", "A."]
