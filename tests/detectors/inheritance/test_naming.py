"""Whom the suspect says that it is: told as another's name only where its user said who made it."""

from __future__ import annotations

import pytest

from detectors.base import Case, Measurement, NotMeasured
from detectors.inheritance.self_identification import SelfIdentification
from detectors.text.makers import makers_in_use
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
    m = naming(Case(transcript(like_qwen_coder), None, vendor="Alibaba Cloud"))
    assert (m.metric_id, m.n_unit) == ("other_vendor_rate", "questions")
    assert "Alibaba" in m.summary
    assert "OpenAI" in m.summary
    assert m.interval is not None
    assert 0 < m.interval[0] < m.value < m.interval[1] < 1


def test_without_a_known_maker_two_names_are_told_and_neither_is_called_its_own() -> None:
    m = naming(Case(transcript(like_qwen_coder), None))
    assert m.metric_id == "second_maker_rate"
    assert 0 < m.value < 1
    assert "names several makers: Qwen, made by Alibaba in 97, OpenAI in " in m.summary
    assert "Under its own system prompt Alibaba in 97 of 97;" in m.summary
    assert "not told (--vendor)" in m.summary
    assert m.facts["maker_known"] == 0


@pytest.mark.parametrize("vendor", ["", "Moonshot AI"])
def test_an_honest_model_names_one_maker_throughout_and_no_other(vendor: str) -> None:
    m = naming(
        Case(transcript(says("I am Kimi, made by Moonshot AI.")), None, vendor=vendor),
    )
    assert m.value == 0
    assert "it says: Kimi, made by Moonshot AI, in 291 of 291 answers" in m.summary
    assert "one maker throughout" in m.summary
    if not vendor:
        shown = m.model_dump_json(exclude={"notes", "null"})
        assert "other" not in shown.replace("another", "other")


def test_a_maker_that_is_given_is_what_names_are_held_against() -> None:
    honest = transcript(says("I was created by Alibaba Cloud."))
    own, others = (naming(Case(honest, None, vendor=v)) for v in ("qwen", "Mistral AI"))
    assert (own.value, others.value) == (0, 1)
    assert "Its maker is given as Alibaba: named in 291 of 291, another maker in 0." in own.summary
    assert others.direction.endswith("a maker that is not Mistral AI")


@pytest.mark.parametrize(
    ("vendor", "asked"), [("Fruit & Sons", "--vendors adds one"), ("Opnai", "did you mean OpenAI?")]
)
def test_of_a_maker_that_the_table_lacks_no_name_is_called_another(vendor: str, asked: str) -> None:
    m = naming(Case(transcript(says("I was made by OpenAI.")), None, vendor=vendor))
    assert (m.metric_id, m.value) == ("second_maker_rate", 0)
    assert f"given as {vendor}, which the table of makers lacks ({asked})" in m.summary
    assert "no name is called another maker's" in m.summary


def test_who_names_nobody_is_said_to_name_nobody() -> None:
    m = naming(Case(transcript(silent), None))
    assert m.value == 0
    assert m.summary.startswith(
        f"Asked who it is, it names of itself none of the {len(makers_in_use().makers)} makers in the"
        " table, in 291 answers"
    )
    assert not m.exhibits


def test_one_name_without_its_prompt_alone_is_still_one_maker() -> None:
    def told(probe: object, arm: Arm) -> str:
        return "I am a helpful assistant." if arm is Arm.OWN else "I was created by OpenAI."

    m = naming(Case(transcript(told), None))
    assert m.value == 0
    assert "OpenAI, in 194 of 291 answers" in m.summary
    assert "under an empty or neutral one OpenAI in 194 of 194" in m.summary
    assert naming(Case(transcript(told), None, vendor="Meta")).value == 1


BACKGROUND = (
    teacher("qwen", "alibaba", like_qwen_coder),
    teacher("faithful", "mistral", says("I was made by Mistral AI.")),
    teacher("mute", "meta", silent),
    teacher("nobody's", "", says("I was made by Mistral AI.")),
)


def test_stored_models_are_measured_as_the_suspect_is() -> None:
    unknown = naming(Case(transcript(like_qwen_coder), None, BACKGROUND))
    known = naming(Case(transcript(like_qwen_coder), None, BACKGROUND, vendor="Alibaba"))
    assert unknown.null is not None
    assert known.null is not None
    assert (unknown.null.n, unknown.null.at_least) == (4, 1)
    # Of a stored model of no known maker nobody can say that it names another.
    assert (known.null.n, known.null.at_least, known.null.p) == (3, 1, 0.5)
    assert known.rank is not None
    assert (known.rank.position, known.rank.of) == (1, 4)


def test_a_stored_copy_of_the_suspect_is_not_in_its_null() -> None:
    suspect = transcript(like_qwen_coder, weights_sha256="00")
    copy = teacher("copy", "alibaba", like_qwen_coder, weights_sha256="00")
    m = naming(Case(suspect, None, (copy,)))
    assert m.null is not None
    assert m.null.n == 0
    assert m.rank is None


def test_exhibits_quote_the_makers_named_second_first_in_several_languages() -> None:
    m = naming(Case(transcript(like_qwen_coder), None))
    assert len(m.exhibits) == 8
    assert len({e.language for e in m.exhibits}) >= 4
    assert all(e.answer[s.start : s.end] for e in m.exhibits for s in e.spans)
    assert "OpenAI" in m.exhibits[0].why


def test_answers_to_other_questions_are_not_measured() -> None:
    result = SelfIdentification().measure(Case(transcript(silent, probes=()), None))
    assert isinstance(result, NotMeasured)
