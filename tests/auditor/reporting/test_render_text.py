"""Texts and numbers as they are shown, and the geometry of figures."""

from __future__ import annotations

import math
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from auditor.reporting.figures import MOST_BARS, figure, scale
from auditor.reporting.text import cell, date, interval, number, one_line, quote, signed, visible
from detectors.base import Bar, Chart, Span

ANY = st.text(st.characters(), max_size=200)


@given(ANY)
def test_visible_text_holds_no_control_format_or_surrogate_character(text: str) -> None:
    assert all(unicodedata.category(c)[0] != "C" or c in "\n\t" for c in visible(text))
    assert "\n" not in one_line(text)


@given(ANY)
def test_plain_letters_of_any_script_are_left_alone(text: str) -> None:
    letters = "".join(
        c
        for c in text
        if unicodedata.category(c) in ("Lu", "Ll", "Lo", "Nd")
        and c not in "\u115f\u1160\u3164\uffa0"
    )
    assert visible(letters) == letters


def test_marks_piled_on_a_letter_are_spelled_out_after_the_sixth() -> None:
    assert visible("o" + "\u0301" * 10_000).startswith("o" + "\u0301" * 6 + r"\u{301}")
    assert visible("क्षि สวัสดี שָׁלוֹם") == "क्षि สวัสดี שָׁלוֹם"


def test_invisible_letters_are_spelled_out() -> None:
    assert visible("a\u3164b\u2800") == r"a\u{3164}b\u{2800}"


def test_a_limit_cuts_and_says_so() -> None:
    assert visible("abcdef", 4) == "abc…"
    assert visible("abcd", 4) == "abcd"


@given(
    ANY,
    st.lists(st.tuples(st.integers(-300, 300), st.integers(-300, 300)), max_size=5),
    st.integers(1, 250),
)
def test_the_pieces_of_a_quote_add_up_to_the_text_that_is_not_cut(
    text: str, spans: list[tuple[int, int]], limit: int
) -> None:
    q = quote(text, [Span(start=a, end=b) for a, b in spans], limit)
    assert "".join(p.text for p in q.pieces) == text[q.cut_before : len(text) - q.cut_after]
    assert len(text) - q.cut_before - q.cut_after <= limit
    assert q.cut_before >= 0
    assert q.cut_after >= 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.500"),
        (0.02344, "0.023"),
        (9.99, "9.990"),
        (12.345, "12.35"),
        (257.0, "257.0"),
        (1, "1"),
        (12345, "12,345"),
        (-0.0001, "-1.0e-04"),
        (math.nan, "–"),
        (math.inf, "–"),
        (-0.0, "0.000"),
        (None, "–"),
    ],
)
def test_numbers_are_shown_with_at_most_three_decimals(value: float | None, text: str) -> None:
    assert number(value) == text


def test_intervals_signs_cells_and_dates() -> None:
    assert interval((0.1, 0.25)) == "(0.100 to 0.250)"
    assert interval((-1.0, 0.5), sign=True) == "(-1.00 to +0.50)"
    assert interval(None) == ""
    assert signed(0.0) == "+0.00"
    assert cell("x") == "x"
    assert cell(None) == "–"
    assert date("2026-01-02T03:04:05Z") == "2 January 2026, 03:04 UTC"
    assert date("yesterday") == "yesterday"


@given(st.lists(st.floats(-1e9, 1e9), max_size=8))
@example([400000001.0, -800000001.0])
def test_an_axis_holds_every_value_and_has_few_ticks(values: list[float]) -> None:
    axis = scale(values)
    assert 2 <= len(axis.ticks) <= 8
    slack = 1e-8 * (axis.high - axis.low)
    for value in values:
        assert axis.low - slack <= value <= axis.high + slack
        assert 3.0 <= axis.at(value) <= 97.0


def chart(*bars: Bar, kind: str = "bars", reference: float | None = None) -> Chart:
    return Chart(kind=kind, title="t", x_label="x", bars=bars, reference=reference)  # type: ignore[arg-type]


def test_bars_begin_at_zero_and_go_both_ways() -> None:
    up, down = figure(chart(Bar(label="a", value=2.0), Bar(label="b", value=-1.0))).lines
    assert down.start < up.start
    assert down.start + down.width == pytest.approx(up.start, abs=0.02)
    assert up.width == pytest.approx(2 * down.width, abs=0.02)


def test_a_longer_bar_has_the_greater_value_and_intervals_enclose_the_dot() -> None:
    line = figure(
        chart(Bar(label="a", value=0.4, low=0.2, high=0.9), kind="dots", reference=0.0)
    ).lines[0]
    assert line.low is not None
    assert line.at is not None
    assert line.high is not None
    assert line.low < line.at < line.high


def test_numbers_that_are_not_finite_keep_their_row_and_are_not_drawn() -> None:
    drawn = figure(
        chart(Bar(label="a", value=math.nan, low=0.0, high=math.inf), Bar(label="b", value=1.0))
    )
    assert (drawn.lines[0].at, drawn.lines[0].low, drawn.lines[0].value) == (None, None, "–")
    assert drawn.lines[1].at is not None


def test_equal_values_and_no_bars_still_have_an_axis() -> None:
    assert figure(chart(Bar(label="a", value=3.0), Bar(label="b", value=3.0), kind="dots")).ticks
    assert figure(chart()).ticks


def test_bars_beyond_the_sixtieth_are_counted_and_not_drawn() -> None:
    drawn = figure(chart(*(Bar(label=str(i), value=float(i)) for i in range(MOST_BARS + 7))))
    assert (len(drawn.lines), drawn.omitted) == (MOST_BARS, 7)
