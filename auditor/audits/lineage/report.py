"""The report of a lineage audit by files, as `auditor audit` writes it. Arranges what was found;
weighs nothing."""

from __future__ import annotations

import shlex
from typing import Any

from auditor.audits.lineage.findings import findings, section, skipped, verdicts
from auditor.audits.lineage.narrative import ALTERNATIVES, answers, limits
from auditor.audits.lineage.run import Lineages
from auditor.environment import environment
from auditor.evidence.records import Report, SubjectSection
from auditor.version import VERSION
from fingerprints.collect import timestamp
from fingerprints.records import canonical_json, sha256


def report_of(found: Lineages, plan: dict[str, Any]) -> Report:
    """The report. The same files give the same report, dates aside; ``plan`` is what was asked
    for."""
    told = section(found)
    key = [plan, told.model_dump(mode="json"), found.identity.model_dump(mode="json")]
    return Report(
        id=sha256(canonical_json(key))[:16],
        created=timestamp(),
        tool=f"distillation-auditor {VERSION}",
        subject=SubjectSection(spec=found.suspect.weights.spec, identity=found.identity),
        plan=plan,
        answers=answers(found),
        candidates=(),
        store=None,
        lineage=told,
        transcript=None,
        findings=findings(found),
        skipped=skipped(found),
        verdicts=verdicts(found),
        limits=limits(found),
        alternatives=ALTERNATIVES,
        environment=environment(),
        reproduce=(command_of(plan),),
    )


def command_of(plan: dict[str, Any]) -> str:
    """The command that repeats the audit."""
    parts = ["auditor", "lineage", plan["suspect"], *plan["bases"], "--alpha", f"{plan['alpha']:g}"]
    parts += ["--store", plan["store"]] if plan["store"] else []
    parts += ["--tokenizer-only"] if plan["tokenizer_only"] else []
    return " ".join(shlex.quote(part) for part in parts) + " --out again/"
