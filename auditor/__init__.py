"""Weighs measurements and tells: the command line, the audit, the report.

Three lines do what the command line does::

    import auditor
    report = auditor.audit("./model.gguf", out="report/")
    print(report.answers[0].answer)
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auditor.evidence import Report

__all__ = ["audit"]


def audit(suspect: str, out: str | Path = "report", **plan: Any) -> Report:
    """Audits a suspect and writes the report bundle; the same as ``auditor audit SPEC --out DIR``.

    ``plan`` takes the fields of `auditor.plan.Plan` (store, probes, detectors, candidates, sampling); ``probes`` may be a
    preset's name or a list such as ``"identity,style:96"``. Returns the report. Raises `fingerprints.errors.AuditError`.
    """
    from auditor.audit import run
    from auditor.plan import make_plan, parse_probes
    from auditor.render.bundle import ready_folder, write_bundle

    if isinstance(plan.get("probes"), str):
        plan["probes"] = parse_probes(plan["probes"])
    made = make_plan({"suspect": suspect, **plan})
    folder = Path(out)
    ready_folder(folder)
    report = run(made, folder)
    write_bundle(report, folder / "transcript.jsonl", made.to_yaml(), folder)
    return report
