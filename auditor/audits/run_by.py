"""Who ran an audit, as it was given, beside when and by which code: what every way of running one
writes into its report."""

from __future__ import annotations

from auditor.code import codes
from auditor.environment import environment
from auditor.evidence.custody import Custody, Registration
from auditor.evidence.records import Report
from fingerprints.collect import timestamp


def run_by(
    report: Report, operator: str, started: str, registration: Registration | None = None
) -> Report:
    """The report with its custody, which ends now; as it is where nobody was named and no plan
    was registered."""
    if not (operator or registration):
        return report
    held = Custody(
        operator=operator,
        started=started,
        finished=timestamp(),
        place=environment()["platform"],
        registration=registration,
        code=codes(),
    )
    return report.model_copy(update={"custody": held})
