"""The table of wordings is whole, and another is refused with the place of its first problem."""

from __future__ import annotations

import pytest

from detectors.text.claim_wordings import read_wordings, wordings
from detectors.text.languages import READ
from fingerprints.errors import MalformedInput

ROW = "name = ['I am §']\nmaker = ['§ made me']\npolicy = []\nfirst = ['I']\ndoubt = ['maybe']\n"


def test_every_language_that_is_read_has_its_wordings_and_no_other() -> None:
    assert set(wordings()) == set(READ)


def test_a_small_table_is_read() -> None:
    claiming = read_wordings(f"[xx]\n{ROW}", "small.toml")["xx"].claiming
    assert [kind for kind, _ in claiming] == ["name", "maker", "policy"]
    (_, name), (_, maker), _ = claiming
    assert name.search("I am \ue000")
    assert not name.search("I am Zed")
    assert maker.search("\ue000 made me")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[xx", "not TOML"),
        ("dated = 2026-11-29", "dated"),
        (f"[xx]\n{ROW}\nmood = ['x']", "mood"),
        (f"[xx]\n{ROW}\nleft_no = ['(']", "xx.left_no"),
        ("[xx]\nname = ['I am §']", "maker"),
    ],
)
def test_what_is_no_such_table_is_refused(text: str, told: str) -> None:
    with pytest.raises(MalformedInput, match=told):
        read_wordings(text, "bad.toml")
