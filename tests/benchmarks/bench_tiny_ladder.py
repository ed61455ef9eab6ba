"""What likelihood tells of tiny models' teachers: do the controls' p-values keep their promise, and
who is found at which dose?

python -m tests.benchmarks.bench_tiny_ladder [--ladder ladders/tiny] [--write
tests/data/ladders/tiny.json]

Without ``--ladder`` the figures come from tests/data/ladders/tiny.json, which a grown ladder (`make
ladder`) was written to. The statistic, by member and teacher: mean bits per byte of the teacher's
held-out words less the mean of the other teachers'. Lower is nearer. A conformal p-value is (1 +
controls that are at least as near) / (controls + 1).
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from scipy.stats import kstest

from auditor.controls.cohort import load_cohort
from auditor.controls.likelihoods import contrasts, read_likelihoods
from auditor.execution.tasks import ended
from auditor.labs.population.population import load_population
from auditor.labs.population.rungs import DONE
from auditor.labs.population.task_plan import COHORT, tasks_of
from detectors.stats.intervals import clopper_pearson, clustered_rate
from fingerprints.errors import MalformedInput

Array = NDArray[np.float64]
COMMITTED = Path(__file__).parents[2] / "tests" / "data" / "ladders" / "tiny.json"
LEVEL = 0.05


@dataclass(frozen=True)
class Member:
    """One model: what it is, and its contrast to every teacher (lower: nearer)."""

    name: str
    group: str
    role: str
    start: str
    teacher: str
    method: str
    dose: float
    seed: int
    contrast: dict[str, float]

    @property
    def clean(self) -> bool:
        """Whether it is a control from the body that was not made to look taught."""
        return self.role == "negative" and self.start == "body"


def read_ladder(folder: Path) -> list[Member]:
    """Every finished member of a grown ladder; those that lack their likelihoods are left out."""
    cohort = load_cohort(folder / COHORT)
    return [_member(m) for m in cohort if (m.folder / DONE).is_file()]


def _member(m: Any) -> Member:
    lineage = m.lineage
    return Member(
        name=m.name,
        group=m.name.rpartition("-seed")[0],
        role=lineage.role,
        start="random" if lineage.base_spec.startswith("scratch:") else "body",
        teacher=m.teachers[0] if m.teachers else "",
        method=lineage.method,
        dose=lineage.dose or 0.0,
        seed=lineage.seed or 0,
        contrast={k: round(v, 5) for k, v in contrasts(read_likelihoods(m.folder)).items()},
    )


def seconds_by_kind(folder: Path) -> list[dict[str, Any]]:
    """By kind of task: how many are done, and their mean seconds in their process."""
    found: dict[str, list[float]] = {}
    for task in tasks_of(load_population("tiny"), folder):
        end = ended(task)
        if end is not None:
            found.setdefault(task.group, []).append(end.seconds)
    return [
        {"kind": k, "n": len(v), "mean_seconds": round(sum(v) / len(v), 1), "sum": round(sum(v))}
        for k, v in found.items()
    ]


def p_values(values: Array, nulls: Array) -> Array:
    """Conformal p-values of ``values`` against ``nulls``: how many nulls are at least as near
    (as low)."""
    return np.asarray(
        [(1 + np.sum(nulls <= v)) / (len(nulls) + 1) for v in values], dtype=np.float64
    )


def of(members: Iterable[Member], teacher: str) -> Array:
    """The members' contrasts to one teacher."""
    return np.array([m.contrast[teacher] for m in members], dtype=np.float64)


def held_out_p(
    members: Sequence[Member], teachers: Sequence[str], key: Callable[[Member], str]
) -> list[tuple[Member, str, float]]:
    """Each member's p-values against those members that share no key with it."""
    rows = []
    for m in members:
        others = [o for o in members if key(o) != key(m)]
        rows += [(m, t, float(p_values(of([m], t), of(others, t))[0])) for t in teachers]
    return rows


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    return "\n".join(
        [
            "| " + " | ".join(head) + " |",
            "|---" * len(head) + "|",
            *("| " + " | ".join(map(str, r)) + " |" for r in rows),
        ]
    )


def null_table(members: Sequence[Member], teachers: Sequence[str]) -> str:
    """Whether controls' p-values are uniform, against which others."""
    clean = [m for m in members if m.clean]
    against = [
        (m, t, float(p_values(of([m], t), of(clean, t))[0]))
        for m in members
        if m.role == "confounded"
        for t in teachers
    ]
    own = [(m, t, p) for m, t, p in against if m.group in (f"like-{t}", f"source-{t}")]
    rest = [(m, t, p) for m, t, p in against if m.group not in (f"like-{t}", f"source-{t}")]
    fresh = [m for m in members if m.role == "negative" and m.start == "random"]
    kinds = [
        (
            "control against all other controls (uniform by arithmetic)",
            held_out_p(clean, teachers, lambda m: m.name),
        ),
        ("control against controls of other kinds", held_out_p(clean, teachers, lambda m: m.group)),
        (
            "control from random weights, against those from the body",
            _against(fresh, clean, teachers),
        ),
        ("confounded, teachers whose house it didn't read", rest),
        ("confounded, the teacher whose house it read", own),
    ]
    return table(
        [
            "tested",
            "members",
            "kinds",
            "p-values",
            "KS D",
            "KS p (as if independent)",
            "share p ≤ 0.05",
            "95 % (by kind)",
        ],
        [_null_row(name, rows) for name, rows in kinds if rows],
    )


def _against(
    members: Sequence[Member], nulls: Sequence[Member], teachers: Sequence[str]
) -> list[tuple[Member, str, float]]:
    return [(m, t, float(p_values(of([m], t), of(nulls, t))[0])) for m in members for t in teachers]


def _null_row(name: str, rows: Sequence[tuple[Member, str, float]]) -> list[object]:
    p = np.array([r[2] for r in rows])
    found = kstest(p, "uniform")
    groups = [m.group for m, _, _ in rows]
    share = clustered_rate([float(v <= LEVEL) for v in p], groups)
    low, high = share.interval
    return [
        name,
        len({m.name for m, _, _ in rows}),
        len(set(groups)),
        len(p),
        f"{found.statistic:.3f}",
        f"{found.pvalue:.3g}",
        f"{share.value:.3f}",
        f"{low:.2f}–{high:.2f}",
    ]


def power_table(members: Sequence[Member], teachers: Sequence[str]) -> str:
    """Which share of students is found at p ≤ 0.05 for its own teacher, by method and dose,
    against three populations."""
    clean = [m for m in members if m.clean]
    alike = [m for m in clean if m.group == "neutral"]
    every = [m for m in members if m.role != "positive" and m.start == "body"]
    rows = []
    for (start, method, dose), students in cells(members):
        found = [
            sum(
                float(p_values(of([m], m.teacher), of(null, m.teacher))[0]) <= LEVEL
                for m in students
            )
            for null in (alike, clean, every)
        ]
        family = sum(named(m, clean, teachers) == m.teacher for m in students)
        n = len(students)
        rows.append([start, method, f"{dose:g}", n, *(rate(k, n) for k in (*found, family))])
    head = [
        "start",
        "method",
        "dose",
        "students",
        "found, against controls of the filler alone",
        "found, against clean controls",
        "found, against all controls",
    ]
    return table([*head, "named rightly out of all teachers"], rows)


def named(member: Member, nulls: Sequence[Member], teachers: Sequence[str]) -> str:
    """The teacher that the member is nearest to, where no more than 5 % of the nulls are as near to
    whichever; else "".

    Nearness is in standard deviations of the nulls and the member together, so that all of them are
    treated alike; taking the nearest of all teachers on both sides pays for having looked at every
    one of them. (Holm's correction of six p-values could never reject with fewer than 119 nulls.)
    """
    values = np.array([[m.contrast[t] for t in teachers] for m in (*nulls, member)])
    scaled = (values - values.mean(axis=0)) / values.std(axis=0)
    nearest = scaled.min(axis=1)
    p = float(p_values(nearest[-1:], nearest[:-1])[0])
    return teachers[int(scaled[-1].argmin())] if p <= LEVEL else ""


def z(member: Member, nulls: Sequence[Member], teacher: str) -> float:
    """The member's contrast in standard deviations of the nulls'; lower is nearer."""
    known = of(nulls, teacher)
    return float((member.contrast[teacher] - known.mean()) / known.std(ddof=1))


def rank_table(members: Sequence[Member], teachers: Sequence[str]) -> str:
    """How often a student's own teacher comes first among all, raw and normalised by the clean
    controls."""
    clean = [m for m in members if m.clean]
    rows = []
    for (start, method, dose), students in cells(members):
        raw = sum(min(teachers, key=lambda t, m=m: m.contrast[t]) == m.teacher for m in students)  # type: ignore[misc]
        normal = sum(
            min(teachers, key=lambda t, m=m: z(m, clean, t)) == m.teacher for m in students
        )  # type: ignore[misc]
        rows.append(
            [
                start,
                method,
                f"{dose:g}",
                len(students),
                rate(normal, len(students)),
                rate(raw, len(students)),
            ]
        )
    return table(
        ["start", "method", "dose", "students", "own teacher first (z)", "own teacher first (raw)"],
        rows,
    )


def naive_table(members: Sequence[Member], teachers: Sequence[str]) -> str:
    """What thresholds that know no controls say of models without a teacher."""
    untaught = [m for m in members if m.role != "positive"]
    clean = [m for m in untaught if m.clean]
    rows = []
    for name, chosen in (
        ("clean", clean),
        ("confounded", [m for m in untaught if m.role == "confounded"]),
    ):
        below = [m.contrast[t] < 0 for m in chosen for t in teachers]
        told = sum(
            named(m, [c for c in clean if c.group != m.group], teachers) != "" for m in chosen
        )
        firsts = [min(teachers, key=lambda t, m=m: m.contrast[t]) for m in chosen]  # type: ignore[misc]
        usual = max(sorted(set(firsts)), key=firsts.count)
        rows.append(
            [
                name,
                len(chosen),
                rate(sum(below), len(below)),
                f"100 % ({usual}: {firsts.count(usual)})",
                rate(told, len(chosen)),
            ]
        )
    head = [
        "controls",
        "members",
        "contrast below 0 (member × teacher)",
        "the nearest teacher is named",
    ]
    return table([*head, "some teacher is named, controls of other kinds as nulls"], rows)


def cells(members: Sequence[Member]) -> list[tuple[tuple[str, str, float], list[Member]]]:
    """Students by start, method and dose."""
    found: dict[tuple[str, str, float], list[Member]] = {}
    for m in members:
        if m.role == "positive":
            found.setdefault((m.start, m.method, m.dose), []).append(m)
    return sorted(found.items(), key=lambda item: (item[0][0], item[0][1] == "logits", item[0][2]))


def rate(k: int, n: int) -> str:
    """A share with its exact 95 % interval."""
    low, high = clopper_pearson(k, n)
    return f"{k}/{n} = {k / n:.2f} ({low:.2f}–{high:.2f})"


def write(path: Path, members: Sequence[Member], seconds: Sequence[dict[str, Any]]) -> None:
    """The committed artefact: one row a member, numbers and names alone."""
    value = {
        "format": "tiny-ladder/1",
        "machine": machine(),
        "seconds": list(seconds),
        "members": [vars(m) for m in members],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = ",\n".join(json.dumps(vars(m), ensure_ascii=False) for m in members)
    head = json.dumps({k: v for k, v in value.items() if k != "members"}, ensure_ascii=False)
    path.write_text(f'{head[:-1]}, "members": [\n{rows}\n]}}\n', "utf-8")


def machine() -> str:
    """The machine in words, with how busy it is now."""
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, load {os.getloadavg()[2]:.1f}"


@click.command()
@click.option(
    "--ladder", "folder", type=click.Path(path_type=Path), help="A grown ladder's folder."
)
@click.option(
    "--write",
    "into",
    type=click.Path(path_type=Path),
    help="Where to write one row a member (JSON).",
)
def main(folder: Path | None, into: Path | None) -> None:
    """Prints the tables as Markdown."""
    if folder is not None:
        members, seconds, on = read_ladder(folder), seconds_by_kind(folder), machine()
        if into is not None:
            write(into, members, seconds)
    elif COMMITTED.is_file():
        value = json.loads(COMMITTED.read_text("utf-8"))
        members, seconds, on = (
            [Member(**row) for row in value["members"]],
            value["seconds"],
            value["machine"],
        )
    else:
        raise MalformedInput(
            "no grown ladder",
            where=COMMITTED,
            next_step="run `make ladder`, then give --ladder ladders/tiny",
        )
    tell(members, seconds, on)


def tell(members: Sequence[Member], seconds: Sequence[dict[str, Any]], on: str) -> None:
    """Every table."""
    teachers = list(members[0].contrast)
    roles = [m.role for m in members]
    print(
        f"{len(members)} members: "
        + ", ".join(f"{roles.count(r)} {r}" for r in sorted(set(roles)))
        + f". {on}.\n"
    )
    whole = sum(s["sum"] for s in seconds) / 60
    rows = [[s["kind"], s["n"], s["mean_seconds"]] for s in seconds]
    print(
        table(["kind", "done", "seconds each"], rows)
        + f"\n\nTogether {whole:.0f} process-minutes.\n"
    )
    for title, text in (
        ("Null check", null_table(members, teachers)),
        ("Students found at p ≤ 0.05", power_table(members, teachers)),
        ("Which teacher comes first", rank_table(members, teachers)),
        ("Thresholds without controls", naive_table(members, teachers)),
    ):
        print(f"### {title}\n\n{text}\n")


if __name__ == "__main__":
    main()
