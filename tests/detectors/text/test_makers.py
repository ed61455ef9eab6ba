"""The table of makers: what ships is sound, what a user adds is checked, and models' names lead to
their makers."""

from __future__ import annotations

import time
from datetime import date

import pytest

from detectors.text.claims import IDENTITY, extract_claims
from detectors.text.makers import (
    maker_of_model,
    makers_in_use,
    read_makers,
    shipped_makers,
    using_makers,
)
from detectors.text.vendors import vendor_slug, vendor_title
from fingerprints.errors import MalformedInput

ACME = """
dated = 2030-01-02
[[maker]]
id = "acme"
name = "Acme Models"
companies = ["Acme Models", "アクメ"]
product_words = ["Roadrunner"]
families = ["roadrunner"]
"""


def test_the_shipped_table_is_dated_and_every_maker_has_names_and_a_year() -> None:
    table = shipped_makers()
    assert table.dated >= date(2026, 11, 1)
    assert len(table.makers) >= 90
    for maker in table.makers.values():
        assert maker.companies
        assert maker.since is not None


@pytest.mark.parametrize(
    ("name", "maker"),
    [
        ("Llama-3-8B", "meta"),
        ("Meta-Llama-3.1-405B-Instruct-Turbo", "meta"),
        ("Qwen2.5", "alibaba"),
        ("Qwen/QwQ-32B", "alibaba"),
        ("gpt4_1106_preview", "openai"),
        ("text_davinci_003", "openai"),
        ("gpt-4o-mini-2024-07-18", "openai"),
        ("o3-mini", "openai"),
        ("claude-3-opus-20240229", "anthropic"),
        ("gemini-1.5-pro", "google"),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "deepseek"),
        ("DeepSeek-R1-Distill-Llama-70B", "deepseek"),
        ("Llama-3.1-Nemotron-70B-Instruct", "nvidia"),
        ("nvidia/Mistral-NeMo-Minitron-8B", "nvidia"),
        ("Llama-3.1-Tulu-3-8B", "allenai"),
        ("OpenHermes-2.5-Mistral-7B", "nous"),
        ("llama-3-8b-instruct-simpo", "meta"),
        ("someone/Llama-3-8B-mine", "meta"),
        ("Yi-34B-Chat", "01-ai"),
        ("command-r-plus", "cohere"),
        ("A.X-4.0-Light", "sk-telecom"),
        ("plamo-2-8b", "preferred-networks"),
        ("sabia-3", "maritaca"),
        ("K2-Think", "mbzuai"),
        ("Kimi-K2-Instruct", "moonshot"),
        ("step-3", "stepfun"),
        ("ernie-4.5-300b", "baidu"),
        ("rednote-hilab/dots.llm1.inst", "rednote"),
        ("snorkel-mistral-pairrm", None),
        ("step-by-step-7b", None),
        ("commander-7b", None),
        ("my-model", None),
        ("o11", None),
        ("", None),
        ("///", None),
    ],
)
def test_a_models_name_leads_to_the_maker_of_its_family(name: str, maker: str | None) -> None:
    assert maker_of_model(name) == maker


def test_a_users_table_adds_makers_and_names_for_as_long_as_it_is_in_use() -> None:
    table = read_makers(ACME, "acme.toml", onto=shipped_makers())
    said = "I am Roadrunner, made by Acme Models."
    assert not extract_claims(said, IDENTITY)
    with using_makers(table):
        assert {c.vendor for c in extract_claims(said, IDENTITY) if c.counts} == {"acme"}
        assert maker_of_model("roadrunner-7b") == "acme"
        assert vendor_slug("アクメ") == "acme"
        assert vendor_title("acme") == "Acme Models"
        assert vendor_slug("Qwen") == "alibaba"
    assert not extract_claims(said, IDENTITY)
    assert makers_in_use() == shipped_makers()
    assert table.dated == date(2030, 1, 2)
    assert table.digest != shipped_makers().digest


def test_a_known_maker_gets_further_names_or_only_the_given_ones() -> None:
    more = '[[maker]]\nid = "openai"\nproducts = ["Strawberry LM"]\n'
    added = read_makers(more, "x", onto=shipped_makers()).makers["openai"]
    assert {"ChatGPT", "Strawberry LM"} <= set(added.products)
    assert added.name == "OpenAI"
    only = read_makers(more + "replaces = true\n", "x", onto=shipped_makers()).makers["openai"]
    assert only.products == ("Strawberry LM",)
    assert only.companies == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("maker = [", "not TOML"),
        ("makers = []", "no such field: makers"),
        ('dated = "today"', "`dated` must be a day"),
        ("maker = 3", "[[maker]] tables"),
        ("maker = [3]", "maker 1 is no table"),
        ("[[maker]]\nid = 'Acme!'\nname = 'x'\ncompanies = ['x']", "maker 1, id"),
        ("[[maker]]\nid = 'acme'\ncompanies = ['x']", "maker 1, name"),
        ("[[maker]]\nid = 'acme'\nname = 'x'", "has no name to look for"),
        ("[[maker]]\nid = 'acme'\nname = 'x'\ncompanies = ['']", "maker 1, companies"),
        ("[[maker]]\nid = 'acme'\nname = 'x'\naliases = ['x']", "maker 1, aliases"),
        ("[[maker]]\nid = 'acme'\nname = 'x'\ncompanies = ['x']\nreplaces = 1", "`replaces`"),
        ("[[maker]]\nid = 'acme'\nname = 'x'\ncompanies = ['chatgpt']", "openai (OpenAI) and acme"),
        ("[[maker]]\nid = 'acme'\nname = 'Open-AI'\ncompanies = ['x']", "both openai (OpenAI)"),
        ("[[maker]]\nid = 'meta'\nname = 'OpenAI'", "both openai (OpenAI) and meta (OpenAI)"),
        (
            "[[maker]]\nid = 'acme'\nname = 'x'\ncompanies = ['x']\nfamilies = ['Claude']",
            "anthropic",
        ),
        ("not_a_maker = 'x'", "list of phrases"),
    ],
)
def test_a_table_that_is_none_is_refused_with_its_first_problem(text: str, said: str) -> None:
    with pytest.raises(MalformedInput) as caught:
        read_makers(text, "mine.toml", onto=shipped_makers())
    assert said in str(caught.value)
    assert caught.value.where == "mine.toml"


def test_a_name_that_is_taken_tells_how_to_take_it_over_and_that_works() -> None:
    mine = "[[maker]]\nid = 'acme'\nname = 'Acme'\nproducts = ['Strawberry LM', 'ChatGPT']\n"
    with pytest.raises(MalformedInput) as caught:
        read_makers(mine, "mine.toml", onto=shipped_makers())
    assert "`replaces = true`" in str(caught.value.next_step)
    assert "openai" in str(caught.value.next_step)
    kept = "[[maker]]\nid = 'openai'\nreplaces = true\ncompanies = ['OpenAI']\n"
    taken = read_makers(mine + kept, "mine.toml", onto=shipped_makers())
    assert "ChatGPT" in taken.makers["acme"].products


def test_a_table_of_its_own_must_be_dated() -> None:
    with pytest.raises(MalformedInput):
        read_makers("[[maker]]\nid = 'acme'\nname = 'x'\ncompanies = ['x']", "mine.toml")


def test_hostile_names_of_models_take_no_time() -> None:
    began = time.perf_counter()
    for unit in ("llama-", "/", "-", "a", "\u2013"):
        maker_of_model(unit * 1_000_000)
    assert time.perf_counter() - began < 2.0
