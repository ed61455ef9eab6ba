"""service_audit(plan) → Report: ask the claimed model and the endpoint the same, compare, tell."""

from __future__ import annotations

from pathlib import Path

from auditor.audits.frame import build_report, candidate_of, subject_of
from auditor.audits.service.asking import ServiceAnswers, hear
from auditor.audits.service.judging import Decision, JudgedService, judge, stopped
from auditor.audits.service.narrative import WORDS, alternatives, answers, command_of, limits
from auditor.audits.service.plan import ServicePlan
from auditor.audits.service.power import Size, size_of, statement, would_have_seen
from auditor.audits.service.records import ServiceSection
from auditor.evidence.codes import Outcome
from auditor.evidence.records import Candidate, Report, Verdict
from detectors.base import Teacher
from detectors.service.repeated import asked_of_both, said
from fingerprints.progress import SILENT, Progress
from fingerprints.records import Identity


def service_audit(plan: ServicePlan, out: Path, progress: Progress = SILENT) -> Report:
    """Compares the endpoint with the claimed model and returns the report; the journals in ``out``
    are resumed.

    Deterministic for the same records. Raises the errors of `open_subject`, `collect` and the
    store.
    """
    heard = hear(plan, out, progress)
    return report_of(plan, heard, judge(plan, heard))


def report_of(plan: ServicePlan, heard: ServiceAnswers, judged: JudgedService) -> Report:
    """The report on what was heard and judged, as `auditor audit` writes one."""
    size = size_of(
        asked_of_both(heard.endpoint, heard.reference), _longest(plan, heard), plan.alpha
    )
    power = statement(size)
    stored = 0 if heard.others is None else len(heard.others.stored)
    return build_report(
        plan,
        heard.endpoint,
        [heard.reference.digest()],
        [_section(plan, heard, judged, power)],
        beside=_beside(heard),
        called="The endpoint",
        answers=answers(plan, heard, judged, power),
        candidates=(_claimed(heard),),
        store=None if heard.others is None else heard.others.section,
        findings=judged.findings,
        skipped=judged.skipped,
        verdicts=(_verdict(heard, judged, size, stored),),
        limits=limits(plan, heard),
        alternatives=alternatives(),
        reproduce=command_of(plan),
    )


def _beside(heard: ServiceAnswers) -> dict[str, Identity]:
    """Whose answers stand beside the endpoint's, by name."""
    stored = () if heard.others is None else heard.others.stored
    others = {teacher.name: teacher.transcript.identity for teacher in stored}
    return {"the claimed model": heard.reference.identity} | others


def outcome_of(decision: Decision, size: Size) -> Outcome:
    """The claim's outcome: not supported where the answers differ; supported where nothing was
    found at a size that finds a fine-tuned copy in four of five runs of the benchmark; else
    inconclusive."""
    if decision == "different":
        return "not_supported"
    if decision == "no_difference_found":
        return "supported" if would_have_seen(size) else "inconclusive"
    return decision


def _longest(plan: ServicePlan, heard: ServiceAnswers) -> int:
    """The cap on an answer of either side in tokens, where recorded answers say theirs too."""
    caps = [t.header.sampling.max_tokens for t in (heard.endpoint, heard.reference)]
    return min([plan.longest, *(c for c in caps if c is not None)])


def _verdict(heard: ServiceAnswers, judged: JudgedService, size: Size, stored: int) -> Verdict:
    reason = judged.reason
    if judged.decision == "no_difference_found":
        reason = "Nothing was found at this size; what it could have seen is told with the answer."
    return Verdict(
        question="service",
        candidate=heard.reference.identity.name,
        outcome=outcome_of(judged.decision, size),
        words=WORDS[judged.decision] or None,
        p_value=judged.p_value,
        n_controls=stored,
        prompts=size.questions,
        reason=reason,
        reason_code=judged.reason_code,
    )


def _section(
    plan: ServicePlan, heard: ServiceAnswers, judged: JudgedService, power: str
) -> ServiceSection:
    reference = heard.reference
    return ServiceSection(
        claimed=subject_of(reference),
        decision=judged.decision,
        p_value=judged.p_value,
        alpha=plan.alpha,
        sequential=plan.sequential,
        stopped=stopped(heard.endpoint),
        planned=heard.planned,
        asked=len({r.probe_id for r in heard.endpoint.replies}),
        answers=len(heard.endpoint.replies),
        reference_answers=len(reference.replies),
        reference_sha256=reference.digest(),
        reference_sampling=reference.header.sampling,
        power=power,
    )


def _claimed(heard: ServiceAnswers) -> Candidate:
    reference = heard.reference
    asked = asked_of_both(heard.endpoint, reference, samples=1)
    identical = sum(
        bool({said(r) for r in a.endpoint} & {said(r) for r in a.reference} - {""}) for a in asked
    )
    claimed = Teacher(reference.identity.name, "", "claimed model", reference)
    return candidate_of(heard.endpoint, claimed, len(asked), identical)
