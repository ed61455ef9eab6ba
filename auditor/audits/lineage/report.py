"""The report of a lineage audit by files, as `auditor audit` writes it, and its section on weights
and declarations. Arranges what was found; weighs nothing."""

from __future__ import annotations

import shlex

from auditor.audits.frame import build_report
from auditor.audits.lineage.findings import findings, skipped, verdicts
from auditor.audits.lineage.narrative import ALTERNATIVES, answers, limits
from auditor.audits.lineage.plan import LineagePlan
from auditor.audits.lineage.records import LineageSection, WeightComparison
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


def section(found: Lineages) -> LineageSection:
    """Everything about weights and declarations as the report keeps it."""
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
    weights = found.suspect.weights
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
        declared={k: v for k, v in said.items() if v},
        declared_told=declared_told(found),
        screened=found.stored,
    )


def declared_told(found: Lineages) -> str:
    """What the suspect's files say of its origin, against what was observed; a name is a claim,
    and may name anything."""
    names = [
        n
        for n in (*found.suspect.declared.base_models, found.suspect.declared.name_or_path or "")
        if n
    ]
    if not names:
        return "The suspect's files name no model that it comes from."
    observed = [t.base for t in found.told if t.relation in ("derived", "common_origin")]
    refuted = [t.base for t in found.told if t.relation == "independent"]
    said = f"The suspect's files name {', '.join(dict.fromkeys(names))}."
    agreed = [b for b in observed if any(_names(n, b) for n in names)]
    against = [b for b in refuted if any(_names(n, b) for n in names)]
    if agreed:
        return f"{said} The weights bear that out for {', '.join(agreed)}."
    if against:
        return (
            f"{said} The weights contradict it: they are independent of {', '.join(against)} as far"
            " as was seen."
        )
    if observed:
        return (
            f"{said} The weights have a common origin with {', '.join(observed)}, which goes by"
            " another name."
        )
    return f"{said} No base of that name was compared."


def _names(declared: str, base: str) -> bool:
    """Whether a declared name and a base's name are the same but for folders, case and file
    endings."""
    a, b = (name.replace("\\", "/").rstrip("/").split("/")[-1].lower() for name in (declared, base))
    return bool(a) and (a == b or b.startswith(f"{a}.") or b.startswith(f"{a}-q"))


def command_of(plan: LineagePlan) -> str:
    """The command that repeats the audit."""
    parts = ["auditor", "lineage", plan.suspect, *plan.bases, "--alpha", f"{plan.alpha:g}"]
    parts += ["--store", plan.store] if plan.store else []
    parts += ["--tokenizer-only"] if plan.tokenizer_only else []
    return " ".join(shlex.quote(part) for part in parts) + " --out again/"
