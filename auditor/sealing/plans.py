"""Which kind of audit a plan is of, by its format: the one place that reads a plan without knowing
that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from auditor.audits.plan import AuditPlan
from auditor.evidence.kinds import Kind, all_kinds, placed_at
from fingerprints.record_files import RecordFile

PLANS = RecordFile(
    dict[str, Any],
    nothing="not a plan",
    next_step="use an untouched plan, or write one: `auditor audit SPEC --dry-run > plan.yaml`",
    form="yaml",
)
FIRST = "plan/1"
"""The format of plans that name none, as the first ones didn't."""


def plan_kind(path: Path) -> tuple[Kind, type[AuditPlan]]:
    """The kind of audit that a file plans, and the class of its plans. Raises MalformedInput."""
    named = PLANS.read(path).get("format", FIRST)
    for kind in all_kinds():
        made: type[AuditPlan] = placed_at(kind.plan)
        known = made.model_fields.get("format")
        if known is not None and known.default == named:
            return kind, made
    raise PLANS.malformed("no kind of audit has such a format", path)


def plan_in(path: Path) -> AuditPlan:
    """The plan in a file, of whichever kind it is. Raises MalformedInput."""
    return plan_kind(path)[1].read(path)
