"""Text in, arrays out: the feature families in which the style of an answer is measured.

Two kinds. *Sparse* families (words, characters, openings, closings, masked words) are hashed n-gram
counts; *counted* families (markdown, sentences, function words, hedges, refusals, reasoning,
address, punctuation) are a few named numbers, most of them per 1,000 characters. Every family is a
pure function of the text, deterministic, linear in its length, defined for any Unicode (Chinese and
Arabic included) and never raises. Knows texts; knows no model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from detectors.text.counted import COUNTED, CountedFamily
from detectors.text.masking import kind_of, masked_codes
from detectors.text.ngrams import (
    Codes,
    WordCodes,
    character_codes,
    counts_of,
    hashed_counts,
    held_by,
)
from detectors.text.pages import CutText
from detectors.text.tagging import tags_of
from detectors.text.vocabulary import word_number

EDGE = 5


@dataclass(frozen=True)
class HashedFamily:
    """A family of hashed n-grams: ``sizes`` lists the lengths, ``bits`` the buckets; columns are
    numbered buckets."""

    name: str
    sizes: tuple[int, ...]
    bits: int
    codes: Callable[[CutText], Codes]

    @property
    def columns(self) -> tuple[str, ...]:
        """``name#bucket``: a bucket has no single text behind it, so its number is its name."""
        return tuple(f"{self.name}#{i}" for i in range(1 << self.bits))

    def __call__(self, pages: Sequence[CutText]) -> sparse.csr_matrix:
        """Counts, shape (pages, 2**bits), float32."""
        return hashed_counts(self._sequences(pages), self.sizes, self.bits)

    def held(self, pages: Sequence[CutText]) -> NDArray[np.int64]:
        """In how many texts each column is above 0, (2**bits,)."""
        return held_by(self._sequences(pages), self.sizes, self.bits)

    def some(self, pages: Sequence[CutText], columns: NDArray[np.int64]) -> NDArray[np.int64]:
        """The counts of some columns, dense, (pages, columns): far cheaper than all of them."""
        return counts_of(self._sequences(pages), self.sizes, self.bits, columns)

    def _sequences(self, pages: Sequence[CutText]) -> list[Codes]:
        return [self.codes(page) for page in pages]


_NUMBERS = WordCodes()


def _words(page: CutText, where: slice = slice(None)) -> Codes:
    return page.each(word_number, where).astype(np.uint64)


def _masked(page: CutText) -> Codes:
    return masked_codes(page.each(kind_of))


def _tags(page: CutText) -> Codes:
    return page.codes("templates", lambda p: _NUMBERS(tags_of(p.tokens)))


def _edge(mark: int, codes: Codes) -> Codes:
    return np.concatenate([np.array([mark], dtype=np.uint64), codes])


HASHED: tuple[HashedFamily, ...] = (
    HashedFamily("words", (1, 2), 18, _words),
    HashedFamily("characters", (2, 3, 4, 5), 18, lambda page: character_codes(page.text)),
    HashedFamily("openings", (2, 3, 4, 5, 6), 16, lambda page: _edge(1, _words(page, slice(EDGE)))),
    HashedFamily(
        "closings",
        (2, 3, 4, 5, 6),
        16,
        lambda page: _edge(2, _words(page, slice(None, -EDGE - 1, -1))),
    ),
    HashedFamily("masked words", (1, 2, 3), 18, _masked),
    HashedFamily("templates", (4, 5, 6, 7, 8), 18, _tags),
)
FAMILIES: dict[str, HashedFamily | CountedFamily] = {
    **{h.name: h for h in HASHED},
    **{c.name: c for c in COUNTED},
}
