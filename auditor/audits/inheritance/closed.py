"""Lineage where weights are out of sight: how the suspect goes on after unfinished texts, against
stored models.

An ordinary audit with one probe set and one detector; its report answers the question of lineage
alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from auditor.audits.frame import open_store
from auditor.audits.inheritance.audit import run
from auditor.audits.inheritance.plan import Plan
from auditor.audits.plan import BUNDLED
from auditor.evidence.questions import unexamined
from auditor.evidence.records import Report
from fingerprints.errors import UsageProblem, printable
from fingerprints.progress import SILENT, Progress
from fingerprints.subjects.kinds import scheme_in

DETECTOR, PROBES = "next_token_agreement", "openings"
DOES_NOT_SAY = (
    "Agreement on next words is kinship at most: copies that were trained on lose it, and students"
    " of the same answers can have it. Somebody is always nearest; only the p-value among unrelated"
    " models says how unusual that is."
)


def closed_lineage(
    suspect: str,
    bases: Sequence[str],
    out: Path,
    store: str | None = None,
    progress: Progress = SILENT,
) -> tuple[Report, Plan]:
    """Asks the suspect the openings (resumable, in ``out``), compares it with stored models; the
    report and the plan.

    ``bases`` are names of stored models, all of them where none is named; the others are the
    unrelated controls. Raises UsageProblem for a name that is not stored or a model's files, and
    the errors of `auditor.audits.inheritance.audit.run`.
    """
    plan = Plan.make(
        {
            "suspect": suspect,
            "store": store or BUNDLED,
            "candidates": list(bases),
            "probes": [{"set": PROBES}],
            "detectors": [DETECTOR],
            "calibration": "none",
        }
    )
    _refuse_weights(suspect, bases, plan.store)
    report = run(plan, out, progress)
    lineage = next(a for a in report.answers if a.question == "lineage")
    measured = any(f.detector == DETECTOR for f in report.findings)
    told = lineage.model_copy(
        update={
            "does_not_say": DOES_NOT_SAY,
            "conclusion": "inconclusive" if measured else "not_assessable",
        }
    )
    answers = (*unexamined("inheritance"), told, *unexamined("service"))
    kept = tuple(v for v in report.verdicts if v.question == "lineage")
    return report.model_copy(update={"answers": answers, "verdicts": kept}), plan


def _refuse_weights(suspect: str, bases: Sequence[str], store: str) -> None:
    files = [b for b in bases if scheme_in(b) is not None or Path(b).exists()]
    if not files:
        return
    with open_store(store) as opened:
        names = {t.name for t in opened.teachers()}
    base = next((b for b in files if b not in names), None)
    if base is not None:
        raise UsageProblem(
            f"{printable(suspect, 80)} has no weights in sight to compare with this base's",
            where=printable(base, 80),
            next_step="name stored models (`auditor store list`), or give the suspect's files",
        )
