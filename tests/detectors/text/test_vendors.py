from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.text.makers import makers_in_use
from detectors.text.vendors import find_mentions, fold, vendor_slug, vendor_title
from fingerprints.probes import load_probe_set


def named(text: str) -> list[str]:
    return [m.vendor for m in find_mentions(fold(text).text)]


def test_every_vendor_that_a_leading_question_names_is_known_and_found_in_the_question() -> None:
    for probe in load_probe_set("leading").probes:
        assert probe.vendor in makers_in_use().makers
        assert probe.vendor in named(probe.text), probe.text


def test_no_identity_question_names_a_vendor() -> None:
    assert [p.text for p in load_probe_set("identity").probes if named(p.text)] == []


def test_every_name_of_the_table_is_found_and_given_to_its_vendor() -> None:
    for maker in makers_in_use().makers.values():
        for alias in maker.spoken:
            assert named(alias) == [maker.id], alias
        for word in maker.versioned:
            assert named(f"{word}-3.5") == [maker.id], word
            assert named(f"{word} 4") in ([maker.id], []), word


@pytest.mark.parametrize(
    ("text", "vendors"),
    [
        ("Chat GPT, Open AI and GPT-4o", ["openai", "openai", "openai"]),
        ("阿里巴巴的通义千问和百度的文心一言", ["alibaba", "alibaba", "baidu", "baidu"]),
        ("智谱、月之暗面", ["zhipu", "moonshot"]),
        ("Яндексом и Сбера, ГигаЧат", ["yandex", "sber", "sber"]),
        ("شركة أوبن إيه آي", ["openai"]),
        ("شركة أوبن ايه آي", ["openai"]),
        ("グーグルが開発", ["google"]),
        ("ओपनएआई ने", ["openai"]),
        ("네이버가", ["naver"]),
        ("我是OpenAI开发的", ["openai"]),
        ("ＯｐｅｎＡＩ", ["openai"]),
        ("Open\u200bAI", ["openai"]),
        ("**OpenAI**", ["openai"]),
        ("GPT-NeoX by EleutherAI", ["eleutherai", "eleutherai"]),
        ("https://openai.com/about", ["openai"]),
        ("ANTHROPIC and anthropıc", ["anthropic", "anthropic"]),
    ],
)
def test_names_are_found_in_any_script_and_spelling(text: str, vendors: list[str]) -> None:
    assert named(text) == vendors


@pytest.mark.parametrize(
    "text",
    [
        "meta-analysis and metadata",
        "yielding, Yin and Yang, yi",
        "a llama and an apple",
        "Claude Dupont and Jean-Claude",
        "Google Scholar, Google Maps, MIT License",
        "メタデータ",
        "сберегать",
        "OpenAIR and reopenai2x",
        "grok this command",
    ],
)
def test_ordinary_words_are_no_names(text: str) -> None:
    assert named(text) == []


def test_an_ordinary_word_as_a_name_is_marked_as_framed() -> None:
    (mention,) = find_mentions("Gemini")
    assert mention.framed
    (plain,) = find_mentions("Google Gemini")
    assert not plain.framed


def test_places_in_the_folded_text_lead_back_to_the_original() -> None:
    text = "Créé par **Ｏpen\u200bAI** !"
    folded = fold(text)
    (mention,) = find_mentions(folded.text)
    start, end = folded.original(mention.start, mention.end)
    assert text[start:end] == "Ｏpen\u200bAI"


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("openai", "openai"),
        ("Qwen", "alibaba"),
        ("Hugging Face", "hugging-face"),
        ("DeepMind", "google"),
    ],
)
def test_a_vendor_is_known_by_slug_company_or_product(name: str, slug: str) -> None:
    assert vendor_slug(name) == slug


def test_an_unknown_vendor_has_no_slug_and_keeps_its_name_as_title() -> None:
    assert vendor_slug("Nobody & Sons") is None
    assert vendor_slug("") is None
    assert vendor_title("nobody") == "nobody"
    assert vendor_title("openai") == "OpenAI"


@given(st.text(max_size=300))
def test_any_text_is_folded_and_searched_without_error_and_places_are_in_range(text: str) -> None:
    folded = fold(text)
    assert len(folded.places) == len(folded.text)
    for mention in find_mentions(folded.text):
        start, end = folded.original(mention.start, mention.end)
        assert 0 <= start < end <= len(text)


@pytest.mark.parametrize(
    "unit", ["aG", "OpenA", "Claude ", "GPT-", "阿里", "   ", "ЯЯ", "\u0301", "ﷺ"]
)
def test_time_stays_short_on_the_longest_text(unit: str) -> None:
    find_mentions("warm up")
    text = unit * (1_000_000 // len(unit))
    began = time.perf_counter()
    find_mentions(fold(text).text)
    assert time.perf_counter() - began < 2.0
