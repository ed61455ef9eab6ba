"""Thoughts are told from the answer by their marks, closed or not; a mark talked about is a word."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.text.thoughts import MARKS, split_thoughts


@pytest.mark.parametrize(
    ("text", "thoughts", "answer"),
    [
        ("Just an answer.", "", "Just an answer."),
        ("", "", ""),
        ("<think>I am ChatGPT.</think>I am Kimi.", "I am ChatGPT.", "I am Kimi."),
        ("<think>\n\n</think>\n\nHello.", "", "Hello."),
        ("<think>\nThe user greets me", "The user greets me", ""),
        ("The user greets me.\n</think>\n\nHello.", "The user greets me.", "Hello."),
        ("<THINK>hm</Think>yes", "hm", "yes"),
        ("Well. <think>hm</think> Yes.", "hm", "Well.\n\nYes."),
        ("<think>a</think>b<think>c</think>d", "a\n\nc", "b\n\nd"),
        ("<think>a<think>b</think>c", "a<think>b", "c"),
        ("a</think>b</think>c", "a", "b</think>c"),
        ("First.\n<think>cut off", "cut off", "First."),
        (
            "Models write <think> before they answer.",
            "",
            "Models write <think> before they answer.",
        ),
        ("Close it with `</think>` and go on.", "", "Close it with `</think>` and go on."),
        ("“<think>” and “</think>” part them.", "", "“<think>” and “</think>” part them."),
        ("<think>a</thinking>b", "a</thinking>b", ""),
    ],
)
def test_thoughts_and_answer_are_told_apart(text: str, thoughts: str, answer: str) -> None:
    assert split_thoughts(text) == (thoughts, answer)


@pytest.mark.parametrize(("opens", "closes"), MARKS)
def test_the_marks_of_every_family_are_read(opens: str, closes: str) -> None:
    assert split_thoughts(f"{opens}\nhm\n{closes}\nyes") == ("hm", "yes")
    assert split_thoughts(f"hm{closes}yes") == ("hm", "yes")
    assert split_thoughts(f"{opens}hm") == ("hm", "")


@given(
    st.lists(st.sampled_from([*(m for p in MARKS for m in p), "ж", " ", "\n", "`"]), max_size=30)
)
def test_no_word_is_lost_or_said_twice(pieces: list[str]) -> None:
    text = "".join(pieces)
    thoughts, answer = split_thoughts(text)
    assert (thoughts + answer).count("ж") == text.count("ж")
    assert (thoughts + answer).count("`") == text.count("`")


@pytest.mark.parametrize(
    "unit", ["<think>", "</think>", "<think>a</think>", " ", "\n<think> ", "<"]
)
def test_time_grows_with_the_length_only(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    began = time.perf_counter()
    split_thoughts(text)
    assert time.perf_counter() - began < 3.0
