"""rescored(plan, folder, report) → Report: the same files compared again. Weights are not kept
beside a report, so that they must be at hand; of stored bases their signatures are enough."""

from __future__ import annotations

from pathlib import Path

from auditor.audits.lineage.plan import LineagePlan
from auditor.audits.lineage.report import report_of
from auditor.audits.lineage.run import lineages, refuse_absent
from auditor.evidence.records import Report


def rescored(plan: LineagePlan, folder: Path, report: Report) -> Report:
    """The report that the files give now. Raises Incomplete where one of them is not at hand, and
    what unreadable files raise."""
    for spec in (plan.suspect, *plan.bases):
        refuse_absent(spec)
    found = lineages(
        plan.suspect,
        plan.bases,
        alpha=plan.alpha,
        store=None if plan.store is None else Path(plan.store),
        tokenizer_only=plan.tokenizer_only,
        # Whoever had the weights' digest left out has none to compare.
        digest=report.subject.identity.weights_sha256 is not None,
    )
    return report_of(found, plan)
