"""How long does it take to fit every text detector on a large store, and how much memory?

    AUDITOR_BENCH_DATA=data python -m tests.benchmarks.bench_fit_all [--prompts 0]

The store: 115 public models with 536 answers each. All detectors that weigh a candidate by recorded
answers alone are fitted one after the other, as an audit does it, and measure one case each. Prints
figures only, never a word of the data.
"""

from __future__ import annotations

import os
import resource
import sys
import time

import click

from auditor.reporting.markdown import table
from detectors.base import Case, Detector, Need, NotMeasured, Teacher
from detectors.registry import detector_names, load_detector
from tests.benchmarks.bench_source_recognition import models, outputs
from tests.benchmarks.public_models import probes, transcript_of

READ = frozenset({Need.STYLE, Need.TEACHER, Need.BASE})
"""What a detector of text alone may need."""
ROLES = ("teacher", "suspect", "variant", "contaminated")


def text_detectors() -> list[Detector]:
    """Every detector that weighs a candidate and reads nothing but answers to style-like
    prompts."""
    found = [load_detector(name) for name in detector_names()]
    return [
        d
        for d in found
        if d.scope != "suspect" and Need.STYLE in d.needs and READ.issuperset(d.needs)
    ]


def peak() -> float:
    """The most memory that this process has held so far, in GB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most * (1 if sys.platform == "darwin" else 1024) / 1e9


def fitted(detector: Detector, store: list[Teacher]) -> tuple[str, ...]:
    """One row: seconds of fitting and of one case, on the clock and of the processor, and the
    peak so far."""
    wall, cpu = time.perf_counter(), time.process_time()
    detector.fit(store)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    began = time.process_time()
    found = detector.value(Case(store[-1].transcript, store[0], tuple(store[1:-1]), base=store[-2]))
    told = f"{time.process_time() - began:.1f}" + (
        " (not measured)" if isinstance(found, NotMeasured) else ""
    )
    row = (detector.name, f"{wall:.0f}", f"{cpu:.0f}", told, f"{peak():.2f}")
    click.echo("  ".join(row), err=True)  # a run that is cut short has told what it knows
    return row


@click.command()
@click.option("--prompts", default=0, show_default=True, help="Only so many prompts; 0 for all.")
def main(prompts: int) -> None:
    """Prints one row a detector, and their sum."""
    asked = dict(sorted(probes().items())[: prompts or None])
    store = [
        Teacher(
            r["model"],
            r["lab"],
            r["base_family"],
            transcript_of(r["model"], outputs(r["model"]), asked),
        )
        for r in models(*ROLES)
    ]
    before = peak()
    rows = [
        fitted(load_detector(detector.name), store) for detector in text_detectors()
    ]  # each let go of, as in an audit
    answers = sum(len(t.transcript.replies) for t in store)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    click.echo(
        f"{len(store)} models, {len(asked)} prompts, {answers:,} answers; {cores} cores, OMP_NUM_THREADS {threads}; "
        f"{before:.2f} GB before the first fit\n"
    )
    rows.append(
        (
            "all",
            str(sum(int(r[1]) for r in rows)),
            str(sum(int(r[2]) for r in rows)),
            "",
            f"{peak():.2f}",
        )
    )
    head = (
        "detector",
        "fit, seconds",
        "of them processor",
        "one case, processor seconds",
        "peak memory so far, GB",
    )
    click.echo(table(head, rows))


if __name__ == "__main__":
    main()
