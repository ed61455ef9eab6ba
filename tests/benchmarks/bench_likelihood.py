"""Likelihood detectors on models of known history: the tiny ladder, and audits of real models.

``python -m tests.benchmarks.bench_likelihood [REPORT …]`` prints Markdown. The tiny ladder's
committed contrasts (tests/data/ladders/tiny.json: what `mirrored_likelihood` measures, for 146 members
and 6 teachers) are normalised by controls of other kinds and turned into likelihood ratios with
whole teachers and whole kinds left out. REPORT: folders of audits whose findings by likelihood are
shown. Nothing is trained or asked; names and numbers alone.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from auditor.audits.report.bundle import load_bundle
from auditor.reporting.markdown import inline, table
from detectors.stats.grouping import grouped
from detectors.stats.intervals import clopper_pearson
from detectors.stats.log_lr import LogLikelihoodRatio
from detectors.stats.lr_validity import auc, cllr, cllr_min, resampled
from tests.benchmarks.bench_tiny_ladder import COMMITTED, Member
from tests.benchmarks.holdout import held_out, hold_out

Array = NDArray[np.float64]
SUPPORTED, WEAK = 1.0, 0.301
FULL, QUARTER = 1.0, 0.25
VALUES = (
    ("standard deviations from controls of other kinds", 1.0, False),
    ("the same, above the best other teacher", 1.0, True),
    ("the same, what controls do on other teachers taken out", 0.5, False),
)
READING = ("mirrored_likelihood", "cross_likelihood", "prefill_identity")


@dataclass(frozen=True)
class Row:
    """One member against one teacher: its value (higher: nearer), and whether that teacher
    taught it."""

    member: Member
    teacher: str
    value: float

    @property
    def taught(self) -> bool:
        """Whether the teacher is the member's own."""
        return self.member.teacher == self.teacher

    @property
    def unit(self) -> str:
        """The exchangeable unit: the kind of the member, whatever its seed."""
        return self.member.group

    @property
    def teachers(self) -> frozenset[Hashable]:
        """The teachers that are left out when this row is tested."""
        return frozenset({self.teacher, self.member.teacher} - {""})


def standing(
    member: Member, members: Sequence[Member], teachers: Sequence[str], shrink: float
) -> Array:
    """The member's nearness to each teacher in standard deviations of the clean controls of other
    kinds, (teachers,).

    Every kind weighs the same. ``shrink`` 1 takes each teacher by itself; below it what controls do
    on other teachers is taken out: (P x) / sqrt(diag P), with P the inverse of the controls'
    covariance, shrunk that far to its diagonal.
    """
    known = [o for o in members if o.clean and o.group != member.group]
    groups = [o.group for o in known]
    weights = np.array([1 / groups.count(g) / len(set(groups)) for g in groups])
    values = np.array([[-o.contrast[t] for t in teachers] for o in known])
    mean = weights @ values
    spread = (values - mean).T @ ((values - mean) * weights[:, None])
    inverse = np.linalg.inv((1 - shrink) * spread + shrink * np.diag(np.diag(spread)))
    own = np.array([-member.contrast[t] for t in teachers]) - mean
    return np.asarray(inverse @ own / np.sqrt(np.diag(inverse)))


def rows_of(
    members: Sequence[Member], teachers: Sequence[str], shrink: float, margin: bool
) -> list[Row]:
    """Every member against every teacher by `standing`; ``margin``: how far above the best other
    teacher."""
    out = []
    for m in members:
        z = standing(m, members, teachers, shrink)
        best = [max(np.delete(z, i)) if margin else 0.0 for i in range(len(z))]
        out += [Row(m, t, float(z[i] - best[i])) for i, t in enumerate(teachers)]
    return out


def ratios(rows: Sequence[Row]) -> Array:
    """log10 LR of every row from a map fitted without its kind, its candidate and its teacher."""
    labels = [int(r.taught) for r in rows]
    splits = hold_out([r.teachers for r in rows], [r.member.group for r in rows])
    return held_out(
        LogLikelihoodRatio(), [r.value for r in rows], labels, [r.unit for r in rows], splits
    )


def at_dose(rows: Sequence[Row], *doses: float) -> list[Row]:
    """Students from the body at these doses, and every control from the body."""
    return [
        r
        for r in rows
        if r.member.start == "body" and (r.member.role != "positive" or r.member.dose in doses)
    ]


def validity(name: str, rows: Sequence[Row], shown: Sequence[Row]) -> list[object]:
    """Cllr of the shown rows' held-out ratios, every unit weighing the same, with a bootstrap
    over units."""
    known = dict(zip(map(id, rows), ratios(rows), strict=True))
    x, units, h1 = (
        np.array([known[id(r)] for r in shown]),
        [r.unit for r in shown],
        np.array([r.taught for r in shown]),
    )
    data = grouped(h1.astype(int), units)
    shares = data.shares()
    parts = (x[h1], x[~h1], shares[h1], shares[~h1])
    found = resampled(cllr, x, h1.astype(int), units, resamples=500)
    told = f"{found.value:.2f} ({found.low:.2f}–{found.high:.2f})"
    return [
        name,
        *data.models,
        told,
        f"{cllr_min(*parts):.2f}",
        f"{auc(*parts):.3f}",
        f"{x[h1].max():+.2f}",
    ]


def calibration_table(rows: Sequence[Row]) -> str:
    """Cllr by dose: a map fitted at that dose alone, and one fitted on both doses."""
    both = at_dose(rows, FULL, QUARTER)
    found = []
    for name, dose in (("full dose", FULL), ("25 %", QUARTER)):
        at = at_dose(rows, dose)
        found.append(validity(f"{name}, fitted at this dose", at, at))
        found.append(
            validity(f"{name}, fitted at full dose and 25 %", both, [r for r in both if r in at])
        )
    return table(
        ["students", "units H1", "units H2", "Cllr, bits", "least Cllr", "AUC", "largest log10 LR"],
        map(texts, found),
    )


def accusations_table(rows: Sequence[Row]) -> str:
    """How many controls get a ratio for some teacher, with the map of both doses; the right
    teacher of students beside it."""
    known = [r for r in rows if r.member.role != "positive" or r.member.dose in (FULL, QUARTER)]
    found = dict(zip(map(id, known), ratios(known), strict=True))
    groups = {
        "clean controls": [m for m in members_of(known) if m.clean],
        "confounded controls": [m for m in members_of(known) if m.role == "confounded"],
        "confounded, teachers whose house they didn't read": [
            m for m in members_of(known) if m.role == "confounded"
        ],
        "controls from random weights": [
            m for m in members_of(known) if m.role == "negative" and m.start == "random"
        ],
        "all controls": [m for m in members_of(known) if m.role != "positive"],
    }
    out = []
    for name, members in groups.items():
        skip = "house" in name
        best = [
            max(found[id(r)] for r in known if r.member is m and not (skip and own_house(r)))
            for m in members
        ]
        kinds = len({m.group for m in members})
        out.append(
            [
                name,
                len(members),
                kinds,
                *(rate(sum(b >= level for b in best), len(best)) for level in (WEAK, SUPPORTED)),
            ]
        )
    return table(
        ["controls", "members", "kinds", "some teacher at log10 LR ≥ 0.301", "≥ 1"], map(texts, out)
    )


def own_house(row: Row) -> bool:
    """Whether a control read the very texts that the teacher was made from: a common source, and
    no false accusation."""
    return row.member.group in (f"like-{row.teacher}", f"source-{row.teacher}")


def rank_table(rows: Sequence[Row]) -> str:
    """How often the right teacher comes first, and gets a ratio, by dose (students from the
    body)."""
    both = at_dose(rows, *sorted({r.member.dose for r in rows if r.taught}))
    found = dict(zip(map(id, both), ratios(both), strict=True))
    out = []
    for method in ("sft", "logits"):
        for dose in sorted({r.member.dose for r in both if r.taught and r.member.method == method}):
            students = [
                r for r in both if r.taught and r.member.method == method and r.member.dose == dose
            ]
            first = sum(
                r.value >= max(o.value for o in both if o.member is r.member) for r in students
            )
            named = sum(found[id(r)] >= SUPPORTED for r in students)
            out.append(
                [
                    method,
                    f"{dose:g}",
                    len(students),
                    rate(first, len(students)),
                    rate(named, len(students)),
                ]
            )
    return table(
        ["method", "dose", "students", "right teacher first", "its log10 LR ≥ 1"], map(texts, out)
    )


def members_of(rows: Sequence[Row]) -> list[Member]:
    """Each member once, in order."""
    return list({id(r.member): r.member for r in rows}.values())


def texts(row: Sequence[object]) -> list[str]:
    """A row's cells as text; names in them are our own or escaped already."""
    return [str(cell) for cell in row]


def rate(k: int, n: int) -> str:
    """A share with its exact 95 % interval, over members as if they were independent."""
    low, high = clopper_pearson(k, n)
    return f"{k}/{n} = {k / n:.2f} ({low:.2f}–{high:.2f})"


def report_table(folder: Path) -> str:
    """The findings by likelihood of one audit's report."""
    report = load_bundle(folder)
    out = []
    for f in (f for f in report.findings if f.detector in READING):
        bounds = "" if f.interval is None else f" ({f.interval[0]:+.3f} to {f.interval[1]:+.3f})"
        rank = "" if f.rank is None else f"{f.rank.position} of {f.rank.of}"
        out.append(
            [
                f.detector,
                inline(f.candidate or "the suspect alone"),
                f"{f.value:+.3f}{bounds}",
                f"{f.n} {f.n_unit}",
                rank,
            ]
        )
    return table(
        ["detector", "candidate", "value (95 %)", "n", "rank"],
        map(texts, sorted(out, key=lambda r: (r[0], r[4]))),
    )


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reports", nargs="*", type=Path)
    folders = parser.parse_args().reports
    members = [Member(**row) for row in json.loads(COMMITTED.read_text("utf-8"))["members"]]
    teachers = list(members[0].contrast)
    for title, shrink, margin in VALUES:
        rows = rows_of(members, teachers, shrink, margin)
        print(f"### Value: {title}\n")
        for part in (rank_table(rows), calibration_table(rows), accusations_table(rows)):
            print(part + "\n")
    for folder in folders:
        print(f"### {inline(folder.name)}\n\n{report_table(folder)}\n")


if __name__ == "__main__":
    main()
