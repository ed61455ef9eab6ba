"""What an endpoint answers that is no answer, or says what nobody may see: counted, cleaned, never
believed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fingerprints.errors import Incomplete, UnsafeInput
from fingerprints.records import Status
from fingerprints.subjects.apis.chat import ChatCompletions
from tests import faultserver as fault
from tests.faultserver import FaultServer
from tests.fingerprints.subjects.asking import (
    KEY,
    SPELLINGS,
    asks,
    endpoint,
    quick_and_planted,
    the_reply,
)

__all__ = ["quick_and_planted"]


BAD_BODIES: dict[str, bytes] = {
    "html": b"<html><body>maintenance</body></html>",
    "empty": b"",
    "null": b"null",
    "list": b"[]",
    "object": b"{}",
    "number": b"3",
    "null choices": b'{"choices": null}',
    "no choices": b'{"choices": []}',
    "odd choice": b'{"choices": ["x"]}',
    "no message": b'{"choices": [{"finish_reason": "stop"}]}',
    "list content": json.dumps(fault.completion([{"type": "image_url"}])).encode(),
    "number content": json.dumps(fault.completion(3)).encode(),
    "odd finish": json.dumps(fault.completion("a", finish=3)).encode(),
    "cut": json.dumps(fault.completion()).encode()[:-9],
    "nan": json.dumps(fault.completion(x=float("nan"))).encode(),
    "twice": b'{"choices": [], "choices": []}',
    "nesting": b"[" * 100_000,
    "nested objects": b'{"a":' * 100_000,
    "digits": b'{"created": ' + b"9" * 5000 + b"}",
    "latin-1": b'{"model": "\xe9"}',
    "utf-16": "{}".encode("utf-16"),
}


@pytest.mark.parametrize("name", sorted(BAD_BODIES))
def test_what_is_no_answer_becomes_an_error_with_a_reason(name: str) -> None:
    reply = the_reply(fault.sends(BAD_BODIES[name]))
    assert reply.status is Status.ERROR
    assert reply.text == ""
    assert str(reply.error).startswith("not an answer: ")


def test_a_missing_finish_reason_is_incomplete_a_long_answer_truncated_and_nothing_empty() -> None:
    assert the_reply(fault.answers("Baa", finish=None)).status is Status.ERROR
    assert "incomplete" in str(the_reply(fault.answers("Baa", finish=None)).error)
    assert the_reply(fault.answers("Baa", finish="length")).status is Status.TRUNCATED
    assert the_reply(fault.answers(" \n")).status is Status.EMPTY
    assert the_reply(fault.answers(None)).status is Status.EMPTY


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_thoughts_beside_the_answer_are_kept_and_are_no_part_of_it(field: str) -> None:
    body = fault.completion("I am a lamb.")
    body["choices"][0]["message"][field] = "Am I a wolf? \ud800" + KEY
    reply = the_reply(fault.sends(json.dumps(body).encode()))
    assert (reply.text, reply.answer, reply.status) == ("I am a lamb.", "I am a lamb.", Status.OK)
    assert reply.thoughts.startswith("Am I a wolf? ?")
    assert KEY not in reply.thoughts


def test_strange_characters_survive_and_can_be_stored() -> None:
    body = json.dumps(fault.completion("a\0b\u2028c")).encode().replace(b"Baa", b"")
    assert the_reply(fault.sends(b"\xef\xbb\xbf" + body)).text == "a\0b\u2028c"
    reply = the_reply(fault.answers("a\ud800b", model="\udfff", finish="\ud800"))
    assert (reply.text, reply.finish_reason) == ("a?b", "?")
    assert reply.model_dump_json()


@pytest.mark.parametrize("lie", [-3, 10**12, "7", 3.5, True, None, [1]])
def test_a_lie_about_usage_is_not_recorded(lie: Any) -> None:
    reply = the_reply(fault.answers("Baa.", usage={"prompt_tokens": lie, "completion_tokens": lie}))
    assert reply.status is Status.OK
    assert (reply.tokens_in, reply.tokens_out) == (None, None)
    assert the_reply(fault.answers(usage=lie)).status is Status.OK


def test_more_choices_than_asked_give_the_first() -> None:
    two = fault.completion("first")["choices"] + fault.completion("second")["choices"]
    assert the_reply(fault.answers(choices=two)).text == "first"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_and_the_key_not_sent_on(status: int) -> None:
    with (
        FaultServer(fault.answers()) as other,
        FaultServer(fault.redirects(f"{other.url}/x", status)) as server,
    ):
        for to in (
            f"{other.url}/chat/completions",
            f"{server.url}/x",
            "http://169.254.169.254/latest",
        ):
            server.script = (fault.redirects(to, status),)
            with endpoint(server) as subject, pytest.raises(UnsafeInput) as caught:
                list(subject.generate(asks()))
            assert caught.value.exit_code == 4
        assert not other.requests
        assert len(server.requests) == 3


@pytest.mark.parametrize("spelling", sorted(SPELLINGS))
def test_an_echoed_key_is_removed_from_every_field(spelling: str) -> None:
    form = SPELLINGS[spelling]
    stored = the_reply(fault.echoes_key(form)).model_dump_json()
    assert "[key removed]" in stored
    assert form(KEY)[4:-4] not in stored
    with pytest.raises(Incomplete) as caught:
        the_reply(fault.echoes_key(form, 401))
    assert form(KEY)[4:-4] not in str(caught.value)
    assert form(KEY)[4:-4] not in str(the_reply(fault.echoes_key(form, 503)).error)


@settings(max_examples=150, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "choices",
                        "message",
                        "content",
                        "finish_reason",
                        "usage",
                        "model",
                        "text",
                        "refusal",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_no_json_value_ends_in_a_traceback(value: Any) -> None:
    (request,) = asks()
    reply = ChatCompletions().reply(
        request, json.dumps({"choices": [value], "usage": value, "model": value}).encode(), 0.1
    )
    assert reply.key == request.key
    assert reply.model_dump_json()
