"""Weighs measurements and tells: the command line, the audit, the report.

Three lines do what the command line does::

    from auditor import audit
    report = audit("./model.gguf", out="report/")
    print(report.answers[0].answer)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auditor.audits.inheritance.audit import audit
    from auditor.audits.inheritance.plan import Plan
    from auditor.audits.report.bundle import load_bundle
    from auditor.evidence.records import Report
    from fingerprints.errors import AuditError

__all__ = ["AuditError", "Plan", "Report", "audit", "load_bundle"]

_WHERE = {
    "AuditError": "fingerprints.errors",
    "Plan": "auditor.audits.inheritance.plan",
    "Report": "auditor.evidence.records",
    "audit": "auditor.audits.inheritance.audit",
    "load_bundle": "auditor.audits.report.bundle",
}


def __getattr__(name: str) -> Any:
    # Loaded when asked for: `auditor --help` needs no detector.
    if name in _WHERE:
        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
