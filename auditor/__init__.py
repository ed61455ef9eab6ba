"""Weighs measurements and tells: the command line, the audit, the report.

Three lines do what the command line does::

    from auditor import audit
    report = audit("./model.gguf", out="report/")
    print(report.answers[0].answer)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auditor.audits.inheritance.audit import audit

__all__ = ["audit"]


def __getattr__(name: str) -> Any:
    # Loaded when asked for: `auditor --help` needs no detector.
    if name == "audit":
        from auditor.audits.inheritance.audit import audit

        return audit
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
