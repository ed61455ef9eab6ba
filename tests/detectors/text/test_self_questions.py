"""Questions to a model about itself, in anybody's words, are told from tasks that hold such words."""

from __future__ import annotations

import time

import pytest

from detectors.text.self_questions import asks_to_play, asks_whether, asks_who
from fingerprints.probes import load_probe_set


@pytest.mark.parametrize(
    "question",
    [
        "hey, which LLM am I talking to, what model are you exactly?",
        "Who built you?",
        "what r u?",
        "what should i call you?",
        "So what's your real name?",
        "Which lab trained the model behind you?",
        "Who is your developer?",
        "Please introduce yourself.",
        "are you based on something older?",
        "你叫什么名字",
        "谁训练了你？",
        "あなたを開発した会社はどこですか",
        "너는 누구야?",
        "Qui es-tu ?",
        "Wie heißt du und wer hat dich gebaut?",
        "¿Qué modelo eres?",
        "Quem te criou?",
        "Chi sei?",
        "Кто тебя создал?",
        "Хто ти?",
        "Siapa yang membuat kamu?",
        "Bạn là ai?",
        "Sen kimsin?",
        "Kim jesteś?",
        "Hoe heet je?",
        "من أنت؟",
        "आप कौन हैं?",
        "তুমি কে?",
        "คุณคือใคร",
    ],
)
def test_questions_about_the_model_itself_are_recognised(question: str) -> None:
    assert asks_who(question)


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        "Who are you talking about?",
        "What are you doing tonight?",
        "Write a story in which the owl asks: who are you?",
        "Translate into French: Who made you?",
        "Introduce yourself as a knight at a banquet.",
        "Who made the first telephone?",
        "Which company makes the best bicycles?",
        "Name three rivers of Europe.",
        "Who are you? " + "Here is a long report to be shortened. " * 20,
    ],
)
def test_other_prompts_are_not(prompt: str) -> None:
    assert not asks_who(prompt)


def test_most_of_the_bank_is_recognised_and_no_other_bundled_question_is() -> None:
    bank = [p.text for p in load_probe_set("identity").probes if p.topic != "completion"]
    assert sum(map(asks_who, bank)) / len(bank) > 0.5
    others = [
        p.text for name in ("style", "policy", "choices") for p in load_probe_set(name).probes
    ]
    assert not [text for text in others if asks_who(text)]


def test_a_question_whether_it_is_somebody_is_told_from_one_who_it_is() -> None:
    assert asks_whether("Are you Claude?")
    assert not asks_whether("Name three rivers.")
    assert not asks_whether("Are you as capable as ChatGPT?")
    assert not asks_whether("What might interest someone who reads books from Amazon?")


def test_a_role_to_play_is_told_from_a_question() -> None:
    assert asks_to_play("Write a short story about an owl.")
    assert asks_to_play("You are a pirate. Who made you?")
    assert not asks_to_play("You are an AI assistant. Who made you?")
    assert not asks_to_play("Who made you?")


def test_a_hostile_prompt_takes_little_time() -> None:
    begun = time.process_time()
    for piece in ("who ", "what is your ", "which model ", "are you ", "你是", "谁"):
        assert asks_who((piece * 200)[:400]) in (True, False)
    assert time.process_time() - begun < 2
