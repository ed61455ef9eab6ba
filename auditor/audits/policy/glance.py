"""What a comparison of declined questions says at a glance: never whose weights a service runs."""

from __future__ import annotations

from auditor.audits.report.lines import GlanceLine, GlancePart, answer_to
from auditor.evidence.codes import Conclusion
from auditor.evidence.records import Report
from detectors.service.policy_layer import PolicyLayer

OPENING = "Not whose weights it runs: what it declines was compared."
TOLD: dict[Conclusion, str] = {
    "declined_in_front": "It declines some of what the weights answer.",
    "answered_in_front": "It answers some of what the weights decline.",
    "different": "Each declines some of what the other answers.",
    "declined_in_the_weights": "What it declines, the weights mostly decline, too.",
    "no_difference_found": "No difference was found.",
    "inconclusive": "Whether they differ is open.",
    "not_assessable": "It could not be told whether they differ.",
}


def glance(report: Report) -> GlancePart:
    """The line on the service; nothing where no declined questions were compared."""
    compared = any(f.detector == PolicyLayer.name for f in report.findings)
    answer = answer_to(report, "service")
    if not compared or answer is None:
        return GlancePart()
    told = TOLD.get(answer.conclusion or "inconclusive", TOLD["inconclusive"])
    return GlancePart((GlanceLine("service", "not_examined", (f"{OPENING} {told}",)),))
