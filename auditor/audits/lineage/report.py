"""The report of a lineage audit by files, as `auditor audit` writes it. Arranges what was found;
weighs nothing."""

from __future__ import annotations

import shlex

from auditor.audits.frame import build_report
from auditor.audits.lineage.findings import findings, section, skipped, verdicts
from auditor.audits.lineage.narrative import ALTERNATIVES, answers, limits
from auditor.audits.lineage.plan import LineagePlan
from auditor.audits.lineage.run import Lineages
from auditor.evidence.records import Report, SubjectSection


def report_of(found: Lineages, plan: LineagePlan) -> Report:
    """The report. The same files give the same report, dates aside."""
    told = section(found)
    return build_report(
        plan,
        SubjectSection(spec=found.suspect.weights.spec, identity=found.identity),
        [told.digest(), found.identity.digest()],
        [told],
        answers=answers(found),
        findings=findings(found),
        skipped=skipped(found),
        verdicts=verdicts(found),
        limits=limits(found),
        alternatives=ALTERNATIVES,
        reproduce=(command_of(plan),),
    )


def command_of(plan: LineagePlan) -> str:
    """The command that repeats the audit."""
    parts = ["auditor", "lineage", plan.suspect, *plan.bases, "--alpha", f"{plan.alpha:g}"]
    parts += ["--store", plan.store] if plan.store else []
    parts += ["--tokenizer-only"] if plan.tokenizer_only else []
    return " ".join(shlex.quote(part) for part in parts) + " --out again/"
