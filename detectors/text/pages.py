"""A text with what its readers need of it, worked out once.

A page is the first part of a text; it knows its words as numbers, and keeps what was measured of
it. Knows one text at a time; knows no model.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from detectors.text.ngrams import Codes, lowers_alone, words_of
from detectors.text.vocabulary import Column, Numbers, Vocabularies, Vocabulary

Row = NDArray[np.float32]
LONGEST = 4000
# Of a few kilobytes each. A cohort of three hundred models that answered two hundred prompts fits.
MOST_PAGES = 1 << 16


def cut(text: str, longest: int = LONGEST) -> str:
    """The first ``longest`` characters of a text, white space around it removed: some answers
    loop to the token limit."""
    return text[: 4 * longest].strip()[:longest]


class CutText:
    """One text, cut, with what several families need of it, worked out once: its words as
    numbers, the text in lower case, and what was measured of it."""

    def __init__(self, text: str) -> None:
        self.text = cut(text)
        self.rows: dict[str, Row] = {}
        self._codes: dict[str, NDArray[np.uint32]] = {}

    def codes(self, name: str, read: Callable[[CutText], Codes]) -> Codes:
        """A sequence of tokens as numbers below 2³², worked out where it is first asked for."""
        if name not in self._codes:
            self._codes[name] = read(self).astype(np.uint32)
        return self._codes[name].astype(np.uint64)

    def let_go(self) -> None:
        """Forgets what takes many times the room of what was measured by it."""
        for name in ("tokens", "low"):
            self.__dict__.pop(name, None)

    @cached_property
    def _numbered(self) -> tuple[Vocabulary, Numbers]:
        words = _VOCABULARIES.now()
        return words, words.numbers(self.tokens)

    def each(self, of: Callable[[str], int], where: slice = slice(None)) -> Column:
        """What ``of`` says of each token (of those ``where``), in order; asked once a word, not
        once a token."""
        words, numbers = self._numbered
        return words.column(of)[numbers[where]]

    def each_low(self, of: Callable[[str], int]) -> Column:
        """What ``of``, which looks at nothing but a word in lower case, says of each token of
        `low`."""
        if lowers_alone(self.text):
            return self.each(of)
        return np.array([of(word) for word in words_of(self.low)], dtype=np.uint32)

    def lowered(self) -> Column:
        """A number for each token in lower case, in order: equal where those are."""
        words, numbers = self._numbered
        return words.column(words.lowered)[numbers]

    @cached_property
    def tokens(self) -> list[str]:
        """The tokens as written."""
        if "_numbered" not in self.__dict__:
            return words_of(self.text)
        words, numbers = self._numbered
        return [words.words[i] for i in numbers.tolist()]

    @cached_property
    def low(self) -> str:
        """The text in lower case, with straight apostrophes."""
        return self.text.lower().replace("’", "'")


_VOCABULARIES = Vocabularies()


@lru_cache(maxsize=MOST_PAGES)
def page_of(text: str) -> CutText:
    """A text's page. Remembered: detectors, spaces and sizes of a cohort read the same texts."""
    return CutText(text)
