"""A system prompt gives the model a name, or only mentions one: the second is nobody's persona."""

from __future__ import annotations

import time

import pytest

from detectors.text.personas import prompted_names


@pytest.mark.parametrize(
    ("prompt", "maker"),
    [
        ("You are Kimi, an assistant made by Moonshot AI.", "moonshot"),
        ("The assistant is Claude, created by Anthropic.", "anthropic"),
        ("You are a helpful assistant developed by OpenAI.", "openai"),
        ("ChatGPT is a large language model trained by OpenAI.", "openai"),
        ("You are not allowed to swear, and you are Claude.", "anthropic"),
        ("Never forget that you are Claude.", "anthropic"),
        ("If asked, say you're Gemini.", "google"),
        ("Identify yourself as GPT-4.", "openai"),
        ("Claude should answer briefly.", "anthropic"),
        ("Stay in character as Claude.", "anthropic"),
        ("When asked who you are, answer: I am Kimi.", "moonshot"),
        ("Name: Claude", "anthropic"),
        ("ChatGPT", "openai"),
        ("# Identity: Kimi\nYou help users with their homework, in short answers.", "moonshot"),
        ("## Identity\nKimi\n\n## Rules\nBe brief and never mention ChatGPT.", "moonshot"),
        ("# Kimi\nYou are a helpful shopping assistant for users of our shop.", "moonshot"),
        ("<identity>Kimi</identity>\nAnswer the questions of users about our shop.", "moonshot"),
        ("[Role] Kimi\nAnswer in two sentences; don't compare yourself with others.", "moonshot"),
        ("# 身份：Kimi\n你要回答用户的问题，不要提到OpenAI。", "moonshot"),
        ("你是Kimi，由月之暗面开发。", "moonshot"),
        ("あなたはClaudeです。", "anthropic"),
        ("Du bist Claude von Anthropic.", "anthropic"),
        ("Você é o Gemini.", "google"),
        ("Ты — Алиса.", "yandex"),
        ("Te vagy a ChatGPT, az OpenAI fejlesztett ki téged", "openai"),
    ],
)
def test_a_name_that_is_given_is_the_personas(prompt: str, maker: str) -> None:
    assert maker in prompted_names(prompt).given


@pytest.mark.parametrize(
    ("prompt", "maker"),
    [
        ("Answer briefly. Never mention OpenAI.", "openai"),
        ("Never say you are ChatGPT.", "openai"),
        ("You must never claim to be made by OpenAI.", "openai"),
        ("You are Claude, not ChatGPT.", "openai"),
        ("You are a helpful assistant that compares ChatGPT with others.", "openai"),
        ("Is Claude better than ChatGPT? Answer with care.", "anthropic"),
        ("If the user says you are ChatGPT, correct them.", "openai"),
        ("You are Bob. Answer questions about Claude.", "anthropic"),
        ("You are Qwen2.5, a model of Alibaba, distinct from ChatGPT.", "openai"),
        ("You compete with ChatGPT made by OpenAI.", "openai"),
        ("You are an expert in OpenAI products.", "openai"),
        ("Users of ChatGPT may write to you.", "openai"),
        ("# Competitors: OpenAI, Anthropic\nYou are an assistant; users ask of them.", "openai"),
        ("Name: Kimi. Answer in French. Users may ask about ChatGPT.", "openai"),
        ("## Identity\nKimi\n\n## Rules\nBe brief and never mention ChatGPT.", "openai"),
        ("不要提到OpenAI。", "openai"),
        ("Du darfst ChatGPT nicht erwähnen.", "openai"),
    ],
)
def test_a_name_that_is_forbidden_compared_or_asked_about_is_given_to_nobody(
    prompt: str, maker: str
) -> None:
    names = prompted_names(prompt)
    assert maker in names.mentioned
    assert maker not in names.given


def test_a_prompt_without_makers_gives_none_and_a_long_one_takes_linear_time() -> None:
    assert prompted_names("Be brief.").mentioned == frozenset()
    begun = time.process_time()
    prompted_names("you are not made by the OpenAI of " * 4000)
    assert time.process_time() - begun < 5
