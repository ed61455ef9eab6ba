"""Do the suspect's answers read like the candidate's, more than a stranger's would?

A classifier learns the stored models' answers to the prompts that the suspect answered too; the
suspect's answers are scored by it, and the score is put on the scale of what unrelated models get.
Knows style only: shared style has many causes, training on the candidate's answers being one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.base import FittedDetector
from detectors.case import Case, Teacher
from detectors.exhibits.style import StyleViews, charts, exhibits, tables
from detectors.measurement import Measurement, NotMeasured, Rank, Value
from detectors.needs import Need
from detectors.pairing import (
    ALONE,
    FEWEST,
    LEFT_ASIDE,
    TOO_FEW_MODELS,
    AnswerBook,
    ProbeAnswer,
    answer_book,
)
from detectors.stats.openset import rivals
from detectors.style.attribution import Attribution, attributions
from detectors.style.space import FULL, GUARDED, transform_all
from detectors.style.standing import (
    ROUNDS_OF_CUTS,
    Standing,
    Standings,
    all_prompts,
    length_matched,
    null_of_standing,
    standing,
)
from detectors.text.pages import LONGEST
from detectors.text.phrases import HeldPhrases, Phrase, PhraseBook
from fingerprints.transcript import Transcript

Array = NDArray[np.float64]
# One answer names its family 63 times in 100, a bag of ten 98 times, one of fifty always
# (docs/benchmarks.md, Source recognition).
RELIABLE = 50
PHRASES = 12
MOST_CUT = 100

CAUTIONS = (
    (
        "Attribution among stored models accuses models tuned on human data of the source whose"
        " style is short and plain; read the rank among unrelated models, not the nearest name."
    ),
    (
        "A common third source, the same public tuning data or the same era of formatting habits"
        " also make styles alike: a high score is not distillation by itself."
    ),
    "Models of one vendor are hard to tell apart; the unrelated models are those of other vendors.",
)


@dataclass(frozen=True)
class ScoredStyle:
    """A suspect against a fitted book: its answers, their log-probabilities in both spaces, its
    phrases."""

    answers: dict[int, ProbeAnswer]
    answered: NDArray[np.bool_]
    lengths: Array
    full: Array
    guarded: Array
    families: dict[str, Array]
    held: HeldPhrases


@dataclass(frozen=True)
class ShownBesides:
    """What figures need besides the value: standings with their rounds, those behind the content
    guard, and phrases."""

    whole: Standings
    guarded: Standings
    phrases: PhraseBook


class StylisticOverlap(FittedDetector):
    """Does the suspect write like the candidate?

    s(t) is the mean over prompts of log P(t | answer), in nats per answer, ≤ 0, higher: more alike;
    each answer is scored by a fold of the classifier that never saw its prompt. With at least three
    stored models of other vendors the value is s(t) after z-norm over those models (each playing
    the suspect with its vendor left out) and t-norm over the stored models; with fewer it is s(t)
    less that of the best other vendor's model (of the best other model, where all are of one
    vendor), in nats. Deterministic under ``seed``.
    """

    name: ClassVar[str] = "stylistic_overlap"
    question: ClassVar = "inheritance"
    asks: ClassVar[str] = (
        "Do the suspect's answers read like the candidate's, more than an unrelated model's would?"
    )
    needs: ClassVar = (Need.STYLE, Need.TEACHER)
    source: ClassVar[str] = (
        "closed-set authorship with cohort normalisation (Auckenthaler et al. 2000); phrases by"
        " log-odds with an informative Dirichlet prior (Monroe, Colaresi & Quinn 2008)"
    )
    blind_spots: ClassVar[tuple[str, ...]] = (
        "paraphrase or stripped formatting removes most of the signal",
        "a mixture of teachers dilutes it",
        "siblings, students of a common source, score like students",
    )

    leaves_out: ClassVar = True

    def _learn(self, teachers: Sequence[Teacher], suspect: Transcript | None) -> None:
        self.book_ = answer_book(teachers, suspect)
        self.attribution_: Attribution | None = None
        if len(self.book_.teachers) > 1 and len(self.book_.prompts) >= FEWEST:
            (self.attribution_,) = attributions(self.book_, (FULL,))
            self.lengths_ = _lengths(self.book_)
            self.brief_ = Standings(self.attribution_, rounds=0, seed=self.seed)

    def _shown(self, attribution: Attribution) -> ShownBesides:
        """What only figures need, learned where the first are made: a calibration reads none."""
        return self._keep("shown", None, lambda: _shown(self.book_, attribution, self.seed))

    def _measure(self, case: Case) -> Measurement | NotMeasured:
        attribution = self._attribution(case)
        if isinstance(attribution, NotMeasured):
            return attribution
        shown = self._shown(attribution)
        scored = self._keep("scored", case.suspect, lambda: _scored(case.suspect, shown))
        views = self._views(case, shown, scored)
        if views is None:
            return NotMeasured(reason=ALONE, code="too_few_models")
        return _measurement(views, self.book_.aside(case.suspect))

    def _value(self, case: Case) -> Value | NotMeasured:
        """The number without its interval, cuts and figures."""
        attribution = self._attribution(case)
        if isinstance(attribution, NotMeasured):
            return attribution
        log_p, answered = self._keep(
            "brief", case.suspect, lambda: _brief(case.suspect, attribution)
        )
        place, usable = self.book_.place(case)
        main = self.brief_.of(log_p, answered & (self.lengths_[place] > 0), place, usable)
        if main is None:
            return NotMeasured(reason=ALONE, code="too_few_models")
        metric, metric_id = _metric(main, self.book_, place)
        return Value(metric=metric, metric_id=metric_id, value=main.value, n=main.n)

    def _attribution(self, case: Case) -> Attribution | NotMeasured:
        """The classifier that scores this case, or why there is none."""
        shared = self.book_.shared(case)
        if shared < FEWEST:
            return NotMeasured.of(
                "too_few_answers", f"only {shared} shared prompts; at least {FEWEST} are needed"
            )
        if self.attribution_ is None:
            return NotMeasured(reason=TOO_FEW_MODELS, code="too_few_models")
        if case.the_candidate.name not in self.book_.names:
            return NotMeasured(reason=LEFT_ASIDE, code="too_few_answers")
        return self.attribution_

    def _views(self, case: Case, shown: ShownBesides, scored: ScoredStyle) -> StyleViews | None:
        attribution = shown.whole.attribution
        book, (place, usable) = self.book_, self.book_.place(case)
        answered = scored.answered & (self.lengths_[place] > 0)
        matched = length_matched(answered, self.lengths_, scored.lengths.tolist(), place)
        main = shown.whole.of(scored.full, answered, place, usable)
        if main is None:
            return None
        even = int(matched[0].sum()) >= FEWEST
        some = partial(
            standing, candidate=place, usable=usable, rounds=ROUNDS_OF_CUTS, seed=self.seed
        )
        return StyleViews(
            book=book,
            candidate=place,
            usable=usable,
            main=main,
            matched=some(attribution, scored.full, matched) if even else None,
            n_matched=int(matched[0].sum()),
            guarded=shown.guarded.of(scored.guarded, answered, place, usable),
            cut=self._cut(attribution, scored, matched[0], place, usable) if even else None,
            log_p=scored.full,
            families=scored.families,
            answered=answered,
            answers=scored.answers,
            phrases=self._phrases(shown.phrases, scored.held, place, usable),
        )

    def _cut(
        self,
        attribution: Attribution,
        scored: ScoredStyle,
        matched: NDArray[np.bool_],
        place: int,
        usable: NDArray[np.bool_],
    ) -> Standing | None:
        """The standing on length-matched prompts with the suspect's answers cut to the
        candidate's length; strangers whole."""
        numbers = [p for p in scored.answers if matched[p]][:MOST_CUT]
        longest = self.lengths_[place].astype(int).tolist()
        log_p = np.full_like(scored.full, np.nan)
        log_p[numbers] = scored.full[numbers]
        # What is no longer than the candidate's answer has been scored as it is.
        cut = [p for p in numbers if len(scored.answers[p].text) > longest[p]]
        texts = [scored.answers[p].text[: longest[p]] for p in cut]
        log_p[cut] = attribution.score(attribution.space.transform(texts), cut)
        chosen = all_prompts(np.isin(np.arange(len(matched)), numbers), len(self.book_.teachers))
        return standing(
            attribution, log_p, chosen, place, usable, rounds=ROUNDS_OF_CUTS, seed=self.seed
        )

    def _phrases(
        self, known: PhraseBook, held: HeldPhrases, place: int, usable: NDArray[np.bool_]
    ) -> list[Phrase]:
        foreign = np.flatnonzero(rivals(self.book_.vendors, place) & usable)
        return known.telling(place, foreign.tolist(), held, PHRASES)


def _shown(book: AnswerBook, full: Attribution, seed: int) -> ShownBesides:
    (guarded,) = attributions(book, (GUARDED,))
    return ShownBesides(
        Standings(full, seed=seed),
        Standings(guarded, rounds=ROUNDS_OF_CUTS, seed=seed),
        PhraseBook([list(said.values()) for said in book.answers]),
    )


def _lengths(book: AnswerBook) -> Array:
    """Characters of each stored answer after the cut, (models, prompts); 0 where there is none."""
    out = np.zeros((len(book.teachers), len(book.prompts)))
    for row, said in zip(out, book.answers, strict=True):
        for prompt, text in said.items():
            row[prompt] = min(len(text), LONGEST)
    return out


def _scored(suspect: Transcript, shown: ShownBesides) -> ScoredStyle:
    full, guarded = shown.whole.attribution, shown.guarded.attribution
    answers, n = full.book.answers_of(suspect), len(full.book.prompts)
    numbers, texts = list(answers), [a.text for a in answers.values()]
    lengths, answered = np.zeros(n), np.zeros(n, dtype=bool)
    lengths[numbers], answered[numbers] = [min(len(t), LONGEST) for t in texts], True

    def placed(values: Array) -> Array:
        """Values of answered prompts as (prompts, models), NaN where the suspect has no answer."""
        out = np.full((n, len(full.book.teachers)), np.nan)
        out[numbers] = values
        return out

    x, masked = transform_all((full.space, guarded.space), texts)
    parts = {name: placed(part) for name, part in full.families(x, numbers).items()}
    scores = (placed(full.score(x, numbers)), placed(guarded.score(masked, numbers)))
    return ScoredStyle(answers, answered, lengths, *scores, parts, shown.phrases.held(texts))


def _brief(suspect: Transcript, full: Attribution) -> tuple[Array, NDArray[np.bool_]]:
    """The suspect's log-probabilities (prompts, authors), NaN where it has no answer, and where
    it has one (prompts,)."""
    said, n = full.book.answers_of(suspect), len(full.book.prompts)
    numbers = list(said)
    scores, answered = np.full((n, len(full.book.teachers)), np.nan), np.zeros(n, dtype=bool)
    texts = [a.text for a in said.values()]
    scores[numbers], answered[numbers] = full.score(full.space.transform(texts), numbers), True
    return scores, answered


def _measurement(views: StyleViews, aside: tuple[str, ...]) -> Measurement:
    main, book = views.main, views.book
    low, high = main.interval()
    metric, metric_id = _metric(main, book, views.candidate)
    return Measurement(
        metric=metric,
        metric_id=metric_id,
        value=main.value,
        n=main.n,
        n_unit="prompts",
        counts_prompts=True,
        interval=(low, high),
        direction="higher: the answers read more like the candidate's"
        + ("" if main.normal else " (nats per answer)"),
        rank=Rank(position=main.rank, of=len(book.teachers)),
        null=null_of_standing(main, book.vendors, views.candidate, views.usable),
        summary=_summary(views),
        tables=tables(views),
        charts=charts(views),
        exhibits=exhibits(views),
        notes=(*aside, *_notes(views)),
    )


def _summary(views: StyleViews) -> str:
    main, name = views.main, views.book.names[views.candidate]
    low, high = main.interval()
    place = (
        f"{name} ranks {main.rank} of {len(views.book.teachers)} stored models by style over"
        f" {main.n} prompts"
    )
    if main.normal:
        score = f"normalised score {main.value:.2f} (95 % {low:.2f} to {high:.2f})"
        return f"{place}: {score}, p {main.p:.3f} among {len(main.null)} unrelated models."
    whom = _whom(views.book, views.candidate)
    against = (
        f"{main.value:+.2f} nats per answer against the best of {whom} (95 % {low:.2f} to"
        f" {high:.2f})"
    )
    return f"{place}: {against}; too few models to normalise."


def _metric(main: Standing, book: AnswerBook, candidate: int) -> tuple[str, str]:
    """The label of what was measured and its id."""
    if main.normal:
        return "normalised author score (z-norm, then t-norm)", "author_score_normalised"
    whose = "other_vendors" if _foreign(book, candidate) else "own_vendor"
    return f"author score less the best of {_whom(book, candidate)}", f"author_score_over_{whose}"


def _foreign(book: AnswerBook, candidate: int) -> bool:
    return bool((book.vendors != book.vendors[candidate]).any())


def _whom(book: AnswerBook, candidate: int) -> str:
    return "the other vendors" if _foreign(book, candidate) else "the same vendor's other models"


def _notes(views: StyleViews) -> tuple[str, ...]:
    main = views.main
    notes = [f"The score is that of one bag of {main.n} answers, one to each shared prompt."]
    if main.n < RELIABLE:
        notes.append(
            f"Bags under {RELIABLE} answers are unreliable: one answer names its author's family"
            " about half the time."
        )
    if not main.normal:
        notes.append(
            f"Only {len(main.null)} unrelated models are stored: the score can't be normalised and"
            " has no p-value."
        )
    if views.matched is None:
        notes.append(
            f"No length-matched cut: only {views.n_matched} prompts have answers of like length,"
            f" and {FEWEST} are needed."
        )
    if views.book.left_out:
        notes.append(
            f"{len(views.book.left_out)} stored models answered too few of the shared prompts and"
            " were left out."
        )
    if not (views.book.vendors != views.book.vendors[views.candidate]).any():
        notes.append(
            "All stored models are of the candidate's vendor: the margin is against a sibling, not"
            " a stranger."
        )
    return (*notes, *CAUTIONS)
