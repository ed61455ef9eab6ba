"""Answers that come in pieces: put together as they would have been as a whole, and never half an
answer for all of it."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fingerprints.records import Status
from fingerprints.subjects.apis.chat import ChatCompletions
from fingerprints.subjects.apis.pieces import in_pieces, joined
from fingerprints.subjects.strict_json import BadValue
from tests import faultserver as fault
from tests.fingerprints.subjects.asking import asks, quick_and_planted, the_reply

__all__ = ["quick_and_planted"]


def piece(text: str = "", finish: str | None = None, index: int = 0, **more: Any) -> bytes:
    delta = {"content": text} if text else {}
    choice = {"index": index, "delta": {**delta, **more}, "finish_reason": finish}
    return b"data: " + json.dumps({"model": "lamb-1", "choices": [choice]}).encode()


def stream(*pieces: bytes, ends: bytes = b"data: [DONE]", line: bytes = b"\n") -> bytes:
    parts = [part for part in (*pieces, ends) if part]
    return b"".join(part + line + line for part in parts)


WHOLE = (piece(role="assistant"), piece("I am"), piece(" a lamb."), piece(finish="stop"))


@pytest.mark.parametrize("line", [b"\n", b"\r\n", b"\r"])
def test_pieces_are_one_answer_whatever_ends_a_line_and_whoever_remarks(line: bytes) -> None:
    usage = b'data: {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}'
    told = stream(b": keep-alive", b"event: message", *WHOLE, usage, line=line)
    reply = the_reply(fault.sends(told, Content_Type="text/event-stream"))
    assert (reply.status, reply.text, reply.finish_reason) == (Status.OK, "I am a lamb.", "stop")
    assert (reply.served_model, reply.tokens_in, reply.tokens_out) == ("lamb-1", 7, 3)


@pytest.mark.parametrize(
    ("told", "status", "text"),
    [
        (stream(*WHOLE, ends=b""), Status.OK, "I am a lamb."),
        (stream(*WHOLE[:3], ends=b""), Status.ERROR, "I am a lamb."),
        (stream(*WHOLE[:3]), Status.ERROR, "I am a lamb."),
        (stream(piece("Baa"), piece(finish="length")), Status.TRUNCATED, "Baa"),
        (stream(piece("a"), piece("zz", index=1), piece("b", "stop")), Status.OK, "ab"),
        (stream(*WHOLE, b"data: [DONE]", piece(" And more.")), Status.OK, "I am a lamb."),
        (stream(*WHOLE[:2], b'data: {"error": {"message": "gone"}}'), Status.ERROR, ""),
        (stream(*WHOLE)[:-60], Status.ERROR, ""),
        (stream(b'data: {"choices": []}'), Status.ERROR, ""),
        (stream(b"data: [1]"), Status.ERROR, ""),
        (b"data:", Status.ERROR, ""),
    ],
)
def test_half_a_stream_is_no_answer_and_another_answer_in_it_is_not_mixed_in(
    told: bytes, status: Status, text: str
) -> None:
    reply = the_reply(fault.sends(told))
    assert (reply.status, reply.text) == (status, text)
    assert reply.answered == (status in (Status.OK, Status.TRUNCATED))


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_thoughts_in_pieces_are_kept_apart(field: str) -> None:
    thoughts = [piece(**{field: part}) for part in ("Am I", " a wolf?")]
    reply = the_reply(fault.sends(stream(*thoughts, *WHOLE)))
    assert (reply.thoughts, reply.text) == ("Am I a wolf?", "I am a lamb.")


def test_a_json_body_is_never_taken_for_pieces() -> None:
    for body in (b'{"a": "data: x"}', b' \n{"choices": []}', b"[]", b'"data:"', b""):
        assert not in_pieces(body)


def bytes_of(text: str) -> Iterator[bytes]:
    for character in text:
        yield piece(character)


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_any_text_survives_being_cut_into_pieces(text: str) -> None:
    told = joined(stream(*bytes_of(text), piece(finish="stop")))
    assert told["choices"][0]["message"]["content"] == text


def test_very_many_pieces_are_put_together_in_a_time_that_grows_with_them() -> None:
    def taken(n: int) -> float:
        choice = '{"delta":{"content":[1]}}'
        body = f'data: {{"choices":[{",".join([choice] * n)}]}}\n\n'.encode()
        begun = time.process_time()
        assert joined(body)["choices"][0]["message"]["content"] == [1] * n
        return time.process_time() - begun

    # A time that grew with their square would be 225 times as long; the best of three leaves out
    # what a busy machine and the garbage collector add.
    few, many = (min(taken(n) for _ in range(3)) for n in (4000, 60_000))
    assert many < 60 * max(few, 0.002), "15 times as many, in no 60 times the time"


def test_a_field_that_comes_as_text_and_as_parts_is_no_answer() -> None:
    told = stream(piece("a"), piece(content=[{"type": "text", "text": "b"}]), piece(finish="stop"))
    with pytest.raises(BadValue, match="as text and as parts"):
        joined(told)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_end_in_a_traceback(data: bytes) -> None:
    (request,) = asks()
    reply = ChatCompletions().reply(request, b"data:" + data, 0.1)
    assert reply.key == request.key
    with contextlib.suppress(BadValue):
        joined(b"data: " + data + b"\n\n")
