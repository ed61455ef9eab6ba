"""policy_audit(plan) → Report: the straight line. Asks the service, the weights and perhaps a third
model the same questions, one after the other, and compares who declines what.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from auditor.audits.frame import build_report, candidate_of, finding_of
from auditor.audits.policy.narrative import alternatives, answer, command_of, limits
from auditor.audits.policy.plan import PolicyPlan
from auditor.audits.report.bundle import TRANSCRIPT
from auditor.evidence.questions import unexamined
from auditor.evidence.records import Candidate, Finding, Report, Skipped
from detectors.base import Case, Teacher
from detectors.exhibits.policy import three_way
from detectors.service.policy_layer import PolicyLayer
from detectors.text.policy_pairs import heard
from fingerprints.collect import collect
from fingerprints.errors import MalformedInput, printable
from fingerprints.progress import SILENT, Progress
from fingerprints.subjects import open_subject
from fingerprints.subjects.spec import refuse_bad_spec
from fingerprints.transcript import Transcript

FILES = {"hosted": TRANSCRIPT, "local": "local.jsonl", "also": "also.jsonl"}
"""The answers of each role, in the bundle's folder: resumed like an audit's."""
MOST_REJECTED = 0.75
"""A filter may reject every sensitive question; twins are half of all."""


def policy_audit(plan: PolicyPlan, out: Path, progress: Progress = SILENT) -> Report:
    """Asks whom the plan names (into ``out``, resumable; one model open at a time) and returns the
    report.

    Greedy answers of local models give the same
    report, dates aside. Raises the errors of `open_subject` and `collect`, and MalformedInput where
    one of them gave nothing that can be compared.
    """
    said, asked = {}, plan.probe_set()
    # All of them first: a service costs money, and a bad path would be told only after it.
    for spec in plan.specs.values():
        refuse_bad_spec(spec)
    for role, spec in plan.specs.items():
        with open_subject(spec) as subject:
            asking = progress.step(f"asking {spec}"[:60])
            path = out / FILES[role]
            said[role] = collect(
                subject, [asked], plan.sampling, path, asking, most_rejected=MOST_REJECTED
            )
        if not heard(said[role]):
            raise MalformedInput(
                "nothing that it was asked of the set `policy` can be compared",
                where=printable(spec, 100),
                next_step=(
                    "look at the transcript's errors, or record its answers to `--probes policy`"
                ),
            )
    return judge(plan, said)


def judge(plan: PolicyPlan, said: Mapping[str, Transcript]) -> Report:
    """The report on what was said by each role: nothing is asked, so the same records give the
    same report (dates aside)."""
    hosted = said["hosted"]
    teachers = _teachers({role: t for role, t in said.items() if role != "hosted"})
    detector = PolicyLayer()
    compared = {
        name: detector.compared(Case(hosted, teacher)) for name, teacher in teachers.items()
    }
    measured = {name: detector.measure(Case(hosted, teacher)) for name, teacher in teachers.items()}
    told = [finding_of(detector, name, found) for name, found in measured.items()]
    findings = [f for f in told if isinstance(f, Finding)]
    skipped = [f for f in told if isinstance(f, Skipped)]
    if findings and len(teachers) > 1:
        table = three_way(hosted, {name: t.transcript for name, t in teachers.items()})
        findings[0] = findings[0].model_copy(update={"tables": (table, *findings[0].tables)})
    return build_report(
        plan,
        hosted,
        [t.digest() for role, t in said.items() if role != "hosted"],
        beside={name: t.transcript.identity for name, t in teachers.items()},
        called="The service",
        answers=(*unexamined("inheritance", "lineage"), answer(compared)),
        candidates=tuple(_candidate(t, hosted) for t in teachers.values()),
        findings=tuple(findings),
        skipped=tuple(skipped),
        limits=limits(said, plan),
        alternatives=alternatives(),
        reproduce=command_of(plan),
    )


def _teachers(said: Mapping[str, Transcript]) -> dict[str, Teacher]:
    """Those that the service is compared with, under names of their own."""
    out: dict[str, Teacher] = {}
    for role, transcript in said.items():
        name = transcript.identity.name or role
        name = name if name not in out else f"{name} ({role})"
        out[name] = Teacher(name, "", "", transcript)
    return out


def _candidate(teacher: Teacher, hosted: Transcript) -> Candidate:
    theirs, ours = heard(teacher.transcript), heard(hosted)
    shared = theirs.keys() & ours.keys()
    identical = [
        k
        for k in shared
        if theirs[k].reply.text and theirs[k].reply.text.strip() == ours[k].reply.text.strip()
    ]
    return candidate_of(hosted, teacher, len(shared), len(identical))
