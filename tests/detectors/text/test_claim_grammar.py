"""Of whom a sentence speaks: shapes of sentences that many languages share, and layout."""

from __future__ import annotations

import time

import pytest

from detectors.text.claims import IDENTITY, extract_claims


def counted(text: str) -> set[str]:
    return {c.vendor for c in extract_claims(text, IDENTITY) if c.counts}


@pytest.mark.parametrize(
    "text",
    [
        "I'm a bookkeeper at Google.",
        "Je suis comptable chez Google.",
        "Soy contable en Google.",
        "I'm a plugin that calls Claude.",
        "My washing machine was built by Samsung.",
        "Mein Auto wurde von Apple gebaut.",
        "Everyone here is convinced that I'm Claude.",
        "Going by your last message, my name is Gemini.",
        "Right, sure, and I'm ChatGPT.",
        "I'm Claude, a violinist from Lille.",
        "I'm Claude from the third floor.",
        "A sentence in her diary: I am Claude.",
        "Here is the line, in English:\n\nI am Gemini, and Google made me.",
        "Subject: hello\n\nI am Claude, and Anthropic made me.",
        "(whispering, from the dark) I am Grok, and xAI made me.",
    ],
)
def test_what_is_another_persons_a_things_or_another_texts_is_no_claim(text: str) -> None:
    assert counted(text) == set()


@pytest.mark.parametrize(
    ("text", "makers"),
    [
        ("I'm a small model from Google.", {"google"}),
        ("Je suis un assistant de Mistral AI.", {"mistral"}),
        ("My developers at Google trained me.", {"google"}),
        ("I'm Claude, an assistant with good manners.", {"anthropic"}),
        ("To be clear: I am Claude.", {"anthropic"}),
        ("People take me for ChatGPT, but I am Claude.", {"anthropic"}),
        ("As you know, I am Gemini.", {"google"}),
        ("According to OpenAI's rules I can't say that.", {"openai"}),
    ],
)
def test_a_plain_claim_of_like_shape_still_counts(text: str, makers: set[str]) -> None:
    assert counted(text) == makers


@pytest.mark.parametrize(
    "unit", ["I am ", "you ", "my ", "I'm a ", "if ", "OpenAI ", "says: ", "(a b) "]
)
def test_time_grows_with_the_length(unit: str) -> None:
    def seconds(times: int) -> float:
        text = (unit * 2000)[: times * 1000] + " I am ChatGPT."
        began = time.process_time()
        extract_claims(text, IDENTITY)
        return time.process_time() - began

    seconds(2)  # what is made once is made; a text that was read before is not read again
    one = seconds(1)
    assert seconds(4) <= 12 * max(one, 0.01)
