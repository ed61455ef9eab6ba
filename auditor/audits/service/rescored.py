"""rescored(plan, folder, report) → Report: both sides' answers as they lie beside a report, tested
again. Asks nobody."""

from __future__ import annotations

from pathlib import Path

from auditor.audits.frame import open_store, store_section
from auditor.audits.service.asking import (
    ENDPOINT,
    IDENTIFIED,
    REFERENCE,
    REFERENCE_IDENTIFIED,
    SCORES,
    Others,
    ServiceAnswers,
    question_sets,
    strangers,
)
from auditor.audits.service.audit import report_of
from auditor.audits.service.judging import judge
from auditor.audits.service.plan import ServicePlan
from auditor.evidence.records import Report
from detectors.service.repeated import asked_of_both, repeats
from fingerprints.scores import ScoreReading, Scores
from fingerprints.subjects.spec import parse_spec
from fingerprints.transcript import Transcript, load_transcript


def rescored(plan: ServicePlan, folder: Path, report: Report) -> Report:
    """The report that the records give now. Raises what missing or damaged records, and a store
    that is not at hand, raise."""
    reference, endpoint = (load_transcript(folder / name) for name in (REFERENCE, ENDPOINT))
    recorded = reference if parse_spec(plan.claimed).kind.recorded else None
    heard = ServiceAnswers(
        endpoint,
        reference,
        sum(len(s.probes) for s in question_sets(plan, recorded)),
        _scores(folder, endpoint, reference),
        None if plan.store is None else _others(folder, plan.store, endpoint, reference),
    )
    return report_of(plan, heard, judge(plan, heard))


def _scores(folder: Path, endpoint: Transcript, reference: Transcript) -> Scores:
    """How likely the claimed model found the answers, where it was asked."""
    path = folder / SCORES
    if not path.exists() or repeats(asked_of_both(endpoint, reference)):
        return Scores()
    return ScoreReading().read(path).scores()


def _others(folder: Path, store: str, endpoint: Transcript, reference: Transcript) -> Others:
    with open_store(store) as opened:
        stored, section = strangers(opened, reference), store_section(store, opened)
    # A recording was not asked again.
    said = [
        load_transcript(folder / name) if (folder / name).exists() else heard
        for name, heard in ((IDENTIFIED, endpoint), (REFERENCE_IDENTIFIED, reference))
    ]
    return Others(said[0], said[1], stored, section)
