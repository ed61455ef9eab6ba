"""Names that the table of makers lacks are told as they are written; what is only written like one
is none."""

from __future__ import annotations

import time

import pytest

from detectors.text.identity_evidence import identity_evidence
from detectors.text.makers import makers_in_use, shipped_makers
from detectors.text.unlisted_names import UnlistedName, unlisted_names
from tests.detectors.text.test_identity_evidence import heard, told

QUESTIONS = ("Who are you?", "Who made you?", "What is your name?", "你是谁？")


def names(answer: str, *questions: str, **more: object) -> list[tuple[str, bool]]:
    """The names told, each with whether it is always the maker's."""
    asked = [(q, answer, dict(more)) for q in questions or QUESTIONS]
    found = unlisted_names(identity_evidence(heard(*asked)).asked)
    assert all(n.answers == len(asked) for n in found)
    return [(n.name, n.as_maker == n.answers) for n in found]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("I'm Aurora, made by Nimbus Labs.", [("Aurora", False), ("Nimbus Labs", True)]),
        ("Nimbus Labs built me.", [("Nimbus Labs", True)]),
        ("Nimbus Labs.", [("Nimbus Labs", True)]),
        ("My name is Quillon.", [("Quillon", False)]),
        ("Je suis Mistouflon, créé par Atelier Numérique.", ["Atelier Numérique", "Mistouflon"]),
        ("Saya Cerdas, dikembangkan oleh Nusantara Digital.", ["Cerdas", "Nusantara Digital"]),
        ("Ich bin Lumina, ein KI-Modell von Nordlicht GmbH.", ["Lumina", "Nordlicht GmbH"]),
        ("Soy Lucero, un modelo creado por Estrella Labs.", ["Estrella Labs", "Lucero"]),
        ("Я Зоряна, создана компанией Полярис.", ["Зоряна", "Полярис"]),
        ("我是灵犀，由星河科技开发。", ["星河科技", "灵犀"]),
        ("私は星空テックが開発したホシです。", ["星空テック"]),
        ("저는 은하랩에서 만든 누리입니다.", ["은하랩"]),
    ],
)
def test_a_name_that_no_table_has_is_told_as_it_is_written(
    answer: str, expected: list[str | tuple[str, bool]]
) -> None:
    found = names(answer)
    assert [n if isinstance(e, tuple) else n[0] for n, e in zip(found, expected, strict=True)] == (
        expected
    )
    assert makers_in_use() == shipped_makers()


@pytest.mark.parametrize(
    "answer",
    [
        "I'm an AI assistant created by humans.",
        "I'm a large language model trained on Wikipedia and Common Crawl.",
        "I'm not Aurora, and Nimbus Labs did not make me.",
        "I don't know who made me. Ask Nimbus Labs.",
        "I was created by a team of engineers in Paris.",
        "I'm Sorry, but I can't say.",
        "I am from Germany.",
        "I was released from the United States in 2023.",
        "I was developed in the United States.",
        "Ich bin ein KI-Modell und wurde von Menschen entwickelt.",
        "I am based on the Transformer architecture.",
        "I am an English-speaking assistant.",
        'A man asked: "Are you Aurora?"',
        "I'm Claude, made by Anthropic.",
    ],
)
def test_what_is_only_written_like_a_name_is_none(answer: str) -> None:
    assert names(answer) == []


def test_a_name_that_somebody_gave_it_first_is_not_its_own() -> None:
    said = "I'm Aurora, made by Nimbus Labs."
    assert names(said, "Are you Aurora of Nimbus Labs? Who are you?") == []
    assert names(said, system="You are Aurora by Nimbus Labs.") == []
    turns = [("user", "You are Aurora by Nimbus Labs."), ("assistant", "Fine.")]
    assert names(said, before=turns) == []


def test_what_is_said_once_among_many_is_not_told() -> None:
    rows = [(q, "I'm an assistant.") for q in QUESTIONS[1:]]
    found = identity_evidence(heard((QUESTIONS[0], "I'm Aurora."), *rows))
    assert unlisted_names(found.asked) == ()
    assert unlisted_names(identity_evidence(heard((QUESTIONS[0], "I'm Aurora."))).asked) == (
        UnlistedName("Aurora", 1, 0),
    )


def test_the_first_sentence_tells_the_name_and_calls_nobody_another() -> None:
    rows = [(q, "I'm Aurora, made by Nimbus Labs.") for q in QUESTIONS]
    first = told(heard(*rows)).split(". ")[0].rstrip(".")
    assert first.endswith(
        "names that the table lacks, as it writes them: “Aurora” in 4, “Nimbus Labs” in 4 as who"
        " made it"
    )
    hostile = [(q, "I'm Aur\x1b[31mora<b>.") for q in QUESTIONS]
    assert "\x1b" not in told(heard(*hostile))


def test_a_long_answer_of_capitals_takes_no_long_time() -> None:
    rows = [(q, "I'm " + "Xa Yb1 Zc " * 4000) for q in QUESTIONS]
    began = time.process_time()
    unlisted_names(identity_evidence(heard(*rows)).asked)
    assert time.process_time() - began < 5
