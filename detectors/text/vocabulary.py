"""Words as numbers, so that a text is read into words once and everything else is looked up.

What is known of a word taken alone (its hash, its length, its mask) is a column with a row a word,
and a text's is ``column[numbers]``. Knows words; knows no text and no model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int32]
Column = NDArray[np.uint32]
# Some tens of megabytes. Whoever is full is left to those who read by it.
MOST_WORDS = 1 << 19


class Vocabulary(dict[str, int]):
    """The words seen so far, numbered from 0 in the order in which they were first seen; what is
    worked out of them depends on no number."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._columns: dict[Callable[[str], int], tuple[Column, int]] = {}
        self._lowered: dict[str, int] = {}

    def __missing__(self, word: str) -> int:
        self[word] = number = len(self.words)
        self.words.append(word)
        return number

    @property
    def full(self) -> bool:
        """Whether another text's words should go into a new one."""
        return len(self.words) >= MOST_WORDS

    def numbers(self, words: Sequence[str]) -> Numbers:
        """The numbers of a list of words, in order; new ones are added."""
        return np.fromiter(map(self.__getitem__, words), dtype=np.int32, count=len(words))

    def column(self, of: Callable[[str], int]) -> Column:
        """What ``of`` says of each word, below 2³², (words,); asked once a word."""
        known, filled = self._columns.get(of, (np.zeros(0, dtype=np.uint32), 0))
        count = len(self.words)
        if filled < count:
            if len(known) < count:  # twice as much room: growing costs little in sum
                known = np.concatenate([known[:filled], np.zeros(2 * count, dtype=np.uint32)])
            known[filled:count] = [of(word) for word in self.words[filled:]]
            self._columns[of] = (known, count)
        return known[:count]

    def lowered(self, word: str) -> int:
        """A number for each different word in lower case."""
        return self._lowered.setdefault(word.lower(), len(self._lowered))


class Vocabularies:
    """The vocabulary that texts are read by now; a full one is followed by a new one."""

    def __init__(self) -> None:
        self._now = Vocabulary()

    def now(self) -> Vocabulary:
        """The one to read the next text by."""
        if self._now.full:
            self._now = Vocabulary()
        return self._now


def word_number(word: str) -> int:
    """A word's hash, the same everywhere."""
    return crc32(word.encode("utf-8", "surrogatepass"))


def lower_number(word: str) -> int:
    """The hash of a word in lower case."""
    return word_number(word.lower())


def one_break(word: str) -> int:
    """The hash of a word in lower case, a run of line breaks counting as one."""
    return word_number("\n") if word[0] == "\n" else word_number(word.lower())


# What `shape` holds of a word: three flags, and its length above them.
IS_WORD, IS_CAPITAL, IS_LOW_WORD, LENGTH = 1, 2, 4, 3


def shape(word: str) -> int:
    """Whether a word begins with a letter or digit (`IS_WORD`; not so marks and line breaks), with
    a capital letter, and with a letter or digit in lower case; its characters from bit `LENGTH`
    on. In one number, since each column costs a call a word."""
    first, low = word[0], word.lower()[0]
    flags = IS_WORD * first.isalnum() + IS_CAPITAL * first.isupper() + IS_LOW_WORD * low.isalnum()
    return flags | len(word) << LENGTH
