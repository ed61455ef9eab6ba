"""Names of a served model: another one is a change, several in turn are a router's and none."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from auditor.fleet.names_in_turn import RECENT, NamesTold, ServedNames

Told = list[tuple[int, bool, tuple[str, ...]]]


def heard(looks: Sequence[str]) -> Told:
    """What is told at which look, where each look's names are the letters of a word."""
    known, before, out = ServedNames(), (), []
    for look, word in enumerate(looks, 1):
        names = tuple(sorted(set(word)))
        known, told = known.heard(look, names, before)
        if told is not None:
            out.append((look, told.turns, told.after))
        before = names
    return out


@pytest.mark.parametrize(
    ("looks", "told"),
    [
        (["a"] * 9, []),
        (["a", "a", "b", "b"], [(3, False, ("b",))]),
        (["ab", "a", "b", "ab", "a"], [(1, True, ("a", "b"))]),
        (["a", "ab", "b", "a"], [(2, True, ("a", "b"))]),
        # A router that keeps to one model for a while: the first turn can't be told from a change.
        (["a", "b", "a", "b", "b", "a"], [(2, False, ("b",)), (3, True, ("a", "b"))]),
        (["ab", "ab", "abc"], [(1, True, ("a", "b")), (3, False, ("a", "b", "c"))]),
        (["a", "", "a", "", "b"], [(5, False, ("b",))]),
    ],
)
def test_another_name_is_a_change_and_names_in_turn_are_none(looks: list[str], told: Told) -> None:
    assert heard(looks) == told


def test_a_model_that_was_taken_back_long_after_is_a_change_again() -> None:
    looks = ["a", *["b"] * (RECENT + 1), "a"]
    assert heard(looks) == [(2, False, ("b",)), (len(looks), False, ("a",))]


def test_one_of_a_routers_names_that_is_heard_no_more_is_a_change() -> None:
    """The name was exchanged in the middle of a look, which looks like a router at first."""
    assert heard(["a", "ab", *["b"] * (RECENT - 1)]) == [(2, True, ("a", "b"))]
    found = heard(["a", "ab", *["b"] * 2 * RECENT])
    assert found == [(2, True, ("a", "b")), (2 + RECENT, False, ("b",))]


def test_a_watch_that_kept_no_names_goes_on_with_the_last_ones() -> None:
    _, told = ServedNames().heard(7, ("b",), ("a",))
    assert told == NamesTold(before=("a",), after=("b",), turns=False)
