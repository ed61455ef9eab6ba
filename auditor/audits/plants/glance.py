"""What a test for a plant says at a glance. Knows codes and names; weighs nothing."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.audits.plants.records import PlantSection
from auditor.audits.report.lines import (
    GlanceLine,
    GlancePart,
    Status,
    Told,
    exactly_sure,
    named,
    status_of,
    verdicts_on,
    whom,
)
from auditor.evidence.records import Report, Verdict

PASSED_ON = (
    "The mark is there, but the answers may be the marked teacher's own, passed on without any"
    " training."
)
NO_TRACE = "It shows no trace of what was planted."
OPEN = "No trace of what was planted was established."
UNTESTED = "Too little was answered to test it."


def glance(report: Report) -> GlancePart:
    """The line on learning; nothing where no plant was tested for."""
    found = report.section(PlantSection)
    if found is None:
        return GlancePart()
    status, verdicts = status_of(report, "inheritance"), verdicts_on(report, "inheritance")
    told, sure = _told(found, status, verdicts), exactly_sure(status, verdicts)
    return GlancePart((GlanceLine("inheritance", status, told, sure),))


def _told(found: PlantSection, status: Status, verdicts: Sequence[Verdict]) -> Told:
    if status == "supported" and found.kind == "watermark":
        whose = named((found.teacher,))
        return ("It prefers the tokens that a sealed key had favoured in answers of ", *whose, ".")
    if status == "supported":
        whose = whom([v for v in verdicts if v.outcome == "supported"])
        return ("It has the habits that were dealt by lot to ", *whose, ".")
    if status == "not_supported":
        return (NO_TRACE,)
    if any(v.reason_code == "passed_on" for v in verdicts):
        return (PASSED_ON,)
    return (OPEN if any(v.exact is not None for v in verdicts) else UNTESTED,)
