"""`--sequential`: asks until the evidence is enough either way, and tells how many questions that
saved.

Knows the store and the bets of `detectors.style.likeness`; the weighing of the report stays as it
is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from auditor.audits.inheritance.plan import Plan
from auditor.audits.inheritance.records import SequentialRow, SequentialSection
from auditor.audits.inheritance.shelf import Shelf
from auditor.calibration.case import calibrations
from auditor.calibration.choice import fits, language_told
from auditor.calibration.record import Calibration
from auditor.evidence.records import Report
from detectors.base import Teacher
from detectors.pairing import style_answers
from detectors.style.likeness import Bet, Sequential, betting_order
from detectors.text.languages import UNDETERMINED
from fingerprints.collect import STOPPED, Stop, requests_for
from fingerprints.errors import UsageProblem
from fingerprints.records import Request
from fingerprints.transcript import Transcript

EVERY = 16
"""Answers between two looks; the bets' p-values hold however often one looks."""
TOLD_BY = 16
"""Style answers by which the suspect's language is told, the first ones in betting order: later
ones can't change the levels of bets that are already running."""


class SequentialWatch:
    """Looks at a growing transcript: every vendor's bets at the rate ``alpha``, the same when asked
    again.

    ``alpha`` is shared among the vendors (Bonferroni), so that the chance of any false decision is
    at most ``alpha``.
    """

    def __init__(
        self, teachers: Sequence[Teacher], alpha: float, calibrations: Sequence[Calibration]
    ) -> None:
        self.alpha = alpha
        self.calibrations = tuple(calibrations)
        self._sequential = Sequential(teachers)
        self._each = alpha / max(1, len(self._sequential.vendors))

    @property
    def able(self) -> bool:
        """Whether the store holds enough vendors to bet on."""
        return self._sequential.attribution is not None

    def told(self, report: Report, transcript: Transcript, plan: Plan) -> Report:
        """The report with the section of the bets."""
        recorded = transcript.identity.kind == "recording"
        planned = (
            len(transcript.replies)
            if recorded
            else len(requests_for(plan.probe_sets(), plan.sampling))
        )
        return report.with_section(self.section(transcript, planned))

    def stop(self) -> Stop:
        """When `collect` may stop: as soon as every vendor is decided."""
        return Stop(
            _order, lambda transcript: _all_decided(self.bets(transcript), self._each), EVERY
        )

    def bets(self, transcript: Transcript) -> list[Bet]:
        """The vendors' bets on what was said."""
        known = levels_for(self.calibrations, told_language(transcript))
        if known is None:
            return self._sequential.bets(transcript)
        return self._sequential.bets(transcript, known.taught_share, known.untaught_share or 0.0)

    def section(self, transcript: Transcript, planned: int) -> SequentialSection:
        """What the bets came to, and how many of the ``planned`` questions were needed."""
        bets, language = self.bets(transcript), told_language(transcript)
        known = levels_for(self.calibrations, language)
        rows = tuple(self._row(bet) for bet in bets)
        return SequentialSection(
            alpha=self.alpha,
            planned=planned,
            asked=len(transcript.replies),
            stopped=any(e.kind == STOPPED for e in transcript.events),
            prompts=len(bets[0].log10_more) if bets else 0,
            calibration=None if known is None else known.name,
            language=language if self.calibrations else None,
            rows=rows,
        )

    def _row(self, bet: Bet) -> SequentialRow:
        after, decision = bet.decided(self._each)

        def raised(log10_bet: NDArray[np.float64]) -> float:
            """A bet's anytime p-value, raised for the number of vendors (Bonferroni)."""
            return min(1.0, float(10.0 ** -log10_bet.max()) * self.alpha / self._each)

        return SequentialRow(
            vendor=bet.vendor,
            rate=round(bet.rate, 4),
            stranger=round(bet.stranger, 4),
            strangers=bet.strangers,
            taught=bet.taught,
            p_more=raised(bet.log10_more),
            p_less=None if bet.log10_less is None else raised(bet.log10_less),
            decision=decision,
            after=after,
        )


def watching(plan: Plan, models: Shelf) -> SequentialWatch | None:
    """The watch of a plan that asks for one. Raises UsageProblem where the store is too small to
    bet on."""
    if plan.sequential is None:
        return None
    # Fixed before the first answer: nobody is chosen for likeness here.
    names = sorted({*models.sampled(), *plan.candidates})
    teachers = [models.teacher(name) for name in names]
    watch = SequentialWatch(teachers, plan.sequential, calibrations(plan.calibration))
    if not watch.able:
        raise UsageProblem(
            "asking until it is enough needs stored answers of at least four vendors to the style"
            " questions",
            where="--sequential",
            next_step="add models to the store, or leave the flag out",
        )
    return watch


def told_language(transcript: Transcript) -> str:
    """The language of the first `TOLD_BY` style answers in betting order, ``und`` while there are
    fewer."""
    said = style_answers(transcript)
    first = [said[digest].text for digest in sorted(said, key=betting_order)[:TOLD_BY]]
    return language_told(first) if len(first) == TOLD_BY else UNDETERMINED


def levels_for(calibrations: Sequence[Calibration], language: str) -> Calibration | None:
    """The calibration whose untaught and taught models set the levels for a suspect of this
    language; None where no population that has them answered in it. A population of unknown
    language speaks against none.

    Of several the one whose untaught models reach highest, whatever the answers look like else: a
    level that followed the answers would be no level of a bet on them, and the higher one makes a
    false "more alike" rarer.
    """
    able = [c for c in calibrations if c.taught_share is not None]
    fitting = [
        c
        for c in able
        if not c.population.languages or (language != UNDETERMINED and fits(c, language))
    ]
    return max(fitting, key=lambda c: c.untaught_share or 0.0, default=None)


def _all_decided(bets: Sequence[Bet], alpha: float) -> bool:
    return bool(bets) and all(bet.decided(alpha)[0] is not None for bet in bets)


def _order(request: Request) -> tuple[object, ...]:
    """Identity and the like first, as they come; then style prompts in betting order."""
    style = request.probe.shows_style
    return (style, betting_order(request.probe.prompt_sha256()) if style else "", request.sample)
