"""A text without its layout keeps every word and loses every mark."""

from __future__ import annotations

import time

import pytest

from detectors.text.plaintext import without_layout


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("# One\n\ntwo", "One two"),
        ("- a\n* b\n+ c\n• d\n12) e\n3. f", "a b c d e f"),
        ("- **Bold:** text\n    * nested", "Bold: text nested"),
        ("1. **First**: x", "First: x"),
        ("```python\nx = a * b\n```", "x = a * b"),
        ("| a | b |\n|---|---|\n| c | d |", "a b --- --- c d"),
        ("> quoted\n\n---\nend", "quoted end"),
        ("snake_case and 2*3", "snake_case and 2*3"),
        ("*it* and __that__, `code`", "it and that, code"),
        ("你好\n- 再见", "你好 再见"),
        ("", ""),
    ],
)
def test_marks_go_and_words_stay(text: str, bare: str) -> None:
    assert without_layout(text) == bare


def test_hostile_text_takes_linear_time() -> None:
    started = time.perf_counter()
    for text in (
        "*" * 50_000,
        "#" * 50_000,
        "1" * 50_000,
        " \n" * 25_000,
        "_a" * 25_000,
        "`" * 50_000,
    ):
        without_layout(text)
    assert time.perf_counter() - started < 2
