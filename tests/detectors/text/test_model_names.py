"""Makers by the names of models: companies and products, never folders, letter case aside."""

from __future__ import annotations

import doctest

import pytest

from detectors.text import model_names, vendors
from detectors.text.model_names import makers_named, same_maker


@pytest.mark.parametrize(
    ("name", "makers"),
    [
        ("meta-llama/Meta-Llama-3-8B-Instruct", {"meta"}),
        ("llama2-7b", {"meta"}),
        ("mistralai/Mistral-7B-v0.1", {"mistral"}),
        ("acme-7b-v0-1", set()),
        ("qwen2.5-7b-instruct", {"alibaba"}),
        ("gemma-2-9b-it", {"google"}),
        ("yi-34b", {"01-ai"}),
        ("NousResearch/Hermes-2-Pro-Llama-3-8B", {"nous", "meta"}),
        ("./models/llama-3.1-8b.Q4_K_M.gguf", {"meta"}),
        ("/home/claude/mistral/run-3", set()),
        ("open_llama_7b", set()),
        ("TinyLlama-1.1B", set()),
        ("my-base", set()),
        ("", set()),
        ("<script>" * 200, set()),
    ],
)
def test_a_makers_name_is_found_in_a_models(name: str, makers: set[str]) -> None:
    assert makers_named(name) == makers


def test_makers_are_the_same_by_letters_or_by_the_table_and_nobody_is_like_nobody() -> None:
    assert same_maker("Acme", " acme ")
    assert same_maker("Alibaba", "Qwen")
    assert same_maker("OpenAI Inc.", "openai")
    assert same_maker("mistralai", "Mistral AI")
    assert same_maker("Acme, Inc.", "Acme")
    assert not same_maker("", "")
    assert not same_maker(", Inc", " , inc")
    assert not same_maker("Acme", "Bolt")


def test_the_examples_hold() -> None:
    assert doctest.testmod(model_names).failed == 0
    assert doctest.testmod(vendors).failed == 0
