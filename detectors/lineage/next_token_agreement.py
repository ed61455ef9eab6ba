"""Does the suspect go on after unfinished texts as the candidate does, more often than as any
unrelated model?

Weights that come from one another keep their first choices; training on answers moves them less
than one thinks, but a student of the candidate's answers may come near too. Knows the first word
after an opening; knows no weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from detectors.base import FittedDetector
from detectors.case import Case, Teacher
from detectors.lineage.next_strings import (
    FEWEST,
    NOTHING,
    Array,
    Codes,
    Continuation,
    NextAgreement,
    agreement,
    bootstrap,
    continuations,
)
from detectors.lineup import Lineup, Ranking, counted, lineup, null_of, rounded
from detectors.measurement import Chart, Exhibit, Measurement, NotMeasured, Null, Span, Table
from detectors.needs import Need
from detectors.stats.pvalues import holm
from fingerprints.records import Arm
from fingerprints.transcript import Transcript

ROUNDS = 1000
MOST_EXHIBITS, MOST_CONTROLS = 6, 20
CAUTIONS = (
    (
        "Agreement rests on first words: a student that learned the candidate's answers can agree"
        " as a copy does. It is kinship, not its kind, and not its direction."
    ),
    (
        "The p-value over openings says that the candidate is nearer than every stored control, as"
        " somebody always is; the p-value among unrelated models says how unusual that is."
    ),
)


@dataclass(frozen=True)
class OpeningBook:
    """How the stored models and the suspect (last row of ``codes``) go on; ``items`` are prompt
    digests in order."""

    lineup: Lineup
    items: tuple[str, ...]
    said: tuple[dict[str, Continuation], ...]
    codes: Codes

    @property
    def suspect(self) -> int:
        """The row of the suspect."""
        return len(self.lineup.names)

    def controls(self, candidate: int, player: int | None) -> list[int]:
        """The models that are unrelated to the candidate, and to the stranger who plays the
        suspect."""
        return [int(i) for i in np.flatnonzero(self.lineup.reference(candidate, player))]

    def against(self, candidate: int, player: int | None = None) -> NextAgreement | None:
        """The agreement of a player (the suspect, where None) with a candidate; None where too
        little is shared."""
        controls = self.controls(candidate, player)
        return (
            agreement(self.codes, self.suspect if player is None else player, candidate, controls)
            if controls
            else None
        )

    def margin(self, candidate: int, player: int | None = None) -> float:
        """The player's margin for a candidate over the control that comes nearest; NaN where too
        little is shared."""
        found = self.against(candidate, player)
        return float("nan") if found is None else found.best.margin

    def played(self, candidate: int) -> Array:
        """The margins of the candidate's strangers, each as the suspect, (models,); NaN for
        models that are none."""
        strangers = self.lineup.strangers(candidate)
        return np.array(
            [self.margin(candidate, i) if s else np.nan for i, s in enumerate(strangers)]
        )


def book_of(teachers: Sequence[Teacher], suspect: Transcript) -> OpeningBook:
    """Everybody's first strings on the openings that the suspect answered."""
    line = lineup(teachers)
    said = tuple(continuations(t) for t in (*(t.transcript for t in line.teachers), suspect))
    items = tuple(sorted(said[-1]))
    strings = sorted({c.string for s in said for c in s.values()})
    number = {string: i for i, string in enumerate(strings)}
    rows = [[number[s[k].string] if k in s else NOTHING for k in items] for s in said]
    return OpeningBook(
        line, items, said, np.array(rows, dtype=np.int64).reshape(len(said), len(items))
    )


class NextTokenAgreement(FittedDetector):
    """Do suspect and candidate say the same next word after openings, more often than the suspect
    and any control?

    The value is the suspect's agreement with the candidate minus that with the control that comes
    nearest, −1 to 1, higher: nearer to the candidate than to every unrelated model. Openings after
    which all controls agree are dropped. One-sided McNemar tests against each control, raised by
    Holm; p is the largest. Deterministic under ``seed``.
    """

    name: ClassVar[str] = "next_token_agreement"
    question: ClassVar = "lineage"
    asks: ClassVar[str] = (
        "Does the suspect go on after unfinished texts as the candidate does, more often than as"
        " unrelated models?"
    )
    needs: ClassVar = (Need.OPENINGS, Need.TEACHER)
    source: ClassVar[str] = (
        "agreement on the next token as a string, tested against each unrelated control (Nikolić et"
        " al. 2025, arXiv 2502.00706); words instead of tokens, a conformal p-value beside the"
        " tests"
    )
    blind_spots: ClassVar[tuple[str, ...]] = (
        (
            "a model distilled from the candidate's answers on like texts can agree as much as a"
            " fine-tuned copy"
        ),
        "long training after the copy moves first words away",
        "endpoints without raw completions are not asked openings",
    )

    def _learn(self, teachers: Sequence[Teacher], suspect: Transcript | None) -> None:
        """Nothing: how the stored models go on is read beside the suspect."""

    def _measure(self, case: Case) -> Measurement | NotMeasured:
        book = self._keep("book", case.suspect, lambda: book_of(self.teachers_, case.suspect))
        if len(book.items) < FEWEST:
            return NotMeasured.of(
                "too_few_answers",
                f"the suspect answered only {counted(len(book.items), 'opening')} of the set"
                f" `openings`; {FEWEST} are needed (--probes openings)",
            )
        place = book.lineup.names.index(case.the_candidate.name)
        if not book.controls(place, None):
            return NotMeasured(
                reason="no unrelated model is stored as a control", code="too_few_models"
            )
        found = book.against(place)
        if found is None:
            return NotMeasured.of(
                "too_few_answers",
                f"suspect, candidate and control share fewer than {FEWEST} openings on which"
                " the controls differ",
            )
        return self._measurement(book, place, found)

    def _measurement(self, book: OpeningBook, place: int, found: NextAgreement) -> Measurement:
        line, best = book.lineup, found.best
        margins = np.array([book.margin(i) for i in range(book.suspect)])
        ranking = Ranking(line, margins, place)
        null = null_of(best.margin, book.played(place), line, place, "the same openings")
        low, high = self._interval(book, place, found)
        raised = holm([b.p for b in found.beside])
        name, rival, n = line.names[place], line.names[best.control], int(found.kept.sum())
        return Measurement(
            metric="agreement on the next word above the nearest control's",
            metric_id="next_word_agreement_margin",
            value=best.margin,
            n=n,
            n_unit="openings",
            direction=(
                "higher: goes on as the candidate does rather than as any control; 0: as the"
                " nearest control"
            ),
            interval=(low, high),
            rank=ranking.rank,
            null=null,
            summary=(
                f"After {best.n} openings the suspect says {name}'s next word {best.with_candidate}"
                f" times and that of the nearest control, {rival}, {best.with_control} times:"
                f" {best.margin:+.2f} (95 % {low:+.2f} to {high:+.2f}); largest p over"
                f" {counted(len(raised), 'control')} {raised.max():.2g} (McNemar, Holm),"
                f" {_among(null)}."
            ),
            tables=(_controls(book, found, raised.tolist()), _kinds(book, place, found)),
            charts=(self._chart(book, ranking, null),),
            exhibits=_exhibits(book, place, found),
            notes=_notes(line, found, null.n),
        )

    def _interval(self, book: OpeningBook, place: int, found: NextAgreement) -> tuple[float, float]:
        low, high = bootstrap(book.codes, book.suspect, place, found, ROUNDS, self.seed)
        # The nearest control is found anew in each round, which errs towards the low side: the
        # value itself must stay inside.
        return min(low, found.best.margin), max(high, found.best.margin)

    def _chart(self, book: OpeningBook, ranking: Ranking, null: Null) -> Chart:
        def of(i: int) -> tuple[float, float]:
            """The 95 % interval of model i's margin; NaN where it can't be compared."""
            found = book.against(i)
            return (float("nan"), float("nan")) if found is None else self._interval(book, i, found)

        title = "As which stored model the suspect goes on after openings"
        return ranking.bars(of, null, title, "agreement above the nearest control's")


def _among(null: Null) -> str:
    if null.p is None:
        return "no unrelated model plays the suspect"
    return (
        f"p {null.p:.3f} among {counted(null.n, 'unrelated model')} that play the suspect, at least"
        f" {1 / (null.n + 1):.3f}"
    )


def _controls(book: OpeningBook, found: NextAgreement, raised: list[float]) -> Table:
    order = sorted(range(len(raised)), key=lambda i: (found.beside[i].margin, i))[:MOST_CONTROLS]
    rows = []
    for i in order:
        b = found.beside[i]
        rates = (rounded(b.with_candidate / b.n), rounded(b.with_control / b.n))
        rows.append(
            (book.lineup.names[b.control], b.n, *rates, b.candidate_only, b.control_only, raised[i])
        )
    return Table(
        title="The same next word as the candidate, and as each control",
        columns=(
            "control",
            "openings",
            "with candidate",
            "with control",
            "candidate only",
            "control only",
            "p (Holm)",
        ),
        rows=tuple(rows),
        caption=(
            f"{len(rows)} of {counted(len(raised), 'control')}, the nearest first; one-sided exact"
            " McNemar."
        ),
    )


def _kinds(book: OpeningBook, place: int, found: NextAgreement) -> Table:
    kept = np.flatnonzero(found.kept)
    kinds = [book.said[-1][book.items[i]].probe.topic or "–" for i in kept]
    mine, theirs, rival = (
        book.codes[row, kept] for row in (book.suspect, place, found.best.control)
    )
    rows = []
    for name in sorted(set(kinds)):
        here = np.array([x == name for x in kinds])
        rates = (
            rounded(float((mine == theirs)[here].mean())),
            rounded(float((mine == rival)[here].mean())),
        )
        rows.append((name, int(here.sum()), *rates))
    return Table(
        title="By kind of text",
        columns=("kind", "openings", "with candidate", "with the nearest control"),
        rows=tuple(rows),
        caption=(
            "Openings that are not trivial; an opening that the control didn't answer counts as no"
            " agreement with it."
        ),
    )


def _exhibits(book: OpeningBook, place: int, found: NextAgreement) -> tuple[Exhibit, ...]:
    """Openings after which suspect and candidate say what few models say, the rarest first."""
    mine, theirs = book.codes[book.suspect], book.codes[place]
    controls = book.codes[[b.control for b in found.beside]]
    same = np.flatnonzero(found.kept & (mine == theirs))
    alike = (controls[:, same] == mine[same]).sum(axis=0)
    out = []
    for at in np.argsort(alike, kind="stable")[:MOST_EXHIBITS]:
        item = book.items[int(same[at])]
        ours, other = book.said[-1][item], book.said[place][item]
        start = ours.answer.find(ours.string)
        why = (
            f"{book.lineup.names[place]} goes on with the same word, {int(alike[at])} of"
            f" {len(controls)} controls do"
        )
        out.append(
            Exhibit.of(
                ours.probe,
                Arm.OWN,
                ours.answer,
                spans=(Span(start=start, end=start + len(ours.string), why="the same next word"),),
                why=f"{why}; the candidate's answer: {other.answer!r}",
                weight=float(len(controls) - alike[at]),
            )
        )
    return tuple(out)


def _notes(line: Lineup, found: NextAgreement, strangers: int) -> tuple[str, ...]:
    notes = [
        f"{counted(found.trivial, 'opening')} left out because all controls go on alike there."
    ]
    return (*notes, *line.cautions(strangers), *CAUTIONS)
