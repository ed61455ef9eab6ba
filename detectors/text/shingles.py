"""Where do two texts hold the same long run of words? Exact runs found by hashed n-grams and
checked token by token.

Deterministic, linear in the length of ordinary texts. Tokens are compared in lower case; white
space counts for nothing. Knows texts; knows no model.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from detectors.text import pages
from detectors.text.ngrams import Codes, spans_of, words_of
from detectors.text.vocabulary import one_break

Flags = NDArray[np.bool_]
SEED = 8
LONG = 13
FEWEST_CHARACTERS = 50
FEWEST_WORDS = 6
MOST_PLACES = 20
# 2⁶⁴ over the golden ratio: multiplying by it spreads neighbouring numbers (Knuth 1973).
_STEP = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)
_BREAKS = re.compile(r"\n+")
_CJK = ("\u3040", "\u9fff"), ("\uf900", "\ufaff")


@dataclass(frozen=True)
class TokenText:
    """The first 4,000 characters of a text with its tokens in lower case and where each stands."""

    text: str

    @cached_property
    def places(self) -> list[tuple[int, int]]:
        """Start and end of each token in ``text``."""
        return spans_of(self.text)

    @cached_property
    def tokens(self) -> tuple[str, ...]:
        """The tokens, in lower case, a line break like any other; runs of blank lines are one."""
        if self.text.isascii():  # lower case makes no other tokens of these
            return tuple(words_of(_BREAKS.sub("\n", self.text.lower())))
        return tuple("\n" if t[0] == "\n" else t.lower() for t in words_of(self.text))


@lru_cache(maxsize=2048)
def page_of(text: str) -> TokenText:
    """The page of a text: loops to the token limit are cut as everywhere. A suspect's are read
    for every candidate."""
    return TokenText(pages.cut(text))


@dataclass(frozen=True)
class Run:
    """Tokens ``start`` to ``end`` (end excluded) of one page, equal to those of another page
    from ``other`` on."""

    start: int
    end: int
    other: int


def grams(codes: NDArray[np.unsignedinteger], size: int) -> Codes:
    """A 64-bit hash of the n-gram that begins at each position, (len − size + 1,); empty for a
    shorter sequence."""
    n = len(codes) - size + 1
    if n <= 0:
        return np.zeros(0, dtype=np.uint64)
    value = np.full(n, size, dtype=np.uint64)
    for offset in range(size):
        value ^= codes[offset : offset + n]
        value *= _STEP
        value ^= value >> _SHIFT
    return value


@lru_cache(maxsize=1 << 16)
def codes_of(text: str) -> NDArray[np.uint32]:
    """The tokens of a text's page (`TokenText.tokens`) as numbers. Remembered: every detector of
    shared words reads the same texts."""
    return pages.page_of(text).each(one_break)


def placed(hashes: Codes, prompts: NDArray[np.int64]) -> Codes:
    """Hashes that are equal only where n-gram and prompt are."""
    return np.asarray(
        (hashes ^ (prompts.astype(np.uint64) + np.uint64(1)) * _STEP) * _STEP, dtype=np.uint64
    )


def shared_runs(one: TokenText, other: TokenText, seed: int = SEED) -> list[Run]:
    """The longest runs of at least ``seed`` tokens that stand in both pages, none overlapping
    another in ``one``, in order.

    A run can't be extended on either side. Where a page repeats itself, its first twenty places of
    an n-gram are tried.
    """
    mine, theirs = _windows(one, seed), _windows(other, seed)
    both = set(mine).intersection(theirs)
    index: dict[tuple[str, ...], list[int]] = {window: [] for window in both}
    for place in [i for i, window in enumerate(theirs) if window in both] if both else ():
        known = index[theirs[place]]
        if len(known) < MOST_PLACES:
            known.append(place)
    found: list[Run] = []
    for start in [i for i, window in enumerate(mine) if window in both] if both else ():
        for place in index[mine[start]]:
            if not (start and place and one.tokens[start - 1] == other.tokens[place - 1]):
                found.append(
                    Run(start, start + _reach(one.tokens, other.tokens, start, place, seed), place)
                )
    return _apart(found)


def _windows(page: TokenText, size: int) -> list[tuple[str, ...]]:
    """Every run of ``size`` tokens, in order."""
    return list(zip(*(page.tokens[i:] for i in range(size)), strict=False))


def _reach(one: Sequence[str], other: Sequence[str], start: int, place: int, seed: int) -> int:
    most = min(len(one) - start, len(other) - place)
    size = seed
    while size < most and one[start + size] == other[place + size]:
        size += 1
    return size


def _apart(runs: list[Run]) -> list[Run]:
    kept: list[Run] = []
    for run in sorted(runs, key=lambda r: (r.start - r.end, r.start, r.other)):
        if all(run.end <= k.start or run.start >= k.end for k in kept):
            kept.append(run)
    return sorted(kept, key=lambda r: r.start)


def longest_free(run: Run, covered: Flags) -> tuple[int, int]:
    """The longest stretch of a run, (start, end) in tokens, that no common n-gram covers; an
    empty one where there is none."""
    best, start = (run.start, run.start), run.start
    for i in range(run.start, run.end + 1):
        if i == run.end or covered[i]:
            best = (start, i) if i - start > best[1] - best[0] else best
            start = i + 1
    return best


def is_long(page: TokenText, start: int, end: int) -> bool:
    """Whether tokens ``start`` to ``end`` are long enough to count: 13 tokens or 50 characters, six
    different words in them.

    A CJK character counts as half a token. Numbers, single letters and marks are no words, so that
    counting, alphabets and rules of tables don't count.
    """
    tokens = page.tokens[start:end]
    if end - start < SEED or len({t for t in tokens if _is_word(t)}) < FEWEST_WORDS:
        return False
    size = sum(0.5 if _is_cjk(t) else 1.0 for t in tokens)
    return size >= LONG or page.places[end - 1][1] - page.places[start][0] >= FEWEST_CHARACTERS


def _is_word(token: str) -> bool:
    return _is_cjk(token) or (len(token) > 1 and any(c.isalpha() for c in token))


def _is_cjk(token: str) -> bool:
    return len(token) == 1 and any(low <= token <= high for low, high in _CJK)
