"""Lineage by weights on checkpoints of known history: nulls first, then every kind of copy, then
published packages beside it.

    auditor control zoo --out zoo/ --independent 60
    python -m tests.benchmarks.bench_lineage --zoo zoo/ [--peers /tmp/peers/bin]

``--peers`` is the folder of a virtual environment's programs with cisco-ai-provenance-kit==1.0.0
and modeldna==0.1.0; every tool is one process a pair, timed from outside by GNU time, on the same
checkpoints in the same run. Without it they are skipped and it is said.
"""

from __future__ import annotations

import compileall
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import click
import numpy as np
from scipy import stats

from auditor.audits.lineage.compared_pair import ComparedPair
from auditor.audits.lineage.judge import judged
from auditor.audits.lineage.records import RELATED
from auditor.audits.lineage.run import opened
from auditor.labs.zoo.zoo import Zoo, ZooMember, load_zoo
from detectors.lineage.independence import fisher
from detectors.stats.intervals import clopper_pearson
from tests.benchmarks.bench_compare import table
from tests.tree import ROOT

PATIENCE = 600
PEER_PAIRS = (
    "copy",
    "bf16",
    "int8",
    "q4-gguf",
    "fine-tuned",
    "lora-merged",
    "vocabulary-extended-tuned",
    "depth-pruned-tuned",
    "width-pruned-tuned",
    "merged-linear",
    "permuted-units",
    "permuted-residual",
    "rotated",
    "rescaled",
    "disguised",
    "all-combined",
    "continued",
    "sibling-data",
    "independent-001",
    "independent-002",
    "random-1",
    "distilled-1",
)


@dataclass(frozen=True)
class Row:
    """What one pair gave."""

    suspect: ZooMember
    relation: str
    exact: float
    trends: tuple[float, ...]
    p: float
    agreement: float | None
    likeness: float | None
    kinds: tuple[str, ...]
    seconds: float


def compared(zoo: Zoo, suspect: ZooMember, base: ZooMember) -> Row:
    """One pair of members, through the library."""
    start = time.perf_counter()
    with (
        opened(suspect.name, str(zoo.path(suspect))) as mine,
        opened(base.name, str(zoo.path(base))) as theirs,
    ):
        if mine.side is None or theirs.side is None:
            raise click.ClickException(f"{suspect.name}: {mine.reason}")
        one = judged(mine.side, [theirs.side])[0]
    if one.found is None or one.found.exact_p is None or one.told.p is None:
        raise click.ClickException(f"{suspect.name}: nothing was compared")
    agreed = one.found.agreement
    return Row(
        suspect,
        one.told.relation,
        one.found.exact_p,
        trends(one.found),
        one.told.p,
        None if agreed is None else agreed.share,
        one.told.likeness,
        one.told.kinds,
        time.perf_counter() - start,
    )


def trends(found: ComparedPair) -> tuple[float, ...]:
    """The rank correlations' own p-values, of units (layers by Fisher) and of coordinates: these
    should be uniform."""
    units = [fisher([p.order.p for p in found.pairings])] if found.pairings else []
    return (*units, *([found.basis.coordinates.p] if found.basis.coordinates is not None else []))


def nulls(zoo: Zoo, rows: Sequence[Row]) -> dict[str, Any]:
    """The p-values of unrelated pairs: uniform? how many below 1 %? how much do units agree by
    convergence?"""
    p, ranks = [r.exact for r in rows], [v for r in rows for v in r.trends]
    below = sum(v < 0.01 for v in p)
    agreed = [r.agreement for r in rows if r.agreement is not None]
    return {
        "pairs": len(rows),
        "KS p (rank correlations' p-values uniform)": round(
            float(stats.kstest(ranks, "uniform").pvalue), 3
        ),
        "rank correlations' p < 0.01": interval(sum(v < 0.01 for v in ranks), len(ranks)),
        "exact p < 0.01": interval(below, len(p)),
        "overall p < 0.01": interval(sum(r.p < 0.01 for r in rows), len(p)),
        "called independent": interval(sum(r.relation == "independent" for r in rows), len(p)),
        "called derived or of common origin": interval(
            sum(r.relation in RELATED for r in rows), len(p)
        ),
        "agreeing units, mean": round(float(np.mean(agreed)), 4) if agreed else None,
        "agreeing units, most": round(float(np.max(agreed)), 4) if agreed else None,
    }


def interval(hits: int, n: int) -> str:
    """A count with its Clopper-Pearson interval."""
    low, high = clopper_pearson(hits, n)
    return f"{hits} of {n} ({low:.3f} to {high:.3f})"


def pairs(zoo: Zoo, members: Iterable[ZooMember], base: str) -> list[Row]:
    """Every member against a base."""
    return [compared(zoo, m, zoo.member(base)) for m in members]


def crossed(zoo: Zoo) -> list[Row]:
    """Independent runs against each other, each in one pair: no two rows share a model."""
    runs = [m for m in zoo.of("independent") if m.kind == "pretrained"]
    return [compared(zoo, one, other) for one, other in zip(runs[::2], runs[1::2], strict=False)]


def side_by_side(zoo: Zoo, folder: Path) -> None:
    """Prints what every tool says about the same pairs, one process each, with seconds and peak
    memory."""
    base = zoo.path(zoo.member("base"))
    rows = []
    for name in PEER_PAIRS:
        member = zoo.member(name)
        said = [
            run(tool, folder, zoo.path(member), base)
            for tool in ("ours", "provenancekit", "modeldna")
        ]
        rows.append(
            (
                name,
                member.relation,
                *(f"{s['said']}" for s in said),
                *(f"{s['cpu']:.1f} s, {s['mb']:.0f} MB" for s in said),
            )
        )
        print(rows[-1], file=sys.stderr, flush=True)
    names = ("auditor", "provenancekit", "modeldna")
    table(("suspect", "history", *names, *(f"{n}: CPU, memory" for n in names)), rows)


def run(tool: str, folder: Path, suspect: Path, base: Path) -> dict[str, Any]:
    """One tool on one pair in a process of its own: its verdict in short, seconds, and peak
    memory in MB."""
    commands = {
        "ours": [
            sys.executable,
            "-m",
            "auditor",
            "lineage",
            str(suspect),
            str(base),
            "--json",
            "--force",
            "--out",
        ],
        "provenancekit": [
            str(folder / "provenancekit"),
            "compare",
            str(suspect),
            str(base),
            "--no-cache",
            "--json",
        ],
        "modeldna": [str(folder / "modeldna"), "compare", str(suspect), str(base), "--json"],
    }
    command = commands[tool] + ([f"/tmp/bench-lineage-{os.getpid()}"] if tool == "ours" else [])
    # GNU time starts the tool from a small process: a child of this one would inherit this one's
    # peak of memory.
    with tempfile.TemporaryFile("w+") as out, tempfile.NamedTemporaryFile("r") as figures:
        timed = ["/usr/bin/time", "-o", figures.name, "-f", "%e %U %S %M", *command]
        subprocess.run(
            timed,
            stdout=out,
            stderr=subprocess.DEVNULL,
            env=_as_installed(),
            check=False,
            timeout=PATIENCE,
        )
        out.seek(0)
        said = in_short(tool, out.read())
        seconds, user, system, kilobytes = (float(n) for n in figures.read().split()[-4:])
    return {"said": said, "seconds": seconds, "cpu": user + system, "mb": kilobytes / 1024}


@cache
def _as_installed() -> dict[str, str]:
    """The environment of every tool. Ours is compiled first, as installing it does: from a checkout
    without bytecode each start compiles two hundred files, a fifth of a second."""
    for package in ("auditor", "detectors", "fingerprints"):
        compileall.compile_dir(ROOT / package, quiet=1)
    return {**os.environ, "HF_HUB_OFFLINE": "1"}


def in_short(tool: str, text: str) -> str:
    """A tool's verdict in a few words."""
    try:
        found = json.loads(text[text.index("{") :])
    except ValueError:
        return "failed"
    if tool == "ours":
        told = found["lineage"]["comparisons"][0]
        return (
            f"{told['relation'].replace('_', ' ')} (p {told['p_holm']:.1e})"
            if told["p_holm"] is not None
            else told["relation"]
        )
    if tool == "provenancekit":
        scores = found["scores"]
        return f"{scores['provenance_decision']} ({scores['pipeline_score']:.2f})"
    verdict = found["verdict"]
    return (
        f"{verdict['verdict']} ({verdict['probability']:.2f})"
        if verdict.get("probability") is not None
        else verdict["verdict"]
    )


@click.command()
@click.option(
    "--zoo",
    "folder",
    type=click.Path(path_type=Path, exists=True),
    envvar="AUDITOR_ZOO",
    help="A finished zoo.",
)
@click.option(
    "--peers",
    type=click.Path(path_type=Path, exists=True),
    help="The programs of the peers' environment.",
)
@click.option("--only", type=click.Choice(["nulls", "derived", "peers"]), help="One part alone.")
def main(folder: Path | None, peers: Path | None, only: str | None) -> None:
    """Prints the tables."""
    if folder is None:
        print(
            "skipped: no weight zoo (make one with `auditor control zoo --out zoo/` and give --zoo or AUDITOR_ZOO)"
        )
        return
    zoo = load_zoo(folder)
    if only in (None, "nulls"):
        print_nulls(zoo)
    if only in (None, "derived"):
        print_derived(zoo)
    if only in (None, "peers"):
        if peers is None:
            print("\nskipped: no peers (see the first lines of this program)")
        else:
            side_by_side(zoo, peers)


def print_nulls(zoo: Zoo) -> None:
    """Nulls before powers."""
    pretrained = [m for m in zoo.of("independent") if m.kind == "pretrained"]
    sets = {
        "independent runs against the base": pairs(zoo, pretrained, "base"),
        "independent runs in pairs": crossed(zoo),
        "random weights against the base": pairs(zoo, zoo.of("random"), "base"),
        "students distilled from the base": pairs(
            zoo, [m for m in zoo.of("independent") if "distilled" in m.kind], "base"
        ),
        "untied: independent runs": pairs(zoo, zoo.of("independent", "untied-base"), "untied-base"),
    }
    found = {name: nulls(zoo, rows) for name, rows in sets.items()}
    columns = list(next(iter(found.values())))
    table(
        ("nulls", *columns),
        [(name, *(str(row[c]) for c in columns)) for name, row in found.items()],
    )


def print_derived(zoo: Zoo) -> None:
    """Every kind of copy, and what shares no more than an initialisation."""
    rows = []
    for base in ("base", "untied-base"):
        for relation in ("derived", "shared_initialisation"):
            rows += pairs(zoo, zoo.of(relation, base), base)  # type: ignore[arg-type]
    columns = (
        "suspect",
        "history",
        "called",
        "exact p",
        "agreement",
        "p",
        "least likeness",
        "seconds",
        "how",
    )
    table(columns, [told(r) for r in rows])
    missed = [r for r in rows if r.suspect.relation == "derived" and not r.p < 1e-6]
    derived = sum(r.suspect.relation == "derived" for r in rows)
    print(f"\nderived at p < 1e-6: {derived - len(missed)} of {derived}")


def told(r: Row) -> tuple[str, ...]:
    """A row of the table of copies."""
    agreed = "" if r.agreement is None else f"{r.agreement:.2f}"
    likeness = "" if r.likeness is None else f"{r.likeness:.2f}"
    numbers = (f"{r.exact:.0e}", agreed, f"{r.p:.0e}", likeness, f"{r.seconds:.2f}")
    return (r.suspect.name, r.suspect.relation, r.relation, *numbers, "; ".join(r.kinds))


if __name__ == "__main__":
    main()
