"""rescored(plan, folder, report) → Report: the recorded answers and choices, counted again under
the owner's sealed file. Asks nobody."""

from __future__ import annotations

from pathlib import Path

from auditor.audits.plants.audit import BASE, CHOSEN, counted, planted, recorded
from auditor.audits.plants.plan import PlantTestPlan
from auditor.audits.plants.telling import Examined
from auditor.audits.report.bundle import TRANSCRIPT
from auditor.evidence.records import Report
from fingerprints.choices import CHOICES, ChoicesFile
from fingerprints.progress import SILENT
from fingerprints.transcript import load_transcript


def rescored(plan: PlantTestPlan, folder: Path, report: Report) -> Report:
    """The report that the records give now. Raises what records and a sealed file that are missing
    or damaged raise: without the owner's secret nothing can be counted."""
    plant = planted(plan, SILENT.say)
    marked = None if plan.marked is None else recorded(plan.marked)
    base = plan.base is not None and plant.notice.kind == "habit"
    heard = Examined(
        load_transcript(folder / TRANSCRIPT),
        marked,
        _chosen(plan, folder),
        load_transcript(folder / BASE) if base else None,
    )
    return counted(plan, plant, heard)


def _chosen(plan: PlantTestPlan, folder: Path) -> ChoicesFile | None:
    """The suspect's choices behind marked texts: as they were given, or as they were kept."""
    if plan.marked is None and plan.choices is None:
        return None
    path = folder / CHOSEN if plan.choices is None else Path(plan.choices)
    return CHOICES.read(path) if plan.choices is not None or path.exists() else None
