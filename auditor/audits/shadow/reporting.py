"""The report of a shadow audit, as `auditor audit` writes it. Arranges what is known; weighs
nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditor.audits.frame import build_report
from auditor.audits.inheritance.base_model import Base
from auditor.audits.inheritance.narrative import alternatives
from auditor.audits.shadow.costs import Decision
from auditor.audits.shadow.judging import JudgedShadows
from auditor.audits.shadow.narrative import answers, command_of, limits, whose
from auditor.audits.shadow.plan import ShadowPlan
from auditor.audits.shadow.prompts import PromptSources
from auditor.audits.shadow.rates import section_of
from auditor.controls.cohort import Cohort, Member
from auditor.controls.lineage import Lineage, LineageTeacher
from auditor.evidence.records import Candidate, Report
from auditor.evidence.sensitivity import Sensitivity
from detectors.base import Shadow
from detectors.lineup import counted
from fingerprints.collect import timestamp
from fingerprints.records import Identity, canonical_json, sha256
from fingerprints.transcript import Transcript


@dataclass(frozen=True)
class Facts:
    """Everything that a report tells of one shadow audit."""

    plan: ShadowPlan
    decision: Decision
    suspect: Transcript
    base: Base
    cohort: Cohort
    shadows: tuple[Shadow, ...]
    prompts: PromptSources
    judged: JudgedShadows
    left_out: tuple[str, ...]
    sensitivity: Sensitivity | None = None

    @property
    def calibration(self) -> str:
        """The name that findings know the calibration by."""
        return calibration_name(self.cohort)


def calibration_name(cohort: Cohort) -> str:
    """What a calibration on these shadows is called: by their lineages' digest."""
    return f"shadows {cohort.digest()[:16]}"


def shadows_of(cohort: Cohort) -> tuple[Shadow, ...]:
    """The cohort's finished members as a detector reads them: those with a whole transcript."""
    said = [(m, m.transcript()) for m in cohort if m.transcript_path is not None]
    return tuple(
        Shadow(m.name, transcript, m.teachers, _kind(m), m.lineage.seed)
        for m, transcript in said
        if transcript.complete
    )


def _kind(member: Member) -> str:
    if member.teachers:
        return ""
    return member.name.rsplit("/", 1)[-1].split("-base")[0]


def report_of(facts: Facts) -> Report:
    """The report. The same facts give the same report, dates aside."""
    plan, suspect, judged = facts.plan, facts.suspect, facts.judged
    digest = facts.cohort.digest()
    decided = facts.decision.model_dump(mode="json", include={"seeds", "n", "shadows", "students"})
    return build_report(
        plan,
        suspect,
        [digest],
        decided={"decided": decided},
        beside=_beside(facts),
        answers=answers(facts.base, suspect, judged),
        candidates=tuple(_candidate(name, facts) for name in plan.names),
        base=facts.base.section(suspect),
        calibration=section_of(
            facts.calibration, digest, timestamp(), _about(facts), suspect, facts.shadows, judged
        ),
        findings=judged.findings,
        skipped=judged.skipped,
        verdicts=judged.verdicts,
        sensitivity=facts.sensitivity,
        limits=limits(
            plan, facts.base, suspect, facts.shadows, facts.prompts, judged, facts.left_out
        ),
        alternatives=alternatives(),
        reproduce=(command_of(plan, facts.decision.seeds, facts.decision.n),),
    )


def _beside(facts: Facts) -> dict[str, Identity]:
    """Whose answers the suspect's are compared with, by name."""
    shadows = facts.shadows if facts.judged.panel is None else facts.judged.panel.shadows
    said = {shadow.name: shadow.transcript.identity for shadow in shadows}
    return {facts.base.teacher.name: facts.base.teacher.transcript.identity} | said


def _about(facts: Facts) -> str:
    shadows = facts.shadows if facts.judged.panel is None else facts.judged.panel.shadows
    taught = sum(bool(s.teachers) for s in shadows)
    trained = f"trained from {facts.base.teacher.name} for {whose(facts.plan)}"
    return (
        f"{counted(taught, 'student')} of {counted(len(facts.plan.names), 'candidate')} and"
        f" {counted(len(shadows) - taught, 'control')} of nobody, {trained}, {facts.decision.n}"
        " examples each."
    )


def itself_among(names: Sequence[str], cohort: Cohort, suspect: Identity) -> frozenset[str]:
    """The candidates whose weights the suspect's are, by digest."""
    known = {name: _identity(_students(name, cohort)) for name in names}
    return frozenset(n for n, who in known.items() if who is not None and suspect.same_weights(who))


def _students(name: str, cohort: Cohort) -> list[tuple[Lineage, LineageTeacher]]:
    """The lineages of a candidate's students, each with what it learned of the candidate."""
    return [
        (m.lineage, t)
        for m in cohort
        for t in m.lineage.teachers
        if t.kind == "teacher" and t.name == name
    ]


def _identity(students: Sequence[tuple[Lineage, LineageTeacher]]) -> Identity | None:
    return next((t.identity for _, t in students if t.identity is not None), None)


def _candidate(name: str, facts: Facts) -> Candidate:
    """What is known of a candidate from its students' lineages: who answered, and how much of it
    they learned."""
    taught = _students(name, facts.cohort)
    spec = next(t.spec for t in facts.plan.teachers if t.name == name)
    identity = _identity(taught) or Identity(
        kind="recording", name=name, notes=(f"nothing of it was learned; its spec is {spec}",)
    )
    return Candidate(
        name=name,
        vendor="",
        family="",
        identity=identity,
        n_answers=max((t.n_examples or 0 for _, t in taught), default=0),
        n_shared=0,
        answers_sha256=sha256(
            canonical_json(sorted({lineage.examples_sha256 or "" for lineage, _ in taught}))
        ),
        same_weights=facts.suspect.identity.same_weights(identity),
    )
