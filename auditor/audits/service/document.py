"""What an audit of a service adds to a report's document: the comparison with the claimed model."""

from __future__ import annotations

from auditor.audits.service.records import ServiceSection
from auditor.evidence.records import Report
from auditor.reporting.document import Bullets, Section, pairs
from auditor.reporting.text import number

DECISIONS = {
    "different": "different",
    "no_difference_found": "no difference found at this size",
    "inconclusive": "inconclusive",
    "not_assessable": "not assessable",
}
AT_ANY_LOOK = "however often one looked while asking"
AT_ONE_LOOK = "for one look, at the size that was planned"


def sections(report: Report) -> tuple[Section, ...]:
    """The comparison and, for a brief reading, its other explanations; nothing where none was
    made."""
    rows = _rows(report)
    if not rows:
        return ()
    others = Bullets(report.alternatives)
    return (
        Section("service", "Service and claim", (pairs(rows),)),
        Section("others", "Alternative explanations", (others,), "brief"),
    )


def _rows(report: Report) -> tuple[tuple[str, str], ...]:
    s = report.section(ServiceSection)
    if s is None:
        return ()
    p = "none" if s.p_value is None else f"{number(s.p_value)}, alpha {s.alpha:g}"
    asked = f"{s.asked:,} of {s.planned:,}" + (" (enough: asking was ended)" if s.stopped else "")
    return (
        ("decision", DECISIONS[s.decision]),
        ("p-value", p),
        ("it holds", AT_ANY_LOOK if s.sequential else AT_ONE_LOOK),
        ("questions asked", asked),
        ("answers of the endpoint", f"{s.answers:,}"),
        (
            "answers of the claimed model",
            f"{s.reference_answers:,} at temperature {s.reference_sampling.temperature:g}",
        ),
        ("what this size could have seen", s.power),
        ("claimed model", s.claimed.identity.name),
        ("opened as", s.claimed.spec),
        ("weights sha256", s.claimed.identity.weights_sha256 or "out of sight"),
        ("answers sha256", s.reference_sha256),
    )
