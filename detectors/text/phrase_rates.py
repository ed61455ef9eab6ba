"""How often texts say the phrases of fixed lists: many phrases in many texts at once.

No pattern is built: phrases are sought as runs of numbered tokens, in linear time. Knows lists and
texts; knows no model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.text.ngrams import words_of
from detectors.text.pages import CutText

Counts = NDArray[np.int64]


class PhraseLists:
    """Lists of phrases by name, whose tokens are numbered together, so that a text's tokens are
    looked up once for all lists."""

    def __init__(self, lists: Mapping[str, Sequence[str]]) -> None:
        self.lists = {name: tuple(dict.fromkeys(phrases)) for name, phrases in lists.items()}
        spoken = (
            w for told in self.lists.values() for p in told if p.isascii() for w in words_of(p)
        )
        self._numbers = {word: 1 + i for i, word in enumerate(dict.fromkeys(spoken))}

    def number(self, word: str) -> int:
        """The number of a token in lower case, 0 where no phrase holds it."""
        return self._numbers.get(word.lower().replace("’", "'"), 0)

    def counter(self, name: str) -> PhraseCounter:
        """Counts the phrases of one list."""
        return PhraseCounter(self, self.lists[name])


class PhraseCounter:
    """Counts the phrases ``columns`` in lower-cased texts.

    A phrase of an alphabet with spaces is matched on whole tokens, any other one anywhere. As
    `str.count` counts them between spaces: of two that touch or overlap, the first.
    """

    def __init__(self, lists: PhraseLists, columns: tuple[str, ...]) -> None:
        self.columns, self._number = columns, lists.number
        self._runs: list[tuple[int, list[int]]] = []
        self._anchors: list[tuple[int, int]] = []
        for i, words in ((i, words_of(p)) for i, p in enumerate(columns) if p.isascii()):
            numbers = [lists.number(word) for word in words]
            at = words.index(max(words, key=len))  # the longest is the rarest, as a rule
            self._runs.append((i, numbers))
            self._anchors.append((numbers[at], at))
        self._is_anchor = np.zeros(1 + max((n for _, r in self._runs for n in r), default=0), bool)
        self._is_anchor[[number for number, _ in self._anchors]] = True
        self._longest = max((len(run) for _, run in self._runs), default=0)
        self._anywhere = [(i, p) for i, p in enumerate(columns) if not p.isascii()]

    def __call__(self, pages: Sequence[CutText]) -> Counts:
        """How often each phrase stands in each text, (texts, phrases)."""
        counts = np.zeros((len(pages), len(self.columns)), dtype=np.int64)
        self._count_runs(pages, counts)
        for row, page in zip(counts, pages, strict=True):
            if not page.text.isascii():
                for i, phrase in self._anywhere:
                    row[i] = page.low.count(phrase)
        return counts

    def _count_runs(self, pages: Sequence[CutText], counts: Counts) -> None:
        # Zeros between the texts, longer than any phrase: none goes on from one into another.
        gap = np.zeros(1 + self._longest, dtype=np.uint32)
        told = [page.each_low(self._number) for page in pages]
        ends = np.cumsum([len(t) + len(gap) for t in told])
        tokens = np.concatenate([gap, *(part for t in told for part in (t, gap))])
        known = np.append(self._is_anchor, np.zeros(1, bool))
        hits = np.flatnonzero(known[np.minimum(tokens, len(self._is_anchor))])
        hits = hits[np.argsort(tokens[hits], kind="stable")]
        sorted_tokens = tokens[hits]
        for (column, run), (anchor, at) in zip(self._runs, self._anchors, strict=True):
            first, last = np.searchsorted(sorted_tokens, [anchor, anchor + 1])
            starts = hits[first:last] - at
            for step, number in enumerate(run):
                if step != at:
                    starts = starts[tokens[starts + step] == number]
            starts = _apart(starts, len(run))
            rows = np.searchsorted(ends, starts - len(gap), side="right")
            counts[:, column] = np.bincount(rows, minlength=len(pages))


def _apart(starts: Counts, size: int) -> Counts:
    """Those of some places, ascending, that begin more than ``size`` tokens after the last one
    kept."""
    if not len(starts) or (np.diff(starts) > size).all():
        return starts
    kept = [int(starts[0])]
    for start in starts[1:].tolist():
        if start - kept[-1] > size:
            kept.append(start)
    return np.array(kept)
