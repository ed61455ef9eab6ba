"""Does the suspect word its answers like the candidate's maker's models do, more than like any
other maker's?

Compares answers to the same prompt, run of words by run of words. Knows wording only: a common
third source, or makers that trained on each other's models, leave the same trace.
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
from detectors.inheritance.siblings import among_siblings
from detectors.inheritance.wording_margins import Margins, margins, played_on
from detectors.lineup import Lineup, Ranking, against, lineup, null_of, rounded
from detectors.measurement import Exhibit, Measurement, NotMeasured, Null, Table, Value
from detectors.needs import Need
from detectors.pairing import (
    ALONE,
    FEWEST,
    AnswerBook,
    ProbeAnswer,
    answer_book,
    few_shared,
    style_answers,
)
from detectors.style.wording import Wording
from fingerprints.transcript import Transcript

Array = NDArray[np.float64]
MOST_EXHIBITS = 6
METRIC_ID = "shared_wording_margin"
METRIC = "shared wording: the maker's log share less the best other maker's"

CAUTIONS = (
    (
        "The value is the maker's: versions of one maker's models are worded too much alike to be"
        " told apart by it."
    ),
    (
        "Some maker is always nearest; makers train on each other's models, and a maker whose"
        " models are little like anybody's comes out too near for weak suspects. Weigh the value by"
        " a calibration, not by its sign."
    ),
)


class SharedWording(FittedDetector):
    """How much more rare wording does the suspect share with the candidate's maker than with the
    best other maker?

    On every prompt the share of rare runs of one to four words with a stored model is compared with
    what models of other makers share with it there; the log ratios are averaged over prompts, then
    over the maker's models. The value is the candidate's maker's average less the best other
    maker's, in nats, 0 where they are level; higher: worded more like the candidate's maker. All
    models of a maker have the same value. Deterministic under ``seed``.
    """

    name: ClassVar[str] = "shared_wording"
    question: ClassVar = "inheritance"
    asks: ClassVar[str] = (
        "Are the suspect's answers worded like the candidate's maker's, more than like any other"
        " maker's?"
    )
    needs: ClassVar = (Need.STYLE, Need.TEACHER)
    source: ClassVar[str] = (
        "weighed n-gram overlap of answers to the same prompt, centred by a cohort as in speaker"
        " recognition (Auckenthaler et al. 2000); the contrast of makers is this project's"
    )
    blind_spots: ClassVar[tuple[str, ...]] = (
        "paraphrase removes most of the signal",
        "a student's maker that is not stored leaves another one nearest",
        "makers that trained on one another's models can't be told apart from a student of either",
    )

    def _learn(self, teachers: Sequence[Teacher], suspect: Transcript | None) -> None:
        self.book_ = answer_book(teachers, suspect)
        self.lineup_ = lineup(self.book_.teachers)
        if len(self.book_.teachers) > 1 and len(self.book_.prompts) >= FEWEST:
            self.wording_ = Wording(self.book_.answers, _prompts(self.book_), self.lineup_)

    def _measure(self, case: Case) -> Measurement | NotMeasured:
        views = self._views(case)
        if isinstance(views, NotMeasured):
            return views
        return _measurement(views, self.book_.aside(case.suspect))

    def _value(self, case: Case) -> Value | NotMeasured:
        views = self._views(case)
        if isinstance(views, NotMeasured):
            return views
        found, place = views.found, views.candidate
        return Value(
            metric=METRIC,
            metric_id=METRIC_ID,
            value=found.value(place),
            n=found.prompts(place),
        )

    def _views(self, case: Case) -> WordingViews | NotMeasured:
        """The suspect against the candidate, or why they can't be compared."""
        few = few_shared(case, self.book_)
        if few or len(self.book_.teachers) < 2:
            return NotMeasured(
                reason=few or ALONE, code="too_few_answers" if few else "too_few_models"
            )
        answers, found = self._keep("scored", case.suspect, lambda: self._score(case.suspect))
        place = self.book_.names.index(case.the_candidate.name)
        if not np.isfinite(found.value(place)):
            return NotMeasured.of(
                "too_few_models",
                f"no other maker's model answered {FEWEST} of the prompts that the suspect"
                " answered",
            )
        return WordingViews(self.book_, self.lineup_, place, answers, found)

    def familiarity(self, suspect: Transcript) -> float | None:
        """How much rare wording the suspect shares with the stored models at large, whoever made
        them, beyond what they share with one another; in nats, None where nothing can be compared.

        Text by people has little, a student of any assistant much: an open set is told by it, no
        teacher. The findings' ``siblings`` hold the same, model by model.
        """
        if len(self.book_.teachers) < 2 or len(self.book_.prompts) < FEWEST:
            return None
        return self._score(suspect)[1].familiarity

    def _score(self, suspect: Transcript) -> tuple[dict[int, ProbeAnswer], Margins]:
        """The suspect's answers and its margins against all stored models."""
        answers = self.book_.answers_of(suspect)
        shared = self.wording_.shared({i: a.text for i, a in answers.items()})
        prompts = np.asarray(np.isfinite(shared).any(axis=1), dtype=bool)
        played = self._keep(
            "played",
            prompts.tobytes(),
            lambda: played_on(prompts, self.wording_.strangers, self.lineup_),
        )
        return answers, margins(shared, played, self.lineup_, self.seed)


def _prompts(book: AnswerBook) -> list[str]:
    """The words of each prompt, in order."""
    known: dict[str, str] = {}
    for teacher in book.teachers:
        for sha, answer in style_answers(teacher.transcript).items():
            known.setdefault(sha, answer.probe.prompt())
    return [known[sha] for sha in book.prompts]


@dataclass(frozen=True)
class WordingViews:
    """Everything that is shown of one candidate."""

    book: AnswerBook
    lineup: Lineup
    candidate: int
    answers: dict[int, ProbeAnswer]
    found: Margins


def _measurement(views: WordingViews, aside: tuple[str, ...]) -> Measurement:
    found, line, place = views.found, views.lineup, views.candidate
    value, (low, high), name = found.value(place), found.interval(place), line.names[place]
    ranking = Ranking(line, found.scores, place)
    null = null_of(value, found.null(place), line, place, "the same prompts")
    maker = f"{line.teachers[place].vendor or name}'s models" if not line.one_vendor else name
    return Measurement(
        metric=METRIC,
        metric_id=METRIC_ID,
        value=value,
        siblings=among_siblings(found.centred, line, place),
        n=found.prompts(place),
        n_unit="prompts",
        counts_prompts=True,
        interval=(low, high),
        direction="higher: worded more like the candidate's maker's models (nats)",
        rank=found.rank(place),
        null=null,
        summary=(
            f"On {found.prompts(place)} prompts the answers are worded like {maker} by {value:+.3f}"
            f" nats against {found.best_other(place)} (95 % {low:+.3f} to {high:+.3f}),"
            f" {against(null)}."
        ),
        tables=(_models(found, ranking),),
        charts=(
            ranking.bars(
                found.model_interval,
                # The null's quantiles are margins of makers, the bars are scores of models.
                null.model_copy(update={"quantiles": ()}),
                "Whose wording the answers share, beyond unrelated models",
                "log share, centred (nats)",
            ),
        ),
        exhibits=_exhibits(views),
        notes=(*aside, *_notes(views, null)),
    )


def _models(found: Margins, ranking: Ranking) -> Table:
    def extra(i: int) -> tuple[float | int | None, ...]:
        """Of model i: its maker's margin in nats, and the prompts."""
        return (rounded(found.value(i)), found.prompts(i))

    caption = (
        "Log share: mean over prompts of the log share of rare wording, less what other makers'"
        " models share with it; the maker's margin is against the best other maker."
    )
    columns = ("log share", "maker's margin", "prompts")
    return ranking.table(extra, columns, "Stored models by shared wording", caption)


def _exhibits(views: WordingViews) -> tuple[Exhibit, ...]:
    """The answers most worded like the candidate's, each with the candidate's own beside it."""
    name, out = views.book.names[views.candidate], list[Exhibit]()
    for prompt, weight in views.found.telling(views.candidate, MOST_EXHIBITS // 2):
        why = (
            f"shares {np.exp(weight):.1f} times the rare wording with {name} that it shares with"
            " other makers' models"
        )
        theirs = views.book.answers[views.candidate][prompt]
        out += side_by_side(views.answers[prompt], theirs, name, why, weight)
    return tuple(out)


def _notes(views: WordingViews, null: Null) -> tuple[str, ...]:
    own = "each counts as a maker of its own"
    return (*views.lineup.cautions(null.n, len(views.book.left_out), own), *CAUTIONS)
