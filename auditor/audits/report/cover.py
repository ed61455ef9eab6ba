"""What stands before all else in a report: its three answers, and what an exact test rests on.

Knows what every report has; knows no kind of audit.
"""

from __future__ import annotations

from collections.abc import Iterator

from auditor.audits.report import glance, view, wording
from auditor.evidence.records import Report
from auditor.reporting.document import Block, Paragraph, brief, strong


def cover(report: Report) -> Iterator[Block]:
    """The first screen, then what the audit asks and the design of every exact test."""
    found = glance.glance(report)
    yield glance.block(found)
    # What the suspect says of itself has a section of its own.
    if report.headline and found.says != report.headline[0]:
        yield Paragraph(" ".join(report.headline), "says-not")
    for design in view.designs(report):
        told = wording.DESIGNS[design]
        yield Paragraph((strong(f"Design: {told.label}."), f" {told.sentence}"), "says-not")


def origin(report: Report, when: str) -> Iterator[Block]:
    """Spec, date and base for a brief reading."""
    spec = report.subject.spec
    yield brief(Paragraph(spec, "caption"), Paragraph(f"{when}, report {report.id}", "caption"))
    if report.base is not None:
        known = wording.BASE_ORIGINS[report.base.origin]
        yield brief(Paragraph(f"Base: {report.base.name} ({known})", "caption"))
