"""Which language a text seems to be in: those that are read are known, others are said not to be."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.text.languages import READ, seems
from tests.detectors.claim_sentences import sentences


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Jag är en språkmodell skapad av OpenAI.", "sv"),
        ("Jeg er en sprogmodel, som er lavet af OpenAI.", "da"),
        ("Olen OpenAI:n kehittämä kielimalli.", "fi"),
        ("Jsem jazykový model vytvořený společností OpenAI.", "cs"),
        ("Sunt un model lingvistic creat de OpenAI.", "ro"),
        ("Egy nyelvi modell vagyok, az OpenAI fejlesztett.", "hu"),
        ("Mimi ni mfano wa lugha ulioundwa na OpenAI.", "sw"),
        ("Ako ay isang modelo ng wika na ginawa ng OpenAI.", "tl"),
        ("Είμαι ένα γλωσσικό μοντέλο της OpenAI.", "und"),
        ("אני מודל שפה של OpenAI.", "und"),
        ("நான் OpenAI உருவாக்கிய ஒரு மொழி மாதிரி.", "und"),
        ("Аз съм езиков модел, създаден от OpenAI.", "bg"),
        ("Мен OpenAI жасаған тілдік модельмін.", "kk"),
        ("میں OpenAI کا بنایا ہوا ماڈل ہوں۔", "ur"),
        ("मी OpenAI ने तयार केलेले भाषा मॉडेल आहे.", "mr"),
        ("მე ვარ ენობრივი მოდელი.", "und"),
        ("Zxq vrrt plonk mbrae OpenAI qwert zyx.", "und"),
    ],
)
def test_a_language_that_is_not_read_is_said_not_to_be(text: str, language: str) -> None:
    guess = seems(text)
    assert not guess.read
    assert guess.language == language


@pytest.mark.parametrize("text", ["OpenAI.", "GPT-4o", "42", "", "ChatGPT!", "Hello!", "…", "OK"])
def test_a_name_a_number_or_a_greeting_is_read_in_any_language(text: str) -> None:
    assert seems(text).read


def test_of_the_labelled_sentences_hardly_any_seems_unread_or_in_another_language() -> None:
    guesses = [(s.language, seems(s.text)) for s in sentences()]
    assert {language for language, _ in guesses} == set(READ)
    assert sum(not guess.read for _, guess in guesses) <= 0.02 * len(guesses)
    assert sum(g.language == language for language, g in guesses) >= 0.9 * len(guesses)


@given(st.text(max_size=300))
def test_any_text_gets_a_guess_without_error(text: str) -> None:
    assert seems(text) == seems(text)


@pytest.mark.parametrize("unit", ["a", "ж ", "OpenAI ", "的", " ", "\u0301"])
def test_no_text_takes_long(unit: str) -> None:
    seems("warm up")
    began = time.perf_counter()
    seems(unit * (1_000_000 // len(unit)))
    assert time.perf_counter() - began < 1.0


TABLE = """| State Name | Average Temperature in December (°F) |
|------------|--------------------------------------|
| Alabama    | 46.3 |
| Alaska     | 4.4  |
| Arizona    | 43.4 |
| Arkansas   | 41.6 |
| California | 46.2 |
| Colorado   | 25.8 |"""


@pytest.mark.parametrize(
    "text",
    [
        TABLE,
        "1. Story software\n2. Script tool\n3. Outline maker\n4. Draft editor\n5. Scene planner",
        "Mercury, Venus, Earth, Mars, Jupiter, Saturn, Uranus, Neptune",
        "- Aisha\n- Fatima\n- Omar\n- Ali\n- Hassan\n- Ahmed",
    ],
)
def test_a_list_or_a_table_of_names_is_of_no_language_and_read(text: str) -> None:
    guess = seems(text)
    assert (guess.language, guess.read) == ("und", True)


def test_random_letters_are_of_no_language_and_not_read() -> None:
    chance = random.Random(5)
    texts = [
        "".join(chance.choice("abcdefghijklmnop qrstuv xyz ") for _ in range(400))
        for _ in range(200)
    ]
    told = [seems(text) for text in texts]
    assert sum(guess.language == "und" and not guess.read for guess in told) >= 195


def test_one_word_that_many_languages_share_makes_no_text_one_that_is_not_read_in_its_own() -> None:
    assert seems("Please write in English language.").language == "und"
    assert seems("Sem jezikovni model, ki ga je ustvaril OpenAI.").language == "sl"


def test_prose_of_many_commas_in_a_language_that_is_not_read_is_no_list() -> None:
    guess = seems("Jag är en modell, inte en människa, och mitt namn är, som det heter, okänt")
    assert (guess.language, guess.read) == ("sv", False)
