"""Did the suspect move, from its base, toward the candidate more than toward other stored models?

A difference in differences: the suspect's score less its base's on the same prompts, toward the
candidate less toward the others. Knows style only, and needs the base's own answers; what else
moves a model the same way looks the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from detectors.base import FittedDetector
from detectors.case import Case, Teacher
from detectors.exhibits.movement import exhibits, models, ways
from detectors.lineup import counted, lineup
from detectors.measurement import Measurement, NotMeasured, Null
from detectors.needs import Need
from detectors.pairing import FEWEST, AnswerBook, book_of
from detectors.stats.openset import conformal
from detectors.style.attribution import Attribution
from detectors.style.journey import Journey
from detectors.style.moves import Pairs, Way, moves_of, pairs_of, ways_of
from fingerprints.transcript import Transcript

RELIABLE = 50

CAUTIONS = (
    (
        "Text by people, or anything else short and plain, moves a model toward the stored model"
        " whose style is short and plain; a low aim says that most of the movement went elsewhere."
    ),
    (
        "A sibling of the teacher, a student of it, or a common third source moves a model the same"
        " way."
    ),
    (
        "A base that is not the true one moves the zero: take the very checkpoint that training"
        " began from."
    ),
)


class Movement(FittedDetector):
    """Did the suspect move from its base toward the candidate?

    Δ = [s(suspect, t) − s(base, t)] − the mean of the same over stored models t' of other vendors,
    question by question, s in logits of a classifier of the stored models. The value is Δ over its
    spread, times √(n·100/(n + 100)) with n questions (Student's t at first, at most 10·d in the
    end), once as written and once without layout: the lower of the two. Above 0: toward the
    candidate. Where every stored model answered the suspect's prompts the classifier learns from
    these; where some are known by other prompts only it learns from all their answers, each taken
    alone, cut to the length of the suspect's and base's. Neither the suspect's nor the base's
    answers are learned from. Deterministic under ``seed``.
    """

    name: ClassVar[str] = "movement"
    question: ClassVar = "inheritance"
    asks: ClassVar[str] = (
        "Did the suspect move from its base toward the candidate, more than toward other stored"
        " models?"
    )
    needs: ClassVar = (Need.STYLE, Need.BASE, Need.TEACHER)
    source: ClassVar[str] = (
        "difference in differences of author scores; sign-flip test and bootstrap over questions"
    )
    blind_spots: ClassVar[tuple[str, ...]] = (
        "a base that is unknown or wrongly named",
        (
            "few examples of the teacher in much other text: at a quarter of 128 examples half of"
            " the students were not seen"
        ),
        "human text moves a model toward the plainest stored model",
    )

    def _learn(self, teachers: Sequence[Teacher], suspect: Transcript | None) -> None:
        """Nothing yet: learning waits for the base's answers, that is for the first case. What was
        learned serves every later suspect of like lengths (and of the same prompts, where those are
        shared)."""
        self.learned_: dict[tuple[str, int, tuple[str, ...]], Attribution] = {}

    def _measure(self, case: Case) -> Measurement | NotMeasured:
        journey = self.journey(case.suspect, case.the_base)
        if isinstance(journey, NotMeasured):
            return journey
        return _toward(journey, case.the_candidate.name, case.the_base.name)

    def journey(self, suspect: Transcript, base: Teacher) -> Journey | NotMeasured:
        """The moves of a suspect from its base, or why there are none; the last ones are kept."""
        return self._keep("journey", (suspect, base), lambda: self._travelled(suspect, base))

    def _travelled(self, suspect: Transcript, base: Teacher) -> Journey | NotMeasured:
        pairs = pairs_of(suspect, base.transcript)
        if pairs.questions < FEWEST:
            return NotMeasured.of(
                "too_few_answers",
                f"suspect and base share {pairs.questions} questions; at least {FEWEST} are needed",
            )
        book, shared = _book(self.teachers_, pairs)
        if len(book.teachers) < 2:
            return NotMeasured(
                reason=f"fewer than two stored models have {FEWEST} style answers to learn from",
                code="too_few_models",
            )
        if shared:
            pairs = pairs.only(book.prompts)
        chosen = ways_of(pairs.longest)
        moves = tuple(
            moves_of(way, self._known(way, pairs.longest, book, shared), pairs) for way in chosen
        )
        # Nobody moves toward where it began: the base itself is nobody's rival.
        start = np.array([_is_base(t, base) for t in book.teachers])
        return Journey(pairs, book, shared, chosen, moves, start, self.seed, lineup(book.teachers))

    def _known(self, way: Way, longest: int, book: AnswerBook, shared: bool) -> Attribution:
        """The classifier of one way of reading, learned once for texts of this length."""
        key = way.name, longest, book.prompts if shared else ()
        if key not in self.learned_:
            self.learned_[key] = way.learned(book, shared=shared)
        return self.learned_[key]


def _book(teachers: Sequence[Teacher], pairs: Pairs) -> tuple[AnswerBook, bool]:
    """Answers to the pairs' own prompts where every stored model gave enough of them; else all
    that they answered."""
    every, same = book_of(teachers, None, share=0.0), book_of(teachers, set(pairs.digests))
    enough = same.names == every.names and pairs.only(same.prompts).questions >= FEWEST
    return (same, True) if enough else (every, False)


def _is_base(teacher: Teacher, base: Teacher) -> bool:
    return teacher.name == base.name or teacher.transcript.identity.same_weights(
        base.transcript.identity
    )


def _toward(journey: Journey, name: str, base: str) -> Measurement | NotMeasured:
    if name not in journey.book.names:
        return NotMeasured.of(
            "too_few_answers", f"the candidate has fewer than {FEWEST} style answers to learn from"
        )
    place = journey.book.names.index(name)
    if journey.start[place]:
        return NotMeasured.of(
            "is_base", "the candidate is the suspect's base: nobody moves toward where it began"
        )
    if not np.isfinite(journey.scores[place]):
        return NotMeasured.of(
            "too_few_models", "no other stored model is there to compare the movement with"
        )
    return _measurement(journey, place, base)


def _measurement(journey: Journey, place: int, base: str) -> Measurement:
    value, name = float(journey.scores[place]), journey.book.names[place]
    low, high = journey.interval(place)
    null, p = _null(journey, place), journey.p(place)
    ranking = journey.ranking(place)
    rank, title = ranking.rank, "Where the suspect moved to from its base"
    return Measurement(
        metric="standardised movement from the base, the weaker of as written and without layout",
        metric_id="movement_standardised",
        value=value,
        n=journey.pairs.questions,
        n_unit="questions",
        counts_prompts=True,
        interval=(low, high),
        direction="higher: moved from the base toward the candidate, more than toward the others",
        rank=rank,
        null=null,
        summary=(
            f"From {base}, the suspect moved toward {name} by {value:+.2f} (95 % {low:+.2f} to"
            f" {high:+.2f}) over {journey.pairs.questions} questions, rank {rank.position} of"
            f" {rank.of}; p {p:.4f} if nothing had moved."
        ),
        tables=(ways(journey, place), models(journey, place)),
        charts=(ranking.bars(journey.interval, null, title, "standardised movement"),),
        exhibits=exhibits(journey, place),
        notes=_notes(journey, place),
    )


def _null(journey: Journey, place: int) -> Null:
    """The same suspect's movement toward the rivals: a permutation of the candidate's name over
    the stored models."""
    others = journey.scores[journey.rivals(place) & np.isfinite(journey.scores)]
    at_least, p = conformal(float(journey.scores[place]), others)
    population = (
        f"the same suspect's movement toward {counted(len(others), 'other stored model')}: whether"
        " the candidate stands out, not how often an unrelated suspect would move so far"
    )
    return Null(
        n=len(others),
        mean=float(others.mean()),
        sd=float(others.std(ddof=1)) if len(others) > 1 else None,
        at_least=at_least,
        p=p,
        population=population,
    )


def _notes(journey: Journey, place: int) -> tuple[str, ...]:
    n, notes = journey.pairs.questions, []
    told = (
        "the prompts that all of them answered"
        if journey.shared
        else "all their own answers, each taken alone"
    )
    notes.append(
        f"The stored models were learned from {told}, cut to {journey.pairs.longest} characters."
    )
    if n < RELIABLE:
        notes.append(f"Under {RELIABLE} questions the weaker teachers are often missed.")
    if not journey.lineup.strangers(place).any():
        notes.append(
            "All stored models are of the candidate's vendor: siblings stand in for strangers."
        )
    if journey.start.any():
        notes.append("The stored model that is the base itself is compared with nobody.")
    return (*notes, *CAUTIONS)
