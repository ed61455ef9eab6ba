"""Does `overlap` find the model whose answers hold another's very words, and nobody else, at 20,
100 and all prompts?

AUDITOR_BENCH_DATA=data python -m tests.benchmarks.bench_verbatim [--prompts 20,100,0] [--draws 3]

Data: public outputs on AlpacaEval prompts. Found: the row that models.csv calls contaminated,
against the model that pairs.csv names. Not to be found: one model under two samplings or hosts, and
API models of different labs. Prints figures only.
"""

from __future__ import annotations

import csv
import time
from dataclasses import dataclass

import click
import numpy as np
from numpy.typing import NDArray

from detectors.base import Case, Measurement
from detectors.inheritance.overlap import THRESHOLD, Overlap, stranger_rates
from detectors.stats.intervals import clopper_pearson
from tests.benchmarks.bench_compare import table
from tests.benchmarks.bench_source_recognition import drawn_probes, folder, models, stored

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Shown:
    """One measured pair: what it is, its value with interval, its p and the number of strangers,
    its rank."""

    kind: str
    name: str
    found: Measurement

    @property
    def above(self) -> bool:
        """Whether the pair is found at the stated threshold: the interval's lower end, so that
        few answers prove little."""
        return self.found.interval is not None and self.found.interval[0] > THRESHOLD

    def row(self, prompts: int, draw: int) -> tuple[object, ...]:
        """The row of a table."""
        low, high = self.found.interval or (float("nan"), float("nan"))
        null = self.found.null
        told = "–" if null is None or null.p is None else f"{null.p:.3f} (n={null.n})"
        rank = (
            "–"
            if self.found.rank is None
            else f"{self.found.rank.position} of {self.found.rank.of}"
        )
        value = f"{self.found.value:.1f} ({low:.1f} to {high:.1f})"
        return (
            prompts,
            draw,
            self.kind,
            self.name,
            value,
            told,
            rank,
            "found" if self.above else "not found",
        )


def pairs(relation: str) -> list[tuple[str, str]]:
    """The pairs of pairs.csv with a relation."""
    with (folder() / "pairs.csv").open(encoding="utf-8") as file:
        return [
            (row["model_a"], row["model_b"])
            for row in csv.DictReader(file)
            if row["relation"] == relation
        ]


def one_draw(size: int, seed: int, candidates: int) -> tuple[list[Shown], Array, float]:
    """The labelled pairs, the rates of stored models of other labs with some drawn candidates, and
    the seconds of it all.

    The store holds the API models and the candidates of the labelled pairs, never their suspects.
    """
    probes = drawn_probes(size or None, seed)
    rows = {row["model"]: row for row in models("teacher", "suspect", "variant", "contaminated")}
    wanted = _wanted()
    asked = {suspect for _, suspect, _ in wanted}
    kept = [
        n for n, row in rows.items() if row["role"] == "teacher" or n in {c for _, _, c in wanted}
    ]
    store = {name: stored(rows[name], probes) for name in kept if name not in asked}
    start = time.perf_counter()
    detector = Overlap().fit(list(store.values()))
    found = []
    for kind, suspect, candidate in wanted:
        others = tuple(t for t in store.values() if t.name != candidate)
        result = detector.measure(
            Case(stored(rows[suspect], probes).transcript, store[candidate], others)
        )
        if not isinstance(result, Measurement):
            raise SystemExit(f"{suspect} against {candidate}: {result.reason}")
        found.append(Shown(kind, f"{suspect} / {candidate}", result))
    chosen = np.random.default_rng(seed).permutation(len(store))[:candidates]
    rates = stranger_rates(detector, sorted(chosen.tolist()))
    return found, rates[np.isfinite(rates)], time.perf_counter() - start


def _wanted() -> list[tuple[str, str, str]]:
    verbatim = [("verbatim", a, b) for a, b in pairs("verbatim_overlap")]
    same = [
        ("same weights, other sampling", b, a)
        for a, b in pairs("same_weights_other_sampling_or_host")
    ]
    return verbatim + same


@click.command()
@click.option(
    "--prompts", default="20,100,0", show_default=True, help="How many prompts; 0 means all."
)
@click.option(
    "--draws",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="Draws of the prompts, where not all.",
)
@click.option(
    "--candidates",
    type=click.IntRange(1),
    default=12,
    show_default=True,
    help="Drawn models that strangers play with.",
)
def main(prompts: str, draws: int, candidates: int) -> None:
    """Prints the tables."""
    labelled, strangers = [], []
    for size in (int(n) for n in prompts.split(",")):
        for seed in range(draws if size else 1):
            found, rates, seconds = one_draw(size, seed, candidates)
            n = found[0].found.n
            labelled += [pair.row(n, seed) for pair in found]
            # A lower end above the threshold needs at least a rate above it: the share is an upper
            # bound.
            above = int((rates > THRESHOLD).sum())
            low, high = clopper_pearson(above, len(rates))
            marks = " / ".join(f"{np.quantile(rates, q):.2f}" for q in (0.5, 0.95, 0.99, 1.0))
            strangers.append(
                (n, seed, len(rates), marks, f"{above} ({low:.3f} to {high:.3f})", f"{seconds:.0f}")
            )
    columns = (
        "prompts",
        "draw",
        "kind",
        "suspect / candidate",
        "spans per 100 (95 %)",
        "p",
        "rank",
        f"above {THRESHOLD:g}",
    )
    table(columns, labelled)
    marks_told = "median / 0.95 / 0.99 / most per 100"
    table(
        (
            "prompts",
            "draw",
            "ordered cross-vendor pairs",
            marks_told,
            f"rate above {THRESHOLD:g}",
            "seconds",
        ),
        strangers,
    )


if __name__ == "__main__":
    main()
