"""From what was heard to a report. Nothing is asked: the same records give the same report, dates
aside.
"""

from __future__ import annotations

from auditor.audits.plants.dealt import habits_report
from auditor.audits.plants.marks import watermark_report
from auditor.audits.plants.opened import Plant
from auditor.audits.plants.plan import PlantTestPlan
from auditor.audits.plants.telling import Examined
from auditor.evidence.records import Report
from fingerprints.plants import SealedWatermark
from fingerprints.progress import SILENT, Told

__all__ = ["Examined", "judge"]


def judge(plan: PlantTestPlan, plant: Plant, heard: Examined, progress: Told = SILENT) -> Report:
    """The report on what was heard. Raises MalformedInput for marked answers that don't carry the
    mark."""
    if isinstance(plant.sealed, SealedWatermark):
        return watermark_report(plan, plant, plant.sealed, heard, progress)
    return habits_report(plan, plant, plant.sealed, heard)
