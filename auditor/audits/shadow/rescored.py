"""rescored(plan, folder, report) → Report: the recorded answers of suspect, base and shadows,
weighed again. Trains and asks nobody."""

from __future__ import annotations

import tempfile
from pathlib import Path

from auditor.audits.report.bundle import TRANSCRIPT
from auditor.audits.shadow.audit import SHADOWS, facts_of
from auditor.audits.shadow.audit import earlier_decision as decision_in
from auditor.audits.shadow.growing import finished
from auditor.audits.shadow.plan import ShadowPlan
from auditor.audits.shadow.prompts import prompts_again
from auditor.audits.shadow.reporting import report_of
from auditor.audits.shadow.rungs import base_rung, shadow_rungs
from auditor.controls.cohort import TRANSCRIPT as ANSWERS
from auditor.controls.cohort import load_cohort
from auditor.evidence.records import Report
from fingerprints.errors import Incomplete
from fingerprints.transcript import load_transcript


def rescored(plan: ShadowPlan, folder: Path, report: Report) -> Report:
    """The report that the records give now. Raises Incomplete where the shadows do not lie where
    the audit left them: beside the report's folder, or where the plan says."""
    home = folder.absolute().parent if plan.shadows is None else Path(plan.shadows)
    if not (home / SHADOWS).is_dir():
        raise Incomplete(
            "the shadows' answers are not beside the report, and it rests on them",
            where=home / SHADOWS,
            next_step="verify the report in the folder of its shadow audit",
        )
    suspect = load_transcript(folder / TRANSCRIPT)
    said = load_transcript(home / SHADOWS / base_rung(plan).name / ANSWERS)
    decision = decision_in(home)
    prompts = prompts_again(plan, home)
    with tempfile.TemporaryDirectory(prefix="auditor-shadow-") as spare:
        rungs = shadow_rungs(plan, decision.seeds, decision.n, prompts, Path(spare))
    left_out = tuple(r.name for r in rungs if not finished(home / SHADOWS / r.name))
    cohort = load_cohort(home / SHADOWS)
    made = report_of(facts_of(plan, decision, suspect, said, prompts, left_out, cohort))
    return _dated(made, report)


def _dated(made: Report, report: Report) -> Report:
    """The same with the date on which the map was fitted before: it was fitted anew."""
    if made.calibration is None or report.calibration is None:
        return made
    same = made.calibration.model_copy(update={"created": report.calibration.created})
    return made.model_copy(update={"calibration": same})
