"""Is the candidate's answer the one nearest to the suspect's, more often than for unrelated models?

Reads recorded answers as vectors of character n-grams and words, prompt by prompt. Knows wording
only: shared topic words are in every model's answer, shared fashions of wording have many causes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.base import FittedDetector
from detectors.case import Case, Teacher
from detectors.exhibits.side_by_side import side_by_side
from detectors.lineup import Lineup, Ranking, against, lineup, null_of, rounded
from detectors.measurement import Exhibit, Measurement, NotMeasured, Null, Table
from detectors.needs import Need
from detectors.pairing import ALONE, FEWEST, AnswerBook, ProbeAnswer, answer_book, few_shared
from detectors.stats.intervals import Estimate, clustered_mean
from detectors.stats.openset import FEWEST_STRANGERS
from detectors.text.nearness import cosines, cosines_to, hits, hubness, player_hits, vectors_of
from fingerprints.transcript import Transcript

Array = NDArray[np.float64]
MOST_EXHIBITS = 6
ROUNDS = 1000

CAUTIONS = (
    (
        "Some stored model is always nearest: read the excess over unrelated models and the rank"
        " among them, not the name alone."
    ),
    (
        "Longer answers, answers in the same language and answers to narrow questions are near to"
        " each other for no other reason."
    ),
)


@dataclass(frozen=True)
class NearestAnswers:
    """How often one stored model's answer is nearest: for the suspect and for each stranger, by
    prompt.

    ``suspect`` (prompts,) and ``strangers`` (prompts, models) hold hits, NaN where nothing could be
    compared; ``chance`` (prompts,) is one over the number of models compared.
    """

    suspect: Array
    strangers: Array
    chance: Array

    @property
    def prompts(self) -> NDArray[np.int64]:
        """The prompts that count."""
        return np.flatnonzero(np.isfinite(self.suspect))

    @property
    def played(self) -> NDArray[np.int64]:
        """The strangers with at least 20 of these prompts."""
        return np.flatnonzero(np.isfinite(self.strangers[self.prompts]).sum(axis=0) >= FEWEST)

    def expected(self) -> Array:
        """The strangers' mean hit at each counted prompt, (n,); by chance where no stranger
        played or answered."""
        held = self.strangers[np.ix_(self.prompts, self.played)]
        n = np.isfinite(held).sum(axis=1)
        return np.asarray(
            np.where(n > 0, np.nansum(held, axis=1) / np.maximum(n, 1), self.chance[self.prompts])
        )

    @property
    def excess(self) -> float:
        """Share of the suspect's answers whose nearest is this model's, less the share expected;
        −1 to 1."""
        return float((self.suspect[self.prompts] - self.expected()).mean())

    def stranger_excess(self) -> Array:
        """The same for each stranger against the other strangers (against chance where it is
        alone), (models,)."""
        shares = np.full(self.strangers.shape[1], np.nan)
        shares[self.played] = np.nanmean(self.strangers[np.ix_(self.prompts, self.played)], axis=0)
        held, n = np.nansum(shares), len(self.played)
        rest = (
            (held - shares) / (n - 1)
            if n > 1
            else np.full_like(shares, self.chance[self.prompts].mean())
        )
        return np.asarray(shares - rest)


@dataclass(frozen=True)
class ScoredNeighbours:
    """A suspect against a fitted book: its answers, its cosines (prompts, models), its
    `NearestAnswers` for each stored model."""

    answers: dict[int, ProbeAnswer]
    cosine: Array
    to_all: list[NearestAnswers]


class Neighbours(FittedDetector):
    """For how many of the suspect's answers is the candidate's the nearest stored answer to the
    same prompt?

    Nearness is cosine corrected for hubs (CSLS). The candidate meets the models of other vendors
    only, so that versions of one model don't split its share. The value is that share less the
    share expected from unrelated models, −1 to 1; higher: nearest more often; 0: as for an
    unrelated model. Deterministic under ``seed``.
    """

    name: ClassVar[str] = "neighbours"
    question: ClassVar = "inheritance"
    asks: ClassVar[str] = (
        "Is the candidate's answer the one nearest to the suspect's, more often than for unrelated"
        " models?"
    )
    needs: ClassVar = (Need.STYLE, Need.TEACHER)
    source: ClassVar[str] = (
        "cross-domain similarity local scaling against hubs (Conneau et al. 2018, arXiv 1710.04087)"
        " on hashed n-gram vectors"
    )
    blind_spots: ClassVar[tuple[str, ...]] = (
        "a student whose teacher is not stored is nearest to some stored model all the same",
        "paraphrase and reformatting move answers away from the teacher's",
        "siblings, students of a common source, are as near as students",
    )

    def _learn(self, teachers: Sequence[Teacher], suspect: Transcript | None) -> None:
        self.book_ = answer_book(teachers, suspect)
        self.lineup_ = lineup(self.book_.teachers)
        n = len(self.book_.prompts)
        if len(self.book_.teachers) > 1 and n >= FEWEST:
            self.vectors_ = np.stack([vectors_of(said, n) for said in self.book_.answers])
            cosine = cosines(self.vectors_)
            vendors = self.lineup_.vendors
            self.hubness_ = hubness(cosine, vendors, np.ones(len(vendors), dtype=bool))
            hubs = {
                v: hubness(cosine, vendors, vendors != v) for v in sorted(set(vendors.tolist()))
            }
            self.strangers_ = [
                player_hits(cosine, vendors, i, self._rivals(i), hubs) for i in range(len(vendors))
            ]

    def _measure(self, case: Case) -> Measurement | NotMeasured:
        book, few = self.book_, few_shared(case, self.book_)
        if few or len(book.teachers) < 2:
            return NotMeasured(
                reason=few or ALONE, code="too_few_answers" if few else "too_few_models"
            )
        scored = self._keep("scored", case.suspect, lambda: self._score(case.suspect))
        place = book.names.index(case.the_candidate.name)
        if len(scored.to_all[place].prompts) < FEWEST:
            return NotMeasured(
                reason=f"fewer than {FEWEST} prompts have another vendor's answer to compare with",
                code="too_few_models",
            )
        return _measurement(
            NeighbourViews(
                book, self.lineup_, place, scored.answers, scored.to_all, scored.cosine, self.seed
            )
        )

    def _score(self, suspect: Transcript) -> ScoredNeighbours:
        """The suspect against every stored model."""
        answers = self.book_.answers_of(suspect)
        texts = {i: a.text for i, a in answers.items()}
        to = cosines_to(vectors_of(texts, len(self.book_.prompts)), self.vectors_)
        nearest = [self._nearest(to, i) for i in range(len(self.book_.names))]
        return ScoredNeighbours(answers, to, nearest)

    def _rivals(self, candidate: int) -> list[int]:
        return [int(i) for i in np.flatnonzero(self.lineup_.strangers(candidate))]

    def _nearest(self, to: Array, candidate: int) -> NearestAnswers:
        rivals = self.lineup_.strangers(candidate)
        chance = 1.0 / (1 + np.isfinite(to[:, rivals]).sum(axis=1))
        # CSLS's other term, the suspect's own, is the same for every model and left out.
        return NearestAnswers(
            hits(2 * to - self.hubness_, candidate, rivals), self.strangers_[candidate], chance
        )


@dataclass(frozen=True)
class NeighbourViews:
    """Everything that is shown of one candidate; ``cosine`` (prompts, models) is the suspect's."""

    book: AnswerBook
    lineup: Lineup
    candidate: int
    answers: dict[int, ProbeAnswer]
    to_all: list[NearestAnswers]
    cosine: Array
    seed: int

    @property
    def found(self) -> NearestAnswers:
        """The candidate's hits."""
        return self.to_all[self.candidate]

    def estimate(self, model: int) -> Estimate:
        """A model's excess share with its interval: bootstrap over questions, or Student's where
        that is wider."""
        near = self.to_all[model]
        clusters = [self.answers[int(p)].probe.cluster for p in near.prompts]
        return clustered_mean(
            (near.suspect[near.prompts] - near.expected()).tolist(),
            clusters,
            seed=self.seed,
            resamples=ROUNDS,
        )


def _measurement(views: NeighbourViews) -> Measurement:
    near, line, place = views.found, views.lineup, views.candidate
    scores = np.array([n.excess if len(n.prompts) >= FEWEST else np.nan for n in views.to_all])
    ranking, title = (
        Ranking(line, scores, place),
        "Whose answer is nearest, beyond what is expected",
    )
    estimate = views.estimate(place)
    null = null_of(estimate.value, near.stranger_excess(), line, place, "the same prompts")
    share, expected = float(near.suspect[near.prompts].mean()), float(near.expected().mean())
    return Measurement(
        metric="share of answers nearest to the candidate's, less the share expected",
        metric_id="nearest_share_excess",
        value=estimate.value,
        n=estimate.clusters,
        n_unit="prompts",
        counts_prompts=True,
        interval=estimate.interval,
        direction="higher: the candidate's answer is the nearest more often",
        rank=ranking.rank,
        null=null,
        summary=(
            f"{line.names[place]}'s answer is the nearest to {share:.0%} of {len(near.prompts)}"
            f" answers, {expected:.0%} expected: {estimate.value:+.3f} (95 % {estimate.low:+.3f} to"
            f" {estimate.high:+.3f}), {against(null)}."
        ),
        tables=(_models(views, ranking),),
        charts=(
            ranking.bars(
                lambda i: views.estimate(i).interval, null, title, "excess share of answers"
            ),
        ),
        exhibits=_exhibits(views),
        notes=_notes(views, null),
    )


def _models(views: NeighbourViews, ranking: Ranking) -> Table:
    def extra(i: int) -> tuple[float | int | None, ...]:
        """Of model i: share nearest, expected share, prompts, mean cosine."""
        near = views.to_all[i]
        share, expected = near.suspect[near.prompts].mean(), near.expected().mean()
        cosine = np.nanmean(views.cosine[near.prompts, i])
        return (rounded(share), rounded(expected), len(near.prompts), rounded(cosine))

    columns = ("excess", "share nearest", "expected", "prompts", "mean cosine")
    caption = (
        "Each against the models of other vendors than its own; expected: the mean share of"
        " unrelated models that played."
    )
    return ranking.table(extra, columns, "Stored models by nearest answers", caption)


def _exhibits(views: NeighbourViews) -> tuple[Exhibit, ...]:
    """The answers where the candidate is nearest and strangers least find it so, the nearest by
    cosine first."""
    near, name = views.found, views.book.names[views.candidate]
    expected, cosine = near.expected(), views.cosine[near.prompts, views.candidate]
    won = np.flatnonzero(near.suspect[near.prompts] == 1.0)
    order = won[np.lexsort((-cosine[won], expected[won]))]
    out: list[Exhibit] = []
    for k in order[: MOST_EXHIBITS // 2]:
        prompt, weight = int(near.prompts[k]), float(cosine[k])
        why = (
            f"cosine {weight:.2f}, the nearest after the correction for hubs; it is for"
            f" {expected[k]:.0%} of unrelated models"
        )
        theirs = views.book.answers[views.candidate][prompt]
        out += side_by_side(views.answers[prompt], theirs, name, why, weight)
    return tuple(out)


def _notes(views: NeighbourViews, null: Null) -> tuple[str, ...]:
    notes = []
    if not null.n:
        notes.append(
            "No unrelated model could play: the share expected is chance, one over the number of"
            " models compared."
        )
    notes += views.lineup.cautions(null.n or FEWEST_STRANGERS, len(views.book.left_out))
    return (*notes, *CAUTIONS)
