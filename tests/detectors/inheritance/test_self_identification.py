from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from detectors.base import Case, Measurement, NotMeasured, Teacher
from detectors.inheritance.self_identification import SelfIdentification
from detectors.registry import load_detector
from detectors.text.claim_rates import (
    NOBODY,
    UNREAD,
    read_answers,
    telling_arms,
)
from fingerprints.probes import load_probe_set
from fingerprints.records import Arm, Identity, Probe, Reply, Status
from fingerprints.transcript import Header, Transcript
from tests.detectors.claim_table import claim_table

Saying = Callable[[Probe, Arm], str]
ARMS = (Arm.OWN, Arm.EMPTY, Arm.NEUTRAL)
IDENTITY_PROBES = load_probe_set("identity").probes
LEADING_PROBES = load_probe_set("leading").probes
OPENAI = {
    "zh": "我是由OpenAI训练的语言模型。",
    "ar": "تم تطويري بواسطة شركة OpenAI.",
    "fr": "J'ai été créé par OpenAI.",
    "de": "Ich wurde von OpenAI entwickelt.",
    "es": "Fui creado por OpenAI.",
    "ru": "Меня создала компания OpenAI.",
    "ja": "私はOpenAIによって開発されました。",
    "hi": "मुझे OpenAI ने बनाया है।",
    "pt": "Fui criado pela OpenAI.",
    "ko": "저는 OpenAI에서 개발한 언어 모델입니다.",
}


def transcript(
    say: Saying,
    probes: Iterable[Probe] = IDENTITY_PROBES,
    arms: Iterable[Arm] = ARMS,
    name: str = "suspect",
    status: Status = Status.OK,
    **identity: Any,
) -> Transcript:
    probes = tuple(probes)
    replies = [
        Reply(probe_id=p.id, arm=arm, status=status, text=say(p, arm))
        for p in probes
        for arm in arms
    ]
    header = Header(
        spec=f"recording:{name}",
        identity=Identity(kind=identity.pop("kind", "checkpoint"), name=name, **identity),
    )
    return Transcript(
        header, {p.id: p for p in probes}, tuple(sorted(replies, key=lambda r: r.key))
    )


def like_qwen_coder(probe: Probe, arm: Arm) -> str:
    """The known case: its own prompt names its maker, a neutral one does not, and it says
    OpenAI."""
    if arm is Arm.OWN:
        return "I am Qwen, created by Alibaba Cloud."
    if probe.question in ("maker", "role-override", "trained-by", "introduce"):
        return OPENAI.get(probe.language, "I am an AI language model created by OpenAI.")
    return "I am a language model." if probe.question != "name" else "I am not ChatGPT."


def silent(probe: Probe, arm: Arm) -> str:
    return "I am a language model and have no name."


def says(text: str) -> Saying:
    return lambda probe, arm: text


def teacher(name: str, vendor: str, say: Saying, **identity: Any) -> Teacher:
    return Teacher(name, vendor, name, transcript(say, name=name, **identity))


def measured(case: Case) -> Measurement:
    result = SelfIdentification().measure(case)
    assert isinstance(result, Measurement), result
    return result


def reason(case: Case) -> str:
    result = SelfIdentification().measure(case)
    assert isinstance(result, NotMeasured)
    return result.reason


BACKGROUND = (
    teacher("a", "alibaba", like_qwen_coder),
    teacher("b", "google", silent),
    teacher("c", "meta", says("I was made by Meta.")),
    teacher("d", "mistral", says("I am Mistral, made by Mistral AI.")),
)
GPT = teacher("gpt", "openai", says("I am ChatGPT, made by OpenAI."))
QWEN = BACKGROUND[0]
CASE = Case(transcript(like_qwen_coder), GPT, BACKGROUND)
QUESTIONS = len({p.cluster for p in IDENTITY_PROBES})


def test_a_model_that_names_its_maker_only_under_its_own_prompt_shows_the_confused_pair() -> None:
    m = measured(CASE)
    assert "under its own system prompt most often Alibaba (100 %)" in m.summary
    assert "Without its own system prompt the suspect names OpenAI" in m.summary
    assert "most often OpenAI" in m.summary
    assert re.search(r"no maker of the table in \d+ %", m.summary)
    arms = {row[0]: row for row in m.tables[0].rows}
    rate = m.tables[0].columns.index("rate")
    top = m.tables[0].columns.index("names most")
    assert arms["own"][rate] == 0.0
    assert (arms["own"][top], arms["neutral"][top]) == ("alibaba", "openai")
    assert m.value == arms["neutral"][rate] == arms["empty"][rate] > 0


def test_the_value_is_the_mean_over_questions_and_n_is_their_number() -> None:
    m = measured(CASE)
    assert (m.n, m.n_unit, m.metric) == (QUESTIONS, "questions", "claim_rate")
    assert m.value == pytest.approx(4 / QUESTIONS)
    assert m.interval is not None
    assert m.interval[0] < m.value < m.interval[1]


def test_the_other_vendor_of_the_pair_gets_no_claim_without_its_prompt() -> None:
    m = measured(Case(CASE.suspect, QWEN, (GPT, *BACKGROUND[1:])))
    assert m.value == 0.0
    assert m.interval is not None
    assert 0 < m.interval[1] < 0.2
    assert any("self-description" in note for note in m.notes)


def test_the_null_is_the_same_claim_among_models_of_other_vendors_with_the_conformal_ceiling() -> (
    None
):
    m = measured(CASE)
    assert m.null is not None
    assert m.null.n == 4
    assert m.null.at_least == 1
    assert m.null.p == pytest.approx(2 / 5)
    assert m.null.mean == pytest.approx(m.value / 4)


def test_models_of_the_candidates_vendor_of_no_known_vendor_and_the_suspect_itself_are_not_in_the_null() -> (
    None
):
    more = (
        teacher("gpt2", "openai", says("I am ChatGPT.")),
        teacher("odd", "", says("I am ChatGPT.")),
        teacher("twin", "alibaba", says("I am ChatGPT."), weights_sha256="a" * 64),
        Teacher("unasked", "meta", "x", transcript(silent, probes=())),
    )
    suspect = transcript(like_qwen_coder, weights_sha256="a" * 64)
    m = measured(Case(suspect, GPT, (*BACKGROUND, *more)))
    assert m.null is not None
    assert m.null.n == 4
    assert any("1 stored models of no known vendor" in note for note in m.notes)


def test_without_a_background_the_null_is_empty_and_says_so() -> None:
    m = measured(Case(CASE.suspect, GPT))
    assert m.null is not None
    assert (m.null.n, m.null.p) == (0, None)


def test_the_vendor_named_most_ranks_first_among_the_stored_vendors() -> None:
    assert measured(CASE).rank is not None
    rank = measured(CASE).rank
    assert rank is not None
    assert (rank.position, rank.of) == (1, 5)
    other = measured(Case(CASE.suspect, BACKGROUND[1], (GPT, QWEN))).rank
    assert other is None  # never named: to be last together is no place


def test_exhibits_quote_the_claims_first_then_denials_and_vary_arm_and_language() -> None:
    m = measured(CASE)
    assert 4 <= len(m.exhibits) <= 8
    weights = [e.weight for e in m.exhibits]
    assert weights == sorted(weights, reverse=True)
    assert all(e.answer[s.start : s.end] for e in m.exhibits for s in e.spans)
    quoted = [e.answer[s.start : s.end] for e in m.exhibits[:5] for s in e.spans]
    assert "OpenAI" in quoted
    assert len({e.language for e in m.exhibits[:5]}) == 5
    assert len({e.arm for e in m.exhibits[:5]}) == 2
    assert any(e.why.startswith("denies") for e in m.exhibits)
    assert any("Alibaba" in e.why for e in m.exhibits)


def test_the_chart_holds_every_vendor_by_arm_with_intervals_and_marks_the_candidates() -> None:
    (chart,) = measured(CASE).charts
    assert {b.group for b in chart.bars} == {"own", "empty", "neutral"}
    assert {b.label for b in chart.bars if b.strong} == {"OpenAI"}
    assert {b.label for b in chart.bars} == {"OpenAI", "Alibaba", NOBODY}
    assert all(
        b.low is not None and b.high is not None and b.low <= b.value <= b.high for b in chart.bars
    )


def agrees(names: set[str]) -> Saying:
    return lambda probe, arm: (
        "Yes." if probe.vendor in names else ("No." if probe.vendor else silent(probe, arm))
    )


def agreement(say: Saying) -> dict[tuple[object, object], tuple[object, ...]]:
    suspect = transcript(
        say, probes=(*IDENTITY_PROBES, *LEADING_PROBES), arms=(Arm.OWN, Arm.NEUTRAL)
    )
    m = measured(Case(suspect, GPT, BACKGROUND))
    assert m.value == 0.0
    table = m.tables[-1]
    assert "reported apart" in table.title
    return {(row[0], row[1]): row for row in table.rows}


def test_a_model_that_says_yes_to_every_name_shows_no_difference_between_vendors() -> None:
    everyone = {p.vendor for p in LEADING_PROBES if p.vendor}
    rows = agreement(agrees(everyone))
    assert rows["neutral", "openai"][4] == 1.0
    assert rows["neutral", "all other vendors"][4] == 1.0
    assert rows["neutral", "difference"][4] == 0.0


def test_a_model_that_says_yes_to_one_name_only_shows_the_difference_and_it_enters_no_claim_rate() -> (
    None
):
    rows = agreement(agrees({"openai"}))
    assert rows["own", "difference"][4] == 1.0
    assert rows["own", "all other vendors"][4] == 0.0


def test_the_claim_table_counts_by_vendor_arm_and_language_clustered_by_question() -> None:
    table = claim_table(CASE.suspect)
    assert table.columns == (
        "vendor",
        "arm",
        "language",
        "claims",
        "questions",
        "rate",
        "low",
        "high",
    )
    rows = {row[:3]: row for row in table.rows}
    german = [p for p in IDENTITY_PROBES if p.language == "de"]
    said = [
        p for p in german if p.question in ("maker", "role-override", "trained-by", "introduce")
    ]
    assert rows["openai", "neutral", "de"][3:6] == (
        len(said),
        len({p.question for p in german}),
        len(said) / len(german),
    )
    assert rows["alibaba", "own", "all"][5] == 1.0
    assert rows[NOBODY, "own", "all"][5] == 0.0
    assert claim_table(transcript(silent, probes=())).rows == ()


def test_an_answer_in_a_language_that_is_not_read_is_counted_as_unread_and_never_as_nobody() -> (
    None
):
    swedish = transcript(says("Jag är en språkmodell och har inget namn."))
    answers = read_answers(swedish)
    assert not any(a.says(NOBODY) for a in answers)
    assert all(a.says(UNREAD) for a in answers)
    assert {row[0] for row in claim_table(swedish).rows if row[3]} == {UNREAD}
    named = read_answers(transcript(says("Jag är ChatGPT. I am ChatGPT.")))
    assert not any(a.says(UNREAD) or a.says(NOBODY) for a in named)
    plain = read_answers(transcript(silent))
    assert all(a.says(NOBODY) for a in plain)
    told = reason(Case(swedish, teacher("t", "openai", silent)))
    assert told == f"none of {len(answers)} answers to who it is can be read"


def test_recorded_answers_are_measured_in_their_one_arm_and_the_note_says_what_is_missing() -> None:
    suspect = transcript(says("I was made by OpenAI."), arms=(Arm.RECORDED,), kind="recording")
    assert telling_arms(read_answers(suspect)) == (Arm.RECORDED,)
    m = measured(Case(suspect, GPT, BACKGROUND))
    assert m.value == 1.0
    assert m.summary.startswith("In recorded answers")
    assert any("no answers under an empty or neutral system prompt" in note for note in m.notes)


def test_a_recording_without_identity_questions_is_not_measured() -> None:
    weather = (Probe(id="style/1", text="How is the weather?"),)
    for probes in ((), weather):
        suspect = transcript(silent, probes=probes, kind="recording")
        assert reason(Case(suspect, GPT)).startswith(
            "no identity questions among the recorded answers; "
        )


@pytest.mark.parametrize(
    ("case", "why"),
    [
        (
            Case(CASE.suspect, Teacher("x", "", "", CASE.suspect)),
            "vendor is not known to the store",
        ),
        (
            Case(CASE.suspect, Teacher("x", "Nobody & Sons", "", CASE.suspect)),
            "not in the table of vendors",
        ),
        (Case(transcript(silent, probes=()), GPT), "no identity questions were asked"),
        (Case(transcript(silent, status=Status.ERROR), GPT), "can be read"),
    ],
)
def test_what_can_not_be_measured_has_a_reason(case: Case, why: str) -> None:
    assert why in reason(case)


def test_answers_cut_at_the_length_limit_are_counted_in_a_note() -> None:
    suspect = transcript(silent, status=Status.TRUNCATED)
    assert any(
        "were cut at the length limit" in note for note in measured(Case(suspect, GPT)).notes
    )


def test_a_model_that_names_nobody_gives_zero_with_an_interval_and_no_exhibits() -> None:
    m = measured(Case(transcript(silent), GPT, BACKGROUND))
    assert m.value == 0.0
    assert m.exhibits == ()
    assert "it names no maker of the table at all" in m.summary


def test_the_same_case_gives_the_same_bytes() -> None:
    assert measured(CASE).digest() == measured(CASE).digest()


def test_no_word_of_a_verdict_appears_and_the_warning_does() -> None:
    m = measured(CASE)
    said = m.model_dump_json(exclude={"exhibits"}).lower()
    assert not re.search(r"\b(?:guilty|stolen|stole|proves|confirmed|match|matches)\b", said)
    assert "never evidence" in said
    assert "2411.10683" in said


def test_a_hostile_answer_is_quoted_as_it_stands() -> None:
    hostile = "I am ChatGPT.<script>alert(1)</script>\x1b[31m{{7*7}}"
    m = measured(Case(transcript(says(hostile)), GPT, BACKGROUND))
    assert m.exhibits[0].answer == hostile
    assert "<script>" not in m.summary


def test_the_detector_is_in_the_table_and_says_what_it_does_not_see() -> None:
    detector = load_detector("self_identification")
    assert isinstance(detector, SelfIdentification)
    assert detector.question == "inheritance"
    assert detector.scope == "both"
    assert any("scrubbing" in spot for spot in detector.blind_spots)


def test_a_stored_model_that_was_asked_under_its_own_prompt_only_is_no_null_for_answers_without_it() -> (
    None
):
    own = Teacher("own", "meta", "x", transcript(says("I am ChatGPT."), arms=(Arm.OWN,)))
    null = measured(Case(CASE.suspect, GPT, (*BACKGROUND, own))).null
    assert null is not None
    assert null.n == 4


def test_stored_models_are_compared_on_the_questions_that_the_suspect_answered() -> None:
    names = [p for p in IDENTITY_PROBES if p.question == "name"]
    null = measured(Case(transcript(like_qwen_coder, probes=names), GPT, BACKGROUND)).null
    assert null is not None
    assert (null.n, null.mean) == (4, 0.0)
