"""What a comparison of a service with the model that it claims says at a glance."""

from __future__ import annotations

from auditor.audits.report.lines import (
    GlanceLine,
    GlancePart,
    Told,
    answer_to,
    named,
    status_of,
)
from auditor.audits.service.records import ServiceSection
from auditor.evidence.records import Report


def glance(report: Report) -> GlancePart:
    """The line on the service; nothing where none was compared."""
    found = report.section(ServiceSection)
    if found is None or answer_to(report, "service") is None:
        return GlancePart()
    return GlancePart((_line(report, found),))


def _line(report: Report, found: ServiceSection) -> GlanceLine:
    claimed, status = named((found.claimed.identity.name,)), status_of(report, "service")
    if status == "not_supported":
        told: Told = (
            "Its answers are not distributed as those of ",
            *claimed,
            ", which it claims.",
        )
        sure = f"Of services that are what they claim at most {found.alpha:.2%} are told so."
        return GlanceLine("service", status, told, (sure,))
    if status == "not_examined":
        return GlanceLine("service", status, ("It could not be compared with ", *claimed, "."))
    if found.decision == "no_difference_found":
        told = ("No difference from ", *claimed, " was found at this size, which is no proof that")
        return GlanceLine("service", status, (*told, " there is none."), (found.power,))
    open_ = ("Whether its answers differ from those of ", *claimed, " is open.")
    return GlanceLine("service", status, open_)
