"""harvest(plan) → Report: gather sets, let models score or speak, judge, tell."""

from __future__ import annotations

from pathlib import Path

from auditor.audits.frame import build_report
from auditor.audits.harvest.gathering import Gathered, gather
from auditor.audits.harvest.judging import JudgedHarvest, adjusted_for, decided, judge
from auditor.audits.harvest.narrative import alternatives, answers, command_of, headline, limits
from auditor.audits.harvest.observing import ObservedSets, observe
from auditor.audits.harvest.plan import HarvestPlan
from auditor.audits.harvest.records import HarvestSection
from auditor.audits.inheritance.scoring import scores_section
from auditor.evidence.records import Report
from detectors.inheritance.served_or_twin import FEWEST
from detectors.stats.twins import units_needed
from fingerprints.errors import MalformedInput
from fingerprints.progress import SILENT, Progress


def harvest_audit(plan: HarvestPlan, out: Path, progress: Progress = SILENT) -> Report:
    """Tests whether the suspect learned from what was served, and returns the report; what lies in
    ``out`` is resumed.

    Deterministic for the same records. Raises MalformedInput for files that can't be used and too
    few prompts, VerificationFailed for a coin log that was changed, and the errors of subjects.
    """
    gathered = gather(plan)
    refuse_too_few(plan, gathered)
    observed = observe(
        plan, gathered.sets, out, progress, lambda seen: decided(plan, gathered, seen)
    )
    return report_of(plan, gathered, observed, judge(plan, gathered, observed))


def refuse_too_few(plan: HarvestPlan, gathered: Gathered) -> None:
    """Raises MalformedInput where no group can reach the number that is tested: nobody need be
    asked."""
    if len(gathered.sets) < FEWEST:
        needed = units_needed(plan.dose("likelihood"), plan.used)
        raise MalformedInput(
            f"{len(gathered.sets)} usable prompts with twins, and at least {FEWEST} are needed"
            f" ({needed:,} for p < 1e-6, if {plan.used:.0%} were used to little effect)",
            where=plan.twins,
            next_step="draw twins of more answers (see `auditor harvest plan`)",
        )


def report_of(
    plan: HarvestPlan, gathered: Gathered, observed: ObservedSets, judged: JudgedHarvest
) -> Report:
    """The report on what was gathered, observed and judged."""
    return build_report(
        plan,
        observed.heard,
        [gathered.log_sha256, gathered.twins_sha256, *observed.digests],
        [_section(plan, gathered, observed, judged)],
        beside=observed.beside,
        headline=headline(gathered, judged),
        answers=answers(plan, observed.mode, judged),
        scores=scores_section(observed.scores),
        findings=judged.findings,
        skipped=judged.skipped,
        verdicts=judged.verdicts,
        limits=tuple(limits(plan, gathered, observed)),
        alternatives=alternatives(),
        reproduce=command_of(plan),
    )


def _section(
    plan: HarvestPlan, gathered: Gathered, observed: ObservedSets, judged: JudgedHarvest
) -> HarvestSection:
    unscored = len(gathered.sets) - len(observed.kept) if not plan.sequential else 0
    tally = gathered.tally.model_copy(
        update={"sets_not_scored": unscored, "sets_used": len(observed.kept)}
    )
    return HarvestSection(
        design=gathered.design,
        mode=observed.mode,
        log_sha256=gathered.log_sha256,
        twins_sha256=gathered.twins_sha256,
        twins_created=gathered.created,
        teacher_model=gathered.model,
        m=gathered.m,
        tally=tally,
        checks=judged.checks,
        innocents=judged.innocents,
        groups=judged.groups,
        adjusted_for=adjusted_for(observed),
        suspects=plan.suspects,
        sequential=plan.sequential,
        effect=plan.dose(observed.mode),
        used=plan.used,
    )
