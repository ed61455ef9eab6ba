"""What does an audit against a large store cost, and how often does its choice of whom to look at
lose the one that matters?

    AUDITOR_BENCH_DATA=data python -m tests.benchmarks.bench_candidates --work DIR
        [--models 34,200,2000] [--all 34,200] [--recall arena_hard_en,alpaca_eval,shaberi_ja]

Costs: invented stores, each audit in a process of its own; processor seconds, and ratios within the
run. Recall: models of public data as suspects, their own vendor left out of the choice, against the
model that the classifier of the whole store puts first. Prints figures only, never a word of the
data.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from auditor.audits.frame import open_store
from auditor.audits.inheritance.audit import judge
from auditor.audits.inheritance.candidates import NEAREST, likeness, looked_at
from auditor.audits.inheritance.plan import Plan
from auditor.audits.inheritance.shelf import Shelf, shelf
from detectors.base import Teacher
from detectors.pairing import DEFAULT_ARMS, answer_book, style_answers
from detectors.stats.intervals import clustered_rate
from detectors.stats.openset import stranger_scores
from detectors.style.attribution import attributions
from detectors.style.space import FULL
from fingerprints.profiles import Profiles, profiles
from fingerprints.records import Arm, Identity, Probe, Reply, Status
from fingerprints.store import FingerprintStore
from fingerprints.transcript import Header, Transcript
from tests.benchmarks.bench_source_recognition import rows_of
from tests.benchmarks.invented_store import build, suspect

PROMPTS = 100
TAUGHT_BY = 3
Row = dict[str, float]
Found = tuple[str, bool, bool]
"""The suspect's vendor; whether its first was looked at, and whether it was among the nearest."""


def plan_of(store: Path, everyone: bool) -> Plan:
    """An audit with the default detectors."""
    return Plan.make({"suspect": "x.jsonl", "store": str(store), "all_candidates": everyone})


def audited(store: Path, everyone: bool) -> Row:
    """Processor seconds of one audit's judging, and this process's peak memory."""
    said, plan = suspect(TAUGHT_BY), plan_of(store, everyone)
    start = time.process_time()
    with open_store(plan.store) as opened:
        models = shelf(opened, plan)
        looked = looked_at(models, plan, said)
        chosen = time.process_time() - start
        report = judge(plan, said, models, looked)
    spent = time.process_time() - start
    first = [f.candidate for f in report.findings if f.detector == "stylistic_overlap" and f.rank]
    ranks = {f.candidate: f.rank.position for f in report.findings if f.rank and first}
    return {
        "seconds": spent,
        "chosen": chosen,
        "looked_at": len(looked.teachers),
        "rank": ranks.get(f"model-{TAUGHT_BY:04d}", 0),
        "peak": _peak(),
    }


def read_twice(store: Path) -> Row:
    """Processor seconds that decoding every stored transcript twice took, as audits did before."""
    start = time.process_time()
    with FingerprintStore.open(store, read_only=True) as opened:
        for _ in range(2):
            held = [opened.transcript(t.name) for t in opened.teachers()]
        assert held
    return {"seconds": time.process_time() - start, "peak": _peak()}


def _peak() -> float:
    """MiB; ru_maxrss would be inherited from the parent."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def alone(task: str, store: Path, everyone: bool = False) -> Row:
    """One of the two above, in a process of its own."""
    code = (
        "import json, sys; from pathlib import Path; from tests.benchmarks import bench_candidates;"
        f" print(json.dumps(bench_candidates.{task}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(store), str(int(everyone))],
        check=True,
        capture_output=True,
        text=True,
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def costs(work: Path, sizes: Sequence[int], whole: Sequence[int]) -> None:
    """Prints the table of seconds and peak memory, before and after."""
    audit = "audited(Path(sys.argv[1]), sys.argv[2] == '1')"
    print("| stored | way | looked at | processor s | of them choosing | times 34 | peak MiB |")
    print("|---:|---|---:|---:|---:|---:|---:|", flush=True)
    first: float | None = None
    for size in sizes:
        store = work / f"store-{size}"
        if not store.exists():
            build(store, size)
        for everyone in [False, *([True] if size in whole else [])]:
            row = alone(audit, store, everyone)
            first = first or row["seconds"]
            print(
                f"| {size} | {'all' if everyone else 'chosen'} | {row['looked_at']:.0f}"
                f" | {row['seconds']:.1f} | {row['chosen']:.1f} | {row['seconds'] / first:.2f}"
                f" | {row['peak']:.0f} |",
                flush=True,
            )
        twice = alone("read_twice(Path(sys.argv[1]))", store)
        print(
            f"| {size} | decoding all twice | | {twice['seconds']:.1f} | |"
            f" {twice['seconds'] / (first or 1):.2f} | {twice['peak']:.0f} |",
            flush=True,
        )


def public(root: Path, name: str) -> list[Teacher]:
    """A data set's models with their answers to a hundred prompts, those of at least thirty."""
    texts = {
        str(r["id"]): r.get("prompt") or r["instruction"]
        for r in rows_of(root / name / "prompts.jsonl.gz")
    }
    keys = sorted(texts)[:: max(1, len(texts) // PROMPTS)][:PROMPTS]
    probes = {k: Probe(id=f"style/{k}", text=texts[k]) for k in keys}
    out = []
    with (root / name / "models.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            path = root / name / "outputs" / f"{row['model'].replace('+', '_plus_')}.jsonl.gz"
            if path.exists():
                said = {str(r["id"]): r["output"] for r in rows_of(path) if r["output"].strip()}
                vendor = row.get("lab") or row.get("vendor") or ""
                out.append(Teacher(row["model"], vendor, "", _recorded(row["model"], said, probes)))
    return [t for t in out if len(t.transcript.replies) >= 30]


def _recorded(name: str, said: dict[str, str], probes: dict[str, Probe]) -> Transcript:
    replies = tuple(
        Reply(probe_id=p.id, arm=Arm.RECORDED, status=Status.OK, text=said[k])
        for k, p in probes.items()
        if k in said
    )
    identity = Identity(kind="recording", name=name)
    held = {p.id: p for p in probes.values()}
    return Transcript(Header(spec=name, identity=identity), held, replies)


def firsts(teachers: Sequence[Teacher]) -> dict[str, list[str]]:
    """The other vendors' models as a full audit ranks them by style for each model, best first."""
    book = answer_book(teachers, None)
    fitted = attributions(book, (FULL,))[0]
    heard = np.isfinite(fitted.strangers)
    total = np.where(heard, fitted.strangers, 0.0).sum(axis=1)
    n = heard.sum(axis=1)
    mean = np.where(n > 0, total / np.maximum(n, 1), np.nan)
    scores = stranger_scores(mean, book.vendors, np.ones(len(book.teachers), dtype=bool))
    out = {}
    for name, row in zip(book.names, scores, strict=True):
        order = np.argsort(-np.nan_to_num(row, nan=-np.inf), kind="stable")
        out[name] = [book.names[int(i)] for i in order if np.isfinite(row[i])]
    return out


def held(models: Shelf, suspect_: Teacher) -> tuple[set[str], set[str]]:
    """Whom an audit of this model would look at, were its own vendor not stored; and the nearest
    alone, without the luck of the sample, which shrinks as a store grows."""
    maker = suspect_.vendor.casefold() or suspect_.name
    left = {n: r for n, r in models.records.items() if (r.vendor.casefold() or n) != maker}
    fewer = replace(models, records=left)
    sampled = set(fewer.sampled())
    by_number = {number: name for name, number in models.numbers.items()}
    said = {digest: a.text for digest, a in style_answers(suspect_.transcript).items()}
    found = profiles(models.store, said, DEFAULT_ARMS)
    names = [by_number[int(number)] for number in found.numbers]
    kept = [i for i, name in enumerate(names) if name in left]
    part = Profiles(found.numbers[kept], found.vectors[kept], found.suspect)
    scores = likeness(part, [left[names[i]] for i in kept], sampled)
    order = [names[kept[i]] for i in np.argsort(-np.array(scores), kind="stable")]
    nearest = [n for n in order if n not in sampled][:NEAREST]
    return sampled | set(nearest), set(order[:NEAREST])


def recall(root: Path, work: Path, name: str) -> list[Found]:
    """Whether each model's first was found, with its own vendor left out."""
    teachers = public(root, name)
    store = work / f"recall-{name}"
    if not store.exists():
        with FingerprintStore.create(store) as made:
            for t in teachers:
                made.add(t.transcript, t.name.strip()[:200], vendor=t.vendor)
    wanted, out = firsts(teachers), []
    with open_store(str(store)) as opened:
        models = shelf(opened, plan_of(store, False))
        for t in teachers:
            if wanted.get(t.name):
                chosen, nearest = held(models, t)
                first = wanted[t.name][0]
                vendor = f"{name}:{t.vendor.casefold() or t.name}"
                out.append((vendor, first in chosen, first in nearest))
    told(f"{name} ({len(teachers)} models)", out)
    return out


def told(what: str, rows: Sequence[Found]) -> None:
    """One row of the table of recall; means over vendors, intervals clustered by vendor."""
    vendors = [vendor for vendor, _, _ in rows]
    cells = []
    for column in (1, 2):
        held_ = [float(row[column]) for row in rows]
        rate = clustered_rate(held_, vendors)
        low, high = rate.interval
        cells.append(f"{sum(held_):.0f} | {rate.value:.3f} ({low:.3f} to {high:.3f})")
    print(f"| {what} | {len(rows)} | {' | '.join(cells)} |", flush=True)


@click.command()
@click.option("--work", type=click.Path(path_type=Path), required=True)
@click.option("--models", default="34,200,2000")
@click.option("--all", "whole", default="34,200", help="Sizes that are looked at in full, too.")
@click.option("--recall", "sets", default="arena_hard_en,alpaca_eval,shaberi_ja")
def main(work: Path, models: str, whole: str, sets: str) -> None:
    """Prints both tables as Markdown."""
    work.mkdir(parents=True, exist_ok=True)
    sizes, full = ([int(n) for n in text.split(",") if n] for text in (models, whole))
    if sizes:
        costs(work, sizes, full)
    root = os.environ.get("AUDITOR_BENCH_DATA")
    if root and sets:
        print("\n| data | suspects | looked at | recall | among the nearest | recall |")
        print("|---|---:|---:|---:|---:|---:|", flush=True)
        rows = [row for name in sets.split(",") for row in recall(Path(root), work, name)]
        told("all", rows)


if __name__ == "__main__":
    main()
