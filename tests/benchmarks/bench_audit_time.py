"""What do a store import and an audit of recorded answers cost? Processor seconds, each in a process
of its own.

    AUDITOR_BENCH_DATA=data python -m tests.benchmarks.bench_audit_time --work DIR
        [--suspect NAME] [--prompts 269] [--runs 3] [--against REPORT.json]

The public API models of ``alpaca_eval`` are written as one file each, imported into a store, and a
recorded suspect is audited against them with the default plan. ``--work`` keeps files, store and
report; ``--against`` names the report that another version wrote of the same work folder, and tells
how far the two differ. Prints figures and the places of what differs, never a word of the data.
"""

from __future__ import annotations

import csv
import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from fingerprints.records import Probe, sha256
from tests.benchmarks.bench_source_recognition import models, outputs
from tests.benchmarks.public_models import probes

ROUNDING = 1e-4


def written(work: Path, suspect: str, prompts: int) -> None:
    """Writes the answers to so many prompts that all models answered, and the makers' table."""
    asked, stored = probes(), models("teacher")
    said = {row["model"]: outputs(row["model"]) for row in stored}
    shared = set.intersection(*(set(s) for s in said.values()), set(outputs(suspect)))
    kept = sorted(sorted(shared, key=lambda i: sha256(str(i)))[:prompts])
    (work / "answers").mkdir(parents=True, exist_ok=True)
    with (work / "makers.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("model", "vendor", "family"))
        table.writerows((row["model"], row["lab"], row["base_family"]) for row in stored)
    for name, answers in said.items():
        _recorded(work / "answers" / f"{name}.jsonl", name, answers, asked, kept)
    _recorded(work / "suspect.jsonl", suspect, outputs(suspect), asked, kept)


def _recorded(
    path: Path, name: str, said: Mapping[int, str], asked: Mapping[int, Probe], kept: Sequence[int]
) -> None:
    rows = ({"instruction": asked[i].text, "output": said[i], "generator": name} for i in kept)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def spent(*arguments: str) -> float:
    """Processor seconds of one run of the command, user's and system's, on one thread."""
    before = os.times()
    subprocess.run(
        [sys.executable, "-m", "auditor", *arguments],
        check=True,
        capture_output=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    after = os.times()
    return (
        after.children_user + after.children_system - before.children_user - before.children_system
    )


def timed(what: str, seconds: Sequence[float]) -> None:
    """One row of the table: the least and the middle of the runs. The least is nearest to what the
    work itself costs; the rest is other people's load."""
    middle = sorted(seconds)[len(seconds) // 2]
    print(f"| {what} | {min(seconds):.1f} | {middle:.1f} |", flush=True)


def differences(one: Any, other: Any, place: str = "report") -> Iterator[tuple[str, float]]:
    """Where two reports differ and by how much: of numbers the difference by the first's size (by 1
    below 1), of anything else infinity."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            yield from differences(one.get(key), other.get(key), f"{place}.{key}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for i, pair in enumerate(zip(one, other, strict=True)):
            yield from differences(*pair, f"{place}[{i}]")
    elif one != other:
        numbers = isinstance(one, (int, float)) and isinstance(other, (int, float))
        yield place, abs(one - other) / max(1.0, abs(one)) if numbers else math.inf


def compared(against: Path, report: Path) -> None:
    """Prints how far two reports differ; dates, ids and paths do in any case."""
    found = list(differences(*(json.loads(p.read_text("utf-8")) for p in (against, report))))
    numbers = [by for _, by in found if by < math.inf]
    print(
        f"\n{len(numbers)} numbers differ, at most by {max(numbers, default=0.0):.1g}; beyond rounding:"
    )
    print(", ".join(place for place, by in found if by > ROUNDING) or "nothing else")


@click.command()
@click.option("--work", type=click.Path(path_type=Path), required=True)
@click.option("--suspect", default="OpenHermes-2.5-Mistral-7B")
@click.option("--prompts", default=269)
@click.option("--runs", default=3)
@click.option("--against", type=click.Path(path_type=Path, exists=True))
def main(work: Path, suspect: str, prompts: int, runs: int, against: Path | None) -> None:
    """Prints the table as Markdown."""
    written(work, suspect, prompts)
    store, report = str(work / "store"), str(work / "report")
    imports, audits = [], []
    for _ in range(runs):
        shutil.rmtree(store, ignore_errors=True)
        shutil.rmtree(report, ignore_errors=True)
        makers = ("--metadata", str(work / "makers.csv"))
        imports.append(spent("store", "import", str(work / "answers"), "--store", store, *makers))
        audits.append(
            spent("audit", str(work / "suspect.jsonl"), "--store", store, "--out", report)
        )
    print("| processor seconds | least | middle |\n|---|---:|---:|", flush=True)
    timed("store import", imports)
    timed("audit", audits)
    if against is not None:
        compared(against, work / "report" / "report.json")


if __name__ == "__main__":
    main()
