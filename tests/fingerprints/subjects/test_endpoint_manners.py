"""A server that takes questions another way than planned is asked that way, and the record says
so; one that turns a question away is not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fingerprints.adjustments import Adjustment
from fingerprints.collect import NEGOTIATED, OTHER_MODEL, THOUGHTS_ONLY, collect
from fingerprints.records import NEUTRAL_SYSTEM, Arm, ProbeSet, Sampling, Status
from fingerprints.subjects.apis.manners import complaint_in
from tests import faultserver as fault
from tests import strict
from tests.faultserver import FaultServer
from tests.fingerprints.subjects.asking import (
    KEY,
    asks,
    endpoint,
    probe_set,
    quick_and_planted,
    the_reply,
)

__all__ = ["quick_and_planted"]


def has_system(body: Mapping[str, Any]) -> bool:
    return any(turn["role"] == "system" for turn in body["messages"])


def refuse(field: str, status: int, error: Any) -> strict.Refusal:
    """Refuses a body that has the field; ``system``: a system turn; ``whole``: one not streamed."""
    there = {
        "system": has_system,
        "empty": lambda body: any(not turn["content"] for turn in body["messages"]),
        "whole": lambda body: not body.get("stream"),
    }.get(field, lambda body: field in body)
    return lambda body: (status, error) if there(body) else None


OPENAI = strict.openai_error
LENGTH, TEMPERATURE = "max_tokens", "temperature"
REFUSALS: dict[str, tuple[strict.Refusal, Adjustment]] = {
    "OpenAI's newer models, length": (
        refuse(
            LENGTH,
            400,
            OPENAI(
                "Unsupported parameter: 'max_tokens' is not supported with this model. Use"
                " 'max_completion_tokens' instead.",
                LENGTH,
                "unsupported_parameter",
            ),
        ),
        Adjustment.MAX_COMPLETION_TOKENS,
    ),
    "pydantic, length": (
        refuse(
            LENGTH,
            422,
            {
                "detail": [
                    {
                        "type": "extra_forbidden",
                        "loc": ["body", "max_tokens"],
                        "msg": "Extra inputs are not permitted",
                        "input": 256,
                    }
                ]
            },
        ),
        Adjustment.MAX_COMPLETION_TOKENS,
    ),
    "OpenAI's reasoning models, temperature": (
        refuse(
            TEMPERATURE,
            400,
            OPENAI(
                "Unsupported value: 'temperature' does not support 0 with this model. Only the"
                " default (1) value is supported.",
                TEMPERATURE,
                "unsupported_value",
            ),
        ),
        Adjustment.SERVER_TEMPERATURE,
    ),
    "another one, temperature": (
        refuse(TEMPERATURE, 400, OPENAI("invalid temperature: only 1 is allowed for this model")),
        Adjustment.SERVER_TEMPERATURE,
    ),
    "text generation inference": (
        refuse(
            TEMPERATURE,
            422,
            {
                "error": "Input validation error: `temperature` must be strictly positive",
                "error_type": "validation",
            },
        ),
        Adjustment.SERVER_TEMPERATURE,
    ),
    "OpenAI's first reasoning models, system": (
        refuse(
            "system",
            400,
            OPENAI(
                "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
                "messages[0].role",
                "unsupported_value",
            ),
        ),
        Adjustment.SYSTEM_IN_QUESTION,
    ),
    "a template by vLLM, system": (
        refuse(
            "system",
            400,
            {
                "object": "error",
                "message": "System role not supported",
                "type": "BadRequestError",
                "param": None,
                "code": 400,
            },
        ),
        Adjustment.SYSTEM_IN_QUESTION,
    ),
    "a template by llama.cpp, system": (
        refuse(
            "system",
            500,
            {
                "error": {
                    "code": 500,
                    "message": "Jinja Exception: System role not supported",
                    "type": "server_error",
                }
            },
        ),
        Adjustment.SYSTEM_IN_QUESTION,
    ),
    "alternating roles": (
        refuse(
            "system",
            400,
            OPENAI("Conversation roles must alternate user/assistant/user/assistant/..."),
        ),
        Adjustment.SYSTEM_IN_QUESTION,
    ),
    "an empty system text": (
        refuse("empty", 400, OPENAI("messages.0.content: String should have at least 1 character")),
        Adjustment.NO_EMPTY_SYSTEM,
    ),
    "streaming only": (
        refuse(
            "whole",
            400,
            OPENAI(
                "This model only support stream mode, please enable the stream parameter to access"
                " the model."
            ),
        ),
        Adjustment.STREAMED,
    ),
    "streaming only, otherwise said": (
        refuse(
            "whole",
            400,
            OPENAI(
                "parameter.enable_thinking must be set to false for non-streaming calls",
                None,
                "invalid_parameter_error",
            ),
        ),
        Adjustment.STREAMED,
    ),
}
ARMS = {Adjustment.SYSTEM_IN_QUESTION: Arm.NEUTRAL, Adjustment.NO_EMPTY_SYSTEM: Arm.EMPTY}


@pytest.mark.parametrize("named", REFUSALS)
def test_what_a_server_refuses_is_asked_otherwise_once_and_every_reply_says_so(named: str) -> None:
    refusal, adjusted = REFUSALS[named]
    arm = ARMS.get(adjusted, Arm.OWN)
    with (
        FaultServer(strict.chat(refusal, key=KEY)) as server,
        endpoint(server, concurrency=1) as subject,
    ):
        said = list(subject.generate(asks(3, arm=arm)))
    assert [r.status for r in said] == [Status.OK] * 3
    assert {r.adjusted for r in said} == {(adjusted,)}
    assert len(server.requests) == 4, "the complaint is met once, and remembered"
    first, *later = (r.body for r in server.requests)
    assert refusal(first) is not None
    assert all(refusal(body) is None for body in later)


def test_the_neutral_arm_is_put_before_the_question_where_a_system_turn_is_refused() -> None:
    refusal = REFUSALS["a template by vLLM, system"][0]
    with (
        FaultServer(strict.chat(refusal, key=KEY)) as server,
        endpoint(server, concurrency=1) as subject,
    ):
        said = [
            r for arm in Arm if arm is not Arm.RECORDED for r in subject.generate(asks(arm=arm))
        ]
    asked = [[(t["role"], t["content"]) for t in r.body["messages"]] for r in server.requests]
    assert asked[0] == [("user", "Question 0?")]
    assert asked[-1] == [("user", f"{NEUTRAL_SYSTEM}\n\nQuestion 0?")]
    assert [r.adjusted for r in said] == [
        (),
        (Adjustment.SYSTEM_IN_QUESTION,),
        (Adjustment.SYSTEM_IN_QUESTION,),
    ]


def test_complaints_that_follow_one_another_are_all_met() -> None:
    refusals = [
        REFUSALS[name][0]
        for name in (
            "OpenAI's newer models, length",
            "OpenAI's reasoning models, temperature",
            "OpenAI's first reasoning models, system",
            "streaming only",
        )
    ]
    with (
        FaultServer(strict.chat(*refusals, key=KEY)) as server,
        endpoint(server, concurrency=1) as subject,
    ):
        said = list(subject.generate(asks(2, arm=Arm.NEUTRAL)))
    assert {r.status for r in said} == {Status.OK}
    assert set(said[1].adjusted) == {
        Adjustment.MAX_COMPLETION_TOKENS,
        Adjustment.SERVER_TEMPERATURE,
        Adjustment.SYSTEM_IN_QUESTION,
        Adjustment.STREAMED,
    }
    assert len(server.requests) == 6
    assert "temperature" not in server.requests[-1].body


def test_top_p_goes_before_the_temperature_where_both_are_refused_together() -> None:
    told = "`temperature` and `top_p` cannot both be specified for this model."
    both = lambda body: (  # noqa: E731
        (400, OPENAI(told)) if {"temperature", "top_p"} <= body.keys() else None
    )
    with FaultServer(strict.chat(both, key=KEY)) as server, endpoint(server) as subject:
        (reply,) = subject.generate(asks(temperature=0.7, seed=3))
    assert reply.status is Status.OK
    body = server.requests[-1].body
    assert (body["temperature"], "top_p" in body) == (0.7, False)
    assert reply.adjusted == (Adjustment.SERVER_TOP_P,), "its default need not be one"


NOT_OURS: tuple[tuple[int, Any], ...] = (
    (400, OPENAI("against our policy")),
    (400, OPENAI("Unknown model.")),
    (400, OPENAI("This model's maximum context length is 8192 tokens, reduce max_tokens")),
    (400, OPENAI("no: temperature must rise", code="content_filter")),
    (422, {"detail": [{"loc": ["body"], "msg": "bad", "input": "temperature is unsupported"}]}),
    (400, "temperature"),
)


@pytest.mark.parametrize(("status", "error"), NOT_OURS)
def test_a_complaint_of_something_else_changes_nothing_and_is_a_rejection(
    status: int, error: Any
) -> None:
    with (
        FaultServer(
            fault.answers(), fault.sends(json.dumps(error).encode(), status), fault.answers()
        ) as server,
        endpoint(server, concurrency=1) as subject,
    ):
        said = list(subject.generate(asks(3)))
    assert [r.status for r in said] == [Status.OK, Status.REJECTED, Status.OK]
    assert len(server.requests) == 3
    assert {r.adjusted for r in said} == {()}


def test_manners_that_bring_no_answer_are_forgotten() -> None:
    """A complaint that only sounds as if it were of the temperature."""
    told = fault.fails(400, "invalid question: temperature is a forbidden topic")
    with (
        FaultServer(told, told, fault.answers()) as server,
        endpoint(server, concurrency=1) as subject,
    ):
        said = list(subject.generate(asks(2)))
    assert [r.status for r in said] == [Status.REJECTED, Status.OK]
    assert ["temperature" in r.body for r in server.requests] == [True, False, True]
    assert said[1].adjusted == ()


def test_a_server_that_never_stops_complaining_is_left_after_few_calls() -> None:
    told = "temperature, top_p, seed, max_tokens, max_completion_tokens, system role: unsupported"
    with (
        FaultServer(fault.fails(400, f"{told}; only stream is supported")) as server,
        endpoint(server) as subject,
    ):
        (reply,) = subject.generate(asks(arm=Arm.EMPTY, temperature=1))
    assert reply.status is Status.REJECTED
    assert len(server.requests) <= remote_limit() + 1


def remote_limit() -> int:
    from fingerprints.subjects.remote import MOST_MANNERS

    return MOST_MANNERS


def test_a_passing_failure_whose_words_sound_of_the_system_role_is_still_tried_again() -> None:
    told = fault.fails(500, "system error: this message can not be served now")
    with (
        FaultServer(told, told, fault.answers()) as server,
        endpoint(server, concurrency=1) as subject,
    ):
        (reply,) = subject.generate(asks(arm=Arm.NEUTRAL))
    assert (reply.status, reply.adjusted) == (Status.OK, ())
    assert has_system(server.requests[-1].body)


def test_only_what_the_server_says_is_read_and_not_the_question_that_it_repeats() -> None:
    body = {"detail": [{"msg": "bad", "loc": ["body", 3], "input": {"temperature": 0}}]}
    assert complaint_in(json.dumps(body).encode()) == "bad body"
    assert complaint_in(b"<html>unsupported</html>") == "<html>unsupported</html>"
    assert complaint_in(b"[" * 100_000)[:3] == "[[["
    assert len(complaint_in(json.dumps({"error": "a" * 99_999}).encode())) == 4000


PARTS: tuple[tuple[Any, str, str], ...] = (
    ([{"type": "text", "text": "I am"}, {"type": "text", "text": " a lamb."}], "I am a lamb.", ""),
    (["I am ", "a lamb."], "I am a lamb.", ""),
    (
        [
            {"type": "thinking", "thinking": [{"type": "text", "text": "A wolf?"}]},
            {"type": "text", "text": "A lamb."},
        ],
        "A lamb.",
        "A wolf?",
    ),
    ([{"type": "refusal", "refusal": "No."}], "No.", ""),
)


@pytest.mark.parametrize(("content", "text", "thoughts"), PARTS)
def test_an_answer_in_parts_is_read_as_one_with_thoughts_apart(
    content: Any, text: str, thoughts: str
) -> None:
    reply = the_reply(fault.answers(content))
    assert (reply.status, reply.text, reply.thoughts) == (Status.OK, text, thoughts)


def test_a_thought_before_the_answer_is_no_part_of_it() -> None:
    reply = the_reply(fault.answers("<think>I am ChatGPT…</think>I am Kimi."))
    assert (reply.answer, reply.thinking) == ("I am Kimi.", "I am ChatGPT…")


def test_what_was_changed_is_said_once_in_the_transcript_and_again_in_no_resumed_run(
    tmp_path: Path,
) -> None:
    refusals = [REFUSALS["another one, temperature"][0], REFUSALS["a template by vLLM, system"][0]]
    probes = ProbeSet(**{**probe_set(3).model_dump(), "arms": (Arm.OWN, Arm.NEUTRAL)})

    def interrupt(done: int, n: int) -> None:
        if done == 4:
            raise KeyboardInterrupt

    path = tmp_path / "t.jsonl"
    with FaultServer(strict.chat(*refusals, key=KEY, model="lamb")) as server:
        with endpoint(server, concurrency=1) as subject, pytest.raises(KeyboardInterrupt):
            collect(subject, [probes], Sampling(), path, interrupt)
        before = len(server.requests)
        with endpoint(server, concurrency=1) as subject:
            whole = collect(subject, [probes], Sampling(), path)
    assert whole.complete
    answered = [r.body["messages"][-1]["content"] for r in server.requests[before:]]
    assert len(set(answered)) == 2, "nothing answered is asked again"
    kinds = [e.kind for e in whole.events]
    assert kinds == [NEGOTIATED, NEGOTIATED]
    assert "at its own default" in whole.events[0].detail
    assert "before the question" in whole.events[1].detail
    assert all(Adjustment.SERVER_TEMPERATURE in r.adjusted for r in whole.replies)
    asked_neutral = [r for r in whole.replies if r.arm is Arm.NEUTRAL]
    assert all(Adjustment.SYSTEM_IN_QUESTION in r.adjusted for r in asked_neutral)


def test_another_models_name_is_an_event_once(tmp_path: Path) -> None:
    with FaultServer(fault.answers(model="wolf-2")) as server, endpoint(server) as subject:
        transcript = collect(subject, [probe_set(4)], Sampling(), tmp_path / "t.jsonl")
    (event,) = transcript.events
    assert event.kind == OTHER_MODEL
    assert event.detail == "asked for 'lamb', the endpoint answers as 'wolf-2'"


def test_a_name_of_its_own_for_every_answer_is_one_event_and_drift(tmp_path: Path) -> None:
    def renames(exchange: fault.Exchange, body: dict[str, Any]) -> None:
        fault.answers(model=f"{sum(map(ord, str(body['messages'])))}-wolf")(exchange, body)

    with FaultServer(renames) as server, endpoint(server, concurrency=1) as subject:
        transcript = collect(subject, [probe_set(4)], Sampling(), tmp_path / "t.jsonl")
    names = {reply.served_model for reply in transcript.replies}
    kinds = sorted(event.kind for event in transcript.events)
    assert len(names) > 1
    assert kinds == ["drift"] * (len(names) - 1) + [OTHER_MODEL]


def test_thoughts_that_take_all_the_room_are_told_and_more_room_can_be_given(
    tmp_path: Path,
) -> None:
    def thinks(exchange: fault.Exchange, body: dict[str, Any]) -> None:
        short = body["max_tokens"] < 1000
        fault.answers("" if short else "Baa.", finish="length" if short else "stop", model="lamb")(
            exchange, body
        )

    with FaultServer(thinks) as server:
        with endpoint(server) as subject:
            short = collect(subject, [probe_set(4)], Sampling(), tmp_path / "a")
        with endpoint(server, thoughts=2000) as subject:
            (reply,) = subject.generate(asks())
    assert {r.status for r in short.replies} == {Status.EMPTY}
    assert [e.kind for e in short.events] == [THOUGHTS_ONLY]
    assert "thoughts=" in short.events[0].detail
    assert reply.status is Status.OK
    assert reply.adjusted == (Adjustment.LONGER_ANSWER,)
    assert server.requests[-1].body["max_tokens"] == 2256
