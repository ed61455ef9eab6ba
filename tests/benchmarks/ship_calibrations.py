"""Fits the calibrations that ship: public models by language and era, and small controls of our own
ladder.

AUDITOR_BENCH_DATA=data python -m tests.benchmarks.ship_calibrations --work DIR [--only public]
[--sizes 20,50]

Reads the answers of public models (see their README: evaluated, never copied) and the ladder in
``tests/data/ladders/real``. Writes numbers and names only, into ``auditor/calibration/shipped``.
The English populations share a map, on scales of strangers of each: of the models of 2024 and 2025
that were asked in English seven lineages only are known to be taught. No Korean model of the sets is
known to be taught: nothing ships for Korean. What was
measured is kept in ``--work`` by population, detector and number of prompts, so that a run that was
interrupted goes on.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from auditor.calibration.cohort import known_models, population_of
from auditor.calibration.document import calibration_document
from auditor.calibration.familiar import least_familiar
from auditor.calibration.fit import MeasuredPopulation, calibrated_together, shares_of
from auditor.calibration.record import Population, write_calibration
from auditor.calibration.rows import KnownModel, MeasuredRow, measured_rows
from auditor.controls.cohort import load_cohort
from auditor.reporting import terminal
from detectors.base import Teacher
from detectors.registry import load_detector
from fingerprints.records import Probe, canonical_json, sha256
from fingerprints.reference import reference_store
from tests.benchmarks import known_history, public_models
from tests.benchmarks.bench_source_recognition import models, outputs
from tests.benchmarks.known_labels import NO_SUSPECTS

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "auditor" / "calibration" / "shipped"
LADDER = ROOT / "tests" / "data" / "ladders" / "real"
PUBLIC, SMALL = "public", "small-controls"
LENDER, LENT = "english-2023", "english-2024"


@dataclass(frozen=True)
class Public:
    """One population of public models: its set of answers, and how it is described."""

    name: str
    of: str
    language: str
    era: str
    about: str


PUBLICS = (
    Public(
        "english-2023",
        "alpaca_eval",
        "en",
        "2022 to mid-2024",
        "Instruction models of 2022 to mid-2024, English, short everyday requests, single turn;"
        " taught by OpenAI's models or not known to be taught by anybody stored.",
    ),
    Public(
        "english-2024",
        "arena_hard_en",
        "en",
        "2023 to early 2025",
        "Assistants of 2023 to early 2025 and tunes of their open siblings, English, hard technical"
        " requests, single turn; few are known to be taught by anybody stored. The map is shared with"
        " english-2023, where more are.",
    ),
    Public(
        "japanese-2025",
        "shaberi_ja",
        "ja",
        "2023 to late 2025",
        "Assistants of 2023 to late 2025 and Japanese tunes of open models, Japanese, single turn;"
        " taught by models of OpenAI, Google, DeepSeek, Alibaba, Microsoft, CyberAgent or Nexusflow,"
        " or not known to be taught by anybody stored.",
    ),
)
DETECTORS = {PUBLIC: ("shared_wording", "stylistic_overlap"), SMALL: ("movement",)}
SIZES = {
    "english-2023": (20, 50, 100, 250, 536),
    "english-2024": (20, 50, 100, 250),
    "japanese-2025": (20, 50, 100, 230),
    SMALL: (24, 64),
}
ABOUT_SMALL = (
    "Students of SmolLM2-135M and Gemma-3-270M by low-rank adapters on 80 to 136 answers, trained"
    " by this project, and controls without a teacher; greedy, English, the base known."
)
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
    asked, vendors = (
        public_models.probes(),
        {r["model"]: r["lab"].casefold() for r in models("teacher")},
    )
    recorded = [
        Teacher(name, vendors[file], name, public_models.transcript_of(name, outputs(file), asked))
        for name, file in RECORDED.items()
    ]
    store = reference_store()
    own = "Qwen2.5-Coder-0.5B-Instruct"
    return [
        *recorded,
        Teacher(own.lower().removesuffix("-instruct"), "alibaba", "qwen", store.transcript(own)),
    ]


def small_population(work: Path, sizes: Sequence[int]) -> MeasuredPopulation:
    """The project's own ladder, measured."""
    teachers, cohort = small_teachers(), load_cohort(LADDER)
    known = known_models(cohort, teachers)
    rows = tuple(measured(work, SMALL, DETECTORS[SMALL], known, teachers, sizes))
    about = population_of(known, teachers, ABOUT_SMALL)
    told = about.model_copy(update={"languages": ("en",), "era": "2024 to 2025"})
    return MeasuredPopulation(SMALL, rows, told, cohort.digest())


def suspects(one: Public, asked: Mapping[str, Probe]) -> list[KnownModel]:
    """The models of known history of a population. Those with a part of other data beside their
    teacher's (people's, their own, preferences) are no example of either kind."""
    return known_history.known_suspects(one.of, asked, without=(*NO_SUSPECTS, "mixed"))


def public_population(work: Path, one: Public, sizes: Sequence[int]) -> MeasuredPopulation:
    """One set of public models, measured."""
    asked = known_history.probes(one.of)
    known = suspects(one, asked)
    teachers = known_history.stored_teachers(one.of, asked)
    rows = tuple(measured(work, one.name, DETECTORS[PUBLIC], known, teachers, sizes))
    who = [
        [k.name, k.group, sorted(k.teachers), sorted(k.vendors), sorted(k.kin), k.start]
        for k in known
    ]
    about: Population = population_of(known, teachers, one.about)
    return MeasuredPopulation(
        one.name,
        rows,
        about.model_copy(update={"languages": (one.language,), "era": one.era}),
        sha256(canonical_json(who)),
        shares=shares_of(known, teachers),
        least_familiar=least_familiar(known, teachers),
    )


def measured(
    work: Path,
    name: str,
    detectors: Sequence[str],
    known: Sequence[KnownModel],
    teachers: Sequence[Teacher],
    sizes: Sequence[int],
) -> Iterator[MeasuredRow]:
    """Rows of all detectors at all sizes, measured or read back; those of one row are joined."""
    joined: dict[tuple[str, str, int], MeasuredRow] = {}
    names = {k.name for k in known}
    for size in sizes:
        for detector in detectors:
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
            for row in map(MeasuredRow.model_validate, json.loads(kept.read_text("utf-8"))):
                key = (row.suspect, row.candidate, row.size)
                one = joined.get(key, row)
                both = {
                    "values": {**one.values, **row.values},
                    "metric_ids": {**one.metric_ids, **row.metric_ids},
                }
                joined[key] = row.model_copy(update=both)
    yield from (row for row in joined.values() if row.suspect in names)


@click.command()
@click.option(
    "--work", type=click.Path(path_type=Path), required=True, help="Where measurements are kept."
)
@click.option("--only", type=click.Choice([PUBLIC, SMALL]), help="Only these calibrations.")
@click.option("--sizes", help="Comma-separated numbers of prompts instead of the shipped ones.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=SHIPPED, help="Where the calibrations go."
)
def main(work: Path, only: str | None, sizes: str | None, out: Path) -> None:
    """Fits them and prints how they did."""
    work.mkdir(parents=True, exist_ok=True)

    def sizes_of(name: str) -> list[int]:
        return [int(s) for s in sizes.split(",")] if sizes else list(SIZES[name])

    found = {}
    if only != SMALL:
        found = {p.name: public_population(work, p, sizes_of(p.name)) for p in PUBLICS}
    if only != PUBLIC:
        found[SMALL] = small_population(work, sizes_of(SMALL))
    for name, population in found.items():
        lenders = [found[LENDER]] if name == LENT else []
        made = calibrated_together([population, *lenders])[0]
        write_calibration(out / f"{name}.json", made)
        click.echo(terminal.render(calibration_document(made), width=180))


if __name__ == "__main__":
    main()
