"""Who ran an audit, and what differs from the registered plan, arranged for readers."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.evidence.custody import Custody, Registration
from auditor.evidence.records import Report
from auditor.reporting.document import Block, GridTable, Paragraph, Section, code, pairs
from auditor.reporting.text import date

NOBODY = (
    "Who ran this audit was not said, and its plan was not registered before it: nothing shows that"
    " detectors and thresholds were chosen before the answers were seen."
)
UNREGISTERED = (
    "The plan was not registered before the audit: nothing shows that detectors and thresholds were"
    " chosen before the answers were seen."
)
ASKED = {
    "after": "The suspect was asked after the plan was registered, by the clocks of both machines.",
    "before": "The suspect was asked before the plan was registered: it could have been made to fit"
    " the answers.",
    "unknown": "The answers were recorded elsewhere: whether that was before the plan was"
    " registered is not known.",
}
NONE = "Deviations from the registered plan: none."
SOME = "Deviations from the registered plan"


def custody_section(report: Report) -> Section:
    """The section, which every report has."""
    held = report.custody
    blocks = (Paragraph(NOBODY),) if held is None else tuple(_told(held))
    return Section("custody", "Chain of custody", blocks, "full", appendix=True)


def _told(held: Custody) -> Iterator[Block]:
    rows = (
        ("Run by, as given", held.operator or "not said"),
        ("From", date(held.started)),
        ("To", date(held.finished)),
        ("Where", held.place),
        *((f"Code of {package}", digest) for package, digest in sorted(held.code.items())),
    )
    yield pairs(rows)
    if held.registration is None:
        yield Paragraph(UNREGISTERED)
    else:
        yield from _registered(held.registration)


def _registered(made: Registration) -> Iterator[Block]:
    rows = (
        ("Registered", date(made.registered)),
        ("Registered by, as given", made.by or "not said"),
        ("Statement", made.sha256),
        ("Signed by", ", ".join(made.keys)),
    )
    yield pairs(rows)
    yield Paragraph(ASKED[made.asked], "caption" if made.asked == "after" else "notice")
    if not made.deviations:
        yield Paragraph(NONE)
        return
    columns = ("What", "Registered", "As run")
    cells = tuple(
        (code(d.field), code(_shown(d.registered)), code(_shown(d.run))) for d in made.deviations
    )
    yield GridTable(SOME, columns, cells)


def _shown(value: str | None) -> str:
    return "nothing" if value is None else value
