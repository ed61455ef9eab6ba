"""What both kinds of plant share when they are told: what was heard, one exact test as a verdict,
and the report around them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auditor.audits.frame import build_report
from auditor.audits.plants import narrative
from auditor.audits.plants.opened import Plant
from auditor.audits.plants.plan import PlantTestPlan
from auditor.audits.plants.records import PlantSection
from auditor.evidence.codes import Outcome
from auditor.evidence.exact import ExactTest
from auditor.evidence.questions import unexamined
from auditor.evidence.records import Finding, Report, Skipped, Verdict
from auditor.evidence.weight import exact_conclusion, exact_outcome, exact_words
from fingerprints.choices import ChoicesFile
from fingerprints.transcript import Transcript


@dataclass(frozen=True)
class Examined:
    """What was observed: the suspect's answers, the marked texts and its choices behind them, and
    its base's answers, where there are any."""

    said: Transcript
    marked: Transcript | None = None
    chosen: ChoicesFile | None = None
    base: Transcript | None = None

    @property
    def here(self) -> bool:
        """Whether its weights ran where it was asked."""
        return self.said.identity.kind in ("checkpoint", "gguf")


def verdict_of(
    plan: PlantTestPlan, heard: Examined, candidate: str, test: ExactTest, corrected: float
) -> Verdict:
    """One exact test as a verdict; a mark that may have been passed on supports nothing."""
    outcome: Outcome = exact_outcome(test, corrected)
    reason, code = narrative.reason(outcome, plan.expect, test.power)
    if outcome == "supported" and passing_on(plan, heard):
        outcome, reason, code = "inconclusive", narrative.PASSED_ON, "passed_on"
    return Verdict(
        question="inheritance",
        candidate=candidate,
        outcome=outcome,
        # Words of support stand beside a supported verdict alone: a mark that may have been passed
        # on, and the best of many accounts, support nothing.
        words=exact_words(test) if outcome == "supported" else None,
        p_value=corrected,
        p_single=test.p_value,
        prompts=len({r.probe_id for r in heard.said.replies}),
        exact=test,
        reason=reason,
        reason_code=code,
    )


def untested(plant: Plant) -> Verdict:
    """The verdict where too little was answered for any test."""
    return Verdict(
        question="inheritance",
        candidate=plant.notice.teacher,
        outcome="not_assessable",
        reason=narrative.NOT_ENOUGH,
        reason_code="not_measured",
    )


def passing_on(plan: PlantTestPlan, heard: Examined) -> bool:
    """Whether the answers could be the teacher's own, passed on: weights that ran here can't do
    that, and nobody can once the plant is served no more."""
    return not (heard.here or plan.retired)


def section_of(plan: PlantTestPlan, plant: Plant, heard: Examined, **told: Any) -> PlantSection:
    """What the report keeps of the plant and the suspect's answers, with what its kind tells."""
    notice = plant.notice
    return PlantSection(
        kind=notice.kind,
        name=notice.name,
        teacher=notice.teacher,
        commitment=notice.commitment,
        created=notice.created,
        retired=plan.retired,
        passing_on=passing_on(plan, heard),
        answers=sum(r.answered for r in heard.said.replies),
        marked_sha256=None if heard.marked is None else heard.marked.digest(),
        expect=plan.expect,
        **told,
    )


def report_of(
    plan: PlantTestPlan,
    plant: Plant,
    heard: Examined,
    section: PlantSection,
    findings: tuple[Finding, ...],
    skipped: tuple[Skipped, ...],
    verdicts: tuple[Verdict, ...],
) -> Report:
    """The report on one plant."""
    other = [t.digest() for t in (heard.marked, heard.base) if t is not None]
    if heard.chosen is not None:
        other.append(heard.chosen.digest())
    conclusion = exact_conclusion(verdicts)
    return build_report(
        plan,
        heard.said,
        [plant.notice.commitment, *other],
        [section],
        beside={} if heard.base is None else {"the base": heard.base.identity},
        answers=(
            narrative.answer(section, verdicts, conclusion),
            *unexamined("lineage", "service"),
        ),
        findings=findings,
        skipped=skipped,
        verdicts=verdicts,
        limits=narrative.limits(section, heard.said),
        alternatives=narrative.alternatives(section),
        reproduce=narrative.command_of(plan, heard.chosen is not None),
    )
