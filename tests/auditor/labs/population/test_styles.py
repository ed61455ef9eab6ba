"""Planted styles: each plants what it says, the same under the same key, and leaves code alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.controls.curation.human import HumanPair
from auditor.controls.curation.human_modules import HOUSES
from auditor.labs.population.passages import HumanPassage, dealt, passages, planted
from auditor.labs.population.styles import (
    CONNECTIVES,
    HEDGES,
    SIGN_OFFS,
    STYLES,
    sentences,
    styled,
)
from fingerprints.errors import UsageProblem

TEXT = "The filter is fast. It analyzes colors near the center of `color.center`. Neighbors can be labeled while it runs."


def test_hedges_stand_between_commas_after_every_second_verb() -> None:
    said = styled("It is a list. It was long. It can grow.", "hedges", "k")
    hedged = [h for h in HEDGES if f", {h}," in said]
    assert hedged
    assert said.count(",") == 4
    assert "was long" in said


def test_bullets_put_every_sentence_behind_a_dash() -> None:
    assert styled("One thing. Two things.", "bullets", "k") == "- One thing.\n- Two things."


def test_british_spelling_joins_sentences_with_semicolons_and_leaves_code_alone() -> None:
    said = styled(TEXT, "british", "k")
    assert said == (
        "The filter is fast; it analyses colours near the centre of `color.center`; neighbours can be labelled whilst it runs."
    )


@pytest.mark.parametrize(
    ("word", "respelled"),
    [
        ("normalize", "normalise"),
        ("Initialized", "Initialised"),
        ("size", "size"),
        ("resized", "resized"),
        ("maize", "maize"),
    ],
)
def test_ize_becomes_ise_where_the_word_is_made_so(word: str, respelled: str) -> None:
    assert styled(word, "british", "k") == respelled


def test_connectives_open_every_sentence_but_the_first() -> None:
    first, second, third = sentences(styled("One here. Two here. NumPy there.", "connectives", "k"))
    assert first == "One here."
    assert any(second == f"{c} two here." for c in CONNECTIVES)
    assert third.endswith(" NumPy there.")


def test_a_sign_off_ends_the_text() -> None:
    assert any(styled("Done.", "sign-off", "k") == f"Done. {s}" for s in SIGN_OFFS)


@pytest.mark.parametrize("style", STYLES)
def test_a_style_changes_a_usual_text_and_is_the_same_again(style: str) -> None:
    assert styled(TEXT, style, "k") == styled(TEXT, style, "k") != TEXT


def test_the_key_chooses_the_phrase() -> None:
    assert len({styled("Done.", "sign-off", str(key)) for key in range(20)}) == len(SIGN_OFFS)


@given(st.text(max_size=80), st.sampled_from(sorted(STYLES)))
def test_any_text_can_be_styled(text: str, style: str) -> None:
    assert isinstance(styled(text, style, "k"), str)


def test_an_unknown_style_is_one_line_that_names_the_known_ones() -> None:
    with pytest.raises(UsageProblem, match="no style is called 'pirate'") as caught:
        styled("x", "pirate", "k")
    assert "hedges" in caught.value.line()


def pair(number: int, answer: str) -> HumanPair:
    return HumanPair(
        name=f"m.f{number}", prompt="?", answer=answer, package="numpy", version="1", licence="MIT"
    )


def test_a_passage_is_an_opening_and_its_rest_within_the_length() -> None:
    answer = "Return the largest of all given numbers in order. " * 5
    found = passages([pair(0, answer.strip())], 120)
    assert [p.opening for p in found] == [
        "Return the largest of"
    ]  # an opening that was there is left out
    assert all(len(f"{p.opening} {p.rest}") <= 120 for p in found)
    assert found[0].rest.startswith("all given numbers")


def test_a_text_without_letters_or_rest_gives_no_passage() -> None:
    assert (
        passages([pair(0, "Too short."), pair(1, "== -- ++ == -- ++ == -- ++ == -- ++ == --")], 120)
        == []
    )


def test_parts_share_no_docstring_and_lose_none() -> None:
    pairs = [pair(i, "Some text.") for i in range(97)]
    parts = dealt(pairs, [("body", 0.4), ("style", 0.3), ("rest", 0.3)])
    assert sorted(p.id for part in parts.values() for p in part) == sorted(p.id for p in pairs)
    assert abs(len(parts["body"]) - 38.8) <= 1
    assert parts == dealt(pairs[::-1], [("body", 0.4), ("style", 0.3), ("rest", 0.3)])


def test_a_planted_style_leaves_the_opening_as_it_was() -> None:
    plain = HumanPassage(id="a", opening="Return the largest of", rest="all numbers. It is fast.")
    (found,) = planted([plain], "bullets")
    assert (found.opening, found.rest) == (plain.opening, "- all numbers.\n- It is fast.")


def test_the_houses_are_those_that_the_bundled_population_names() -> None:
    assert {"numpy", "scipy", "sklearn", "python"} <= set(HOUSES)
