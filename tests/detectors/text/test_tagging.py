"""The light tagger: as many tags as tokens, classes that hold up on plain sentences, nothing
that raises."""

from __future__ import annotations

import time

import pytest

from detectors.text.ngrams import words_of
from detectors.text.tagging import tags_of


def tagged(text: str) -> str:
    return " ".join(tags_of(words_of(text)))


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("The old keeper quickly closed the doors.", "DT JJ NN RB VN DT NS stop"),
        ("You should rest before the race.", "PR MD VB IN DT NN stop"),
        ("She walks to Paris, and it rains!", "PR VB TO NP comma CC PR VB stop"),
        ("The walks were long.", "DT NS BE JJ stop"),
        ("The need is real", "DT NN BE JJ"),
        ("I'm sure we don’t go", "PR apos BE JJ PR VB apos NOT VB"),
        ("* **Tip:** use 3 eggs\n\nReady", "star star star NN colon star star VB CD NS NL NN"),
        ("它 is (maybe) fine?", "FW BE open RB close NN ask"),
    ],
)
def test_plain_sentences(text: str, tags: str) -> None:
    assert tagged(text) == tags


def test_one_tag_a_token_whatever_the_text() -> None:
    for text in ("", "\n\n\n", "\ud800 x", "a" * 9000, "?!?!", "ـسلام 你好 १२"):
        tokens = words_of(text)
        assert len(tags_of(tokens)) == len(tokens)


def test_topic_words_do_not_move_the_tags() -> None:
    assert tagged("The castle is guarded by a dragon.") == tagged(
        "The server is guarded by a firewall."
    )


def test_a_long_text_is_tagged_in_linear_time() -> None:
    tokens = words_of("The quick keeper of clocks should never rest, and so on. " * 4000)
    started = time.perf_counter()
    tags_of(tokens)
    assert time.perf_counter() - started < 3
