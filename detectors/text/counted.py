"""Text in, arrays out: the *counted* feature families, a few named numbers each: markdown,
punctuation, moments of length, function words, and phrases of fixed lists.

Most are rates per 1,000 characters. Counted by batches of texts; each text's row depends on that
text alone. Knows texts; knows no model.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from detectors.text.lexicons import ADDRESS, FUNCTION_WORDS, HEDGES, REASONING, REFUSALS
from detectors.text.ngrams import beyond_spaces, distinct, lowers_alone, words_of
from detectors.text.pages import CutText
from detectors.text.phrase_rates import PhraseLists
from detectors.text.vocabulary import IS_CAPITAL, IS_LOW_WORD, IS_WORD, LENGTH, shape

Array = NDArray[np.float64]
Counts = NDArray[np.int64]
Pages = Sequence[CutText]

# The end of a sentence: marks and a closing one before white space, a full stop that needs none, or
# line breaks. One set of signs stands first, so that a text is searched for them alone.
_SENTENCE = re.compile(
    r"[.!?…。！？؟।\n](?:(?<!\n)[.!?…。！？؟।]*[\"'”’)\]]?(?=\s|$)|(?<=[。！？])|(?<=\n)\n*)"
)
# A sign without which no mark of the list is there (a cheap first look; none: always look), and its
# marks. A mark is some fixed strings, none of which overlaps another, or else a pattern. A pattern
# begins with a sign, and looks back at what stands before it, since a sign is found many times
# faster than a place. What begins a line is sought as what follows a line break.
_SOUGHT: dict[str, dict[str, tuple[str, ...] | re.Pattern[str]]] = {
    "#": {
        "header": re.compile(r"\n {0,3}#{1,6} "),
        "header_1": ("\n# ",),
        "header_2": ("\n## ",),
        "header_3": ("\n### ",),
    },
    "- ": {"bullet_dash": re.compile(r"\n {0,8}- ")},
    "* ": {
        "bullet_star": re.compile(r"\n {0,8}\* "),
        "bullet_star_wide": re.compile(r"\n {0,8}\*   ?"),
    },
    "+ ": {"bullet_plus": re.compile(r"\n[ \t]{0,8}\+ ")},
    ". ": {"numbered_dot": re.compile(r"\n {0,8}\d{1,3}\. ")},
    ") ": {"numbered_bracket": re.compile(r"\n {0,8}\d{1,3}\) ")},
    "**": {
        "numbered_bold": re.compile(r"\n {0,8}\d{1,3}\. \*\*"),
        "bullet_bold": re.compile(r"\n {0,8}[-*•] \*\*"),
        "bold": re.compile(r"\*\*(?=\S)"),
        "bold_line": re.compile(r"\n\*\*[^*\n]{1,200}\*\*:?$", re.M),
        "bold_colon_inside": (":**",),
        "bold_colon_outside": ("**:",),
    },
    "*": {"italic": re.compile(r"\*(?<![*\w]\*)(?=[^\s*])")},
    "_": {"underscore": re.compile(r"_(?<!\w_)_?(?=\w)")},
    "|": {"table_row": ("\n|",)},
    ">": {"quote": ("\n> ",), "tag": re.compile(r"</?\w{1,20}>")},
    "`": {
        "fence": re.compile(r"\n {0,3}```"),
        "fence_language": re.compile(r"\n {0,3}```\w"),
        "inline_code": re.compile(r"`(?<!``)(?=[^`\s])"),
    },
    "](": {"link": ("](",)},
    "\\": {"latex": ("\\(", "\\[", "\\frac", "\\text")},
    "$$": {"latex": ("$$",)},
    "\n\t": {"indented": ("\n\t",)},
    "\n ": {"indented": ("\n    ",)},
    "": {
        "bullet_nested": re.compile(r"\n[ \t]{1,12}[-*+•] "),
        "bullet_dot": re.compile(r"\n {0,8}[•·▪●]"),
        "emoji": re.compile("[\U0001f300-\U0001faff\u2600-\u27bf]"),
        "rule": re.compile(r"\n(?:-{3,}|\*{3,}|_{3,})$", re.M),
        "list_tight": re.compile(r"\n(?<!\A\n)(?=\d{1,3}\. |[-*•] )"),
        "trailing_space": (" \n", "\t\n"),
    },
    "\n\n": {"list_loose": re.compile(r"\n\n(?=\d{1,3}\. |[-*•] )")},
}
# What no text of ASCII has.
_NOT_ASCII = ("bullet_dot", "emoji")
_MARKS = (
    *("header", "header_1", "header_2", "header_3", "bullet_dash", "bullet_star"),
    *("bullet_star_wide", "bullet_dot", "bullet_plus", "bullet_nested", "numbered_dot"),
    *("numbered_bracket", "numbered_bold", "bullet_bold", "bold", "bold_line"),
    *("bold_colon_inside", "bold_colon_outside", "italic", "underscore", "table_row", "rule"),
    *("quote", "fence", "fence_language", "inline_code", "link", "latex", "emoji", "indented"),
    *("blank_line", "blank_lines", "trailing_space", "colon_line", "line_break", "list_tight"),
    *("list_loose", "tag"),
)
_PLACE = {name: i for i, name in enumerate(_MARKS)}
_GATED = [
    (
        sign,
        [(_PLACE[n], x) for n, told in marks.items() if isinstance(told, tuple) for x in told],
        [
            (_PLACE[n], n in _NOT_ASCII, told.findall)
            for n, told in marks.items()
            if isinstance(told, re.Pattern)
        ],
    )
    for sign, marks in _SOUGHT.items()
]
_PUNCTUATION = (
    *".,;:!?-–—",
    *(" — ", " - ", "--", "…", "..."),
    *"([\"'“’‘/&%$*#_=+<|~\u00a0、。，：；「،؟",
    *(".)", "e.g.", "i.e.", "etc", ", and ", ", or ", ". ", ".  ", ":\n", "!\n", "I ", "\t"),
)
# Single characters of ASCII are counted all at once, the others one by one.
_SINGLE = [i for i, mark in enumerate(_PUNCTUATION) if len(mark) == 1 and mark.isascii()]
_CODES = [ord(_PUNCTUATION[i]) for i in _SINGLE]
_OTHERS = [(i, mark, mark.isascii()) for i, mark in enumerate(_PUNCTUATION) if i not in _SINGLE]
_ENDS = (".", "!", "?", ":", "```", ")", '"')
_DIGITS = slice(ord("0"), ord("9") + 1)
_FUNCTION = tuple(dict.fromkeys(w for words in FUNCTION_WORDS.values() for w in words))
# An apostrophe is made a letter, so that "don't" is one word.
_FUNCTION_PLACE = {word.replace("'", "_"): i for i, word in enumerate(_FUNCTION)}
_GLUE = re.compile(r"'[\w']*")


def _rates(counts: Counts, pages: Pages) -> Array:
    sizes = np.array([max(200, len(page.text)) for page in pages])
    return np.asarray(1000.0 * counts / sizes[:, None])


def squeezed(values: Array) -> Array:
    """log(1 + x), column by column: rates have long tails. Shape and order are kept."""
    return np.log1p(np.maximum(values, 0.0))


def _letters(pages: Pages) -> Counts:
    """How often each of the 128 characters of ASCII stands in each text, by code point."""
    codes = (np.frombuffer(p.text.encode("ascii", "ignore"), dtype=np.uint8) for p in pages)
    return np.array([np.bincount(c, minlength=128) for c in codes])


def markdown(pages: Pages) -> Array:
    """The markdown skeleton: each mark per 1,000 characters, then whether the text has any of
    it."""
    rates = _rates(np.array([_marks_of(page.text) for page in pages]), pages)
    return np.concatenate([rates, rates > 0], axis=1)


def _marks_of(text: str) -> list[int]:
    """How often each mark stands in a text. What begins a line is sought as what follows a line
    break, so that the text gets one in front; no mark goes on over one."""
    counts, lines, plain = [0] * len(_MARKS), f"\n{text}", text.isascii()
    for sign, strings, patterns in _GATED:
        if sign in lines:
            for place, string in strings:
                counts[place] += lines.count(string)
            for place, other, found in patterns:
                if not (other and plain):
                    counts[place] = len(found(lines))
    counts[_PLACE["colon_line"]] = text.count(":\n") + text.endswith(":")
    for name, string in (("line_break", "\n"), ("blank_line", "\n\n"), ("blank_lines", "\n\n\n")):
        counts[_PLACE[name]] = text.count(string)
    return counts


def punctuation(pages: Pages) -> Array:
    """Punctuation habits per 1,000 characters, and how the text ends."""
    counts = np.zeros((len(pages), len(_PUNCTUATION)), dtype=np.int64)
    counts[:, _SINGLE] = _letters(pages)[:, _CODES]
    counts[:, [i for i, _, _ in _OTHERS]] = [_other_marks(page.text) for page in pages]
    ends = [[float(page.text.endswith(mark)) for mark in _ENDS] for page in pages]
    return np.concatenate([_rates(counts, pages), np.array(ends)], axis=1)


def _other_marks(text: str) -> list[int]:
    plain = text.isascii()
    return [0 if plain and not own else text.count(mark) for _, mark, own in _OTHERS]


def moments(pages: Pages) -> Array:
    """Sentences, paragraphs, lines and words: how many, and mean, deviation, least, greatest and
    median length."""
    shapes = [page.each(shape) for page in pages]
    places = [np.flatnonzero(s & IS_WORD) for s in shapes]
    shapes = [s[words] for s, words in zip(shapes, places, strict=True)]
    texts = [page.text for page in pages]
    held = [
        _Lengths([_sentences(t) for t in texts]),
        _Lengths([[len(p) for p in t.split("\n\n") if p.strip()] for t in texts]),
        _Lengths([[len(line) for line in t.split("\n") if line.strip()] for t in texts]),
        _Lengths([s >> LENGTH for s in shapes]),
    ]
    letters, size, count = _letters(pages), np.array([len(t) for t in texts]), held[-1].counts
    lowered = (p.lowered()[words] for p, words in zip(pages, places, strict=True))
    different = [len(distinct(words)) for words in lowered]
    shares = [
        np.array(different) / np.maximum(1, count),
        np.array([np.count_nonzero(s & IS_CAPITAL) for s in shapes]) / np.maximum(1, count),
        letters[:, _DIGITS].sum(axis=1) / np.maximum(1, size),
        (size - letters.sum(axis=1)) / np.maximum(1, size),
    ]
    sizes = [size, count, *(lengths.counts for lengths in held[:3])]
    return np.column_stack([*sizes, *shares, *(lengths.moments() for lengths in held)])


def _sentences(text: str) -> list[int]:
    """Words of each sentence that has any."""
    return [size for size in [len(s.split()) for s in _SENTENCE.split(text)] if size]


class _Lengths:
    """Lengths of the parts of each of some texts, ``counts`` (texts,) of them."""

    def __init__(self, parts: Sequence[Sequence[int] | NDArray[np.integer]]) -> None:
        self.counts = np.array([len(p) for p in parts], dtype=np.int64)
        self._values = np.concatenate([np.asarray(p, dtype=np.int64) for p in parts])

    def moments(self) -> Array:
        """Mean, standard deviation, least, greatest, median of each text's, (texts, 5); zeros where
        it has no part."""
        rows = np.repeat(np.arange(len(self.counts)), self.counts)
        some, out = self.counts > 0, np.zeros((len(self.counts), 5))
        counts = self.counts[some]
        total, squares = (
            np.bincount(rows, v, minlength=len(out))[some]  # of whole numbers: exact
            for v in (self._values, self._values * self._values)
        )
        mean = total / counts
        deviation = np.sqrt(np.maximum(0.0, squares / counts - mean * mean))
        ordered = np.sort((rows << 32) | self._values) & 0xFFFFFFFF
        ends = np.cumsum(counts)
        begins = ends - counts
        ranked = (ordered[begins], ordered[ends - 1], ordered[begins + counts // 2])
        out[some] = np.column_stack([mean, deviation, *ranked])
        return out


def _function_place(word: str) -> int:
    return 1 + _FUNCTION_PLACE.get(word.lower(), -1)


def function_words(pages: Pages) -> Array:
    """Share of each function word among all word tokens, in per mille; columns are the words of
    all languages."""
    counts = np.zeros((len(pages), len(_FUNCTION)), dtype=np.int64)
    totals = np.array([_function_counts(*pair) for pair in zip(pages, counts, strict=True)])
    return np.asarray(counts * (1000.0 / np.maximum(40, totals))[:, None])


def _function_counts(page: CutText, counts: Counts) -> int:
    """Writes how often a text says each function word; returns how many words it has."""
    if lowers_alone(page.text) and not beyond_spaces(page.low):
        counts[:] = np.bincount(page.each(_function_place), minlength=len(_FUNCTION) + 1)[1:]
        total = int(np.count_nonzero(page.each(shape) & IS_LOW_WORD))
        return total + (_joined(page.low, counts) if "'" in page.low else 0)
    found = Counter(words_of(page.low.replace("'", "_")))
    counts[:] = [found[word] for word in _FUNCTION_PLACE]
    return sum(n for word, n in found.items() if word[0].isalnum())


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
    measure: Callable[[Pages], Array]

    def __call__(self, pages: Pages) -> NDArray[np.float32]:
        """Squeezed values (log(1 + x)), shape (pages, columns), finite and not negative."""
        new = [page for page in pages if self.name not in page.rows]
        if new:
            measured = squeezed(self.measure(new)).astype(np.float32)
            for page, row in zip(new, measured, strict=True):
                page.rows[self.name] = row
        out = np.empty((len(pages), len(self.columns)), dtype=np.float32)
        for row, page in zip(out, pages, strict=True):
            row[:] = page.rows[self.name]
        return out


_PHRASES = PhraseLists(
    {"hedges": HEDGES, "refusals": REFUSALS, "reasoning": REASONING, "address": ADDRESS}
)


def _phrases(name: str) -> CountedFamily:
    counter = _PHRASES.counter(name)
    return CountedFamily(name, counter.columns, lambda pages: _rates(counter(pages), pages))


COUNTED: tuple[CountedFamily, ...] = (
    CountedFamily("markdown", (*_MARKS, *(f"any_{name}" for name in _MARKS)), markdown),
    CountedFamily("punctuation", (*_PUNCTUATION, *(f"ends_{m}" for m in _ENDS)), punctuation),
    CountedFamily("moments", (*_SIZES, *_SHARES, *_MOMENT_NAMES), moments),
    CountedFamily("function words", _FUNCTION, function_words),
    *(_phrases(name) for name in _PHRASES.lists),
)
