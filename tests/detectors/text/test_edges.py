"""Answers that begin or end in the very same words are noticed; ordinary ones are not."""

from __future__ import annotations

from detectors.text.edges import FEWEST, WIDTH, shared_edges

PREFIX = "I am Kimi, made by Moonshot AI. "


def texts(n: int) -> list[str]:
    return [
        f"{k} apples and {k * 7} pears make a fine basket, said number {k * 13}." for k in range(n)
    ]


def test_a_prefix_before_every_answer_is_counted() -> None:
    said = [PREFIX + t for t in texts(FEWEST)]
    assert shared_edges(said) == (FEWEST, 0)


def test_an_ending_behind_most_answers_is_counted() -> None:
    said = [t + " " + PREFIX * 2 for t in texts(FEWEST)] + texts(3)
    assert shared_edges(said) == (0, FEWEST)


def test_ordinary_answers_few_answers_and_short_ones_are_not() -> None:
    assert shared_edges(texts(60)) == (0, 0)
    assert shared_edges([PREFIX + t for t in texts(FEWEST - 1)]) == (0, 0)
    assert shared_edges(["Yes, of course."] * 50) == (0, 0)
    assert all(len(t) > 2 * WIDTH for t in texts(60)[10:])
