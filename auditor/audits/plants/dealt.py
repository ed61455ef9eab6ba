"""A test for dealt habits: which account's fit the suspect, against every other way to deal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log10

import numpy as np

from auditor.audits.plants import narrative
from auditor.audits.plants.opened import Plant
from auditor.audits.plants.plan import PlantTestPlan
from auditor.audits.plants.records import AccountFit, HabitShare, PlantSection
from auditor.audits.plants.telling import Examined, report_of, section_of, untested, verdict_of
from auditor.evidence.exact import ExactTest
from auditor.evidence.records import Finding, Report, Skipped
from auditor.evidence.weight import supporting_p
from detectors.inheritance.canary_habits import (
    FEWEST,
    NAME,
    HabitCount,
    counts,
    fits,
    power_of,
    smallest,
)
from detectors.measurement import Exhibit, Measurement, Span
from detectors.stats.evalues import log10_e_of_p
from detectors.stats.pvalues import holm
from detectors.text.habits import bank, counted
from fingerprints.plants import Assigned, SealedHabits
from fingerprints.transcript import Transcript

MOST_TOLD = 50
"""Accounts that a report names; all were tested, and counted in the correction."""


def habits_report(
    plan: PlantTestPlan, plant: Plant, sealed: SealedHabits, heard: Examined
) -> Report:
    """The report on which account's habits the suspect has."""
    found, n = _counted(heard)
    p_values = fits(found, [a.habits for a in sealed.assigned])
    corrected = holm(p_values)
    power = None
    if plan.expect is not None and n >= FEWEST:
        # The corrected p-value alone would promise too much of many accounts.
        enough = supporting_p(len(p_values))
        power = power_of(found, sealed.design.windows, plan.expect, enough)
    section = section_of(
        plan,
        plant,
        heard,
        habits=sealed.design,
        shares=tuple(
            HabitShare(habit=id, found=c.found, usual=round(c.usual, 6)) for id, c in found.items()
        ),
        n_accounts=len(p_values),
        power=power,
        usual_from="bank" if heard.base is None else "base",
    )
    if n < FEWEST:
        return _too_few_answers(plan, plant, heard, section, n)
    order = sorted(range(len(p_values)), key=lambda i: (p_values[i], sealed.assigned[i].account))
    verdicts, accounts, findings = [], [], []
    for i in order[:MOST_TOLD]:
        dealt, after = sealed.assigned[i], float(corrected[i])
        test = _exact(sealed, p_values[i], power)
        whom = narrative.account_name(dealt.account)
        verdict = verdict_of(plan, heard, whom, test, after)
        verdicts.append(verdict)
        # Where a mark may have been passed on, the same plant is tested again: its lot isn't spent.
        shown = verdict.outcome == "supported"
        accounts.append(_fit(dealt, test, after, shown))
        exhibits = _exhibits(heard.said, dealt.habits) if shown else ()
        findings.append(_finding(found, dealt.habits, whom, test, exhibits))
    told = section.model_copy(update={"accounts": tuple(accounts)})
    return report_of(plan, plant, heard, told, tuple(findings), (), tuple(verdicts))


def _counted(heard: Examined) -> tuple[dict[str, HabitCount], int]:
    """What was counted by habit, and over how many answers."""
    held = bank()
    said = _answers(heard.said)
    base = None if heard.base is None else _answers(heard.base)
    usual = None if base is None else counted(base, held)
    return counts(counted(said, held), len(said), held, usual, len(base or ())), len(said)


def _answers(transcript: Transcript) -> list[str]:
    return [r.answer for r in transcript.replies if r.answered]


def _exact(sealed: SealedHabits, p_value: float, power: float | None) -> ExactTest:
    return ExactTest(
        design="assignment",
        by_design=True,
        unit="assignment",
        n=sealed.design.windows,
        p_value=p_value,
        p_floor=smallest(len(sealed.design.habits), sealed.design.windows),
        # Among many accounts one always fits best: the bet is shared out over all of them.
        log10_e=log10_e_of_p(p_value) - log10(len(sealed.assigned)),
        anytime=False,
        power=power,
    )


def _fit(dealt: Assigned, test: ExactTest, corrected: float, shown: bool) -> AccountFit:
    return AccountFit(
        account=dealt.account,
        p_value=test.p_value,
        corrected=corrected,
        habits=dealt.habits if shown else (),
    )


def _too_few_answers(
    plan: PlantTestPlan, plant: Plant, heard: Examined, section: PlantSection, n: int
) -> Report:
    skipped = Skipped(
        question="inheritance",
        detector=NAME,
        candidate=None,
        reason=narrative.few_answers(n),
        code="too_few_answers",
    )
    return report_of(plan, plant, heard, section, (), (skipped,), (untested(plant),))


def _finding(
    found: Mapping[str, HabitCount],
    dealt: Sequence[str],
    whom: str,
    test: ExactTest,
    exhibits: tuple[Exhibit, ...],
) -> Finding:
    shares = [found[id].share for id in dealt]
    n = found[dealt[0]].n
    measured = Measurement(
        metric=narrative.HABIT_METRIC,
        metric_id="mean_share_of_dealt_habits",
        value=float(np.mean(shares)),
        n=n,
        n_unit="answers",
        direction=narrative.HABIT_DIRECTION,
        summary=narrative.habit_summary(whom, len(dealt), len(found), test.p_value),
        exhibits=exhibits,
    )
    return Finding.of(measured, "inheritance", NAME, whom, exact=test)


def _exhibits(said: Transcript, dealt: Sequence[str]) -> tuple[Exhibit, ...]:
    """One answer for each of an account's habits that the suspect has."""
    held, out = bank(), []
    for id in dealt:
        for reply in said.replies:
            spot = held[id].found_in(reply.answer) if reply.answered else None
            if spot is not None:
                spans = (Span(start=spot[0], end=spot[1], why=id),)
                probe = said.probes[reply.probe_id]
                why = narrative.dealt(held[id].addition)
                out.append(Exhibit.of(probe, reply.arm, reply.answer, spans=spans, why=why))
                break
    return tuple(out)
