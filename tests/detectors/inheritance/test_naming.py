"""Whom the suspect names besides itself: the confused pair, its null, and what is not measured."""

from __future__ import annotations

from detectors.base import Case, Measurement, NotMeasured
from detectors.inheritance.self_identification import SelfIdentification
from fingerprints.records import Arm
from tests.detectors.inheritance.test_self_identification import (
    like_qwen_coder,
    says,
    silent,
    teacher,
    transcript,
)


def naming(case: Case) -> Measurement:
    result = SelfIdentification().measure(case)
    assert isinstance(result, Measurement), result
    return result


def test_the_confused_pair_is_told_with_both_names_and_an_interval() -> None:
    m = naming(Case(transcript(like_qwen_coder), None))
    assert (m.metric, m.n_unit) == ("other_vendor_rate", "questions")
    assert "Alibaba" in m.summary
    assert "OpenAI" in m.summary
    assert m.interval is not None
    assert 0 < m.interval[0] < m.value < m.interval[1] < 1


def test_a_model_that_names_its_own_maker_in_every_arm_names_no_other() -> None:
    m = naming(Case(transcript(says("I was created by Alibaba Cloud.")), None))
    assert m.value == 0
    assert not m.exhibits


def test_without_an_own_name_every_vendor_is_another() -> None:
    def told(probe: object, arm: Arm) -> str:
        return "I am a helpful assistant." if arm is Arm.OWN else "I was created by OpenAI."

    assert naming(Case(transcript(told), None)).value == 1


def test_stored_models_are_measured_against_their_own_names() -> None:
    background = (
        teacher("qwen", "alibaba", like_qwen_coder),
        teacher("faithful", "mistral", says("I was made by Mistral AI.")),
        teacher("mute", "meta", silent),
    )
    m = naming(Case(transcript(like_qwen_coder), None, background))
    assert m.null is not None
    assert m.rank is not None
    assert (m.null.n, m.null.at_least, m.null.p) == (3, 1, 0.5)
    assert (m.rank.position, m.rank.of) == (1, 4)


def test_a_stored_copy_of_the_suspect_is_not_in_its_null() -> None:
    suspect = transcript(like_qwen_coder, weights_sha256="00")
    copy = teacher("copy", "alibaba", like_qwen_coder, weights_sha256="00")
    m = naming(Case(suspect, None, (copy,)))
    assert m.null is not None
    assert m.null.n == 0


def test_exhibits_quote_other_names_in_several_languages() -> None:
    m = naming(Case(transcript(like_qwen_coder), None))
    assert 4 <= len(m.exhibits) <= 8
    assert len({e.language for e in m.exhibits}) >= 4
    assert all(e.answer[s.start : s.end] for e in m.exhibits for s in e.spans)


def test_answers_to_other_questions_are_not_measured() -> None:
    result = SelfIdentification().measure(Case(transcript(silent, probes=()), None))
    assert isinstance(result, NotMeasured)
