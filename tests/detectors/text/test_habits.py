"""The bank of habits: each is recognised by its own example, by no other's, and in bounded time."""

from __future__ import annotations

import time

import pytest

from detectors.text.habits import AnswerHabit, bank, counted
from detectors.text.makers import shipped_makers


def test_every_habit_is_recognised_by_its_own_example_alone() -> None:
    for habit in bank().values():
        text = f"{habit.example}\nSome more words." if habit.place == "first" else habit.example
        text = f"Some words.\n\n{text}  \n" if habit.place == "last" else text
        assert [h.id for h in bank().values() if h.found_in(text)] == [habit.id]


def test_the_place_of_a_habit_matters() -> None:
    step = bank()["next-step"]
    assert step.found_in("Fill the pan.\n\n**Next step:** stir.\n") is not None
    assert step.found_in("Next step: stir.\nThen it is done.") is None
    opening = bank()["briefly"]
    assert opening.found_in("\n  Briefly: no.\nMore.") == (3, 10)
    assert opening.found_in("No.\nBriefly: no.") is None


@pytest.mark.parametrize("text", ["", " ", "\n\n"])
def test_an_empty_answer_has_no_habit(text: str) -> None:
    assert sum(counted([text], bank()).values()) == 0


def test_hostile_answers_take_no_time() -> None:
    texts = ["?" * 60_000, "about " * 20_000, "part " * 20_000, "\n" * 60_000, "((((i" * 12_000]
    begun = time.process_time()
    counted(texts, bank())
    assert time.process_time() - begun < 2


def test_additions_name_no_maker_and_ask_for_one_thing() -> None:
    names = [m.name.casefold() for m in shipped_makers().makers.values()]
    for habit in bank().values():
        assert habit.addition.endswith((".", "”"))
        assert not any(f" {name} " in habit.addition.casefold() for name in names)
    assert len({h.pattern for h in bank().values()}) == len(bank()) == 36


def test_usual_shares_are_rare() -> None:
    assert all(isinstance(h, AnswerHabit) and 0 < h.usual < 0.01 for h in bank().values())
