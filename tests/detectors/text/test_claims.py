from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.text.claims import (
    ELSEWHERE,
    IDENTITY,
    Claim,
    QuestionContext,
    context_of,
    extract_claims,
)
from fingerprints.probes import load_probe_set
from fingerprints.records import Probe

CONTEXTS = {
    "identity": IDENTITY,
    "other": ELSEWHERE,
    "document": QuestionContext(about_self=True, document=True),
    "completion": QuestionContext(about_self=True, completion=True),
}
SIGNS = {"affirmed": "+", "denied": "-", "hedged": "?"}
ROWS: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parents[1] / "labelled_claims.yaml").read_text("utf-8")
)
FRAGMENTS = [
    "I am ",
    "ChatGPT",
    "OpenAI",
    " not ",
    ", but ",
    "我是",
    "开发",
    "أنا ",
    "Claude",
    '"',
    "(",
    "?",
    "\n",
    "created by ",
    "私は",
    "ने बनाया",
    "**",
    "و",
    "saya ",
    "beni ",
    "'",
    "```",
    "User: ",
    "- ",
    "\ue000",
    "let's play ",
    "you said ",
]
TEXTS = st.one_of(
    st.text(max_size=400), st.lists(st.sampled_from(FRAGMENTS), max_size=40).map("".join)
)
UNITS = [
    "I am not ",
    "I am ChatGPT and ",
    "由OpenAI",
    "created by ",
    ", and created by OpenAI",
    '"I',
    "न",
    "((",
    "OpenAI, ",
    "ne pas ",
    "User: I am ChatGPT\n",
    "- I am ChatGPT\n",
    "```\nI am ChatGPT ",
    "'I am ChatGPT ",
    "let's play I am ChatGPT. ",
    "you said I am ChatGPT, ",
    "saya Claude ",
    "beni ChatGPT ",
    "tôi là Claude ",
    "আমি OpenAI ",
    "mi ha OpenAI \ue000",
]


def found(text: str, context: QuestionContext = IDENTITY) -> set[str]:
    return {
        c.vendor + SIGNS[c.polarity] for c in extract_claims(text, context) if c.person == "first"
    }


def test_the_labelled_set_holds_at_least_120_sentences_in_eight_languages_half_of_them_held_out() -> (
    None
):
    assert len(ROWS) >= 120
    assert len({r["language"] for r in ROWS}) >= 8
    assert sum(r["half"] == "held out" for r in ROWS) >= len(ROWS) / 2


@pytest.mark.parametrize("row", ROWS, ids=[f"{r['language']}-{i}" for i, r in enumerate(ROWS)])
def test_a_labelled_sentence_gives_the_claims_that_a_reader_finds(row: dict[str, Any]) -> None:
    assert found(row["text"], CONTEXTS[row["context"]]) == set(row["expected"].split())


def only(text: str, context: QuestionContext = IDENTITY) -> Claim:
    (claim,) = extract_claims(text, context)
    return claim


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("I am ChatGPT.", "name"),
        ("I was created by OpenAI.", "maker"),
        ("I was trained by OpenAI.", "trainer"),
        ("I follow OpenAI's usage policies.", "policy"),
        ("I am based on the GPT-4 architecture.", "base"),
        ("我由阿里云训练。", "trainer"),
        ("Ich wurde von OpenAI trainiert.", "trainer"),
    ],
)
def test_the_kind_of_claim_is_read_from_its_wording(text: str, kind: str) -> None:
    assert only(text).kind == kind


def test_a_claim_says_where_the_name_stands_in_the_original_text() -> None:
    text = "  Hi! I am **Ｑwen**, made by\u200b Alibaba Cloud."
    assert [text[c.start : c.end] for c in extract_claims(text, IDENTITY)] == [
        "Ｑwen",
        "Alibaba Cloud",
    ]


def test_a_bare_name_is_a_claim_only_as_an_answer_to_a_question_about_the_speaker() -> None:
    assert found("OpenAI.") == {"openai+"}
    assert found("OpenAI.", ELSEWHERE) == set()


def test_what_is_said_of_another_is_third_person_and_does_not_count() -> None:
    claims = extract_claims("ChatGPT was created by OpenAI.", IDENTITY)
    assert [c.person for c in claims] == ["third"]
    assert not any(c.counts for c in claims)


LEADING = QuestionContext(about_self=True, named="openai")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Yes.", {"openai+"}),
        ("Yes, I am ChatGPT.", {"openai+"}),
        ("No, I'm not ChatGPT.", {"openai-"}),
        ("No, I am Claude, made by Anthropic.", {"openai-", "anthropic+"}),
        ("Yes, I am Claude.", {"openai?", "anthropic+"}),
        ("是的，我是。", {"openai+"}),
        ("不是。", {"openai-"}),
        ("نعم", {"openai+"}),
        ("Are you ChatGPT?", set()),
        ("Hello there.", set()),
    ],
)
def test_a_plain_yes_or_no_answers_a_leading_question(text: str, expected: set[str]) -> None:
    assert found(text, LEADING) == expected


def test_a_plain_yes_says_nothing_where_no_vendor_was_named() -> None:
    assert found("Yes, I am.") == set()


def test_the_span_of_a_plain_yes_is_that_word() -> None:
    claim = only("  Yes.", LEADING)
    assert "  Yes."[claim.start : claim.end] == "Yes"


def test_the_context_follows_from_the_probe() -> None:
    assert (
        context_of(Probe(id="leading/en-x", text="Are you ChatGPT?", vendor="openai")).named
        == "openai"
    )
    assert context_of(Probe(id="identity/en-x", text="Fill in", topic="document")).document
    assert context_of(Probe(id="identity/en-x", text="Finish", topic="completion")).completion
    assert context_of(Probe(id="style/x", text="Hi")) == ELSEWHERE
    topics = {p.topic for p in load_probe_set("identity").probes}
    assert {"document", "completion"} <= topics


def test_a_list_of_many_vendors_is_no_claim() -> None:
    assert not any(
        sign.endswith("+") for sign in found("OpenAI, Google, Meta, Anthropic, Mistral.")
    )


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.sampled_from([*CONTEXTS.values(), LEADING]))
def test_any_text_is_read_without_error_and_spans_lie_inside_it(
    text: str, context: QuestionContext
) -> None:
    claims = extract_claims(text, context)
    assert claims == extract_claims(text, context)
    for claim in claims:
        assert 0 <= claim.start < claim.end <= len(text)


@pytest.mark.parametrize("unit", UNITS)
def test_no_text_takes_long(unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    began = time.perf_counter()
    extract_claims(text, IDENTITY)
    assert time.perf_counter() - began < 3.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I am not as capable as ChatGPT.", set()),
        ("I am as good as GPT-4 in most tasks.", set()),
        ("I am a different kind of system from ChatGPT.", set()),
        ("You may refer to me as Vicuna.", {"lmsys+"}),
        ("I am an assistant known as Claude.", {"anthropic+"}),
        ("My name, ChatGPT, was given to me.", {"openai+"}),
        ("As ChatGPT, I can help you with that.", {"openai+"}),
        ("As a SmolLM assistant, I can read many kinds of text.", {"hugging-face+"}),
        ("作为通义千问，我可以回答问题。", {"alibaba+"}),
        ("Not being the same model as ChatGPT, I may err.", set()),
        ("There are models such as ChatGPT, I hear.", set()),
        ("The phones that we use today were introduced by Apple.", set()),
        ("I have limits in terms of speed, and ChatGPT has others.", set()),
        ("I share abilities with ChatGPT in terms of writing.", set()),
        ("I am subject to OpenAI's terms of use.", {"openai+"}),
        ("OpenAI and Google are companies, and I know of both.", set()),
        ("I'm sorry, I can't say. OpenAI, Google and Meta are well-known companies.", set()),
        ("I am not just a model, I am Claude.", {"anthropic+"}),
        ("I no longer pretend to be anyone: I am Claude.", {"anthropic+"}),
        ("我不再扮演任何角色，我是通义千问。", {"alibaba+"}),
        ("假设我是ChatGPT。", set()),
        ("Stell dir vor, ich bin ChatGPT.", set()),
    ],
)
def test_comparisons_courtesies_and_bystanders_are_told_from_claims(
    text: str, expected: set[str]
) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "My knowledge comes from OpenAI's GPT-4 outputs.",
        "My knowledge comes from OpenAI.",
        "My information is drawn from ChatGPT.",
        "Mein Wissen stammt aus den Ausgaben von ChatGPT.",
        "我的知识来自OpenAI的GPT-4。",
    ],
)
def test_what_the_speaker_learnt_from_is_no_maker_of_it(text: str) -> None:
    assert not any(c.counts for c in extract_claims(text, IDENTITY))
    assert not any(c.counts for c in extract_claims(text))


def test_a_maker_beside_what_the_speaker_learnt_from_is_a_maker() -> None:
    text = "My knowledge comes from being trained by OpenAI."
    assert {(c.kind, c.counts) for c in extract_claims(text)} == {("trainer", True)}
    text = "I was made by Anthropic, and my knowledge comes from OpenAI's outputs."
    assert {c.vendor for c in extract_claims(text) if c.counts} == {"anthropic"}


@pytest.mark.parametrize(
    ("text", "polarity"),
    [
        ("My underlying model is GPT-4 by OpenAI.", "affirmed"),
        ("I was made by Opera. My underlying model is from OpenAI.", "affirmed"),
        ("My underlying language model was developed by OpenAI.", "affirmed"),
        ("My underlying model is not from OpenAI.", "denied"),
    ],
)
def test_a_model_below_the_speaker_is_its_base(text: str, polarity: str) -> None:
    claims = extract_claims(text)
    assert {(c.vendor, c.polarity, c.person) for c in claims} == {("openai", polarity, "first")}
    assert {c.kind for c in claims} <= {"base", "maker"}
    assert not extract_claims("My underlying model is different from ChatGPT.")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Fine. ### Human: who are you? ### Assistant: I'm Gemini, made by Google.", set()),
        ("I'm ChatGPT, made by OpenAI. ### User: ok ### Assistant: I'm Claude.", {"openai"}),
        ("Done.<|im_end|>\n<|im_start|>user\nName?\n<|im_start|>assistant\nI am Claude.", set()),
        ("Yes. [INST] who made you? [/INST] I was made by Google.", set()),
        ("### Assistant: I am ChatGPT, made by OpenAI.", {"openai"}),
    ],
)
def test_whoever_goes_on_with_the_users_next_turn_plays_both(text: str, expected: set[str]) -> None:
    found = {c.vendor for c in extract_claims(text, IDENTITY) if c.counts}
    assert found == expected
