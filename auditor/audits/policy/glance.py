"""What a comparison of declined questions says at a glance: never whose weights a service runs."""

from __future__ import annotations

from auditor.audits.report.lines import GlanceLine, GlancePart, answer_to
from auditor.evidence.codes import Conclusion
from auditor.evidence.records import Report
from detectors.text.policy_pairs import ALPHA

DETECTOR = "policy_layer"
"""Whose findings these are; the detector itself takes a second to load."""
OPENING = "Not whose weights it runs: what it declines was compared."
TOLD: dict[Conclusion, str] = {
    "declined_in_front": "It declines some of what the weights answer.",
    "answered_in_front": "It answers some of what the weights decline.",
    "different": "Each declines some of what the other answers.",
    "declined_in_the_weights": "What it declines, the weights mostly decline, too.",
    "no_difference_found": "No difference was found at this size.",
    "inconclusive": "Whether they differ is open.",
    "not_assessable": "It could not be told whether they differ.",
}
DIFFERS = (
    f"Where nothing differs some topic stands out in at most {ALPHA:.0%} of comparisons, and some"
    " language in as many."
)
HIDDEN = "A small difference may hide."
SURE: dict[Conclusion, str] = {
    "declined_in_front": DIFFERS,
    "answered_in_front": DIFFERS,
    "different": DIFFERS,
    "declined_in_the_weights": HIDDEN,
    "no_difference_found": HIDDEN,
}


def glance(report: Report) -> GlancePart:
    """The line on the service; nothing where no declined questions were compared."""
    compared = any(f.detector == DETECTOR for f in report.findings)
    answer = answer_to(report, "service")
    if not compared or answer is None:
        return GlancePart()
    conclusion = answer.conclusion or "inconclusive"
    told = f"{OPENING} {TOLD.get(conclusion, TOLD['inconclusive'])}"
    sure = (SURE[conclusion],) if conclusion in SURE else ()
    return GlancePart((GlanceLine("service", "not_examined", (told,), sure),))
