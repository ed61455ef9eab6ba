"""chrF by hand and against the usual implementation's numbers; which choices stayed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.controls.evaluation.agreement import (
    MarkedChoice,
    chrf,
    retention,
)
from auditor.controls.evaluation.evaluate import Observed, figures
from auditor.controls.evaluation.figure import CHOICES, KEPT_RIGHT, SAME_CHOICE


def test_chrf_by_hand() -> None:
    # Letters: two of three match both ways; pairs: one of two; (2/3 + 1/2) / 2 = 7/12, precision
    # and recall alike.
    assert chrf("abc", "abd", order=2) == pytest.approx(7 / 12)
    # Precision of letters 1/1, recall 1/2; no pair in the answer: (1 + 4) · 1 · 0.5 / (4 · 1 +
    # 0.5).
    assert chrf("a", "ab") == pytest.approx(2.5 / 4.5)


@pytest.mark.parametrize(
    ("answer", "reference", "wanted"),
    [
        ("abc", "abd", 0.38888888888888884),
        ("The cat sat on the mat.", "A cat is sitting on a mat", 0.1730408616054625),
        ("你好世界吗", "你好，世界", 0.26),
        ("aaaaaaa", "aab", 0.29555555555555557),
    ],
)
def test_chrf_gives_the_numbers_of_sacrebleu(answer: str, reference: str, wanted: float) -> None:
    # sacrebleu 2.6.0, CHRF().sentence_score(answer, [reference]).score / 100
    assert chrf(answer, reference) == pytest.approx(wanted)


@given(st.text(max_size=30), st.text(max_size=30))
def test_chrf_lies_between_nothing_in_common_and_the_same_words(
    answer: str, reference: str
) -> None:
    assert 0 <= chrf(answer, reference) <= 1
    assert chrf(answer, answer) == pytest.approx(1.0 if answer.split() else 0.0)


def choices(**letters: str | None) -> dict[str, MarkedChoice]:
    return {key: MarkedChoice(key, letter, letter == "A") for key, letter in letters.items()}


def test_choices_that_stayed_are_counted_among_those_that_the_base_made() -> None:
    found = retention(choices(a="A", b="A", c="B", d=None), choices(a="A", b="C", c="B", d=None))
    assert found[SAME_CHOICE] == {"a": 1.0, "b": 0.0, "c": 1.0}
    assert found[KEPT_RIGHT] == {"a": 1.0, "b": 0.0}


def test_a_base_that_names_no_letter_has_nothing_to_keep() -> None:
    assert retention(choices(a=None), choices(a="A")) == {}


def test_retention_is_told_after_training_alone_with_its_interval() -> None:
    before = Observed({CHOICES: {"a": 1.0, "b": 1.0}}, choices(a="A", b="A"))
    after = Observed({CHOICES: {"a": 1.0, "b": 0.0}}, choices(a="A", b="B"))
    found = [f for f in figures(before, after) if f.figure_id == KEPT_RIGHT]
    assert [(f.when, f.value, f.n) for f in found] == [("after", 0.5, 2)]
    assert found[0].low is not None
    assert found[0].low < 0.5
