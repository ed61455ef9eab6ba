"""Does the suspect give the candidate's wrong answers, more often than the questions and its letter
habits explain?

Reads multiple-choice questions that both got wrong. Knows shared errors only: the same textbooks,
the same tuning data and a like size make errors alike too, which the other stored models show as
far as they are like the suspect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.base import FittedDetector
from detectors.case import Case, Teacher
from detectors.exhibits.quirks import SharedQuirk, exhibits, tables
from detectors.lineup import Lineup, against, counted, lineup, null_of
from detectors.measurement import Chart, Measurement, NotMeasured, Null
from detectors.needs import Need
from detectors.stats.intervals import clustered_rate
from detectors.stats.openset import conformal
from detectors.stats.wrong_answers import NONE, Sheet, WrongAgreement, agreement, usual_errors
from detectors.text.choices import Choice, choice_answers
from fingerprints.records import Probe
from fingerprints.transcript import Transcript

Array = NDArray[np.float64]
FEWEST_WRONG = 20
# kappa divides by the expected disagreements: two models that always say B are expected to
# agree, and the little that is left would be blown up.
LEAST_INFORMATION = 15.0
ROUNDS = 1000

CAUTIONS = (
    (
        "Models of like size and training text make like errors: read the rank among unrelated"
        " models, not kappa alone."
    ),
    (
        "What other stored models wrongly say is expected of everybody; with few of them an error"
        " of the whole field looks like a shared quirk."
    ),
)


@dataclass(frozen=True)
class ChoiceBook:
    """The stored models' answers to choices: ``items`` are prompt digests in order; ``clusters``
    numbers their questions."""

    lineup: Lineup
    items: tuple[str, ...]
    probes: tuple[Probe, ...]
    clusters: NDArray[np.int64]
    answers: tuple[dict[str, Choice], ...]

    def sheet(self, suspect: dict[str, Choice]) -> Sheet:
        """Everybody's options, the suspect's in the last row. The right option is the stored
        probe's, never the suspect's."""
        rows = [*self.answers, suspect]
        chosen = np.full((len(rows), len(self.items)), NONE, dtype=np.int64)
        for row, said in zip(chosen, rows, strict=True):
            for i, sha in enumerate(self.items):
                option = said[sha].option if sha in said else None
                row[i] = NONE if option is None else option
        right = np.array([p.options.index(str(p.answer)) for p in self.probes], dtype=np.int64)
        return Sheet(chosen, right, np.array([len(p.options) for p in self.probes], dtype=np.int64))


class Quirks(FittedDetector):
    """Do suspect and candidate give the same wrong answers, beyond what is expected?

    kappa = (observed − expected)/(1 − expected) over the choices that both got wrong, at most 1,
    higher: more alike, 0: as expected. The chance of agreement on an item comes from what the
    stored models of other vendors wrongly say there and from each model's own letter habits, so
    that two models that always say B agree by chance. Deterministic under ``seed``.
    """

    name: ClassVar[str] = "quirks"
    question: ClassVar = "inheritance"
    asks: ClassVar[str] = (
        "Does the suspect give the candidate's wrong answers, more often than chance and other"
        " models explain?"
    )
    needs: ClassVar = (Need.CHOICES, Need.TEACHER)
    source: ClassVar[str] = (
        "chance-corrected agreement (Cohen 1960, Educational and Psychological Measurement 20) on"
        " shared errors, expectation from others' errors and the models' letter rates (iterative"
        " scaling: Deming and Stephan 1940)"
    )
    blind_spots: ClassVar[tuple[str, ...]] = (
        (
            "a student that kept its base's errors, or learned answers of another kind, shows none"
            " of the teacher's"
        ),
        "models that answer in prose or always with one letter have too few readable errors",
        "a common base or common tuning data gives common errors",
    )

    def _learn(self, teachers: Sequence[Teacher], suspect: Transcript | None) -> None:
        """Reads the stored models' answers to choices (those the suspect answered too, where one
        is given)."""
        order = lineup(teachers)
        wanted = None if suspect is None else choice_answers(suspect).keys()
        answers = tuple(choice_answers(t.transcript) for t in order.teachers)
        found = {
            k: c.probe
            for said in reversed(answers)
            for k, c in said.items()
            if wanted is None or k in wanted
        }
        items = tuple(sorted(found))
        probes = tuple(found[k] for k in items)
        _, clusters = (
            np.unique([p.cluster for p in probes], return_inverse=True)
            if items
            else (None, np.zeros(0, np.int64))
        )
        self.book_ = ChoiceBook(order, items, probes, np.asarray(clusters, dtype=np.int64), answers)

    def _measure(self, case: Case) -> Measurement | NotMeasured:
        suspect = choice_answers(case.suspect)
        book, place = self.book_, self.book_.lineup.names.index(case.the_candidate.name)
        sheet = book.sheet(suspect)
        both = int((sheet.wrong[-1] & sheet.wrong[place]).sum())
        if both < FEWEST_WRONG:
            return NotMeasured.of(
                "too_few_answers",
                f"only {counted(both, 'choice')} that both got wrong with a readable option;"
                f" {FEWEST_WRONG} are needed",
            )
        errors, possible = sheet.errors(), sheet.possible
        found = _pair(errors, possible, book.lineup, place, None)
        if found is None:
            return NotMeasured.of(
                "not_comparable",
                f"of {both} shared wrong answers models with these letter habits agree by"
                f" chance on all but a few; {LEAST_INFORMATION:.0f} expected disagreements are"
                " needed",
            )
        to_all = self._keep(
            "agreement with all",
            case.suspect,
            lambda: [
                _pair(errors, possible, book.lineup, i, None) for i in range(len(sheet.chosen) - 1)
            ],
        )
        return self._measurement(book, suspect, sheet, place, found, to_all)

    def _measurement(
        self,
        book: ChoiceBook,
        suspect: dict[str, Choice],
        sheet: Sheet,
        place: int,
        found: WrongAgreement,
        to_all: list[WrongAgreement | None],
    ) -> Measurement:
        line, errors, possible = book.lineup, sheet.errors(), sheet.possible
        played = [
            _pair(errors, possible, line, place, i) if s else None
            for i, s in enumerate(line.strangers(place))
        ]
        null = null_of(
            found.kappa,
            np.array([np.nan if a is None else a.kappa for a in played]),
            line,
            place,
            "the same choices",
        )
        p_z = (
            conformal(found.z, np.array([a.z for a in played if a is not None]))[1]
            if null.n
            else None
        )
        shared = SharedQuirk(
            line,
            place,
            book.items,
            book.probes,
            suspect,
            book.answers,
            errors,
            found,
            to_all,
            p_z,
            null.p,
        )
        low, high = interval(found, book.clusters, self.seed)
        n = len(set(book.clusters[found.items].tolist()))
        name = line.names[place]
        return Measurement(
            metric="kappa of shared wrong answers",
            metric_id="shared_errors_kappa",
            value=found.kappa,
            n=n,
            n_unit="questions that both got wrong",
            direction="higher: the same wrong answers more often than expected; 0: as expected",
            interval=(low, high),
            rank=shared.ranking.rank,
            null=null,
            summary=(
                f"Of {len(found.items)} choices that both got wrong the suspect gave {name}'s wrong"
                f" answer to {int(found.same.sum())}, {found.expected.sum():.1f} expected: kappa"
                f" {found.kappa:.2f} (95 % {low:.2f} to {high:.2f}), {against(null)}."
            ),
            tables=tables(shared),
            charts=(self._chart(shared, book.clusters, null),),
            exhibits=exhibits(shared),
            notes=_notes(line, book, null.n),
        )

    def _chart(self, shared: SharedQuirk, clusters: NDArray[np.int64], null: Null) -> Chart:
        def of(i: int) -> tuple[float, float]:
            """The 95 % interval of model i's kappa; NaN where it can't be compared."""
            found = shared.to_all[i]
            if found is None:
                return (float("nan"), float("nan"))
            return interval(found, clusters, self.seed)

        title = "With which stored model the suspect shares wrong answers"
        return shared.ranking.bars(of, null, title, "kappa of shared wrong answers")


def _pair(
    errors: Array, possible: NDArray[np.bool_], line: Lineup, candidate: int, player: int | None
) -> WrongAgreement | None:
    """The candidate's agreement with the suspect (player None: the last row) or with a stranger;
    None where it says little."""
    reference = np.append(line.reference(candidate, player), False)
    usual = usual_errors(errors, possible, reference)
    found = agreement(errors[-1 if player is None else player], errors[candidate], usual)
    if len(found.items) >= FEWEST_WRONG and found.information >= LEAST_INFORMATION:
        return found
    return None


def interval(found: WrongAgreement, clusters: NDArray[np.int64], seed: int) -> tuple[float, float]:
    """95 % interval of kappa: at either end the wider of the bootstrap over questions and the
    clustered interval of the observed rate with the expectation held fixed, so that a handful of
    agreeing questions isn't taken for certainty."""
    low, high = np.quantile(found.kappas(clusters, ROUNDS, seed), [0.025, 0.975])
    observed = clustered_rate(
        found.same.tolist(), clusters[found.items].tolist(), seed=seed, resamples=ROUNDS
    )
    expected = float(found.expected.mean())
    fixed = [(end - expected) / (1 - expected) for end in observed.interval]
    return float(min(low, fixed[0], found.kappa)), float(min(1.0, max(high, fixed[1], found.kappa)))


def _notes(line: Lineup, book: ChoiceBook, strangers: int) -> tuple[str, ...]:
    notes = []
    named = {
        n
        for n, said in zip(line.names, book.answers, strict=True)
        if any(c.option is not None for c in said.values())
    }
    if len(named) < len(line.names):
        notes.append(
            f"{counted(len(line.names) - len(named), 'stored model')} gave no readable option to"
            " these choices."
        )
    return (*notes, *line.cautions(strangers), *CAUTIONS)
