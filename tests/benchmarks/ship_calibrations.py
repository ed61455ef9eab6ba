"""Fits the calibrations that ship: public instruction models, and small controls of our own ladder.

AUDITOR_BENCH_DATA=data python -m tests.benchmarks.ship_calibrations --work DIR [--only
public-models] [--sizes 20,50]

Reads the answers of public models (CC BY-NC 4.0, not part of this project) and the ladder in
``tests/data/ladders/real``. Writes numbers and names only, into ``auditor/calibration/shipped``. What was
measured is kept in ``--work`` by detector and number of prompts, so that a run that was interrupted
goes on.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from auditor.calibration.cohort import known_models, population_of
from auditor.calibration.document import calibration_document
from auditor.calibration.fit import calibrated, shares_of
from auditor.calibration.record import write_calibration
from auditor.calibration.rows import KnownModel, MeasuredRow, measured_rows, vendor_name
from auditor.controls.cohort import load_cohort
from auditor.reporting import terminal
from detectors.base import Teacher
from detectors.registry import load_detector
from fingerprints.records import canonical_json, sha256
from fingerprints.reference import reference_store
from tests.benchmarks.bench_source_recognition import models, outputs
from tests.benchmarks.public_models import known_suspects, probes, stored_teachers, transcript_of

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "auditor" / "calibration" / "shipped"
LADDER = ROOT / "tests" / "data" / "ladders" / "real"
PUBLIC, SMALL = "public-models", "small-controls"
DETECTORS = {PUBLIC: ("stylistic_overlap", "shared_wording"), SMALL: ("movement",)}
SIZES = {PUBLIC: (20, 50, 100, 250, 536), SMALL: (24, 64)}
ABOUT = {
    PUBLIC: "Open instruction models of 2023 and 2024 (3B to 110B parameters, English, single turn), taught by an OpenAI model "
    "or documented not to be, against API models of the same years; histories as their makers documented them.",
    SMALL: "Students of SmolLM2-135M and Gemma-3-270M by low-rank adapters on 80 to 136 answers, trained by this project, and "
    "controls without a teacher; greedy, English, the base known.",
}
RECORDED = {
    "gpt-4-turbo": "gpt4_1106_preview",
    "claude-2": "claude-2",
    "text-davinci-003": "text_davinci_003",
    "cohere-command": "cohere",
    "gemini-pro": "gemini-pro",
}
"""The ladder's teachers that are known by recorded answers, as the public files call them."""


def small_teachers() -> list[Teacher]:
    """The ladder's teachers: recorded answers of five, and the bundled answers of
    Qwen2.5-Coder-0.5B."""
    asked, vendors = probes(), {r["model"]: r["lab"].casefold() for r in models("teacher")}
    recorded = [
        Teacher(name, vendors[file], name, transcript_of(name, outputs(file), asked))
        for name, file in RECORDED.items()
    ]
    store = reference_store()
    own = "Qwen2.5-Coder-0.5B-Instruct"
    return [
        *recorded,
        Teacher(own.lower().removesuffix("-instruct"), "alibaba", "qwen", store.transcript(own)),
    ]


def population(name: str) -> tuple[Sequence[KnownModel], list[Teacher], str]:
    """Models of known history, the stored models, and the digest of who they are."""
    if name == PUBLIC:
        asked = probes()
        known: Sequence[KnownModel] = known_suspects(asked)
        rows = [
            [k.name, k.group, sorted(k.teachers), sorted(k.vendors), sorted(k.kin), k.start]
            for k in known
        ]
        return known, stored_teachers(asked), sha256(canonical_json(rows))
    teachers, cohort = small_teachers(), load_cohort(LADDER)
    return known_models(cohort, teachers), teachers, cohort.digest()


def measured(
    work: Path,
    name: str,
    known: Sequence[KnownModel],
    teachers: Sequence[Teacher],
    sizes: Sequence[int],
) -> Iterator[MeasuredRow]:
    """Rows of all detectors at all sizes, measured or read back; those of one row are joined."""
    joined: dict[tuple[str, str, int], MeasuredRow] = {}
    kin = {k.name: {vendor_name(v) for v in k.kin} for k in known}
    makers = {t.name: vendor_name(t.vendor) for t in teachers}

    def labelled(row: MeasuredRow) -> bool:
        return makers.get(row.candidate, row.candidate) not in kin[row.suspect]

    for size in sizes:
        for detector in DETECTORS[name]:
            kept = work / f"{name}-{detector}-{size}.json"
            if not kept.exists():
                began = time.time()
                rows = measured_rows(
                    known, teachers, [functools.partial(load_detector, detector)], [size]
                )
                kept.write_text(json.dumps([r.model_dump(mode="json") for r in rows]), "utf-8")
                click.echo(
                    f"{kept.name}: {len(rows)} rows in {time.time() - began:.0f} s", err=True
                )
            for row in filter(
                labelled, map(MeasuredRow.model_validate, json.loads(kept.read_text("utf-8")))
            ):
                key = (row.suspect, row.candidate, row.size)
                one = joined.get(key, row)
                both = {
                    "values": {**one.values, **row.values},
                    "metric_ids": {**one.metric_ids, **row.metric_ids},
                }
                joined[key] = row.model_copy(update=both)
    yield from joined.values()


@click.command()
@click.option(
    "--work", type=click.Path(path_type=Path), required=True, help="Where measurements are kept."
)
@click.option("--only", type=click.Choice([PUBLIC, SMALL]), help="Only this calibration.")
@click.option("--sizes", help="Comma-separated numbers of prompts instead of the shipped ones.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=SHIPPED, help="Where the calibrations go."
)
def main(work: Path, only: str | None, sizes: str | None, out: Path) -> None:
    """Fits them and prints how they did."""
    work.mkdir(parents=True, exist_ok=True)
    for name in [only] if only else [PUBLIC, SMALL]:
        known, teachers, digest = population(name)
        chosen = [int(s) for s in sizes.split(",")] if sizes else SIZES[name]
        rows = list(measured(work, name, known, teachers, chosen))
        shares = shares_of(known, teachers) if name == PUBLIC else (None, None)
        made = calibrated(
            name, rows, population_of(known, teachers, ABOUT[name]), digest, shares=shares
        )
        write_calibration(out / f"{name}.json", made)
        click.echo(terminal.render(calibration_document(made), width=180))


if __name__ == "__main__":
    main()
