"""The report of a lineage audit by files, as `auditor audit` writes it, and its section on weights
and declarations. Arranges what was found; weighs nothing."""

from __future__ import annotations

import shlex
from pathlib import Path

from auditor.audits.frame import build_report
from auditor.audits.lineage.declared import (
    declarations,
    declared_told,
    licences,
    read_history,
)
from auditor.audits.lineage.findings import findings, skipped, verdicts
from auditor.audits.lineage.narrative import ALTERNATIVES, answers, limits
from auditor.audits.lineage.origins import origins, places_of
from auditor.audits.lineage.plan import LineagePlan
from auditor.audits.lineage.records import LineageSection, Place, WeightComparison
from auditor.audits.lineage.run import Lineages, lineages
from auditor.evidence.records import Report, SubjectSection
from fingerprints.progress import SILENT, Progress


def lineage_audit(plan: LineagePlan, out: Path, progress: Progress = SILENT) -> Report:
    """Compares the plan's suspect with its bases, and returns the report. Nothing is kept in
    ``out`` on the way: files are read, and nobody is asked. Raises what `lineages` raises."""
    store = None if plan.store is None else Path(plan.store)
    found = lineages(
        plan.suspect,
        plan.bases,
        alpha=plan.alpha,
        store=store,
        tokenizer_only=plan.tokenizer_only,
        reading=progress.step("reading weights"),
    )
    return report_of(found, plan)


def report_of(found: Lineages, plan: LineagePlan) -> Report:
    """The report. The same files give the same report, dates aside."""
    told = section(found, read_history(Path(plan.history)) if plan.history else "")
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


def section(found: Lineages, history: str = "") -> LineageSection:
    """Everything about weights and declarations as the report keeps it; ``history`` is the text of
    a commit log."""
    told = list(found.told)
    told += [
        WeightComparison(
            base=o.name,
            spec=o.weights.spec,
            relation="not_compared",
            reason=o.reason,
            reason_code="unreadable",
        )
        for o in found.bases
        if o.side is None
    ]
    told += [
        WeightComparison(
            base=name, spec=name, relation="not_compared", reason=why, reason_code="unreadable"
        )
        for name, why in found.unopened
    ]
    weights = found.suspect.weights
    said_of = declarations(found, history)
    declared = found.suspect.declared
    said = {
        "base models": ", ".join(declared.base_models),
        "relation": declared.relation or "",
        "loaded from": declared.name_or_path or "",
        "licence": declared.licence or "",
    }
    return LineageSection(
        alpha=found.alpha,
        weights={
            "format": weights.format,
            "number formats": ", ".join(
                f"{n} {s:.0%}" for n, s in list(weights.quantisation.items())[:4]
            ),
            "bytes": f"{weights.bytes_total:,}",
            "tensors": f"{len(weights.tensors):,}",
        },
        comparisons=tuple(told),
        origins=origins(told, _places(found)),
        declared={k: v for k, v in said.items() if v},
        declarations=said_of,
        declared_told=declared_told(said_of, told),
        licences=licences(found),
        screened=found.stored,
    )


def _places(found: Lineages) -> tuple[Place, ...]:
    """The suspect's parts; none where its anatomy is not understood."""
    side = found.suspect.side
    if side is None:
        return ()
    return tuple(places_of(side.anatomy, [side.mlps(i) for i in range(side.layers)]))


def command_of(plan: LineagePlan) -> str:
    """The command that repeats the audit."""
    parts = ["auditor", "lineage", plan.suspect, *plan.bases, "--alpha", f"{plan.alpha:g}"]
    parts += ["--store", plan.store] if plan.store else []
    parts += ["--history", plan.history] if plan.history else []
    parts += ["--tokenizer-only"] if plan.tokenizer_only else []
    return " ".join(shlex.quote(part) for part in parts) + " --out again/"
