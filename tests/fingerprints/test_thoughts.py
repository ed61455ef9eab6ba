"""Thoughts and answers in one text: told apart by their marks, and nothing is taken for a thought
that is none."""

from __future__ import annotations

import time

import pytest

from fingerprints.records import Arm, Reply, Status
from fingerprints.thoughts import MARKS, split_thoughts
from fingerprints.transcript import answers_digest


def reply(text: str, **told: str) -> Reply:
    return Reply(probe_id="p", arm=Arm.OWN, status=Status.OK, text=text, **told)


@pytest.mark.parametrize(("opens", "closes"), MARKS)
def test_every_pair_of_marks_parts_a_thought_from_the_answer(opens: str, closes: str) -> None:
    assert split_thoughts(f"{opens}\nI greet.\n{closes}\n\nHello.") == ("I greet.", "Hello.")


@pytest.mark.parametrize(
    ("text", "thoughts", "answer"),
    [
        ("I greet.\n</think>\n\nHello.", "I greet.", "Hello."),
        ("<think>never ends", "never ends", ""),
        ("Hello.\n<think>cut here", "cut here", "Hello."),
        ("<think>one</think>A<think>two</think>B", "one\n\ntwo", "A\n\nB"),
        (
            "<|channel|>analysis<|message|>I greet.<|end|><|start|>assistant"
            "<|channel|>final<|message|>Hello.<|return|>",
            "I greet.",
            "Hello.",
        ),
        ("<|channel|>final<|message|>Hello.", "", "Hello."),
        ("<|channel|>analysis<|message|>cut", "cut", ""),
        ("<think></think>\n\nHello.", "", "Hello."),
    ],
)
def test_thoughts_may_be_opened_by_the_template_cut_repeated_or_empty(
    text: str, thoughts: str, answer: str
) -> None:
    assert split_thoughts(text) == (thoughts, answer)


@pytest.mark.parametrize(
    "text",
    [
        " plain, with blanks kept \n",
        "Wrap it in `<think>` and `</think>`.",
        "The tag <think> opens it.",
        "It is closed by the </think> tag.",
        "x <y and y> z",
    ],
)
def test_a_text_that_only_talks_of_marks_is_the_answer_as_it_is(text: str) -> None:
    assert split_thoughts(text) == ("", text)


def test_marks_without_end_take_linear_time() -> None:
    begun = time.process_time()
    split_thoughts("<think>" * 60_000)
    split_thoughts(" " * 200_000 + "<think>" * 20_000 + "</think>")
    assert time.process_time() - begun < 5


def test_a_reply_keeps_its_text_whole_and_tells_thought_from_answer() -> None:
    told = reply("<think>I am asked.</think>I am Kimi.", thoughts="Told apart.")
    assert told.text == "<think>I am asked.</think>I am Kimi."
    assert told.answer == "I am Kimi."
    assert told.thinking == "Told apart.\nI am asked."
    assert Reply.model_validate_json(told.model_dump_json()) == told


def test_thoughts_alone_are_text_but_no_answer() -> None:
    told = reply("<think>The user asks who I am.")
    assert told.readable
    assert not told.answered


def test_a_reply_of_before_there_were_thoughts_opens_with_the_same_digest() -> None:
    old = {"probe_id": "p", "arm": "own", "status": "ok", "text": "Hello."}
    told = Reply.model_validate(old)
    assert told.thoughts == ""
    assert "thoughts" not in told.model_dump(exclude_defaults=True)
    assert answers_digest([told]) == (
        "c9077408a422ffcda729e3590d63a3a7c558388ddbe5c775a8d5450a0b767c59"
    )
    assert answers_digest([reply("Hello.", thoughts="x")]) != answers_digest([told])
