"""Words as numbers: what is looked up is what would have been worked out token by token."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.text import pages, vocabulary
from detectors.text.counted import function_words
from detectors.text.features import FAMILIES
from detectors.text.lexicons import FUNCTION_WORDS
from detectors.text.ngrams import WordCodes, words_of
from detectors.text.pages import CutText
from detectors.text.phrases import lower_codes, lower_tokens
from detectors.text.shingles import TokenText, codes_of
from detectors.text.vocabulary import Vocabularies, Vocabulary, shape, word_number

PIECES = st.sampled_from(
    ["don't", "it", "’s", "I", "you", "'re", "'", "_", " ", "\n\n", "été", "İ", "ΟΔΟΣ", "你", "a.B"]
)
TEXTS = st.lists(PIECES, max_size=30).map("".join)


def test_a_column_grows_with_the_words_and_keeps_what_it_held() -> None:
    words = Vocabulary()
    for start in range(0, 500, 7):
        tokens = [f"word{i}" for i in range(start, start + 20)]
        numbers = words.numbers(tokens)
        assert words.column(word_number)[numbers].tolist() == [word_number(t) for t in tokens]


def test_a_full_vocabulary_is_left_to_its_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocabulary, "MOST_WORDS", 3)
    monkeypatch.setattr(pages, "_VOCABULARIES", Vocabularies())
    before = CutText("one two three four")
    told = before.each(word_number).tolist()
    after = CutText("four five one")
    assert after.each(shape).tolist() == [shape(t) for t in ("four", "five", "one")]
    assert before.each(word_number).tolist() == told
    before.let_go()
    assert before.tokens == ["one", "two", "three", "four"]


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_readers_of_numbers_and_of_tokens_read_the_same(text: str) -> None:
    assert lower_codes(text).tolist() == WordCodes()(lower_tokens(text)).tolist()
    tokens = TokenText(pages.cut(text)).tokens
    assert codes_of(text).tolist() == WordCodes()(tokens).tolist()


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_words_with_apostrophes_are_counted_whole(text: str) -> None:
    page = CutText(text)
    found = Counter(words_of(page.low.replace("'", "_")))
    total = max(40, sum(n for word, n in found.items() if word[0].isalnum()))
    every = dict.fromkeys(w for words in FUNCTION_WORDS.values() for w in words)
    assert FAMILIES["function words"].columns == tuple(every)
    assert function_words([page])[0] == pytest.approx(
        [1000 * found[word.replace("'", "_")] / total for word in every]
    )
