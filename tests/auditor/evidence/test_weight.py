"""Words for likelihood ratios, and the gate."""

from __future__ import annotations

import pytest

from auditor.evidence.records import Verdict
from auditor.evidence.weight import LEVELS, SCALE, assessable, reaches, weigh, words
from detectors.stats.lr_bounds import Bounds, model_cap


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
    bounds = {
        "weak": 0.301,
        "moderate": 1,
        "moderately-strong": 2,
        "strong": 3,
        "very-strong": 4,
        "extremely-strong": 6,
    }
    assert reaches([supported(bounds[level])], level)
    assert not reaches([supported(bounds[level] - 0.01)], level)


def test_an_uncalibrated_verdict_never_opens_the_gate() -> None:
    assert not reaches([supported(None)], "weak")
    assert not reaches(
        [Verdict(question="inheritance", candidate="t", outcome="not_assessable", log10_lr=9.0)],
        "weak",
    )


def test_the_gate_has_something_to_read_where_a_ratio_was_weighed() -> None:
    assert assessable([supported(0.2), supported(None)])
    assert not assessable([supported(None)])
    assert not assessable([])


def test_who_was_looked_at_for_likeness_alone_opens_no_gate() -> None:
    chosen = supported(0.9).model_copy(
        update={"outcome": "inconclusive", "reason_code": "chosen_for_likeness"}
    )
    assert not reaches([chosen], "weak")
    assert reaches([chosen.model_copy(update={"reason_code": None})], "weak")


@pytest.mark.parametrize(("bound", "word"), SCALE)
def test_every_word_exists_in_both_directions(bound: float, word: str) -> None:
    assert words(bound) == f"{word} support"
    assert words(-bound) == f"{word} support for the alternative"


def limits(n_h1: int, n_h2: int) -> Bounds:
    """Bounds by the numbers of models alone: the empirical ones are out of the way."""
    low, high = model_cap(n_h1, n_h2)
    return Bounds(elub_low=-9, elub_high=9, models_low=low, models_high=high, n_h1=n_h1, n_h2=n_h2)


def test_words_are_those_of_the_capped_ratio() -> None:
    for_it, against = weigh(8.0, limits(99, 9)), weigh(-8.0, limits(99, 9))
    assert (for_it.log10_lr, for_it.cap, for_it.capped, for_it.words) == (
        1.0,
        1.0,
        True,
        "moderate support",
    )
    assert (against.log10_lr, against.cap, against.words) == (
        -2.0,
        2.0,
        "moderately strong support for the alternative",
    )


def test_a_ratio_within_the_bounds_is_left_as_it_is() -> None:
    weight = weigh(0.5, limits(99, 99), (-0.5, 4.0))
    assert (weight.log10_lr, weight.interval, weight.capped, weight.words) == (
        0.5,
        (-0.5, 2.0),
        False,
        "weak support",
    )


def test_where_the_data_carry_nothing_nothing_is_said() -> None:
    useless = Bounds(elub_low=0, elub_high=0, models_low=-1, models_high=1, n_h1=9, n_h2=9)
    assert weigh(5.0, useless).words == weigh(-5.0, useless).words == "no support either way"


def test_a_ratio_that_is_not_a_number_has_no_words() -> None:
    with pytest.raises(ValueError, match="not a number"):
        weigh(float("nan"), limits(9, 9))
