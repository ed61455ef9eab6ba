"""What a comparison of weights adds to a report's document: the weights, and what the suspect's
files declare."""

from __future__ import annotations

from auditor.audits.lineage.records import LineageSection
from auditor.evidence.records import Report
from auditor.reporting.document import Section, pairs


def sections(report: Report) -> tuple[Section, ...]:
    """The suspect's weights and declarations; nothing where no weights were compared."""
    rows = _rows(report)
    return (Section("weights", "Weights and declarations", (pairs(rows),)),) if rows else ()


def _rows(report: Report) -> tuple[tuple[str, str], ...]:
    found = report.section(LineageSection)
    if found is None:
        return ()
    declared = tuple((f"declared {label}", value) for label, value in found.declared.items())
    stored = (
        (("stored signatures looked through", f"{found.screened:,}"),) if found.screened else ()
    )
    told = (("declared against observed", found.declared_told),) if found.declared_told else ()
    return (*told, *declared, *found.weights.items(), *stored)
