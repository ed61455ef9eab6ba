"""Words for likelihood ratios, and the gate."""

from __future__ import annotations

import pytest

from auditor.evidence import Verdict
from auditor.weight import LEVELS, reaches, verdict, words


@pytest.mark.parametrize(
    ("log10_lr", "told"),
    [
        (0.0, "no support either way"),
        (0.3, "no support either way"),
        (0.302, "weak support"),
        (1.0, "moderate support"),
        (2.5, "moderately strong support"),
        (3.5, "strong support"),
        (5.0, "very strong support"),
        (7.0, "extremely strong support"),
        (-1.5, "moderate support for the alternative"),
    ],
)
def test_words_follow_the_scale_in_both_directions(log10_lr: float, told: str) -> None:
    assert words(log10_lr) == told


def supported(log10_lr: float | None) -> Verdict:
    return Verdict(question="inheritance", candidate="t", outcome="supported", log10_lr=log10_lr)


@pytest.mark.parametrize("level", LEVELS)
def test_the_gate_opens_at_its_level_and_above(level: str) -> None:
    bounds = {"weak": 0.301, "moderate": 1, "moderately-strong": 2, "strong": 3, "very-strong": 4, "extremely-strong": 6}
    assert reaches([supported(bounds[level])], level)
    assert not reaches([supported(bounds[level] - 0.01)], level)


def test_an_uncalibrated_verdict_never_opens_the_gate() -> None:
    assert not reaches([supported(None)], "weak")
    assert not reaches([Verdict(question="inheritance", candidate="t", outcome="not_assessable", log10_lr=9.0)], "weak")


def test_without_a_calibration_there_is_no_word_and_no_ratio() -> None:
    told = verdict("t", [])
    assert (told.outcome, told.words, told.log10_lr, told.p_value) == ("not_assessable", None, None, None)
    assert "not a verdict" in told.reason
