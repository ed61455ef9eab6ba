"""Words for likelihood ratios, and the gate."""

from __future__ import annotations

from math import log10

import pytest

from auditor.evidence.exact import ExactTest
from auditor.evidence.records import Verdict
from auditor.evidence.weight import (
    LEVELS,
    SCALE,
    assessable,
    exact_conclusion,
    exact_outcome,
    exact_words,
    reaches,
    supporting_p,
    weigh,
    words,
)
from detectors.stats.evalues import log10_e_of_p
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


def exact(**changed: object) -> ExactTest:
    told = {
        "design": "coin",
        "by_design": True,
        "unit": "prompt",
        "n": 128,
        "p_value": 1e-40,
        "p_floor": 1e-77,
        "log10_e": 30.0,
        "anytime": True,
        **changed,
    }
    return ExactTest.model_validate(told)


def judged(test: ExactTest, corrected: float | None = None) -> Verdict:
    p = test.p_value if corrected is None else corrected
    outcome = exact_outcome(test, p)
    return Verdict(question="inheritance", candidate="t", outcome=outcome, p_value=p, exact=test)


def test_an_exact_test_is_supported_by_its_corrected_p_alone_and_only_by_design() -> None:
    assert judged(exact(p_value=0.0009, log10_e=1.4)).outcome == "supported"
    assert judged(exact(p_value=0.0009, log10_e=1.4), 0.0018).outcome == "inconclusive"
    assert judged(exact(p_value=0.0009, log10_e=0.4)).outcome == "inconclusive"
    assert judged(exact(by_design=False)).outcome == "inconclusive"
    assert judged(exact(design="public_dataset")).outcome == "inconclusive"


@pytest.mark.parametrize("looks", [1, 30, 1000, 100_000])
def test_the_largest_supporting_p_value_supports_and_a_larger_one_does_not(looks: int) -> None:
    def outcome(p: float) -> str:
        test = exact(p_value=p, log10_e=log10_e_of_p(p) - log10(looks))
        return judged(test, p * looks).outcome

    found = supporting_p(looks)
    assert outcome(found * 0.999) == "supported"
    assert outcome(found * 1.001) == "inconclusive"


def test_finding_nothing_clears_only_where_the_power_was_there() -> None:
    nothing = {"p_value": 0.3, "log10_e": -0.5}
    assert judged(exact(**nothing)).outcome == "inconclusive"
    assert judged(exact(**nothing, power=0.89)).outcome == "inconclusive"
    assert judged(exact(**nothing, power=0.9)).outcome == "not_supported"
    assert judged(exact(p_value=0.04, log10_e=-0.5, power=0.9)).outcome == "inconclusive"


def test_a_lost_bet_is_no_word_for_the_alternative_and_an_open_design_has_no_word() -> None:
    assert exact_words(exact(log10_e=-40.0)) == "no support either way"
    assert exact_words(exact()) == "extremely strong support"
    assert exact_words(exact(by_design=False)) is None


def test_the_gate_reads_e_values_where_the_design_holds() -> None:
    assert reaches([judged(exact())], "extremely-strong")
    assert not reaches([judged(exact(by_design=False))], "weak")
    assert not reaches([judged(exact(p_value=0.0009, log10_e=1.4))], "moderately-strong")
    assert assessable([judged(exact())])


def test_exact_verdicts_conclude_by_their_outcomes() -> None:
    found, nothing = judged(exact()), judged(exact(p_value=0.4, log10_e=-0.5, power=0.95))
    open_ = judged(exact(p_value=0.4, log10_e=-0.5))
    refused = open_.model_copy(update={"outcome": "not_assessable", "exact": None})
    assert exact_conclusion([found, nothing, refused]) == "supported"
    assert exact_conclusion([nothing, nothing]) == "not_supported"
    assert exact_conclusion([nothing, refused]) == "inconclusive"
    assert exact_conclusion([nothing, open_]) == "inconclusive"
    assert exact_conclusion([refused]) == exact_conclusion([]) == "not_assessable"


@pytest.mark.parametrize("p", [0.0, -0.1, 1.5, float("nan")])
def test_no_exact_test_has_a_p_value_of_nothing(p: float) -> None:
    with pytest.raises(ValueError, match="p_value"):
        exact(p_value=p)
