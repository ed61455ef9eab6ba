"""Which phrases does one author over-use against a cohort? Log-odds with an informative Dirichlet
prior.

Monroe, Colaresi & Quinn (2008), "Fightin' Words", *Political Analysis* 16. Phrases are runs of two
to five tokens in lower case. Counts are kept hashed, so that a large store fits; a phrase's text is
read back from the suspect's own answers. Knows texts; knows no probabilities of authorship.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from detectors.text.ngrams import (
    Codes,
    WordCodes,
    buckets,
    lowered,
    lowers_alone,
    spans_of,
    summed_counts,
    words_of,
)
from detectors.text.pages import cut, page_of
from detectors.text.vocabulary import lower_number

Array = NDArray[np.float64]
SIZES = (2, 3, 4, 5)
BITS = 22
PRIOR = 500.0


def log_odds(one: Array, other: Array, prior: Array) -> Array:
    """z-scores of each phrase's log-odds in ``one`` against ``other``, under a Dirichlet prior;
    positive: ``one`` uses it more.

    All three are counts of shape (phrases,); ``prior`` must be positive. The variance is 1/(y1 + a)
    + 1/(y2 + a) (Monroe et al. 2008, equations 16, 20 and 22).
    """
    n1, n2, a0 = one.sum(), other.sum(), prior.sum()
    delta = np.log((one + prior) / (n1 + a0 - one - prior)) - np.log(
        (other + prior) / (n2 + a0 - other - prior)
    )
    return np.asarray(delta / np.sqrt(1 / (one + prior) + 1 / (other + prior)))


@dataclass(frozen=True)
class Phrase:
    """One telling phrase: its words, z for candidate and for suspect against the cohort, and in
    which answers it stands."""

    words: tuple[str, ...]
    candidate_z: float
    suspect_z: float
    suspect_answers: tuple[int, ...]
    candidate_count: int
    cohort_per_model: float

    @property
    def weight(self) -> float:
        """The lesser of the two z-scores: telling only where both over-use it."""
        return min(self.candidate_z, self.suspect_z)


@dataclass(frozen=True)
class HeldPhrases:
    """The suspect's phrases that stand in two answers or more: their words, those answers, and how
    often models use them.

    ``counts`` (models, phrases) and ``totals`` (models,) are the stored models' counts, ``said``
    (phrases,) the suspect's answers that hold each, ``total`` the sum over all of its phrases.
    """

    words: list[tuple[str, ...]]
    answers: list[list[int]]
    counts: Array
    totals: Array
    said: Array
    total: float


@dataclass(frozen=True)
class TokenReading:
    """How a text is cut into the tokens that phrases are made of: the tokens themselves, and their
    numbers (the same word has the same number everywhere), in the same order."""

    tokens: Callable[[str], list[str]]
    codes: Callable[[str], Codes]


def lower_tokens(text: str) -> list[str]:
    """The tokens of a text's first part in lower case."""
    kept = cut(text)
    return lowered(words_of(kept)) if lowers_alone(kept) else words_of(kept.lower())


def lower_codes(text: str) -> Codes:
    """The numbers of `lower_tokens`."""
    page = page_of(text)
    if lowers_alone(page.text):
        return page.each(lower_number).astype(np.uint64)
    return WordCodes()(lower_tokens(text))


WORDS = TokenReading(lower_tokens, lower_codes)


class PhraseBook:
    """Phrase counts of every stored model, shape (models, buckets), kept sparse.

    ``reading`` makes a text's tokens (words in lower case, by default), ``sizes`` are the lengths
    of phrases, ascending.
    """

    def __init__(
        self,
        texts: Sequence[Sequence[str]],
        sizes: tuple[int, ...] = SIZES,
        reading: TokenReading = WORDS,
    ) -> None:
        self._sizes, self._reading = sizes, reading
        rows = [summed_counts([reading.codes(t) for t in said], sizes, BITS) for said in texts]
        self.counts = sparse.vstack(rows, format="csr")

    def telling(
        self, candidate: int, cohort: Sequence[int], held: HeldPhrases, most: int
    ) -> list[Phrase]:
        """The phrases that candidate and suspect both over-use against the cohort, most telling
        first, none inside another.

        Only phrases that stand in at least two of the suspect's answers and three times in the
        candidate's are read.
        """
        if not held.words or not cohort:
            return []
        one, said, others, prior = _tallies(candidate, list(cohort), held)
        z_candidate, z_suspect = (log_odds(t, others, prior)[:-1] for t in (one, said))
        weight = np.where(one[:-1] >= 3, np.minimum(z_candidate, z_suspect), -np.inf)
        out: list[Phrase] = []
        for i in np.argsort(-weight, kind="stable")[: 20 * most]:
            words = held.words[i]
            if weight[i] <= 1 or len(out) == most:
                break
            if any(c.isalnum() for w in words for c in w) and not any(
                _inside(words, p.words, self._sizes[0]) for p in out
            ):
                usual = float(others[i] / len(cohort))
                z = (float(z_candidate[i]), float(z_suspect[i]))
                out.append(Phrase(words, *z, tuple(held.answers[i]), int(one[i]), usual))
        return out

    def held(self, suspect: Sequence[str]) -> HeldPhrases:
        """The phrases of the suspect's answers; an answer is named by its place in ``suspect``."""
        found = _Found.of([self._reading.codes(text) for text in suspect], self._sizes)
        column, answers = found.often()
        counts = np.asarray(self.counts[:, column].todense(), dtype=float)
        said = np.array([len(a) for a in answers], dtype=float)
        totals = np.asarray(self.counts.sum(axis=1), dtype=float).ravel()
        tokens = [self._reading.tokens(text) for text in suspect]
        words = [
            tuple(tokens[number][place : place + size])
            for number, place, size in found.first(column)
        ]
        return HeldPhrases(words, answers, counts, totals, said, float(len(found.pairs)))


@dataclass(frozen=True)
class _Found:
    """Every phrase of some answers: its bucket, and where it stands (answer, token, length), in
    the order of answers, lengths and tokens; ``pairs`` are the different buckets and answers, as
    one sorted number."""

    bucket: NDArray[np.int64]
    place: NDArray[np.int64]
    pairs: NDArray[np.int64]

    @classmethod
    def of(cls, answers: Sequence[Codes], sizes: Sequence[int]) -> _Found:
        """The phrases of these sizes, in tokens."""
        held, places = [np.zeros(0, dtype=np.int64)], [np.zeros((0, 3), dtype=np.int64)]
        for number, codes in enumerate(answers):
            for size in sizes:
                held.append(buckets(codes, size, BITS))
                place = np.full((len(held[-1]), 3), (number, 0, size), dtype=np.int64)
                place[:, 1] = np.arange(len(place))
                places.append(place)
        bucket, place = np.concatenate(held), np.concatenate(places)
        return cls(bucket, place, np.unique((bucket << 32) | place[:, 0]))

    def often(self) -> tuple[NDArray[np.int64], list[list[int]]]:
        """The buckets that two answers or more hold, ascending, and those answers."""
        kept, starts, counts = np.unique(self.pairs >> 32, return_index=True, return_counts=True)
        answers = (self.pairs & 0xFFFFFFFF).tolist()
        often = counts > 1
        spans = zip(starts[often].tolist(), counts[often].tolist(), strict=True)
        return kept[often], [answers[start : start + n] for start, n in spans]

    def first(self, column: NDArray[np.int64]) -> list[tuple[int, int, int]]:
        """Where the first phrase of each of these buckets stands."""
        known, first = np.unique(self.bucket, return_index=True)
        places = self.place[first[np.searchsorted(known, column)]]
        return [(number, place, size) for number, place, size in places.tolist()]


def _tallies(candidate: int, cohort: list[int], held: HeldPhrases) -> list[Array]:
    """Counts of candidate, suspect (answers that hold it), cohort, and the prior; the last cell
    is everything else."""
    parts = (held.counts[candidate], held.said, held.counts[cohort].sum(axis=0))
    whole = (float(held.totals[candidate]), held.total, float(held.totals[cohort].sum()))
    padded = [
        np.append(part, max(1.0, total - part.sum()))
        for part, total in zip(parts, whole, strict=True)
    ]
    pooled = padded[0] + padded[2] + 0.5
    return [*padded, PRIOR * pooled / pooled.sum()]


def _inside(words: tuple[str, ...], longer: tuple[str, ...], run: int) -> bool:
    """Whether two phrases share a run of ``run`` tokens: the second of them would tell the same
    twice."""
    one, other = ({w[i : i + run] for i in range(len(w) - run + 1)} for w in (words, longer))
    return bool(one & other)


@lru_cache(maxsize=4096)
def _spaced(text: str) -> str:
    """A text's tokens, each in lower case, one space on each side of each. Remembered: a suspect's
    answers are searched for the phrases of every candidate."""
    return f" {' '.join(word.lower() for word in words_of(text))} "


@lru_cache(maxsize=1024)
def _placed(text: str) -> tuple[list[tuple[int, int]], list[str]]:
    """Where each token of a text stands, and it in lower case."""
    places = spans_of(text)
    return places, [text[start:end].lower() for start, end in places]


def places_of(words: tuple[str, ...], text: str) -> list[tuple[int, int]]:
    """Where a phrase stands in a text: (start, end) of each place in order, found token by token
    in linear time."""
    if f" {' '.join(words)} " not in _spaced(text):
        return []
    places, tokens = _placed(text)
    first = (i for i, token in enumerate(tokens) if token == words[0])
    return [
        (places[i][0], places[i + len(words) - 1][1])
        for i in first
        if tuple(tokens[i : i + len(words)]) == words
    ]
