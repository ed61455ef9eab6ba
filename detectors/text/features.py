"""Text in, arrays out: the feature families in which the style of an answer is measured.

Two kinds. *Sparse* families (words, characters, openings, closings, masked words) are hashed n-gram
counts; *counted* families (markdown, sentences, function words, hedges, refusals, reasoning,
address, punctuation) are a few named numbers, most of them per 1,000 characters. Every family is a
pure function of the text, deterministic, linear in its length, defined for any Unicode (Chinese and
Arabic included) and never raises. Knows texts; knows no model.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from detectors.text.lexicons import ADDRESS, FUNCTION_WORDS, HEDGES, REASONING, REFUSALS
from detectors.text.masking import kind_of, masked_codes
from detectors.text.ngrams import (
    Codes,
    WordCodes,
    beyond_spaces,
    character_codes,
    counts_of,
    hashed_counts,
    lowers_alone,
    words_of,
)
from detectors.text.pages import CutText
from detectors.text.tagging import tags_of
from detectors.text.vocabulary import (
    IS_CAPITAL,
    IS_LOW_WORD,
    IS_WORD,
    LENGTH,
    shape,
    word_number,
)

Array = NDArray[np.float64]
EDGE = 5

# The end of a sentence: marks and a closing one before white space, a full stop that needs none, or
# line breaks. One set of signs stands first, so that a text is searched for them alone.
_SENTENCE = re.compile(
    r"[.!?…。！？؟।\n](?:(?<!\n)[.!?…。！？؟।]*[\"'”’)\]]?(?=\s|$)|(?<=[。！？])|(?<=\n)\n*)"
)
# Each mark: a sign without which it can't be there (a cheap first look), and its pattern, none
# where the sign is all of it.
_MARKS: dict[str, tuple[str, str]] = {
    "header": ("#", r"^ {0,3}#{1,6} "),
    "header_1": ("#", r"^# "),
    "header_2": ("##", r"^## "),
    "header_3": ("###", r"^### "),
    "bullet_dash": ("- ", r"^ {0,8}- "),
    "bullet_star": ("* ", r"^ {0,8}\* "),
    "bullet_star_wide": ("* ", r"^ {0,8}\*   ?"),
    "bullet_dot": ("", r"^ {0,8}[•·▪●]"),
    "bullet_plus": ("+ ", r"^[ \t]{0,8}\+ "),
    "bullet_nested": ("", r"^[ \t]{1,12}[-*+•] "),
    "numbered_dot": (". ", r"^ {0,8}\d{1,3}\. "),
    "numbered_bracket": (") ", r"^ {0,8}\d{1,3}\) "),
    "numbered_bold": ("**", r"^ {0,8}\d{1,3}\. \*\*"),
    "bullet_bold": ("**", r"^ {0,8}[-*•] \*\*"),
    "bold": ("**", r"\*\*(?=\S)"),
    "bold_line": ("**", r"^\*\*[^*\n]{1,200}\*\*:?$"),
    "bold_colon_inside": (":**", ""),
    "bold_colon_outside": ("**:", ""),
    "italic": ("*", r"(?<![*\w])\*(?=[^\s*])"),
    "underscore": ("_", r"(?<!\w)_{1,2}(?=\w)"),
    "table_row": ("|", r"^\|"),
    "rule": ("", r"^(?:-{3,}|\*{3,}|_{3,})$"),
    "quote": ("> ", r"^> "),
    "fence": ("```", r"^ {0,3}```"),
    "fence_language": ("```", r"^ {0,3}```\w"),
    "inline_code": ("`", r"(?<!`)`(?=[^`\s])"),
    "link": ("](", ""),
    "latex": ("", r"\\[(\[]|\$\$|\\frac|\\text"),
    "emoji": ("", "[\U0001f300-\U0001faff\u2600-\u27bf]"),
    "indented": ("", r"^(?: {4}|\t)"),
    "blank_line": ("\n\n", ""),
    "blank_lines": ("\n\n\n", ""),
    "trailing_space": ("\n", r"\n(?<=[ \t]\n)"),
    "colon_line": (":", r":(?=\n|$)"),
    "line_break": ("\n", ""),
    "list_tight": ("", r"\n(?=\d{1,3}\. |[-*•] )"),
    "list_loose": ("", r"\n\n(?=\d{1,3}\. |[-*•] )"),
    "tag": (">", r"</?\w{1,20}>"),
}


def _sought(pattern: str) -> re.Pattern[str]:
    """What begins a line is sought as what follows a line break, which is found many times faster;
    no pattern goes on over one."""
    return re.compile(f"\n{pattern[1:]}" if pattern.startswith("^") else pattern, re.M)


# What is sought without a sign in texts that are more than ASCII.
_NOT_ASCII = ("bullet_dot", "emoji")
_SOUGHT = [
    (name in _NOT_ASCII, sign, pattern.startswith("^"), _sought(pattern) if pattern else None)
    for name, (sign, pattern) in _MARKS.items()
]
_PUNCTUATION = (
    *".,;:!?-–—",
    *(" — ", " - ", "--", "…", "..."),
    *"([\"'“’‘/&%$*#_=+<|~\u00a0、。，：；「،؟",
    *(".)", "e.g.", "i.e.", "etc", ", and ", ", or ", ". ", ".  ", ":\n", "!\n", "I ", "\t"),
)


# Single characters of ASCII are counted all at once; the others have no code.
_COUNTED_MARKS = [(m, ord(m) if len(m) == 1 and m.isascii() else -1) for m in _PUNCTUATION]


def _rates(counts: Sequence[int], text: str) -> Array:
    return 1000.0 * np.array(counts, dtype=np.float64) / max(200, len(text))


def squeezed(values: Array) -> Array:
    """log(1 + x), column by column: rates have long tails. Shape and order are kept."""
    return np.log1p(np.maximum(values, 0.0))


class PhraseCounter:
    """Counts a fixed list of phrases in lower-cased text, per 1,000 characters.

    A phrase of an alphabet with spaces is matched on whole tokens, any other one anywhere. Only
    fixed strings are sought: no pattern, linear time.
    """

    def __init__(self, phrases: Sequence[str]) -> None:
        self.columns = tuple(dict.fromkeys(phrases))
        # By a token that the phrase holds: where a text doesn't hold that, the phrase isn't sought.
        self._by_token: dict[str, list[tuple[int, str]]] = {}
        for i, words in ((i, words_of(p)) for i, p in enumerate(self.columns) if p.isascii()):
            sought = self._by_token.setdefault(max(words, key=len), [])
            sought.append((i, f" {' '.join(words)} "))
        self._tokens = frozenset(self._by_token)
        self._anywhere = [(i, p) for i, p in enumerate(self.columns) if not p.isascii()]

    def __call__(self, page: CutText) -> Array:
        """One rate a phrase, in the order of ``columns``."""
        counts, spaced = [0] * len(self.columns), page.spaced
        for token in self._tokens & page.low_kinds:
            for i, phrase in self._by_token[token]:
                counts[i] = spaced.count(phrase)
        if not page.text.isascii():
            for i, phrase in self._anywhere:
                counts[i] = page.low.count(phrase)
        return _rates(counts, page.text)


_ENDS = (".", "!", "?", ":", "```", ")", '"')
_FUNCTION = tuple(dict.fromkeys(w for words in FUNCTION_WORDS.values() for w in words))
# An apostrophe is made a letter, so that "don't" is one word.
_FUNCTION_PLACE = {word.replace("'", "_"): i for i, word in enumerate(_FUNCTION)}


_GLUE = re.compile(r"'[\w']*")


def _function_place(word: str) -> int:
    return 1 + _FUNCTION_PLACE.get(word.lower(), -1)


def function_words(page: CutText) -> Array:
    """Share of each function word among all word tokens, in per mille; columns are the words of
    all languages."""
    if lowers_alone(page.text) and not beyond_spaces(page.low):
        counts = np.bincount(page.each(_function_place), minlength=len(_FUNCTION) + 1)[1:]
        total = int(np.count_nonzero(page.each(shape) & IS_LOW_WORD))
        if "'" in page.low:
            total += _joined(page.low, counts)
    else:
        found = Counter(words_of(page.low.replace("'", "_")))
        total = sum(n for word, n in found.items() if word[0].isalnum())
        counts = np.array([found[word] for word in _FUNCTION_PLACE])
    return np.asarray(counts * (1000.0 / max(40, total)))


def _joined(low: str, counts: NDArray[np.int64]) -> int:
    """Makes one word of the pieces of each word with apostrophes in ``counts``; returns how many
    words there are more (fewer where negative)."""
    more = 0
    for found in _GLUE.finditer(low):
        begins = found.start()
        # Back over the letters before: never into the last one found, which ends before no letter.
        while begins and (low[begins - 1].isalnum() or low[begins - 1] == "_"):
            begins -= 1
        words, changes = _glued(low[begins : found.end()])
        more += words
        for place, step in changes:
            counts[place] += step
    return more


@lru_cache(maxsize=1 << 12)
def _glued(glued: str) -> tuple[int, tuple[tuple[int, int], ...]]:
    """What making one word of its pieces changes: the words in sum, and function words' counts."""
    pieces = [(word, -1) for word in glued.split("'") if word] + [(glued.replace("'", "_"), 1)]
    places = [(_FUNCTION_PLACE.get(word), step) for word, step in pieces]
    more = sum(step for word, step in pieces if word[0].isalnum())
    return more, tuple((place, step) for place, step in places if place is not None)


def markdown(page: CutText) -> Array:
    """The markdown skeleton: each mark per 1,000 characters, then whether the text has any of
    it."""
    text, plain = page.text, page.text.isascii()
    lines = f"\n{text}"
    counts = [
        0
        if sign not in text or (plain and other)
        else text.count(sign)
        if pattern is None
        else len(pattern.findall(lines if begins else text))
        for other, sign, begins, pattern in _SOUGHT
    ]
    rates = _rates(counts, text)
    return np.concatenate([rates, rates > 0])


def punctuation(page: CutText) -> Array:
    """Punctuation habits per 1,000 characters, and how the text ends."""
    ends = [float(page.text.endswith(mark)) for mark in _ENDS]
    letters, plain, text = page.letters, page.text.isascii(), page.text
    counts = [
        letters[code] if code >= 0 else 0 if plain and not mark.isascii() else text.count(mark)
        for mark, code in _COUNTED_MARKS
    ]
    return np.concatenate([_rates(counts, text), ends])


def _moments(lengths: NDArray[np.int64]) -> list[float]:
    """Mean, standard deviation, least, greatest, median of lengths; zeros where there is none."""
    n = len(lengths)
    if not n:
        return [0.0] * 5
    mean = int(lengths.sum()) / n
    variance = int(lengths @ lengths) / n - mean * mean
    ordered = np.sort(lengths)
    ends = (float(ordered[0]), float(ordered[-1]), float(ordered[n // 2]))
    return [mean, max(0.0, variance) ** 0.5, *ends]


def moments(page: CutText) -> list[float]:
    """Sentences, paragraphs, lines and words: how many, and mean, deviation, least, greatest and
    median length."""
    text = page.text
    sentences = [size for size in [len(s.split()) for s in _SENTENCE.split(text)] if size]
    paragraphs = [len(p) for p in text.split("\n\n") if p.strip()]
    lines = [len(line) for line in text.split("\n") if line.strip()]
    shapes = page.each(shape)
    words = np.flatnonzero(shapes & IS_WORD)
    shapes = shapes[words]
    lengths = (shapes >> LENGTH).astype(np.int64)
    size, count = max(1, len(text)), len(lengths)
    shares = [
        len(set(page.lowered()[words].tolist())) / max(1, count),
        int(np.count_nonzero(shapes & IS_CAPITAL)) / max(1, count),
        sum(page.letters[ord("0") : ord("9") + 1]) / size,
        (len(text) - sum(page.letters)) / size,
    ]
    sizes = [float(n) for n in (len(text), count, len(sentences), len(paragraphs), len(lines))]
    held = [np.array(x, dtype=np.int64) for x in (sentences, paragraphs, lines)]
    spreads = [_moments(x) for x in (*held, lengths)]
    return [*sizes, *shares, *(v for spread in spreads for v in spread)]


_MOMENT_NAMES = tuple(
    f"{what}_{how}"
    for what in ("sentence", "paragraph", "line", "word")
    for how in ("mean", "sd", "min", "max", "median")
)

_SIZES = ("characters", "words", "sentences", "paragraphs", "lines")
_SHARES = ("distinct_words", "capitalised", "digits", "not_ascii")


@dataclass(frozen=True)
class CountedFamily:
    """A family of named numbers: ``columns`` names them, calling it with texts gives an array of
    one row a text."""

    name: str
    columns: tuple[str, ...]
    measure: Callable[[CutText], list[float] | Array]

    def __call__(self, pages: Sequence[CutText]) -> NDArray[np.float32]:
        """Squeezed values (log(1 + x)), shape (pages, columns), finite and not negative."""
        new = [page for page in pages if self.name not in page.rows]
        measured = squeezed(np.array([self.measure(page) for page in new]))
        for page, row in zip(new, measured.astype(np.float32), strict=True):
            page.rows[self.name] = row
        out = np.empty((len(pages), len(self.columns)), dtype=np.float32)
        for row, page in zip(out, pages, strict=True):
            row[:] = page.rows[self.name]
        return out


def _counted(name: str, phrases: Sequence[str]) -> CountedFamily:
    counter = PhraseCounter(phrases)
    return CountedFamily(name, counter.columns, counter)


COUNTED: tuple[CountedFamily, ...] = (
    CountedFamily("markdown", (*_MARKS, *(f"any_{name}" for name in _MARKS)), markdown),
    CountedFamily("punctuation", (*_PUNCTUATION, *(f"ends_{m}" for m in _ENDS)), punctuation),
    CountedFamily("moments", (*_SIZES, *_SHARES, *_MOMENT_NAMES), moments),
    CountedFamily("function words", _FUNCTION, function_words),
    _counted("hedges", HEDGES),
    _counted("refusals", REFUSALS),
    _counted("reasoning", REASONING),
    _counted("address", ADDRESS),
)


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
