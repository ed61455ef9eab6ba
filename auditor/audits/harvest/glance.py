"""What a test of served answers says at a glance. Knows codes and names; weighs nothing."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.audits.harvest.records import HarvestSection
from auditor.audits.report.lines import (
    GlanceLine,
    GlancePart,
    Status,
    Told,
    exactly_sure,
    status_of,
    verdicts_on,
    whom,
)
from auditor.evidence.records import Report, Verdict

NO_PREFERENCE = "It shows no preference for the answers that were served."
NOT_CHANCE = (
    "No conclusion: served and drawn answers can be told apart without the suspect, so that its"
    " preference says nothing."
)
UNTESTED = "Too few served answers to test it."
EXPLORED = "Explored alone: a design like this one can't carry a conclusion."
OPEN = "Whether it learned from the answers that were served is open."


def glance(report: Report) -> GlancePart:
    """The line on learning; nothing where no served answers were tested."""
    if report.section(HarvestSection) is None:
        return GlancePart()
    status, verdicts = status_of(report, "inheritance"), verdicts_on(report, "inheritance")
    sure = exactly_sure(status, verdicts)
    return GlancePart((GlanceLine("inheritance", status, _told(status, verdicts), sure),))


def _told(status: Status, verdicts: Sequence[Verdict]) -> Told:
    if status == "supported":
        found = [v for v in verdicts if v.outcome == "supported"]
        served = ("It prefers the answers that were served to ", *whom(found), " to others that")
        return (*served, " could as well have been served.")
    if status == "not_supported":
        return (NO_PREFERENCE,)
    codes = {v.reason_code for v in verdicts}
    if codes & {"exploratory", "unchecked_design"}:
        return (EXPLORED,)
    if "not_exchangeable" in codes:
        return (NOT_CHANCE,)
    return (OPEN if any(v.exact is not None for v in verdicts) else UNTESTED,)
