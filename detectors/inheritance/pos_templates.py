"""Does the suspect build its sentences as the candidate does? Runs of four to eight parts of
speech, whatever the words.

After Wadhwa et al. (2025): templates of parts of speech tell the teachers of small students apart
where shared words and perplexity do not. Knows word classes by a light tagger of English alone;
knows no word that an answer is about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.base import FittedDetector
from detectors.case import Case, Teacher
from detectors.exhibits.templates import SharedTemplate, template_book
from detectors.lineup import Ranking, lineup, rounded
from detectors.measurement import Measurement, NotMeasured, Rank, Table
from detectors.needs import Need
from detectors.pairing import ALONE, FEWEST, TOO_FEW_MODELS, ProbeAnswer, book_of, style_answers
from detectors.stats.openset import rivals
from detectors.style.attribution import Attribution, attributions
from detectors.style.space import TEMPLATES
from detectors.style.standing import Standing, Standings, null_of_standing
from detectors.text.lexicons import FUNCTION_WORDS
from detectors.text.ngrams import words_of
from detectors.text.pages import cut
from detectors.text.phrases import HeldPhrases
from fingerprints.transcript import Transcript

Array = NDArray[np.float64]
# Even bags of fifty name the family 8 times in 10 only (docs/detectors/pos_templates.md).
RELIABLE = 50
MOST = 12
LEAST_ENGLISH = 0.15
_ENGLISH = frozenset(FUNCTION_WORDS["en"])

CAUTIONS = (
    (
        "Layout is part of a template (line breaks, list marks): a fashion of formatting looks like"
        " a shared way with sentences."
    ),
    "A common third source or the same public tuning data make templates alike, too.",
)


@dataclass(frozen=True)
class ScoredTemplates:
    """A suspect against the fitted book: its answers by prompt number, log-probabilities
    (prompts, models), templates."""

    answers: dict[int, ProbeAnswer]
    log_p: Array
    held: HeldPhrases


class PosTemplates(FittedDetector):
    """Does the suspect build its sentences as the candidate does?

    s(t) is the mean over English prompts of log P(t | templates of the answer), each answer scored
    by a fold of the classifier that never saw its prompt, in nats per answer. The value is s(t)
    after z-norm and t-norm over models of other vendors, as in `stylistic_overlap`; with fewer than
    three of them, s(t) less that of the best other vendor. Deterministic under ``seed``.
    """

    name: ClassVar[str] = "pos_templates"
    question: ClassVar = "inheritance"
    asks: ClassVar[str] = (
        "Does the suspect build its sentences as the candidate does, whatever the words?"
    )
    needs: ClassVar = (Need.STYLE, Need.TEACHER)
    source: ClassVar[str] = (
        "templates of parts of speech (Wadhwa et al. 2025, arXiv 2502.06659), cohort normalisation"
    )
    blind_spots: ClassVar[tuple[str, ...]] = (
        "any language but English",
        "answers that a small model's own habits dominate: repetition, broken sentences",
        "paraphrase by another model",
    )

    leaves_out: ClassVar = True

    def _learn(self, teachers: Sequence[Teacher], suspect: Transcript | None) -> None:
        """The stored models' templates on the prompts that the suspect answered in English."""
        self.book_ = book_of(
            teachers,
            _english_prompts([t.transcript for t in teachers] if suspect is None else [suspect]),
        )
        self.attribution_: Attribution | None = None
        if len(self.book_.teachers) > 1 and len(self.book_.prompts) >= FEWEST:
            (self.attribution_,) = attributions(self.book_, (TEMPLATES,))
            self.standings_ = Standings(self.attribution_, seed=self.seed)
            self.templates_ = template_book([list(said.values()) for said in self.book_.answers])

    def _measure(self, case: Case) -> Measurement | NotMeasured:
        mine = _english_prompts([case.suspect])
        if len(mine) < FEWEST:
            return NotMeasured(
                reason=f"{len(mine)} style answers are in English; at least {FEWEST} are needed",
                code="too_few_answers",
            )
        shared = len(mine & style_answers(case.the_candidate.transcript).keys())
        if shared < FEWEST:
            return NotMeasured(
                reason=f"only {shared} shared prompts in English; at least {FEWEST} are needed",
                code="too_few_answers",
            )
        if self.attribution_ is None or case.the_candidate.name not in self.book_.names:
            return NotMeasured(reason=TOO_FEW_MODELS, code="too_few_models")
        return self._standing(case, self.attribution_)

    def _score(self, suspect: Transcript, known: Attribution) -> ScoredTemplates:
        said, wanted = style_answers(suspect), _english_prompts([suspect])
        answers = {i: said[k] for i, k in enumerate(self.book_.prompts) if k in wanted}
        log_p = np.full((len(self.book_.prompts), len(self.book_.names)), np.nan)
        numbers, texts = list(answers), [a.text for a in answers.values()]
        log_p[numbers] = known.score(known.space.transform(texts), numbers)
        return ScoredTemplates(answers, log_p, self.templates_.held(texts))

    def _standing(self, case: Case, known: Attribution) -> Measurement | NotMeasured:
        book, (place, usable) = self.book_, self.book_.place(case)
        scored = self._keep("scored", case.suspect, lambda: self._score(case.suspect, known))
        answered = np.array(
            [i in scored.answers and i in book.answers[place] for i in range(len(book.prompts))]
        )
        main = self.standings_.of(scored.log_p, answered, place, usable)
        if main is None:
            return NotMeasured(reason=ALONE, code="too_few_models")
        return self._measurement(main, scored, place, usable, len(style_answers(case.suspect)))

    def _measurement(
        self,
        main: Standing,
        scored: ScoredTemplates,
        place: int,
        usable: NDArray[np.bool_],
        asked: int,
    ) -> Measurement:
        book = self.book_
        ranking = Ranking(lineup(book.teachers), main.scores, place)
        name, (low, high) = book.names[place], main.interval()
        null = null_of_standing(main, book.vendors, place, usable)
        strangers = np.flatnonzero(rivals(book.vendors, place) & usable).tolist()
        shared = SharedTemplate(
            book,
            place,
            scored.answers,
            self.templates_.telling(place, strangers, scored.held, MOST),
        )
        against = (
            f"p {main.p:.3f} among {len(main.null)} unrelated models"
            if main.p is not None
            else "too few to normalise"
        )
        return Measurement(
            metric=(
                "normalised template score (z-norm, then t-norm)"
                if main.normal
                else "template score less the best other's"
            ),
            metric_id="template_score_normalised" if main.normal else "template_score_margin",
            value=main.value,
            n=main.n,
            n_unit="prompts",
            counts_prompts=True,
            interval=(low, high),
            direction="higher: sentences are built more like the candidate's"
            + ("" if main.normal else " (nats per answer)"),
            rank=Rank(position=main.rank, of=len(book.names)),
            null=null,
            summary=(
                f"{name} ranks {main.rank} of {len(book.names)} stored models by parts of speech"
                f" over {main.n} prompts: {main.value:+.2f} (95 % {low:+.2f} to {high:+.2f}),"
                f" {against}."
            ),
            tables=(_models(main, ranking), shared.table()),
            charts=(
                ranking.bars(main.interval, null, "Who builds sentences alike", "template score"),
            ),
            exhibits=shared.exhibits(),
            notes=_notes(main, asked, len(scored.answers), book.left_out),
        )


def is_english(answer: ProbeAnswer) -> bool:
    """Whether an answer is English: 15 % of its words are English function words, and its probe
    is in no other language."""
    language = answer.probe.language
    words = [w for w in words_of(cut(answer.text).lower()) if w[0].isalpha()]
    told = language.split("-")[0] == "en" if language else True
    return told and sum(w in _ENGLISH for w in words) >= LEAST_ENGLISH * max(1, len(words))


def _english_prompts(transcripts: Sequence[Transcript]) -> set[str]:
    found: set[str] = set()
    for transcript in transcripts:
        found |= {
            k
            for k, answer in style_answers(transcript).items()
            if k not in found and is_english(answer)
        }
    return found


def _models(main: Standing, ranking: Ranking) -> Table:
    return ranking.table(
        lambda i: (rounded(float(main.raw[i])),),
        ("score", "nats per answer"),
        "Stored models by templates",
        f"n = {main.n} prompts.",
    )


def _notes(main: Standing, asked: int, english: int, left_out: tuple[str, ...]) -> tuple[str, ...]:
    notes = [
        f"{english} of the suspect's {asked} style answers are in English and shared; the others"
        " were not read."
    ]
    if main.n < RELIABLE:
        notes.append(f"Bags under {RELIABLE} answers are unreliable.")
    if not main.normal:
        notes.append(
            f"Only {len(main.null)} unrelated models are stored: the score can't be normalised and"
            " has no p-value."
        )
    if left_out:
        notes.append(
            f"{len(left_out)} stored models answered too few of the shared prompts and were left"
            " out."
        )
    return (*notes, *CAUTIONS)
