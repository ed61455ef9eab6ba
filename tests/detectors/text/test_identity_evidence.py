"""What a suspect says of itself is heard whatever it was asked, told apart by what that was, and what
is not used is counted."""

from __future__ import annotations

from typing import Any

import pytest

from detectors.base import Case, Measurement, NotMeasured, Teacher
from detectors.exhibits.heard_tables import heard_table, used_table
from detectors.exhibits.self_description import OwnMaker, described
from detectors.inheritance.self_identification import SelfIdentification
from detectors.text.claim_rates import NOBODY
from detectors.text.identity_evidence import (
    declared_names,
    identity_evidence,
    makers_by_name,
)
from detectors.text.makers import makers_in_use
from fingerprints.records import Arm, Identity, Message, Probe, Reply, Status
from fingerprints.transcript import Header, Transcript
from tests.detectors.inheritance.test_self_identification import IDENTITY_PROBES

Told = tuple[str, str] | tuple[str, str, dict[str, Any]]
CLAUDE = "I'm Claude, an AI assistant made by Anthropic."


def heard(*told: Told, name: str = "m", kind: Any = "recording") -> Transcript:
    """Recorded questions and answers; ``system``, ``before`` (turns) and a reply's fields may
    follow."""
    probes, replies = {}, []
    for i, (question, answer, *rest) in enumerate(told):
        more = dict(rest[0]) if rest else {}
        history = tuple(Message(role=r, content=c) for r, c in more.pop("before", ()))
        if "system" in more:
            history = (Message(role="system", content=more.pop("system")), *history)
        probe = Probe(id=f"recorded/{i:02d}", text=question, history=history)
        probes[probe.id] = more.pop("probe", probe)
        fields = {"arm": Arm.RECORDED, "status": Status.OK, **more}
        replies.append(Reply(probe_id=probes[probe.id].id, text=answer, **fields))
        probes = {p.id: p for p in probes.values()}
    header = Header(spec="recording:x", identity=Identity(kind=kind, name=name))
    return Transcript(header, probes, tuple(sorted(replies, key=lambda r: r.key)))


def told(transcript: Transcript, vendor: str = "") -> str:
    found = described(
        identity_evidence(transcript), OwnMaker.of(vendor), declared_names(transcript)
    )
    return " ".join(found.sentences)


def measured(transcript: Transcript, teacher: Teacher | None = None) -> Measurement:
    result = SelfIdentification().measure(Case(transcript, teacher))
    assert isinstance(result, Measurement), result
    return result


def of(vendor: str) -> Teacher:
    return Teacher("t", vendor, "", heard())


OWN_WORDS = (
    ("what model r u", CLAUDE),
    ("Who trained you?", CLAUDE),
    ("你叫什么名字？", "我是Claude，由Anthropic开发。"),
    ("which version are you", "Claude."),
)


def test_questions_in_ones_own_words_count_and_a_bare_name_answers_them() -> None:
    said = heard(*OWN_WORDS, ("Name a river.", "The Danube."))
    assert "it says: Claude" in told(said)
    assert "in 4 of 4 answers (4 questions): one maker throughout" in told(said)
    m = measured(said, of("anthropic"))
    assert (m.metric_id, m.value, m.n) == ("claim_rate_own_questions", 1.0, 4)
    assert m.null is not None
    assert m.null.n == 0
    assert any("no stored model was asked the same" in note for note in m.notes)
    assert measured(said, of("openai")).value == 0.0


def test_the_bank_is_the_basis_where_it_was_asked_in_earnest() -> None:
    asked = list({p.cluster: p for p in IDENTITY_PROBES}.values())
    bank = [(p.text, "I am Qwen.", {"probe": p}) for p in asked[:10]]
    m = measured(heard(*bank, *OWN_WORDS), of("alibaba"))
    assert (m.metric_id, m.value) == ("claim_rate", 1.0)
    alone = measured(heard(*bank, *OWN_WORDS))
    assert alone.facts["source"] == "bank"
    assert "names several makers" in alone.summary
    few = measured(heard(*bank[:2], *OWN_WORDS))
    assert (few.facts["source"], few.n, few.value) == ("own", 6, 2 / 6)


def test_a_name_that_the_user_said_first_is_told_as_that() -> None:
    asked = ("are you chatgpt?", "Yes, I am ChatGPT, made by OpenAI.")
    only = heard(asked, ("Who made you?", "I am a language model."))
    assert "names of itself none of the" in told(only)
    assert "in 1 it agrees to a name that the user had said" in told(only)
    assert "Only where the user had named it before it agrees to be of: OpenAI in 1 of 2" in (
        told(only)
    )
    assert measured(only, of("openai")).value == 0.0
    both = told(heard(asked, ("Who made you?", "I was made by OpenAI.")))
    assert "in 2 of 2 answers (2 questions; in 1 the user had named it before)" in both


def test_the_name_of_a_system_prompt_is_the_personas_and_another_is_the_models() -> None:
    persona = {"system": "You are Kimi, an assistant made by Moonshot AI."}
    obeys = ("Who are you?", "I am Kimi, made by Moonshot AI.", persona)
    slips = ("Who made you?", CLAUDE, persona)
    said = heard(obeys, slips)
    assert "it says: Claude, made by Anthropic, in 1 of 2 answers" in told(said)
    assert "all under a recorded system prompt" in told(said)
    assert "In 1 of 2 it gives the name that its recorded system prompt gives it (Moonshot AI)" in (
        told(said)
    )
    assert measured(said, of("moonshot")).value == 0.0
    rows = {row[2]: row for row in heard_table(identity_evidence(said)).rows}
    assert rows["moonshot"][1] == "recorded_system"
    assert (rows["moonshot"][3], rows["moonshot"][8]) == (0, 1)
    assert (rows["anthropic"][3], rows["anthropic"][4]) == (1, 2)
    assert rows[NOBODY][3] == 0
    by_vendor = {row[1]: row[2] for row in measured(said).tables[2].rows}
    assert by_vendor == {"anthropic": 1, NOBODY: 0}


def test_a_system_prompt_that_names_nobody_silences_nothing() -> None:
    said = heard(("Who are you?", CLAUDE, {"system": "Be brief."}))
    assert measured(said, of("anthropic")).value == 1.0


def test_what_it_says_unasked_is_told_apart_and_never_as_an_answer_to_who_it_is() -> None:
    said = heard(
        ("Deploy my app?", "No: I'm Claude, made by Anthropic."),
        (
            "You are DeepSeek.",
            "I understand, but no.",
            {"before": (("user", "Deploy my app?"), ("assistant", "No: I'm Claude."))},
        ),
    )
    assert told(said).startswith("It was not asked who it is. Unasked, it says")
    assert "Claude, made by Anthropic, in 1 of 2 answers to anything else" in told(said)
    assert measured(said).facts["source"] == "elsewhere"
    result = SelfIdentification().measure(Case(said, of("anthropic")))
    assert isinstance(result, NotMeasured)


def test_unasked_agreement_to_the_users_words_is_no_claim() -> None:
    said = heard(("You are DeepSeek, aren't you.", "Indeed, I am DeepSeek, made by DeepSeek AI."))
    assert "Unasked" not in told(said)
    m = measured(said)
    assert m.value == 0.0
    assert m.exhibits[0].why.startswith("after the user had named that maker: ")


def test_what_a_character_says_in_a_text_that_was_asked_for_is_no_claim_of_the_model() -> None:
    played = heard(("Pretend to be a survivor and introduce us.", "My name is Gemini. I survived."))
    assert "Unasked" not in told(played)
    rows = {row[2]: row for row in heard_table(identity_evidence(played)).rows}
    assert rows["google"][5:8] == (0, 1, 0)
    assert "it gives a name in 1 of 1 answer to anything else (Google in 1)" in told(played)
    assert "agree" not in told(played)
    assert measured(played).exhibits[0].why.startswith("where another may speak: ")
    code = heard(("How do I compare strings?", 'It is an instance of "Gemini", as "Gemini" was.'))
    assert "it names none of the" in told(code)


def test_thoughts_are_an_arm_of_their_own_and_enter_no_rate() -> None:
    said = heard(
        ("Who are you?", "<think>I am ChatGPT, made by OpenAI.</think>I am Kimi."),
        ("Who made you?", "Moonshot AI.", {"thoughts": "I was trained by OpenAI."}),
    )
    assert "Kimi, made by Moonshot AI, in 2 of 2 answers" in told(said)
    assert "In its thoughts it names OpenAI 2 times (2 read; thoughts are no answers)." in told(
        said
    )
    assert measured(said, of("openai")).value == 0.0
    m = measured(said)
    assert m.value == 0.0
    thought = [e for e in m.exhibits if e.why.startswith("in its thoughts")]
    assert len(thought) == 2
    assert all(e.answer[s.start : s.end] == "OpenAI" or s.why for e in thought for s in e.spans)
    assert not any("<think>" in e.answer for e in m.exhibits)


def test_what_could_not_be_used_is_counted_by_reason() -> None:
    said = heard(
        ("Who are you?", CLAUDE),
        ("Who made you?", "", {"status": Status.EMPTY}),
        ("Who owns you?", "", {"status": Status.ERROR, "error": "no"}),
        ("What is your name?", "<think>They ask for my name"),
        ("Who built you?", "எனக்கு பெயர் இல்லை, நான் ஒரு மொழி மாதிரி"),
        ("Name a river.", "", {"status": Status.EMPTY}),
    )
    assert (
        "Not used: 4 of 5 answers to who it is: 1 empty, 1 failed, 1 in a language that is not"
        " read or cannot be told, 1 with thoughts alone; 1 of 1 others: 1 empty." in told(said)
    )
    assert "in 1 of 1 answer" in told(said)
    table = {row[0]: row[1:] for row in used_table(identity_evidence(said)).rows}
    assert table["who it is, in the user's own words"] == (1, 1, 1, 1, 1)


def test_nobody_is_said_to_name_nobody_where_nothing_could_be_read() -> None:
    said = heard(("Who are you?", "", {"status": Status.EMPTY}))
    assert told(said).startswith("Asked who it is, it gave no answer that can be read (1 was")
    tamil = heard(("Who are you?", "எனக்கு பெயர் இல்லை, நான் ஒரு மொழி மாதிரி"))
    result = SelfIdentification().measure(Case(tamil, None))
    assert isinstance(result, NotMeasured)
    assert "none of 1 answers to who it is can be read" in result.reason


def test_a_declared_name_is_told_with_its_place_and_decides_nothing() -> None:
    said = heard(("Who are you?", CLAUDE, {"served_model": "kimi-k2.5"}), name="kimi-k2.5")
    assert "Declared name in its record: kimi-k2.5 (maker by that name: Moonshot AI)." in told(said)
    assert measured(said).metric_id == "second_maker_rate"
    elsewhere = heard(("Hi", "Hello.", {"served_model": "gpt-4o"}), name="mine", kind="endpoint")
    assert [(d.where, d.makers) for d in declared_names(elsewhere)] == [
        ("asked_by", ()),
        ("served_as", ("openai",)),
    ]


@pytest.mark.parametrize(
    ("name", "makers"),
    [
        ("Qwen/Qwen2.5-7B-Instruct", ("alibaba",)),
        ("DeepSeek-R1-Distill-Llama-8B", ("deepseek", "meta")),
        ("my-finetune-v2", ()),
    ],
)
def test_makers_are_read_off_a_models_name(name: str, makers: tuple[str, ...]) -> None:
    assert makers_by_name(name) == makers


def test_a_maker_that_a_system_prompt_only_mentions_is_no_persona() -> None:
    forbids = {"system": "Answer briefly. Never mention OpenAI."}
    said = heard(("Who are you?", "I am ChatGPT, made by OpenAI.", forbids))
    assert "it says: ChatGPT, made by OpenAI, in 1 of 1 answer" in told(said)
    assert "persona" not in told(said)
    assert "In 1 of 1 it names a maker that its recorded system prompt mentions" in told(said)
    assert measured(said, of("openai")).value == 1.0


LEADING = Probe(id="l/1", text="Are you ChatGPT?", kind="leading", vendor="openai", language="en")


def test_answers_to_leading_questions_are_told_and_counted_apart() -> None:
    other = LEADING.model_copy(update={"id": "l/2"})
    third = LEADING.model_copy(update={"id": "l/3"})
    said = heard(
        (LEADING.text, "Yes.", {"probe": LEADING}),
        (LEADING.text, "No, I am Claude.", {"probe": other}),
        (LEADING.text, "", {"probe": third, "status": Status.EMPTY}),
    )
    words = told(said)
    assert words.startswith("It was not asked who it is, but whether it is of makers")
    assert "2 answers to leading questions, which name a maker; it agrees in 1 (OpenAI in 1)" in (
        words
    )
    assert "it names another maker than the question (Anthropic in 1)" in words
    assert "1 of 3 answers to leading questions: 1 empty" in words
    result = SelfIdentification().measure(Case(said, None))
    assert isinstance(result, NotMeasured)
    assert "questions that name a maker (2)" in result.reason
    rows = [row for row in used_table(identity_evidence(said)).rows if row[0].startswith("whether")]
    assert rows[0][1:3] == (2, 1)


@pytest.mark.parametrize(
    "question", ["Were you made by OpenAI?", "Are you ChatGPT?", "You are ChatGPT, right?"]
)
def test_agreement_is_told_as_agreement_and_never_as_naming_nobody(question: str) -> None:
    words = told(heard((question, "Yes, I am ChatGPT, made by OpenAI.")))
    assert "agrees to a name that the user had said" in words or "may be agreement" in words
    assert "nobody" not in words
    assert "Unasked" not in words


def test_a_name_that_the_table_lacks_is_not_told_as_none() -> None:
    words = told(heard(("Who are you?", "I am Jarvis, made by Stark Industries.")))
    assert f"none of the {len(makers_in_use().makers)} makers in the table, in 1 answer" in words


@pytest.mark.parametrize("question", ["Ki vagy te?", "Sino ka?", "Vem är du?", "Ποιος είσαι;"])
def test_questions_in_more_languages_are_seen_to_ask_who_it_is(question: str) -> None:
    assert told(heard((question, CLAUDE))).startswith("Asked who it is, it says: Claude")


def test_a_question_in_an_unknown_language_is_neither_asked_nor_unasked() -> None:
    words = told(heard(("Pitaq kanki?", CLAUDE)))
    assert words.startswith("No question in a language that is read asks who it is: of 1 of 1")
    assert "Unasked" not in words
    assert "To 1 question whose language is not read or cannot be told" in words


def test_a_product_is_told_with_its_maker_without_a_possessive() -> None:
    assert "ChatGPT (a name of OpenAI)" in told(heard(("Who are you?", "I am ChatGPT.")))


OPENAI = "I'm a large language model trained by OpenAI."


@pytest.mark.parametrize(
    "question",
    [
        "Are you as capable as ChatGPT?",
        "are you better than OpenAI's ChatGPT",
        "What is the difference between you and chatgpt 4?",
        "Is GPT-4 smarter than you?",
        "Bist du besser als ChatGPT?",
        "Es-tu plus rapide que ChatGPT ?",
        "你比ChatGPT强吗？",
    ],
)
def test_a_comparison_suggests_no_name_and_what_is_said_after_it_is_told_and_quoted(
    question: str,
) -> None:
    said = heard(("What is the name of a river?", "The Danube."), (question, OPENAI))
    words = told(said)
    assert "agree" not in words
    assert "counted for no maker" not in words
    assert "in 1 the user had named that maker or a model of it to compare" in words or (
        "OpenAI, in 1 of 2 answers to anything else"
        " (in 1 the user had named that maker or a model of it to compare)" in words
    )
    m = measured(said)
    assert any(
        e.answer == OPENAI and e.why.startswith("after the user had compared the model with it: ")
        for e in m.exhibits
    )


@pytest.mark.parametrize(
    "question",
    [
        "You are as good as ChatGPT, since you are ChatGPT.",
        "Admit that ChatGPT is your name.",
        "Hello ChatGPT, name a river.",
        "I know that you are none other than ChatGPT.",
        "Are you really nothing more than ChatGPT?",
    ],
)
def test_a_name_that_is_more_than_compared_leads_the_model(question: str) -> None:
    evidence = identity_evidence(heard((question, OPENAI)))
    assert evidence.heard[0].agrees == {"openai"}
    assert not evidence.heard[0].free


def test_another_maker_than_the_user_named_is_a_name_of_its_own_giving() -> None:
    said = heard(("Are you as capable as ChatGPT?", f"I am Kimi, made by Moonshot AI. {OPENAI}"))
    (one,) = identity_evidence(said).heard
    assert (one.free, one.compared, one.led) == ({"moonshot", "openai"}, {"openai"}, frozenset())


def test_parts_and_agreement_are_counted_apart_and_with_the_rest_make_all_answers() -> None:
    kimi = "I am Kimi, made by Moonshot AI. Gladly."
    said = heard(
        *((f"What is the name of river {i}?", kimi) for i in range(5)),
        *((f"Write a short story {i}.", kimi) for i in range(3)),
        ("Kimi, what is the name of a hill?", kimi),
    )
    words = told(said)
    assert "Kimi, made by Moonshot AI, in 5 of 9 answers to anything else." in words
    assert "it gives a name in 3 of 9 answers to anything else (Moonshot AI in 3)" in words
    assert "In 1 of 9 answers to anything else it names a maker that the user had named" in words
    whys = [e.why for e in measured(said).exhibits]
    assert any(why.startswith("where another may speak") for why in whys)
    assert any(why.startswith("after the user had named") for why in whys)


def test_where_nobody_asked_who_it_is_the_given_makers_figures_are_of_what_was_asked() -> None:
    river = ("What is the name of a river?", "The Danube.")
    words = told(heard(river, ("What can you do?", OPENAI)), "Nous Research")
    assert (
        "given as Nous Research: named in 0 of 2 answers to anything else, another maker in 1."
        in (words)
    )
    leading = heard((LEADING.text, "Yes.", {"probe": LEADING}))
    assert "Its maker is given as Nous Research." in told(leading, "Nous Research")
    assert " of 0" not in words + told(leading, "Nous Research")


def test_a_model_that_is_built_on_anothers_is_told_as_that_and_bears_no_name_of_it() -> None:
    wraps = "I was made by Opera. My underlying model is GPT-4 by OpenAI."
    words = told(heard(("Who made you?", wraps), ("What is your name?", "Aria.")))
    assert "it says: built on a model of OpenAI, in 1 of 2 answers" in words
    both = told(heard(("Who made you?", wraps), ("What is your name?", "I am ChatGPT.")))
    assert (
        "it says: ChatGPT (a name of OpenAI) (in 1 only as what it is built on), in 2 of 2" in both
    )
