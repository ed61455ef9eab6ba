"""What became of each cell, read from how its task ended and from its report."""

from __future__ import annotations

from pathlib import Path

from auditor.audits.lineage.declared import MEANT
from auditor.audits.lineage.records import LineageSection
from auditor.audits.report.bundle import load_bundle
from auditor.audits.report.glance import glance
from auditor.evidence.records import Report
from auditor.execution.tasks import TaskEnd
from auditor.fleet.cells import Cell
from auditor.fleet.discoveries import as_test
from auditor.fleet.records import FleetCell
from auditor.fleet.tasks import JudgeTask
from fingerprints.errors import AuditError


def cell_told(cell: Cell, task: JudgeTask | None, end: TaskEnd | None, out: Path) -> FleetCell:
    """One cell as the fleet's record has it; a report that can't be read any more is a failure."""
    known = FleetCell(
        suspect=cell.suspect.name,
        audit=cell.audit.name,
        kind=cell.kind.name,
        store=cell.store,
        calibration=cell.calibration,
        state="unfit",
        code=cell.unfit,
        missing=cell.missing,
    )
    if task is None or end is None:
        return known
    if end.exit_code == 0:
        try:
            return _done(known, load_bundle(out / task.folder), task, end)
        except AuditError as error:
            again = f"remove {task.folder} and run the same command again: it is judged anew"
            return _failed(known, error.exit_code, error.code, error.what, again)
    return _failed(known, end.exit_code, end.code, end.what, end.next_step)


def _failed(
    known: FleetCell, exit_code: int, code: str, reason: str, next_step: str | None
) -> FleetCell:
    told = {"exit_code": exit_code, "code": code, "reason": reason, "next_step": next_step}
    return known.model_copy(update={"state": "failed", **told})


def _done(known: FleetCell, report: Report, task: JudgeTask, end: TaskEnd) -> FleetCell:
    seen = glance(report)
    return known.model_copy(
        update={
            "state": "done",
            "seconds": end.seconds,
            "place": task.folder,
            "report_id": report.id,
            "made": report.created,
            "statuses": {line.question: line.status for line in seen.lines},
            "says": seen.says,
            "declares": _declares(report),
            "tests": tuple(as_test(verdict) for verdict in report.verdicts),
        }
    )


def _declares(report: Report) -> tuple[str, ...]:
    """The bases that the suspect's own files name."""
    told = report.section(LineageSection)
    said = () if told is None else told.declarations
    named = (d for d in said if d.place in MEANT and d.status != "own_name")
    return tuple(dict.fromkeys(d.says for d in named))
