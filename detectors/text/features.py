"""Text in, arrays out: the feature families in which the style of an answer is measured.

Two kinds. *Sparse* families (words, characters, openings, closings, masked words) are hashed n-gram
counts; *counted* families (markdown, sentences, function words, hedges, refusals, reasoning,
address, punctuation) are a few named numbers, most of them per 1,000 characters. Every family is a
pure function of the text, deterministic, linear in its length, defined for any Unicode (Chinese and
Arabic included) and never raises. Knows texts; knows no model.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from detectors.text.lexicons import ADDRESS, FUNCTION_WORDS, HEDGES, REASONING, REFUSALS
from detectors.text.masking import masked_codes
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
from detectors.text.tagging import tags_of

Array = NDArray[np.float64]
Row = NDArray[np.float32]
LONGEST = 4000
EDGE = 5
# Of a few kilobytes each. A cohort of three hundred models that answered two hundred prompts fits.
MOST_PAGES = 1 << 16

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


_SOUGHT = [
    (sign, pattern.startswith("^"), _sought(pattern) if pattern else None)
    for sign, pattern in _MARKS.values()
]
_PUNCTUATION = (
    *".,;:!?-–—",
    *(" — ", " - ", "--", "…", "..."),
    *"([\"'“’‘/&%$*#_=+<|~\u00a0、。，：；「،؟",
    *(".)", "e.g.", "i.e.", "etc", ", and ", ", or ", ". ", ".  ", ":\n", "!\n", "I ", "\t"),
)


def cut(text: str, longest: int = LONGEST) -> str:
    """The first ``longest`` characters of a text, white space around it removed: some answers
    loop to the token limit."""
    return text[: 4 * longest].strip()[:longest]


def per_thousand(count: float, text: str) -> float:
    """A count per 1,000 characters; texts under 200 characters count as 200, so that one mark in
    a word is no storm."""
    return 1000.0 * count / max(200, len(text))


def _rates(counts: Sequence[int], text: str) -> list[float]:
    size = max(200, len(text))
    return [1000.0 * count / size for count in counts]


def squeezed(values: Array) -> Array:
    """log(1 + x), column by column: rates have long tails. Shape and order are kept."""
    return np.log1p(np.maximum(values, 0.0))


class CutText:
    """One text, cut, with what several families need of it, worked out once: tokens, the text in
    lower case, and what was measured of it."""

    def __init__(self, text: str) -> None:
        self.text = cut(text)
        self._rows: dict[str, Row] = {}
        self._codes: dict[str, NDArray[np.uint32]] = {}

    def row(self, name: str, measure: Callable[[CutText], list[float]]) -> Row:
        """A counted family's numbers, measured where they are first asked for."""
        if name not in self._rows:
            self._rows[name] = squeezed(np.array(measure(self))).astype(np.float32)
        return self._rows[name]

    def codes(self, name: str, read: Callable[[CutText], Codes]) -> Codes:
        """A sequence of tokens as numbers below 2³², worked out where it is first asked for."""
        if name not in self._codes:
            self._codes[name] = read(self).astype(np.uint32)
        return self._codes[name].astype(np.uint64)

    def let_go(self) -> None:
        """Forgets the tokens, which take many times the room of what was measured by them."""
        for name in ("tokens", "low", "spaced", "low_kinds"):
            self.__dict__.pop(name, None)

    @cached_property
    def tokens(self) -> list[str]:
        """The tokens as written."""
        return words_of(self.text)

    @cached_property
    def low(self) -> str:
        """The text in lower case, with straight apostrophes."""
        return self.text.lower().replace("’", "'")

    @cached_property
    def spaced(self) -> str:
        """The tokens of `low`, one space on each side of each."""
        if not lowers_alone(self.text):
            return f" {' '.join(words_of(self.low))} "
        return f" {' '.join(self.tokens)} ".lower().replace("’", "'")

    @cached_property
    def low_kinds(self) -> frozenset[str]:
        """The different tokens of `low`."""
        return frozenset(self.spaced.split(" "))


@lru_cache(maxsize=MOST_PAGES)
def page_of(text: str) -> CutText:
    """A text's page. Remembered: detectors, spaces and sizes of a cohort read the same texts."""
    return CutText(text)


class PhraseCounter:
    """Counts a fixed list of phrases in lower-cased text, per 1,000 characters.

    A phrase of an alphabet with spaces is matched on whole tokens, any other one anywhere. Only
    fixed strings are sought: no pattern, linear time.
    """

    def __init__(self, phrases: Sequence[str]) -> None:
        self.columns = tuple(dict.fromkeys(phrases))
        # With each the token that is looked for first: where a text doesn't hold it, the phrase
        # isn't sought.
        self._by_token = [
            (i, f" {' '.join(words)} ", max(words, key=len))
            for i, words in ((i, words_of(p)) for i, p in enumerate(self.columns) if p.isascii())
        ]
        self._anywhere = [(i, p) for i, p in enumerate(self.columns) if not p.isascii()]

    def __call__(self, page: CutText) -> list[float]:
        """One rate a phrase, in the order of ``columns``."""
        counts, kinds, spaced = [0] * len(self.columns), page.low_kinds, page.spaced
        for i, phrase, token in self._by_token:
            if token in kinds:
                counts[i] = spaced.count(phrase)
        if not page.text.isascii():
            for i, phrase in self._anywhere:
                counts[i] = page.low.count(phrase)
        return _rates(counts, page.text)


_ENDS = (".", "!", "?", ":", "```", ")", '"')
_FUNCTION = tuple(dict.fromkeys(w for words in FUNCTION_WORDS.values() for w in words))
_WORD = re.compile(r"\w+")
# An apostrophe is made a letter, so that "don't" is one word.
_FUNCTION_PLACE = {word.replace("'", "_"): i for i, word in enumerate(_FUNCTION)}


def function_words(page: CutText) -> list[float]:
    """Share of each function word among all word tokens, in per mille; columns are the words of
    all languages."""
    joined = page.low.replace("'", "_")
    # Marks are no words: not looked for where words are what stands between them.
    counts = Counter(words_of(joined) if beyond_spaces(joined) else _WORD.findall(joined))
    unit = 1000.0 / max(40, sum(n for word, n in counts.items() if word[0].isalnum()))
    rates = [0.0] * len(_FUNCTION)
    for word in counts.keys() & _FUNCTION_PLACE.keys():
        rates[_FUNCTION_PLACE[word]] = unit * counts[word]
    return rates


def markdown(page: CutText) -> list[float]:
    """The markdown skeleton: each mark per 1,000 characters, then whether the text has any of
    it."""
    text = page.text
    lines = f"\n{text}"
    counts = [
        0
        if sign not in text
        else text.count(sign)
        if pattern is None
        else len(pattern.findall(lines if begins else text))
        for sign, begins, pattern in _SOUGHT
    ]
    return _rates(counts, text) + [float(c > 0) for c in counts]


def punctuation(page: CutText) -> list[float]:
    """Punctuation habits per 1,000 characters, and how the text ends."""
    ends = [float(page.text.endswith(mark)) for mark in _ENDS]
    return _rates([page.text.count(mark) for mark in _PUNCTUATION], page.text) + ends


def _moments(lengths: Mapping[int, int]) -> list[float]:
    """Mean, standard deviation, least, greatest, median of lengths, given how often each stands;
    zeros where there is none."""
    n = sum(lengths.values())
    if not n:
        return [0.0] * 5
    mean = sum(size * k for size, k in lengths.items()) / n
    variance = sum(size * size * k for size, k in lengths.items()) / n - mean * mean
    ordered = sorted(lengths)
    reached = list(accumulate(lengths[size] for size in ordered))
    median = ordered[bisect_right(reached, n // 2)]
    return [mean, max(0.0, variance) ** 0.5, float(ordered[0]), float(ordered[-1]), float(median)]


def moments(page: CutText) -> list[float]:
    """Sentences, paragraphs, lines and words: how many, and mean, deviation, least, greatest and
    median length."""
    text = page.text
    sentences = [size for size in (len(s.split()) for s in _SENTENCE.split(text)) if size]
    paragraphs = [len(p) for p in text.split("\n\n") if p.strip()]
    lines = [len(line) for line in text.split("\n") if line.strip()]
    words = {word: n for word, n in Counter(page.tokens).items() if word[0].isalnum()}
    lengths: dict[int, int] = {}
    for word, n in words.items():
        lengths[len(word)] = lengths.get(len(word), 0) + n
    count = sum(lengths.values())
    size = max(1, len(text))
    shares = [
        len(set(map(str.lower, words))) / max(1, count),
        sum(n for word, n in words.items() if word[0].isupper()) / max(1, count),
        sum(map(text.count, "0123456789")) / size,
        (len(text) - len(text.encode("ascii", "ignore"))) / size,
    ]
    sizes = [float(n) for n in (len(text), count, len(sentences), len(paragraphs), len(lines))]
    spreads = [_moments(x) for x in (*map(Counter, (sentences, paragraphs, lines)), lengths)]
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
    measure: Callable[[CutText], list[float]]

    def __call__(self, pages: Sequence[CutText]) -> NDArray[np.float32]:
        """Squeezed values (log(1 + x)), shape (pages, columns), finite and not negative."""
        out = np.empty((len(pages), len(self.columns)), dtype=np.float32)
        for row, page in zip(out, pages, strict=True):
            row[:] = page.row(self.name, self.measure)
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


def _words(page: CutText) -> Codes:
    return page.codes("words", lambda p: _NUMBERS(p.tokens))


def _masked(page: CutText) -> Codes:
    return page.codes("masked words", lambda p: masked_codes(p.tokens))


def _tags(page: CutText) -> Codes:
    return page.codes("templates", lambda p: _NUMBERS(tags_of(p.tokens)))


def _edge(mark: int, codes: Codes) -> Codes:
    return np.concatenate([np.array([mark], dtype=np.uint64), codes])


HASHED: tuple[HashedFamily, ...] = (
    HashedFamily("words", (1, 2), 18, _words),
    HashedFamily("characters", (2, 3, 4, 5), 18, lambda page: character_codes(page.text)),
    HashedFamily("openings", (2, 3, 4, 5, 6), 16, lambda page: _edge(1, _words(page)[:EDGE])),
    HashedFamily(
        "closings", (2, 3, 4, 5, 6), 16, lambda page: _edge(2, _words(page)[: -EDGE - 1 : -1])
    ),
    HashedFamily("masked words", (1, 2, 3), 18, _masked),
    HashedFamily("templates", (4, 5, 6, 7, 8), 18, _tags),
)
FAMILIES: dict[str, HashedFamily | CountedFamily] = {
    **{h.name: h for h in HASHED},
    **{c.name: c for c in COUNTED},
}
