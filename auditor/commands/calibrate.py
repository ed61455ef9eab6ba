"""`auditor calibrate`: models of known history → ratios with measured error rates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from auditor.audits.inheritance.calibrating import (
    CalibrationPlan,
    foreseen,
    make_calibration,
    work_folder,
)
from auditor.audits.inheritance.plan import check_detectors
from auditor.audits.plan import BUNDLED
from auditor.calibration.document import calibration_document
from auditor.calibration.record import Calibration, read_calibration
from auditor.commands.documents import PAGE, in_format, show_document
from auditor.commands.executing import EXECUTOR, JOBS, Execution
from auditor.commands.options import AS_JSON, dry_run, store_folder
from auditor.console import progress_on, put, put_json, say
from auditor.execution.forecast import forecast
from fingerprints.errors import UsageProblem

DETECTORS = ("stylistic_overlap", "neighbours")
SIZES = "20,50,100,250"


@click.command()
@click.argument("cohort_dir", metavar="COHORT", required=False)
@store_folder("Store of the teachers. Default: bundled.")
@click.option(
    "--out",
    metavar="FILE",
    default="calibration.json",
    show_default=True,
    help="Where the calibration goes.",
)
@click.option(
    "--detectors",
    metavar="NAMES",
    default=",".join(DETECTORS),
    show_default=True,
    help="Comma-separated.",
)
@click.option(
    "--prompts",
    metavar="NUMBERS",
    default=SIZES,
    show_default=True,
    help="Numbers of prompts to calibrate at.",
)
@click.option(
    "--name", metavar="NAME", help="What the calibration is called. Default: the cohort's folder."
)
@click.option(
    "--about",
    metavar="TEXT",
    default="",
    help="One sentence: which models these are, so that others can be told apart.",
)
@click.option(
    "--show",
    "shown",
    metavar="FILE",
    help="Only print (and draw) a calibration that is there already.",
)
@EXECUTOR
@JOBS
@dry_run("Print the units and what they take; measure nothing.")
@PAGE
@in_format
@AS_JSON
def calibrate(
    cohort_dir: str | None,
    out: str,
    page: str | None,
    shown: str | None,
    form: str,
    dry_run: bool,
    as_json: bool,
    **flags: Any,
) -> int:
    """Measure error rates on COHORT, models of known history, and write what turns values into
    likelihood ratios.

    COHORT is a folder of controls with a lineage.json and a transcript.jsonl each (a ladder's, or
    your own checkpoints'). Their teachers must be in the store, by the names or vendors that the
    lineages give. Whole lineages, whole teachers and whole bases are left out in turn, and the
    ratios are judged on what was left out. Killed anywhere, the same command goes on; the file is
    the same, but for its date, whoever makes it and however many at once.

    \b
    Examples:
      auditor calibrate cohort/ --store teachers/ --out calibration.json --html calibration.html
      auditor audit ./model.gguf --store teachers/ --calibration calibration.json
      auditor calibrate cohort/ --store teachers/ --jobs 8 --dry-run
      RAY_ADDRESS=auto auditor calibrate cohort/ --executor ray --out /shared/calibration.json
      auditor calibrate --show calibration.json
    """
    execution = Execution.of(flags)
    if shown is not None:
        made = read_calibration(Path(shown))
    elif cohort_dir is None:
        raise click.UsageError("Missing argument 'COHORT' (or --show FILE)")
    else:
        plan = _plan(Path(cohort_dir), flags)
        if dry_run:
            return _dry_run(plan, Path(out), execution, as_json)
        made = _made(plan, Path(out), execution)
        say(f"written: {out}")
    document = calibration_document(made)
    show_document(document, form, as_json, page)
    return 0


def _plan(folder: Path, flags: dict[str, Any]) -> CalibrationPlan:
    names = tuple(n.strip() for n in flags["detectors"].split(",") if n.strip())
    check_detectors(names)
    return CalibrationPlan(
        cohort=folder,
        store=flags["store_dir"] or BUNDLED,
        detectors=names,
        sizes=tuple(_sizes(flags["prompts"])),
        name=flags["name"] or folder.resolve().name,
        about=flags["about"],
    )


def _made(plan: CalibrationPlan, out: Path, execution: Execution) -> Calibration:
    with (
        progress_on("measuring models of known history") as measuring,
        execution.opened(work_folder(out), measuring) as executor,
    ):
        return make_calibration(plan, out, executor, measuring)


def _dry_run(plan: CalibrationPlan, out: Path, execution: Execution, as_json: bool) -> int:
    told = forecast(foreseen(plan, out), execution.executor, execution.places())
    if as_json:
        put_json({"forecast": told.model_dump()})
    else:
        put("\n".join(told.lines()))
    return 0


def _sizes(text: str) -> list[int]:
    """Numbers of prompts, ascending. Raises UsageProblem for anything else than numbers from 20
    on."""
    parts = [p.strip() for p in text.split(",") if p.strip()]
    if not parts or not all(p.isascii() and p.isdigit() and 20 <= int(p) <= 100_000 for p in parts):
        raise UsageProblem(
            "not a list of numbers from 20 on",
            where="--prompts",
            next_step=f"for instance --prompts {SIZES}",
        )
    return sorted({int(p) for p in parts})
