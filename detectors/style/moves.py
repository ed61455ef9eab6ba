"""How far a suspect's answers moved from its base's: scores by stored models on the one less those
on the other.

The same classifier reads both answers to one prompt, so what the prompt is about, how large the
model is and what the base wrote like anyway fall out. Knows arrays and texts; knows no candidate
and writes no report.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.pairing import AnswerBook, ProbeAnswer, style_answers
from detectors.style.attribution import Attribution, attributions
from detectors.style.space import PROSE, UNENDED, Dense
from detectors.text.pages import cut
from detectors.text.plaintext import without_layout
from fingerprints.transcript import Transcript

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
MOST_TEXTS = 6000
# So that values of 20 and of 500 questions are on one scale (docs/detectors/movement.md).
SATURATED = 100
STEP = 50
ROUNDS = 300
# With the signs as they are among them p is a whole number of two-thousandths.
FLIPS = 1999


@dataclass(frozen=True)
class Pairs:
    """The prompts that suspect and base both answered, in order of digest: their two answers and
    the question of each.

    ``question`` numbers the clusters, 0 … ``questions`` - 1: prompts that translate or paraphrase
    one question share one.
    """

    digests: tuple[str, ...]
    suspect: tuple[ProbeAnswer, ...]
    base: tuple[ProbeAnswer, ...]
    question: NDArray[np.int64]

    @property
    def questions(self) -> int:
        """How many independent questions."""
        return int(self.question.max()) + 1 if len(self.question) else 0

    @property
    def longest(self) -> int:
        """Characters that all texts are cut to: what 95 of 100 answers of either stay under,
        whichever is less.

        Rounded down to a multiple of `STEP`, so that suspects of like lengths can share what was
        learned.
        """
        sides = [[len(cut(a.text)) for a in side] for side in (self.suspect, self.base)]
        return max(1, int(min(np.quantile(side, 0.95) for side in sides)) // STEP) * STEP

    def only(self, digests: Collection[str]) -> Pairs:
        """The pairs of these prompts alone, questions numbered anew."""
        kept = [i for i, k in enumerate(self.digests) if k in set(digests)]
        number = {q: n for n, q in enumerate(dict.fromkeys(self.question[kept].tolist()))}
        question = np.array([number[q] for q in self.question[kept].tolist()], dtype=np.int64)
        one, other = (tuple(side[i] for i in kept) for side in (self.suspect, self.base))
        return Pairs(tuple(self.digests[i] for i in kept), one, other, question)

    def by_question(self, values: Array) -> Array:
        """Means over the prompts of each question, (questions, …), of values (prompts, …)."""
        sums = np.zeros((self.questions, *values.shape[1:]))
        np.add.at(sums, self.question, values)
        counts = np.bincount(self.question).astype(float)
        return np.asarray(sums / counts.reshape(-1, *[1] * (values.ndim - 1)))


def pairs_of(suspect: Transcript, base: Transcript) -> Pairs:
    """The pairs of style-like answers to the same prompt."""
    one, other = style_answers(suspect), style_answers(base)
    digests = tuple(sorted(one.keys() & other.keys()))
    clusters = [one[k].probe.cluster for k in digests]
    number = {c: i for i, c in enumerate(dict.fromkeys(clusters))}
    question = np.array([number[c] for c in clusters], dtype=np.int64)
    return Pairs(
        digests, tuple(one[k] for k in digests), tuple(other[k] for k in digests), question
    )


@dataclass(frozen=True)
class Way:
    """One way to read answers: its name, the feature families, and what it does to a text."""

    name: str
    families: Mapping[str, tuple[int, float]]
    reading: Callable[[str], str]

    def learned(self, book: AnswerBook, *, shared: bool) -> Attribution:
        """The classifier of a book's models, read in this way.

        ``shared``: the book holds answers to the suspect's own prompts, against which answers are
        centred. Otherwise models are known by other prompts, and answers are taken alone.
        """
        most = max(150, MOST_TEXTS // len(book.teachers))
        return attributions(
            book.read(lambda n, text: self.reading(text), most), (self.families,), centred=shared
        )[0]


def ways_of(longest: int) -> tuple[Way, Way]:
    """Every text cut to ``longest`` characters, as written and without layout."""
    return (
        Way("as written", UNENDED, lambda text: cut(text, longest)),
        Way("without layout", PROSE, lambda text: without_layout(cut(text, longest))),
    )


@dataclass(frozen=True)
class Moves:
    """Scores of the suspect less scores of the base, in logits: ``gaps`` (questions, models),
    averaged within a question.

    ``aim`` (models,) is the cosine between the whole movement in the space and the way from the
    base to the model, the noise of single answers taken off; NaN where the movement is not above
    that noise. Against the prompts' own scores only differences between models have a meaning.
    ``prompts`` (prompts, models) is ``gaps`` before averaging. ``alone`` (models,) is the mean log
    P(model | answer) of the suspect's answers, the base left out.
    """

    gaps: Array
    aim: Array
    prompts: Array
    alone: Array

    def contrast(self, candidate: int, rivals: Flags) -> Array:
        """Movement toward the candidate less mean movement toward its rivals, by question,
        (questions,)."""
        return np.asarray(self.gaps[:, candidate] - self.gaps[:, rivals].mean(axis=1))


def moves_of(way: Way, known: Attribution, pairs: Pairs) -> Moves:
    """What the classifier of this way of reading says of suspect and base."""
    number = {k: n for n, k in enumerate(known.book.prompts)}
    prompts = [number.get(k, -1) for k in pairs.digests]
    x, y = (
        known.space.transform([way.reading(a.text) for a in side])
        for side in (pairs.suspect, pairs.base)
    )
    mine = known.score(x, prompts)
    gaps = mine - known.score(y, prompts)
    aim = _aim(known, pairs.by_question((x - y).astype(float)), y)
    return Moves(pairs.by_question(gaps), aim, gaps, pairs.by_question(mine).mean(axis=0))


def _aim(known: Attribution, moved: Array, base: Dense) -> Array:
    """Cosine of the mean movement with the way from the base's mean answer to each model's, its
    length without noise.

    The squared length of the mean over questions is estimated by products of *different* questions
    only.
    """
    n, mean = len(moved), moved.mean(axis=0)
    squared = float(((moved.sum(axis=0) ** 2).sum() - (moved**2).sum()) / (n * (n - 1)))
    ways = known.means - base.mean(axis=0)
    if squared <= 0:
        return np.full(len(ways), np.nan)
    lengths = np.sqrt(squared * np.maximum((ways**2).sum(axis=1), 1e-12))
    return np.asarray(np.clip(ways @ mean / lengths, -1.0, 1.0))


def strength(contrast: Array) -> Array:
    """Standardised movement d·√(n·100/(n + 100)) of contrasts (…, n questions): d is mean over
    spread.

    With few questions it is Student's t; with many it tends to 10·d instead of growing for ever, so
    that a drift that every tuned model shows does not become evidence by asking more. 0 where
    nothing moved.

    >>> float(strength(np.array([1.0, 1.0, 0.0, 0.0])).round(3))
    1.698
    """
    n = contrast.shape[-1]
    spread = contrast.std(axis=-1, ddof=1)
    d = np.divide(contrast.mean(axis=-1), spread, out=np.zeros_like(spread), where=spread > 1e-9)
    return np.asarray(d * np.sqrt(n * SATURATED / (n + SATURATED)))


def resampled(contrasts: Sequence[Array], seed: int, rounds: int = ROUNDS) -> Array:
    """The weakest strength of several contrasts of the same questions under bootstrap of whole
    questions, (rounds,)."""
    n = len(contrasts[0])
    drawn = np.random.default_rng(seed).integers(0, n, size=(rounds, n))
    return np.asarray(np.min([strength(c[drawn]) for c in contrasts], axis=0))


def flipped_p(contrast: Array, seed: int, flips: int = FLIPS) -> float:
    """p of the mean under exchange of suspect and base, question by question: (1 + times reached) /
    (flips + 1).

    Exact where the two don't differ in distribution; one-sided, small: moved toward the candidate.
    """
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(flips, len(contrast)))
    return float((1 + (signs @ contrast >= contrast.sum() - 1e-12).sum()) / (flips + 1))
