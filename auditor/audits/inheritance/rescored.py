"""rescored(plan, folder, report) → Report: an ordinary audit judged again from what lies beside its
report. Asks nobody: whose files were weighed too must be at hand."""

from __future__ import annotations

from pathlib import Path

from threadpoolctl import threadpool_limits

from auditor.audits.frame import open_store
from auditor.audits.inheritance.audit import judge
from auditor.audits.inheritance.base_model import BASE, Base
from auditor.audits.inheritance.candidates import looked_at
from auditor.audits.inheritance.plan import Plan
from auditor.audits.inheritance.scoring import SCORES
from auditor.audits.inheritance.sequential import watching
from auditor.audits.inheritance.shelf import Shelf, shelf
from auditor.audits.lineage.run import refuse_absent
from auditor.audits.lineage.within import lineage_within
from auditor.audits.report.bundle import TRANSCRIPT
from auditor.calibration.case import check_choice
from auditor.evidence.records import Report
from detectors.base import Teacher
from detectors.text.makers import using_makers
from fingerprints.scores import ScoreReading, Scores
from fingerprints.transcript import load_transcript


def rescored(plan: Plan, folder: Path, report: Report) -> Report:
    """The report that the records give now; equal to the one before but for dates.

    Raises Incomplete where something that was weighed is not at hand, and what unreadable records
    and stores raise.
    """
    # Nobody's weights are compared with recorded answers, which lie beside the report.
    if load_transcript(folder / TRANSCRIPT).identity.kind != "recording":
        for spec in (plan.suspect, *plan.weighed_against):
            refuse_absent(spec)
    with using_makers(plan.makers()):
        return _judged(plan, folder, report)


def _judged(plan: Plan, folder: Path, report: Report) -> Report:
    check_choice(plan.calibration)
    transcript = load_transcript(folder / TRANSCRIPT)
    with open_store(plan.store) as store:
        models = shelf(store, plan)
        watch = watching(plan, models)
        kin = lineage_within(plan.suspect, plan.weighed_against)
        base = _base(folder, report, models)
        scores = _scores(folder, report)
        looked = looked_at(models, plan, transcript)
        # As the audit itself does: the matrices are small.
        with threadpool_limits(limits=1, user_api="blas"):
            made = judge(
                plan, transcript, models, looked, base=base, scores=scores, kin=kin, out=folder
            )
    return watch.told(made, transcript, plan) if watch else made


def _base(folder: Path, report: Report, models: Shelf) -> Base | None:
    """The base as the report names it, with its answers from the store or beside the report."""
    told = report.base
    if told is None:
        return None
    if told.origin == "store":
        return Base(models.teacher(told.name), told.origin, told.spec)
    said = load_transcript(folder / BASE)
    known = next(
        (t for t in models.records.values() if said.identity.same_weights(t.identity)), None
    )
    vendor, family = (known.vendor, known.family) if known else ("", "")
    return Base(Teacher(told.name, vendor, family, said), told.origin, told.spec)


def _scores(folder: Path, report: Report) -> Scores:
    """Who found which texts how likely, as it was kept."""
    if report.scores is None:
        return Scores()
    kept = ScoreReading().read(folder / SCORES).scores()
    return Scores(kept.scorers, kept.rows, dict(report.scores.absent))
