"""A whole kind of audit in one module: does a suspect count its own words? It asks nobody."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from auditor.audits.frame import build_report
from auditor.audits.plan import AuditPlan
from auditor.evidence.kinds import Kind
from auditor.evidence.questions import unexamined
from auditor.evidence.records import Report, ReportSection, SubjectSection
from fingerprints.records import Identity


class ToyPlan(AuditPlan):
    """What is counted."""

    command: ClassVar[str] = "toy"
    noun: ClassVar[str] = "toy plan"

    format: Literal["toy-plan/1"] = "toy-plan/1"
    suspect: str
    words: int = 7


class ToySection(ReportSection):
    """What counting came to."""

    key: ClassVar[str] = "toy"

    counted: int
    said: tuple[str, ...] = ()


KIND = Kind(
    name="toy",
    plan="tests.auditor.audits.toy:ToyPlan",
    sections={"toy": "tests.auditor.audits.toy:ToySection"},
    arranged={"toy": "tests.auditor.audits.toy:sections"},
    files=("counts.jsonl",),
)


def toy_audit(plan: ToyPlan) -> Report:
    """The report of a toy audit."""
    told = ToySection(counted=plan.words, said=("one", "two"))
    return build_report(
        plan,
        SubjectSection(spec=plan.suspect, identity=Identity(kind="recording", name="toy")),
        [told.digest()],
        [told],
        answers=unexamined("inheritance", "lineage", "service"),
        findings=(),
        skipped=(),
        limits=(),
        alternatives=(),
        reproduce=(),
    )


def sections(report: Report) -> tuple[Any, ...]:
    """The toy's part of a report's document."""
    from auditor.reporting.document import Paragraph, Section

    found = report.section(ToySection)
    if found is None:
        return ()
    return (Section("toy", "Counted words", (Paragraph(f"It counted {found.counted} words."),)),)
