"""Claims are read as a careful reader reads them, in every language that is read: on the sentences in
view, and on those that the rules were written without."""

from __future__ import annotations

import pytest

from detectors.text.languages import READ
from tests.detectors.claim_sentences import Counted, Sentence, sentences

EVERY = sentences()
HELD = tuple(s for s in EVERY if s.held_out)
KNOWN = tuple(s for s in EVERY if not s.held_out)


def precision(counted: Counted) -> float:
    return counted.right / (counted.right + counted.wrong)


def recall(counted: Counted) -> float:
    return counted.right / (counted.right + counted.missed)


def test_the_set_holds_400_different_sentences_in_20_languages_and_400_held_out() -> None:
    assert len({(s.language, s.text) for s in EVERY}) == len(EVERY) >= 400
    assert {s.language for s in EVERY} == set(READ)
    assert len(READ) >= 20
    assert len(HELD) >= 400
    assert min(sum(s.language == language for s in HELD) for language in READ) >= 10


@pytest.mark.parametrize("half", [KNOWN, HELD], ids=["in view", "held out"])
def test_what_is_found_is_right_and_what_is_said_is_found(half: tuple[Sentence, ...]) -> None:
    counted = Counted.of(half)
    assert precision(counted) >= 0.97
    assert recall(counted) >= 0.92


@pytest.mark.parametrize("language", READ)
def test_no_language_falls_behind(language: str) -> None:
    counted = Counted.of(s for s in EVERY if s.language == language)
    assert precision(counted) >= 0.9
    assert recall(counted) >= 0.9


@pytest.mark.parametrize("kind", sorted({s.kind for s in EVERY if not s.expected}))
def test_hardly_a_sentence_without_a_claim_gives_one(kind: str) -> None:
    silent = [s for s in EVERY if s.kind == kind and not s.expected]
    assert sum(bool(s.found()) for s in silent) <= 0.03 * len(silent)
