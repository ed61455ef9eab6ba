"""Options are read from free replies, and prose is not taken for one."""

from __future__ import annotations

import pytest

from detectors.text.choices import choice_answers, read_option
from tests.detectors.strangers import chooser

OPTIONS = ["red", "blue", "green", "a fifth"]


@pytest.mark.parametrize(
    ("reply", "place"),
    [
        ("B", 1),
        ("(b)", 1),
        ("**B**", 1),
        ("Answer: B", 1),
        ("The correct answer is B) blue", 1),
        ("The correct answer is:\n\n**D) a fifth**", 3),
        ("The answer is a fifth", 3),
        ("Option C", 2),
        ("A is correct", 0),
        ("A red", 0),
        ("Blue.", 1),
        ("C green", 2),
        ("A good question needs thought", None),
        ("a", 0),
        ("E", None),
        ("Every one", None),
        ("To determine which, we", None),
        ("Blueish", None),
        ("", None),
    ],
)
def test_a_reply_names_an_option_or_none(reply: str, place: int | None) -> None:
    found = read_option(reply, OPTIONS)
    assert (None if found is None else found[0]) == place


def test_the_span_holds_what_was_read() -> None:
    reply = "The correct answer is **D**"
    found = read_option(reply, OPTIONS)
    assert found is not None
    assert reply[found[1] : found[2]] == "D"


def test_right_and_wrong_choices_are_told_apart() -> None:
    rights = [c.right for c in choice_answers(chooser("ABBA")).values()]
    assert sorted(rights) == [False, False, True, True]
