"""rescored(plan, folder, report) → Report: what was said beside a report, compared again. Asks
nobody."""

from __future__ import annotations

from pathlib import Path

from auditor.audits.policy.audit import FILES, judge
from auditor.audits.policy.plan import PolicyPlan
from auditor.evidence.records import Report
from fingerprints.transcript import load_transcript


def rescored(plan: PolicyPlan, folder: Path, report: Report) -> Report:
    """The report that the records give now. Raises what a missing or damaged transcript raises."""
    return judge(plan, {role: load_transcript(folder / FILES[role]) for role in plan.specs})
