"""Two-sample tests within prompts: exact under the null, awake to another model, and telling
what they can't say."""

from __future__ import annotations

import numpy as np

from detectors.base import NotMeasured
from detectors.service.answer_spread import AnswerSpread
from detectors.service.model_equality import ModelEquality, discrepancies
from detectors.stats.char_kernel import exact, hamming, same_beginning
from detectors.stats.intervals import clopper_pearson
from detectors.stats.relabelling import exact_p, labellings
from fingerprints.records import Status
from tests.detectors.services import against, case, chain, hotter, measured, p_of, service

MODEL = chain(1)


def test_kernels_agree_on_padding_beginnings_and_whole_answers() -> None:
    texts = ("abcd", "abxd", "", "abcd")
    assert hamming(texts)[0].tolist() == [1.0, 0.75, 0.0, 1.0]
    assert same_beginning(texts)[0].tolist() == [1.0, 0.5, 0.0, 1.0]
    assert same_beginning(("", ""))[0, 1] == 1.0
    assert exact(texts)[0].tolist() == [1.0, 0.0, 0.0, 1.0]


def test_labellings_keep_their_sizes_and_begin_with_the_true_one() -> None:
    (labels,) = labellings([(2, 3)], rounds=50, seed=1)
    assert labels[0].tolist() == [1, 1, 0, 0, 0]
    assert set(labels.sum(axis=1)) == {2.0}
    assert (labels == labellings([(2, 3)], rounds=50, seed=1)[0]).all()


def test_p_values_are_uniform_enough_for_a_model_against_itself() -> None:
    detector, runs = ModelEquality(rounds=99), 100
    p = np.array(
        [
            p_of(detector.measure(against(MODEL, MODEL, seed, n=10, samples=3)))
            for seed in range(runs)
        ]
    )
    for alpha in (0.05, 0.2):
        alarms = int((p <= alpha).sum())
        assert clopper_pearson(alarms, runs, 0.99)[0] <= alpha
    assert (p > 0.5).mean() > 0.3


def test_another_model_is_found_and_a_hotter_one_too() -> None:
    for other, questions in (
        (chain(2), 48),
        (hotter(MODEL, 4.0), 64),
    ):  # the hotter one escapes one time in ten at 48
        found = [
            p_of(ModelEquality(rounds=199).measure(against(other, MODEL, seed, n=questions)))
            for seed in range(10)
        ]
        assert max(found) <= 0.01


def test_the_value_is_the_mean_over_prompts_and_its_exhibits_show_both_sides() -> None:
    found = measured(ModelEquality(rounds=99).measure(against(chain(2), MODEL, 3)))
    assert found.value > 0
    assert found.interval is not None
    assert found.interval[0] <= found.value <= found.interval[1]
    assert {e.source for e in found.exhibits} == {"endpoint", "reference"}
    assert found.null is not None
    assert found.null.unit == "relabellings"
    kernels, labels = [np.eye(4)], labellings([(2, 2)], 0)
    assert discrepancies(kernels, labels)[0, 0] == 0.0
    assert exact_p(np.array([1.0, 1.0, 0.0])) == 2 / 3


def test_greedy_answers_are_compared_whole_and_carry_a_warning() -> None:
    one, other = service("a", MODEL, 1, samples=1), service("b", MODEL, 2, samples=1)

    def repeated(transcript):  # type: ignore[no-untyped-def]
        twice = tuple(
            r.model_copy(update={"sample": k}) for r in transcript.replies for k in range(2)
        )
        return type(transcript)(transcript.header, transcript.probes, twice)

    found = measured(ModelEquality(rounds=99).measure(case(repeated(one), repeated(other))))
    assert found.metric == "MMD² of whole answers"
    assert any("no error rate" in note for note in found.notes)
    same = measured(ModelEquality(rounds=99).measure(case(repeated(one), repeated(one))))
    assert same.value == 0


def test_too_few_prompts_or_single_answers_are_no_measurement() -> None:
    few = ModelEquality().measure(against(MODEL, MODEL, 1, n=5))
    once = ModelEquality().measure(
        case(service("a", MODEL, 1, samples=1), service("b", MODEL, 2, samples=4))
    )
    assert isinstance(few, NotMeasured)
    assert "only 5 prompts" in few.reason
    assert isinstance(once, NotMeasured)
    assert "at least 2 times" in once.reason


def test_empty_answers_count_as_answers() -> None:
    spoken = service("b", MODEL, 2, samples=4)
    silent = type(spoken)(
        spoken.header,
        spoken.probes,
        tuple(r.model_copy(update={"text": "", "status": Status.EMPTY}) for r in spoken.replies),
    )
    assert p_of(ModelEquality(rounds=199).measure(case(silent, spoken))) <= 0.01


def test_a_hotter_service_spreads_its_answers_and_a_cache_repeats_them() -> None:
    hot = measured(AnswerSpread(rounds=199).measure(against(hotter(MODEL, 2.5), MODEL, 1)))
    cool = measured(AnswerSpread(rounds=199).measure(against(hotter(MODEL, 0.3), MODEL, 1)))
    same = measured(AnswerSpread(rounds=199).measure(against(MODEL, MODEL, 1)))
    assert hot.value > 0 > cool.value
    assert p_of(hot) <= 0.01
    assert p_of(cool) <= 0.01
    assert p_of(same) > 0.01
