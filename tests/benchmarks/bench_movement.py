"""Which teacher did a student move toward, when its base is known, and when it is not?

    AUDITOR_BENCH_DATA=data python -m tests.benchmarks.bench_movement [COHORT …] [--out DIR]

Suspects: the members of a cohort of known history (without one: tests/data/ladders/real), asked this
project's style probes. Candidates: the recorded teachers by their public answers to AlpacaEval
prompts (``alpaca_eval`` in the data folder, CC BY-NC 4.0, not part of this project), and
Qwen2.5-Coder-0.5B-Instruct by the bundled store. So most candidates never saw a suspect's prompt.
Base: the untrained member of the same base, else its self-taught control. Prints Markdown; never an
answer.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auditor.controls.cohort import Cohort, Member, load_cohort
from auditor.reporting.markdown import inline, table
from detectors.base import Case, Measurement, NotMeasured, Teacher
from detectors.inheritance.movement import Movement
from detectors.pairing import style_answers
from detectors.stats.intervals import clopper_pearson
from detectors.style.journey import Journey
from detectors.style.moves import strength
from fingerprints.reference import reference_store
from fingerprints.transcript import Transcript
from tests.benchmarks.bench_source_recognition import drawn_probes, transcript

Array = NDArray[np.float64]
COMMITTED = Path(__file__).parents[2] / "tests" / "data" / "ladders" / "real"
RECORDED = {
    "gpt-4-turbo": ("gpt4_1106_preview", "openai"),
    "claude-2": ("claude-2", "anthropic"),
    "text-davinci-003": ("text_davinci_003", "openai"),
    "cohere-command": ("cohere", "cohere"),
    "gemini-pro": ("gemini-pro", "google"),
}
"""Teachers of the recorded students: their names in AlpacaEval, their makers."""
ASKED = {"qwen2.5-coder-0.5b": "Qwen2.5-Coder-0.5B-Instruct"}
SIZES = (10, 20, 40, 80)
DRAWS = 50
UNKNOWN = "–"


@dataclass(frozen=True)
class Found:
    """One suspect: values by candidate with the base known, mean log-probabilities without, and
    its way from the base."""

    member: Member
    base: str
    scores: dict[str, float]
    p: dict[str, float]
    unknown: dict[str, float]
    journey: Journey

    def rank(self, scores: dict[str, float]) -> int | None:
        """The best place of a true teacher; None for a member without one among the candidates."""
        held = [
            1 + sum(v > scores[t] for v in scores.values())
            for t in self.member.teachers
            if t in scores
        ]
        return min(held, default=None)

    @property
    def kind(self) -> str:
        """Dose and evasions in words."""
        lineage = self.member.lineage
        return f"{100 * (lineage.dose or 0):g} %" + "".join(f", {e}" for e in lineage.evasions)


def candidates() -> list[Teacher]:
    """The stored models."""
    probes = drawn_probes(None, 0)
    recorded = [
        Teacher(name, vendor, name, transcript(file, probes))
        for name, (file, vendor) in RECORDED.items()
    ]
    store = reference_store()
    asked = [
        Teacher(name, "alibaba", "qwen2.5-coder", store.transcript(stored))
        for name, stored in ASKED.items()
    ]
    store.close()
    return [*recorded, *asked]


def bases(cohort: Cohort) -> dict[str, tuple[Member, str]]:
    """By base: the member whose answers stand for it, and what that member is."""
    out: dict[str, tuple[Member, str]] = {}
    for wanted, what in (("none", "untrained"), ("sft", "its self-taught control")):
        for member in cohort:
            plain = (
                not member.teachers
                and member.lineage.role == "negative"
                and "human" not in member.name
            )
            if plain and member.lineage.method == wanted and member.transcript_path is not None:
                out.setdefault(member.base, (member, what))
    return out


def complete(member: Member) -> Transcript | None:
    """What a member said; None where it was not asked to the end."""
    said = member.transcript() if member.transcript_path is not None else None
    return said if said is not None and said.complete else None


def found(
    member: Member,
    said: Transcript,
    base: Teacher,
    told: str,
    teachers: Sequence[Teacher],
    detector: Movement,
) -> Found | NotMeasured:
    """Every candidate's value for one suspect."""
    scores, p = {}, {}
    for teacher in teachers:
        result = detector.measure(
            Case(said, teacher, tuple(t for t in teachers if t is not teacher), base)
        )
        if isinstance(result, NotMeasured):
            return result
        scores[teacher.name] = result.value
        p[teacher.name] = _p(result)
    held = detector.journey(said, base)
    if isinstance(held, NotMeasured):
        return held
    return Found(
        member,
        told,
        scores,
        p,
        dict(zip(held.book.names, held.moves[0].alone.tolist(), strict=True)),
        held,
    )


def _p(result: Measurement) -> float:
    return max(float(row[3] or 0.0) for row in result.tables[0].rows)


def members_table(every: Sequence[Found]) -> str:
    """A row a suspect."""
    rows = []
    for f in every:
        taught = [t for t in f.member.teachers if t in f.scores]
        best = max(f.scores, key=lambda t: f.scores[t])
        true = max(taught, key=lambda t: f.scores[t], default=None)
        figures = (
            (
                f"{f.scores[true]:+.2f}",
                f"{f.p[true]:.4f}",
                str(f.rank(f.scores)),
                str(f.rank(f.unknown)),
            )
            if true is not None
            else (UNKNOWN,) * 4
        )
        others = {t: v for t, v in f.scores.items() if t not in taught}
        other = max(others, key=lambda t: others[t])
        aim = f.journey.moves[0].aim[f.journey.book.names.index(true or best)]
        rows.append(
            (
                inline(f.member.name),
                f.base,
                *figures,
                inline(other),
                f"{others[other]:+.2f}",
                f"{aim:.2f}",
            )
        )
    head = ("suspect", "base", "value of the true teacher", "p", "rank", "rank, base unknown")
    return table((*head, "highest other", "its value", "aim (true, else highest)"), rows)


def share(hits: Iterable[bool]) -> str:
    """So many of so many with Clopper and Pearson's interval."""
    held = list(hits)
    if not held:
        return UNKNOWN
    low, high = clopper_pearson(sum(held), len(held))
    return f"{sum(held)}/{len(held)} ({low:.2f}–{high:.2f})"


def goals_table(every: Sequence[Found]) -> str:
    """The right teacher first, by dose and evasion, with the base known and unknown."""
    taught = [f for f in every if f.rank(f.scores) is not None]
    groups = {
        kind: [f for f in taught if f.kind == kind] for kind in sorted({f.kind for f in taught})
    }
    groups["all full doses, no evasion"] = [f for f in taught if f.kind == "100 %"]
    groups["all evasions"] = [f for f in taught if f.member.lineage.evasions]
    null = max(
        (max(f.scores.values()) for f in every if not f.member.teachers), default=float("inf")
    )
    rows = [
        (
            inline(kind),
            str(len({t for f in held for t in f.member.teachers})),
            share(f.rank(f.scores) == 1 for f in held),
            share(f.rank(f.unknown) == 1 for f in held),
            share(
                max(f.scores[t] for t in f.member.teachers if t in f.scores) > null for f in held
            ),
        )
        for kind, held in groups.items()
        if held
    ]
    head = (
        "students",
        "teachers",
        "right teacher first, base known",
        "base unknown",
        "above every null's highest value",
    )
    return table(head, rows)


def nulls_table(every: Sequence[Found]) -> str:
    """A row a control without a teacher: its highest value, and whether it would be accused by
    the others' thresholds."""
    nulls = [f for f in every if not f.member.teachers]
    highest = {f.member.name: max(f.scores.values()) for f in nulls}
    rows = []
    for f in nulls:
        mine = highest[f.member.name]
        rest = [v for name, v in highest.items() if name != f.member.name]
        accused = UNKNOWN if not rest else "yes" if mine > max(rest) else "no"
        best = max(f.scores, key=lambda t: f.scores[t])
        rows.append(
            (inline(f.member.name), inline(best), f"{mine:+.2f}", f"{f.p[best]:.4f}", accused)
        )
    return table(
        (
            "control without a teacher",
            "highest candidate",
            "its value",
            "p",
            "above all other controls",
        ),
        rows,
    )


def curve_table(every: Sequence[Found], kind: str = "100 %") -> str:
    """The right teacher first by number of questions, over draws of questions; the classifier is
    not refitted."""
    taught = [f for f in every if f.rank(f.scores) is not None and f.kind == kind]
    nulls = [f for f in every if not f.member.teachers]
    rows = []
    for size in (*SIZES, None):
        able = [f for f in taught if size is None or f.journey.pairs.questions >= size]
        if not able:
            continue
        first = [np.mean([_rank(f, v) == 1 for v in _draws(f, size)]) for f in able]
        values = [
            np.mean([max(v[t] for t in f.member.teachers if t in v) for v in _draws(f, size)])
            for f in able
        ]
        high = [np.mean([max(v.values()) for v in _draws(f, size)]) for f in nulls]
        n = "all" if size is None else str(size)
        rows.append(
            (
                n,
                str(len(able)),
                f"{np.mean(first):.2f}",
                f"{np.mean(values):+.2f}",
                f"{np.median(high):+.2f}",
            )
        )
    head = (
        "questions",
        "students",
        "right teacher first (mean over students and draws)",
        "mean value of the true teacher",
    )
    return table((*head, "median highest value of nulls"), rows)


def _rank(f: Found, values: dict[str, float]) -> int | None:
    return f.rank(values)


def _draws(f: Found, size: int | None) -> list[dict[str, float]]:
    """Values on drawn questions: `DRAWS` draws without replacement, or all questions once."""
    n, names = f.journey.pairs.questions, f.journey.book.names
    rng = np.random.default_rng(0)
    chosen = (
        [np.arange(n)]
        if size is None
        else [rng.choice(n, size, replace=False) for _ in range(DRAWS)]
    )
    contrasts = [f.journey.contrasts(i) for i in range(len(names))]
    return [
        {
            t: min(float(strength(c[rows])) for c in cs)
            for t, cs in zip(names, contrasts, strict=True)
        }
        for rows in chosen
    ]


def judged(cohort: Cohort, say: Callable[[str], None]) -> list[Found]:
    """Every member with a base and a whole transcript, the members that stand for a base left
    out."""
    teachers, start, out = candidates(), bases(cohort), []
    detector = Movement().fit(teachers)
    for member in cohort:
        said = complete(member)
        if said is None or not style_answers(said) or member.base not in start:
            continue
        base, what = start[member.base]
        if base is member:
            continue
        lineage = member.lineage
        name = lineage.base.name if lineage.base is not None else lineage.base_spec
        result = found(
            member,
            said,
            Teacher(name, "", "", base.transcript()),
            f"{name}, {what}",
            teachers,
            detector,
        )
        if isinstance(result, NotMeasured):
            say(f"{member.name}: {result.reason}")
            continue
        say(f"{member.name}: rank {result.rank(result.scores)}")
        out.append(result)
    return out


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cohorts", nargs="*", type=Path, default=[COMMITTED], metavar="COHORT")
    args = parser.parse_args()
    members = Cohort(tuple(m for folder in args.cohorts for m in load_cohort(folder)))
    every = judged(members, lambda line: print(line, file=sys.stderr, flush=True))
    print(f"### Every suspect\n\n{members_table(every)}\n")
    print(
        f"### The right teacher first\n\nIntervals: Clopper and Pearson, over students.\n\n{goals_table(every)}\n"
    )
    print(f"### Controls without a teacher\n\n{nulls_table(every)}\n")
    print(f"### By number of answers, full dose\n\n{curve_table(every)}")


if __name__ == "__main__":
    main()
