"""Does the suspect build its sentences as the candidate does? Runs of four to eight parts of
speech, whatever the words.

After Wadhwa et al. (2025): templates of parts of speech tell the teachers of small students apart
where shared words and perplexity do not. Knows word classes by a light tagger of English alone;
knows no word that an answer is about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from detectors.base import Case, Detector, Measurement, NotMeasured, Rank, Table, Teacher
from detectors.lineup import Lineup, bars_of, lineup, models_table, rounded
from detectors.pairing import FEWEST, ProbeAnswer, book_of, style_answers
from detectors.stats.openset import rivals
from detectors.style.attribution import Attribution, attributions
from detectors.style.space import TEMPLATES
from detectors.style.standing import Standing, all_prompts, null_of_standing, standing
from detectors.text.features import cut
from detectors.text.lexicons import FUNCTION_WORDS
from detectors.text.ngrams import words_of
from detectors.text.phrases import HeldPhrases
from detectors.text.templates import SharedTemplate, template_book
from fingerprints.transcript import Transcript

Array = NDArray[np.float64]
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

    digest: str
    answers: dict[int, ProbeAnswer]
    log_p: Array
    held: HeldPhrases


class PosTemplates(Detector):
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
    needs: ClassVar[tuple[str, ...]] = ("replies:style", "teacher:replies")
    source: ClassVar[str] = (
        "templates of parts of speech (Wadhwa et al. 2025, arXiv 2502.06659), cohort normalisation"
    )
    blind_spots: ClassVar[tuple[str, ...]] = (
        "any language but English",
        "answers that a small model's own habits dominate: repetition, broken sentences",
        "paraphrase by another model",
    )

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def fit(self, teachers: Sequence[Teacher], suspect: Transcript | None = None) -> Self:
        """Learns the stored models' templates on the prompts that the suspect answered in
        English; nothing of the suspect's."""
        self.book_ = book_of(
            teachers,
            _english_prompts([t.transcript for t in teachers] if suspect is None else [suspect]),
        )
        self.attribution_: Attribution | None = None
        self.scored_: ScoredTemplates | None = None
        if len(self.book_.teachers) > 1 and len(self.book_.prompts) >= FEWEST:
            (self.attribution_,) = attributions(self.book_, (TEMPLATES,))
            self.templates_ = template_book([list(said.values()) for said in self.book_.answers])
        return self

    def measure(self, case: Case) -> Measurement | NotMeasured:
        """The candidate's normalised score, or the reason why there is none. An unfitted
        detector learns from the case."""
        if case.candidate is None:
            return NotMeasured(
                reason="templates are shared with a candidate, and the case names none"
            )
        if not hasattr(self, "book_"):
            return (
                PosTemplates(self.seed)
                .fit([case.candidate, *case.background], case.suspect)
                .measure(case)
            )
        mine = _english_prompts([case.suspect])
        if len(mine) < FEWEST:
            return NotMeasured(
                reason=f"{len(mine)} style answers are in English; at least {FEWEST} are needed"
            )
        shared = len(mine & style_answers(case.candidate.transcript).keys())
        if shared < FEWEST:
            return NotMeasured(
                reason=f"only {shared} shared prompts in English; at least {FEWEST} are needed"
            )
        if self.attribution_ is None or case.candidate.name not in self.book_.names:
            return NotMeasured(
                reason=(
                    "fewer than two stored models, the candidate among them, share the suspect's"
                    " prompts"
                )
            )
        return self._standing(case, self.attribution_, case.candidate.name)

    def _score(self, suspect: Transcript, known: Attribution) -> ScoredTemplates:
        """The suspect's scores, kept for the next candidate."""
        digest = suspect.digest()
        if self.scored_ is None or self.scored_.digest != digest:
            said, wanted = style_answers(suspect), _english_prompts([suspect])
            answers = {i: said[k] for i, k in enumerate(self.book_.prompts) if k in wanted}
            log_p = np.full((len(self.book_.prompts), len(self.book_.names)), np.nan)
            numbers = list(answers)
            texts = [a.text for a in answers.values()]
            log_p[numbers] = known.score(known.space.transform(texts), numbers)
            self.scored_ = ScoredTemplates(digest, answers, log_p, self.templates_.held(texts))
        return self.scored_

    def _standing(self, case: Case, known: Attribution, name: str) -> Measurement | NotMeasured:
        book, scored = self.book_, self._score(case.suspect, known)
        place = book.names.index(name)
        present = {name, *(t.name for t in case.population)}
        usable = np.array([n in present for n in book.names])
        answered = np.array(
            [i in scored.answers and i in book.answers[place] for i in range(len(book.prompts))]
        )
        main = standing(
            known,
            scored.log_p,
            all_prompts(answered, len(book.names)),
            place,
            usable,
            seed=self.seed,
        )
        if main is None:
            return NotMeasured(reason="no other stored model shares the suspect's prompts")
        return self._measurement(main, scored, place, usable, len(style_answers(case.suspect)))

    def _measurement(
        self,
        main: Standing,
        scored: ScoredTemplates,
        place: int,
        usable: NDArray[np.bool_],
        asked: int,
    ) -> Measurement:
        book, line = self.book_, lineup(self.book_.teachers)
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
            value=main.value,
            n=main.n,
            n_unit="prompts",
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
            tables=(_models(main, line, place), shared.table()),
            charts=(
                bars_of(
                    line,
                    main.scores,
                    place,
                    main.interval,
                    null,
                    "Who builds sentences alike",
                    "template score",
                ),
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


def _models(main: Standing, line: Lineup, place: int) -> Table:
    caption = f"n = {main.n} prompts."
    return models_table(
        line,
        main.scores,
        lambda i: (rounded(float(main.raw[i])),),
        ("score", "nats per answer"),
        place,
        "Stored models by templates",
        caption,
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
