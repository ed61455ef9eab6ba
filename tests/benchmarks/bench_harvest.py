"""What does a comparison of served answers with their twins see, on trained students of real models?

``python -m tests.benchmarks.bench_harvest --work DIR`` reads what `harvest_students` made, and prints
for every student that is there: p by likelihood (adjusted for base, teacher and length; without the
base) and by words alone, log10 of the e-value, the effect, what fewer prompts would have told (the
median of log10 p, and how often p ≤ 0.001), and, of students that learned none of the served
answers, how often p ≤ 0.05 when another answer plays the served one. ``--figure FILE`` draws how
often fewer prompts tell (needs matplotlib).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auditor.reporting.markdown import table
from detectors.inheritance.served_or_twin import containment
from detectors.stats.intervals import clopper_pearson
from detectors.stats.twins import ServedOrTwin, served_or_twin
from fingerprints.transcript import load_transcript
from tests.benchmarks.harvest_students import RUNS, TWINS, Run, by_prompt, prompts

Array = NDArray[np.float64]
SIZES = (8, 16, 32, 64, 96)
SUBSETS, DRAWS = 60, 200
"""Subsets of prompts of one size, and relabellings of one student."""
TOLD_AT = -3.0
"""log10 of the p-value from which on a report may say "supported"."""


@dataclass(frozen=True)
class Drawn:
    """What all students share: bits of the drawn answers under base and teacher, their lengths,
    which prompts are kept (all answers different), and the answers themselves, all by prompt."""

    base: Array
    teacher: Array
    length: Array
    kept: NDArray[np.bool_]
    answers: tuple[tuple[str, ...], ...]

    def known(self) -> tuple[Array, ...]:
        """The covariates of the kept prompts."""
        return tuple(-t[self.kept] for t in (self.base, self.teacher, -self.length))


def numbers(path: Path) -> Array:
    """A table of numbers from JSON."""
    return np.array(json.loads(path.read_bytes()), dtype=np.float64)


def drawn(work: Path) -> Drawn:
    """Reads what the students' program drew and scored once."""
    said = by_prompt(load_transcript(work / "drawn.jsonl"))
    answers = tuple(tuple(said[p.id][: TWINS + 1]) for p in prompts())
    kept = np.array([len(set(a)) == len(a) for a in answers])
    base, teacher, length = (numbers(work / f"{n}.json") for n in ("base", "teacher", "lengths"))
    return Drawn(base, teacher, length, kept, answers)


def own_words(folder: Path) -> list[list[str]] | None:
    """What a model said itself to each prompt, greedy and drawn; None where it wasn't asked."""
    parts = [folder / "greedy.jsonl", folder / "warm.jsonl"]
    if not all(p.is_file() and load_transcript(p).complete for p in parts):
        return None
    said = [by_prompt(load_transcript(p)) for p in parts]
    return [[text for part in said for text in part[p.id]] for p in prompts()]


def by_words(work: Path, run: Run, shared: Drawn) -> ServedOrTwin | None:
    """The test by words alone: the share of an answer's runs of words that the student uses, less
    the base's own."""
    spoken, base = own_words(work / run.name), own_words(work / "base-spoken")
    if spoken is None or base is None:
        return None
    pairs = zip(shared.answers, spoken, base, strict=True)
    rows = [[containment(a, s) - containment(a, b) for a in answers] for answers, s, b in pairs]
    return served_or_twin(np.array(rows)[shared.kept], (shared.length[shared.kept],))


@dataclass(frozen=True)
class Fewer:
    """What so many of the prompts would have told: the median of log10 p over random subsets, and
    the share of them at or below `TOLD_AT`. Subsets overlap: their spread is no interval."""

    size: int
    log10_p: float
    power: float


def with_fewer(scores: Array, known: Sequence[Array], size: int) -> Fewer:
    """The test on random subsets of the prompts."""
    rng = np.random.default_rng(size)
    found = []
    for _ in range(SUBSETS):
        rows = rng.choice(len(scores), size=size, replace=False)
        found.append(served_or_twin(scores[rows], [c[rows] for c in known]).test.log10_p)
    return Fewer(size, float(np.median(found)), float(np.mean(np.array(found) <= TOLD_AT)))


def relabelled(scores: Array, known: Sequence[Array], seed: int) -> int:
    """How often p ≤ 0.05 where any answer of a prompt, drawn by lot, plays the served one. Students
    are much alike, so each needs lots of its own (``seed``) for the draws to be independent."""
    rng = np.random.default_rng([5, seed])
    low = 0
    for _ in range(DRAWS):
        order = np.argsort(rng.random(scores.shape), axis=1)
        again = [np.take_along_axis(t, order, axis=1) for t in (scores, *known)]
        low += served_or_twin(again[0], again[1:]).p_value <= 0.05
    return low


@dataclass(frozen=True)
class Line:
    """One student: the test on all prompts, without the base, by words, and on fewer prompts."""

    run: Run
    full: ServedOrTwin
    bare: ServedOrTwin
    words: ServedOrTwin | None
    fewer: tuple[Fewer, ...]

    @property
    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        return (
            self.run.name,
            f"{self.run.share:.0%}",
            f"{self.full.test.log10_p:.1f}",
            f"{self.full.log10_e:+.1f}",
            f"{self.full.effect:+.2f}",
            f"{self.bare.test.log10_p:.1f}",
            "–" if self.words is None else f"{self.words.test.log10_p:.1f}",
            *(f"{f.log10_p:.1f} ({f.power:.2f})" for f in self.fewer),
        )


def line_of(work: Path, run: Run, shared: Drawn) -> Line:
    """One student, measured; of an innocent one fewer prompts are not asked."""
    scores = -numbers(work / run.name / "scores.json")[shared.kept]
    known = shared.known()
    return Line(
        run,
        served_or_twin(scores, known),
        served_or_twin(scores, known[1:]),
        by_words(work, run, shared),
        tuple(with_fewer(scores, known, size) for size in SIZES) if run.share else (),
    )


def draw(lines: Sequence[Line], path: Path) -> None:
    """The figure: how often a subset of the prompts tells, by its size, a curve a student."""
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7.2, 4.8), layout="constrained")
    # Ten colours and no more: a second ten differ by shape and dashes, too.
    for i, line in enumerate(lines):
        sizes = [0, *(f.size for f in line.fewer)]
        axes.plot(
            sizes,
            [0.0, *(f.power for f in line.fewer)],
            marker="os"[i // 10 % 2],
            linestyle=("-", (0, (4, 2)))[i // 10 % 2],
            label=line.run.about or line.run.name,
        )
    axes.axhline(0.9, color="0.6", linewidth=0.8, linestyle="--")
    axes.set(
        xlabel="served answers, with three twins each",
        ylabel="share of subsets with p ≤ 0.001",
        ylim=(-0.02, 1.02),
    )
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize="small")
    figure.savefig(path, metadata={"Date": None})


def nulls(work: Path, made: Sequence[Run], shared: Drawn) -> str:
    """The students that learned none of the served answers, together."""
    innocent = [r for r in made if not r.share]
    tables = [-numbers(work / r.name / "scores.json")[shared.kept] for r in innocent]
    values = [served_or_twin(t, shared.known()).p_value for t in tables]
    low = sum(relabelled(t, shared.known(), i) for i, t in enumerate(tables))
    n = DRAWS * len(tables)
    if not n:
        return "No student that learned none of the served answers is there."
    a, b = clopper_pearson(low, n)
    told = ", ".join(f"{v:.2f}" for v in values)
    return f"Innocent students' p: {told}. Relabelled, p ≤ 0.05: {low} of {n} ({a:.3f}–{b:.3f})."


def main(arguments: Iterable[str] | None = None) -> None:
    """Prints the tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True, help="folder of harvest_students")
    parser.add_argument("--figure", type=Path, help="SVG or PNG file of the figure")
    chosen = parser.parse_args(None if arguments is None else list(arguments))
    work = chosen.work
    shared = drawn(work)
    made = [r for r in RUNS if (work / r.name / "scores.json").is_file()]
    print(f"{int(shared.kept.sum())} prompts with {TWINS} twins each\n")
    head = (
        "student",
        "of the served",
        "log10 p",
        "log10 e",
        "effect",
        "without base",
        "words alone",
        *(f"p, {n} prompts (power)" for n in SIZES),
    )
    lines = [line_of(work, r, shared) for r in made if r.share]
    print(table(head, [line.cells for line in lines]))
    print(nulls(work, made, shared))
    if chosen.figure is not None:
        draw(lines, chosen.figure)


if __name__ == "__main__":
    main()
