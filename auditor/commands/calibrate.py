"""`auditor calibrate`: models of known history → ratios with measured error rates."""

from __future__ import annotations

import functools
from pathlib import Path

import click

from auditor.audits.frame import open_store
from auditor.audits.inheritance.plan import check_detectors
from auditor.audits.plan import BUNDLED
from auditor.calibration.cohort import known_models, population_of
from auditor.calibration.document import calibration_document
from auditor.calibration.familiar import least_familiar
from auditor.calibration.fit import calibrated, shares_of
from auditor.calibration.record import Calibration, read_calibration, write_calibration
from auditor.calibration.rows import measured_rows
from auditor.commands.documents import PAGE, in_format, show_document
from auditor.commands.options import AS_JSON, store_folder
from auditor.console import progress_on, say
from auditor.controls.cohort import load_cohort
from detectors.base import Teacher
from detectors.registry import load_detector
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
@PAGE
@in_format
@AS_JSON
def calibrate(
    cohort_dir: str | None,
    out: str,
    page: str | None,
    shown: str | None,
    form: str,
    as_json: bool,
    **flags: str | None,
) -> int:
    """Measure error rates on COHORT, models of known history, and write what turns values into
    likelihood ratios.

    COHORT is a folder of controls with a lineage.json and a transcript.jsonl each (a ladder's, or
    your own checkpoints'). Their teachers must be in the store, by the names or vendors that the
    lineages give. Whole lineages, whole teachers and whole bases are left out in turn, and the
    ratios are judged on what was left out.

    \b
    Examples:
      auditor calibrate cohort/ --store teachers/ --out calibration.json --html calibration.html
      auditor audit ./model.gguf --store teachers/ --calibration calibration.json
      auditor calibrate --show calibration.json
    """
    if shown is not None:
        made = read_calibration(Path(shown))
    elif cohort_dir is None:
        raise click.UsageError("Missing argument 'COHORT' (or --show FILE)")
    else:
        made = _made(Path(cohort_dir), flags)
        write_calibration(Path(out), made)
        say(f"written: {out}")
    document = calibration_document(made)
    show_document(document, form, as_json, page)
    return 0


def _made(folder: Path, flags: dict[str, str | None]) -> Calibration:
    names = tuple(n.strip() for n in (flags["detectors"] or "").split(",") if n.strip())
    check_detectors(names)
    sizes = _sizes(flags["prompts"] or "")
    cohort = load_cohort(folder)
    with open_store(flags["store_dir"] or BUNDLED) as store:
        teachers = [
            Teacher(t.name, t.vendor, t.family, store.transcript(t.name)) for t in store.teachers()
        ]
    known = known_models(cohort, teachers)
    makers = [functools.partial(load_detector, name) for name in names]
    with progress_on("measuring models of known history") as measuring:
        rows = measured_rows(known, teachers, makers, sizes, measuring)
        population = population_of(known, teachers, flags["about"] or "")
        name = flags["name"] or folder.resolve().name
        shares = shares_of(known, teachers)
        return calibrated(
            name,
            rows,
            population,
            cohort.digest(),
            shares=shares,
            least_familiar=least_familiar(known, teachers),
            progress=measuring.step("leaving out"),
        )


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
