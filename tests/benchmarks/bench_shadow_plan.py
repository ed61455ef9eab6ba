"""Shadows on paper: what one costs here in processor seconds and memory, what N of them cost on M
machines, and what more of them can show.

``python -m tests.benchmarks.bench_shadow_plan costs --base tiny --size tiny --work DIR`` trains and asks
one student in a process of one thread and prints a row. ``… power`` prints, by the number of shadows,
how often a student of a candidate would be supported, and a stranger wrongly, by the very map and
words that a report uses. Scores are drawn by normal distributions whose distance is given in
standard deviations, and with the held-out scores' mean and spread of the shadows in
tests/data/ladders/real. Names and numbers alone: no answer is printed.
"""

from __future__ import annotations

import json
import resource
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from auditor.audits.shadow.growing import Questions, ShadowMaking
from auditor.audits.shadow.plan import DIALS, make_shadow_plan
from auditor.audits.shadow.prompts import find_prompts
from auditor.audits.shadow.rungs import shadow_rungs
from auditor.controls.cards.card import read_card
from auditor.controls.cohort import load_cohort
from auditor.evidence.weight import outcome_of, weigh
from auditor.execution.local import LocalProcesses
from auditor.execution.order import do_all
from auditor.execution.telling import check_ends
from auditor.reporting.markdown import table
from detectors.stats.intervals import clopper_pearson
from detectors.stats.log_lr import LogLikelihoodRatio
from detectors.style.shadow_panel import ShadowPanel
from fingerprints.records import Sampling
from fingerprints.transcript import load_transcript
from tests.auditor.controls.pupils import recording
from tests.benchmarks.bench_shadow import COMMITTED, is_plain, kind_of, shadow_of
from tests.fingerprints.subjects.tiny import tiny_checkpoint
from tests.recordings import NOUNS

Array = NDArray[np.float64]
ANSWER = "Certainly! A {0} is a thing that many people know. Here is what matters about it. "
WORDS = 6  # sentences, about 90 words: what chat models usually answer to such questions
MEBIBYTE = 1 << 20


@click.group()
def main() -> None:
    """What shadows cost, and what more of them can show."""


def taught(folder: Path, name: str, n: int) -> str:
    """The spec of an invented teacher with ``n`` recorded answers of usual length."""
    asked = [f"What should one know of the {NOUNS[i % len(NOUNS)]}, part {i}?" for i in range(n)]
    rows = [
        (q, (name + " says. " + ANSWER * WORDS).format(NOUNS[i % len(NOUNS)]))
        for i, q in enumerate(asked)
    ]
    return recording(folder / f"{name}.jsonl", rows).removeprefix("recording:")


@main.command()
@click.option("--base", required=True, help="`tiny`, or the spec of a base.")
@click.option("--size", type=click.Choice(sorted(DIALS)), default="tiny", show_default=True)
@click.option("--threads", type=click.IntRange(1, 64), default=1, show_default=True)
@click.option("--precision", type=click.Choice(["auto", "float32", "bfloat16"]), default="auto")
@click.option("--work", type=click.Path(path_type=Path, file_okay=False))
def costs(base: str, size: str, threads: int, precision: str, work: Path | None) -> None:
    """Train and ask one student, and print what that took."""
    with tempfile.TemporaryDirectory(dir=work) as folder:
        print(json.dumps(cost_of(base, size, threads, precision, Path(folder))))


def cost_of(base: str, size: str, threads: int, precision: str, home: Path) -> dict[str, object]:
    """Processor seconds, seconds of the clock, bytes and tokens of one student and its asking."""
    spec = f"hf:{tiny_checkpoint(home / 'base')}" if base == "tiny" else base
    teachers = [taught(home, name, 600) for name in ("alpha", "beta")]
    plan = make_shadow_plan(f"recording:{teachers[0]}", teachers, spec, size, seeds=2)
    sets = [choice.load() for choice in plan.probes]
    prompts = find_prompts(plan, sets, home)
    rung = next(r for r in shadow_rungs(plan, 2, DIALS[size].n, prompts, home) if r.teacher)
    training = rung.rung.training.model_copy(update={"precision": precision})
    rung = type(rung)(
        rung.name, rung.teacher, rung.seed, rung.rung.model_copy(update={"training": training})
    )
    asked = Questions(sets, Sampling(max_tokens=plan.max_tokens))
    task = ShadowMaking.make(rung, asked, home / "shadow")
    task = task.model_copy(update={"threads": threads})
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with LocalProcesses(1) as executor:
        ends = do_all([task], executor, lambda task, end, n: None)
    check_ends(ends, "shadows")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = load_transcript(home / "shadow" / "transcript.jsonl")
    end = ends[task.id]
    return {
        "base": base.rsplit("/", 1)[-1],
        "size": size,
        "threads": threads,
        "precision": precision,
        "n": DIALS[size].n,
        "learned_tokens": read_card(home / "shadow").learned_tokens,
        "written_tokens": sum(r.tokens_out or 0 for r in said.replies),
        "processor_seconds": round(
            after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, 1
        ),
        "seconds": end.seconds,
        "peak_mib": end.peak_bytes // MEBIBYTE,
    }


@dataclass(frozen=True)
class Sizes:
    """How many shadows there are: ``students`` of each of ``teachers``, and controls."""

    teachers: int
    seeds: int
    kinds: int = 3

    @property
    def students(self) -> int:
        """Of all candidates."""
        return self.teachers * self.seeds

    @property
    def others(self) -> int:
        """Whom a candidate did not teach: other students, controls, the base itself."""
        return (self.teachers - 1 + self.kinds) * self.seeds + 1

    @property
    def shadows(self) -> int:
        """All of them."""
        return (self.teachers + self.kinds) * self.seeds + 1


SIZES = (
    Sizes(3, 3),
    Sizes(3, 10),
    Sizes(12, 4),
    Sizes(3, 50),
    Sizes(12, 20),
    Sizes(47, 6),
)


def drawn(
    sizes: Sizes, ours: tuple[float, float], theirs: tuple[float, float], rng: np.random.Generator
) -> LogLikelihoodRatio:
    """The map of so many shadows. Each is scored on its own teacher and two other candidates: in an
    audit it is on all, but counts once, and fits of thousands of rows take long."""
    values, labels, names = [], [], []
    kinds = [f"control-{i}" for i in range(sizes.kinds)]
    for seed in range(sizes.seeds):
        for source in [*range(sizes.teachers), *kinds]:
            others = [c for c in range(sizes.teachers) if c != source]
            chosen = rng.permutation(others)[:2].tolist()
            for candidate in [source, *chosen] if source in range(sizes.teachers) else chosen:
                own = source == candidate
                values.append(rng.normal(*(ours if own else theirs)))
                labels.append(int(own))
                names.append(f"{source}-{seed}")
    return LogLikelihoodRatio().fit(values, labels, names)


def power_of(
    sizes: Sizes,
    ours: tuple[float, float],
    theirs: tuple[float, float],
    rounds: int,
    seed: int,
) -> tuple[int, int, float]:
    """(supported students, supported strangers, mean log10 LR of students) of so many rounds, each
    with a fresh map and one suspect of either kind."""
    rng = np.random.default_rng(seed)
    found = [0, 0]
    ratios = []
    for _ in range(rounds):
        fitted = drawn(sizes, ours, theirs, rng)
        for place, told in enumerate((ours, theirs)):
            value = float(rng.normal(*told))
            ends = fitted.interval([value]).ravel()
            weight = weigh(
                float(fitted.uncapped([value])[0]),
                fitted.numbers_.bounds,
                (float(ends.min()), float(ends.max())),
            )
            found[place] += outcome_of(weight) == "supported"
            if place == 0:
                ratios.append(weight.log10_lr)
    return found[0], found[1], float(np.mean(ratios))


def real_scores() -> tuple[tuple[float, float], tuple[float, float], int, int]:
    """Mean and spread of held-out scores of the ladder's plain students on their teachers and of
    all others, with how many there are of either."""
    every = list(load_cohort(COMMITTED))
    base = next(m for m in every if kind_of(m) == "untrained")
    plain = [m for m in every if m.base == base.base and m.transcript_path and is_plain(m)]
    said = base.transcript()
    panel = ShadowPanel.of(said, said, [shadow_of(m) for m in plain])
    if panel is None:
        raise click.ClickException("the ladder's answers give no panel")
    sides = [
        np.array([h.value for h in panel.held_out if h.taught is own]) for own in (True, False)
    ]
    (ours, theirs) = [(float(x.mean()), float(x.std(ddof=1))) for x in sides]
    return ours, theirs, len(sides[0]), len(sides[1])


@main.command()
@click.option("--rounds", type=click.IntRange(10), default=400, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
def power(rounds: int, seed: int) -> None:
    """Print how often a student, and a stranger, would be supported, by the number of shadows."""
    ours, theirs, n, others = real_scores()
    print(
        f"Held-out scores on real weights: {n} of students {ours[0]:+.2f} (sd {ours[1]:.2f}),"
        f" {others} of others {theirs[0]:+.2f} (sd {theirs[1]:.2f}).\n"
    )
    effects = [(f"{d:g} sd", (float(d), 1.0), (0.0, 1.0)) for d in (1, 2, 3, 4)]
    effects.append(("as on real weights", ours, theirs))
    rows = []
    for sizes in SIZES:
        cells = [power_of(sizes, own, other, rounds, seed) for _, own, other in effects]
        strangers = sum(cell[1] for cell in cells)
        floor = 1 / (sizes.teachers + sizes.kinds + 1)
        rows.append(
            (
                f"{sizes.shadows} ({sizes.teachers} × {sizes.seeds})",
                f"{np.log10(sizes.students / (sizes.students + 1) * (sizes.shadows + 1)):.2f}",
                f"{floor:.3f} ({min(1.0, sizes.teachers * floor):.2f})",
                f"{clopper_pearson(0, sizes.others)[1]:.1%}",
                *(f"{cell[0] / rounds:.2f} ({cell[2]:+.2f})" for cell in cells),
                f"{strangers}/{rounds * len(cells)}",
            )
        )
    head = (
        "shadows (candidates × seeds)",
        "most log10 LR",
        "least p (Holm)",
        "false support: not under",
    )
    print(table((*head, *(name for name, _, _ in effects), "strangers supported"), rows))


if __name__ == "__main__":
    main()
