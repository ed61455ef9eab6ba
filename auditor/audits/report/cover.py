"""What stands before all else in a report: whose it is, and the sentences that must be read first.

Knows what every report has; knows no kind of audit.
"""

from __future__ import annotations

from collections.abc import Iterator

from auditor.audits.report import view, wording
from auditor.evidence.records import Report
from auditor.reporting.document import Block, Paragraph, brief, strong


def cover(report: Report, when: str) -> Iterator[Block]:
    """Spec, date and base for a brief reading, then the headline for every reading."""
    spec = report.subject.spec
    yield brief(Paragraph(spec, "caption"), Paragraph(f"{when}, report {report.id}", "caption"))
    if report.base is not None:
        known = wording.BASE_ORIGINS[report.base.origin]
        yield brief(Paragraph(f"Base: {report.base.name} ({known})", "caption"))
    yield from _headline(report.headline)
    for design in view.designs(report):
        told = wording.DESIGNS[design]
        yield Paragraph((strong(f"Design: {told.label}."), f" {told.sentence}"), "says-not")


def _headline(sentences: tuple[str, ...]) -> Iterator[Paragraph]:
    """The first sentence alone, those that qualify it below."""
    first, rest = sentences[:1], sentences[1:]
    yield from (Paragraph(sentence, "answer") for sentence in first)
    if rest:
        yield Paragraph(" ".join(rest), "says-not")
