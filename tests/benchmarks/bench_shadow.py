"""Shadow students as witnesses: is the right teacher named, how strongly, and how often is somebody
named without one?

``python -m tests.benchmarks.bench_shadow [COHORT]`` (without a folder: tests/data/ladders/real) prints
Markdown. Nothing is trained: every member of the ladder plays the suspect once, against the others
as shadows. Members of the suspect's seed are known to no fit that scores it, and its likelihood
ratio comes from a calibration without the suspect and without all other members that share its
teacher (or kind of control). Names and numbers alone: no answer is printed.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from auditor.controls.cohort import Member, load_cohort
from auditor.reporting.markdown import inline, table
from detectors.base import Shadow
from detectors.stats.grouping import grouped
from detectors.stats.intervals import clopper_pearson
from detectors.stats.log_lr import LogLikelihoodRatio
from detectors.stats.lr_validity import auc, cllr, cllr_min, resampled
from detectors.style.shadow_panel import HeldOutScore, ShadowPanel

COMMITTED = Path(__file__).parents[2] / "tests" / "data" / "ladders" / "real"
SUPPORTED = 0.301
FULL = 1.0


@dataclass(frozen=True)
class Suspect:
    """One member as the suspect: its rows on each candidate, their log10 LRs (None: too few were
    left to calibrate on)."""

    member: Member
    rows: tuple[HeldOutScore, ...]
    ratios: tuple[float, ...]

    @property
    def right(self) -> int | None:
        """The place of its teacher (the better one of two) among the candidates, 1 for the
        first; None without a score."""
        own = [r.value for r in self.rows if r.taught]
        return 1 + sum(not r.taught and r.value > max(own) for r in self.rows) if own else None

    @property
    def own(self) -> float | None:
        """log10 LR of its teacher, the larger one of two."""
        return max(
            (x for r, x in zip(self.rows, self.ratios, strict=True) if r.taught), default=None
        )

    @property
    def accused(self) -> int:
        """How many who did not teach it are supported."""
        return sum(
            not r.taught and x >= SUPPORTED for r, x in zip(self.rows, self.ratios, strict=True)
        )


def kind_of(member: Member) -> str:
    """What a member is called without base and seed."""
    return member.name.rsplit("/", 1)[-1].split("-base")[0]


def shadow_of(member: Member) -> Shadow:
    """A member as a shadow."""
    kind = "" if member.teachers else kind_of(member)
    return Shadow(member.name, member.transcript(), member.teachers, kind, member.lineage.seed)


def is_plain(member: Member) -> bool:
    """Whether it learned at full dose and nothing was done to hide that, or learned from nobody."""
    return not member.lineage.evasions and member.lineage.dose in (0.0, FULL, None)


def suspects(members: Sequence[Member], base: Member) -> list[Suspect]:
    """Everybody as the suspect. Diluted and disguised members are suspects only, and never
    shadows."""
    plain = [m for m in members if is_plain(m)]
    panel = ShadowPanel.of(base.transcript(), base.transcript(), [shadow_of(m) for m in plain])
    if panel is None:
        raise SystemExit("the cohort's members share fewer than 20 prompts")
    out = [Suspect(m, *judged(panel, m.name, plain)) for m in plain if m is not base]
    for other in (m for m in members if m not in plain):
        whole = ShadowPanel.of(
            base.transcript(), base.transcript(), [shadow_of(m) for m in (*plain, other)]
        )
        if whole is not None:
            out.append(
                Suspect(other, *judged(whole, other.name, [*plain, other], hidden=other.name))
            )
    return out


def audited(members: Sequence[Member], base: Member) -> list[Suspect]:
    """Everybody as the suspect of `auditor shadow`: every other plain member is a shadow, its
    teacher's other student too."""
    plain = [m for m in members if is_plain(m)]
    others = [m for m in members if m not in plain]
    whole = ShadowPanel.of(base.transcript(), base.transcript(), [shadow_of(m) for m in members])
    if whole is None:
        raise SystemExit("the cohort's members share fewer than 20 prompts")
    place = {s.name: i for i, s in enumerate(whole.shadows)}
    out = []
    for member in (m for m in (*plain, *others) if m is not base and m.name in place):
        kept = [m for m in plain if m is not member and m.name in place]
        rows = [1 + place[m.name] for m in (member, *kept)]
        panel = replace(
            whole, shadows=tuple(whole.shadows[row - 1] for row in rows[1:]), x=whole.x[rows]
        )
        fitted = LogLikelihoodRatio().fit(
            [h.value for h in panel.held_out],
            [int(h.taught) for h in panel.held_out],
            [panel.shadows[h.shadow].name for h in panel.held_out],
        )
        found = [
            HeldOutScore(0, c, c in member.teachers, float(v))
            for c, v in zip(panel.candidates, panel.scores, strict=True)
        ]
        out.append(Suspect(member, tuple(found), tuple(map(float, fitted.log10_lr(panel.scores)))))
    return out


def judged(
    panel: ShadowPanel, name: str, members: Sequence[Member], hidden: str = ""
) -> tuple[tuple[HeldOutScore, ...], tuple[float, ...]]:
    """The suspect's held-out rows and their capped log10 LRs from the rows of everybody not akin to
    it.

    ``hidden`` is a member that no other member's fit may know: its own row is right all the same,
    as a fit never knows the member that it scores; the others' rows are taken from the panel
    without it.
    """
    place = {s.name: i for i, s in enumerate(panel.shadows)}
    mine = tuple(h for h in panel.held_out if h.shadow == place[name])
    kin = panel.shadows[place[name]].sources
    others = without(panel, hidden) if hidden else panel
    rows = [
        h
        for h in others.held_out
        if not (others.shadows[h.shadow].sources & kin) and h.candidate not in kin
    ]
    if not mine or not rows:
        return (), ()
    fitted = LogLikelihoodRatio().fit(
        [h.value for h in rows],
        [int(h.taught) for h in rows],
        [others.shadows[h.shadow].name for h in rows],
    )
    return mine, tuple(map(float, fitted.log10_lr([h.value for h in mine])))


def without(panel: ShadowPanel, name: str) -> ShadowPanel:
    """The same panel, in the same space, without one shadow."""
    kept = [i for i, s in enumerate(panel.shadows) if s.name != name]
    shadows = tuple(panel.shadows[i] for i in kept)
    return ShadowPanel(
        panel.suspect,
        panel.base,
        shadows,
        panel.left_out,
        panel.space,
        panel.x[[0, *(1 + i for i in kept)]],
    )


def rate(hits: int, n: int) -> str:
    """A rate with its exact 95 % interval."""
    if not n:
        return "–"
    low, high = clopper_pearson(hits, n)
    return f"{hits}/{n} = {hits / n:.2f} ({low:.2f}–{high:.2f})"


def told(found: Suspect) -> tuple[str, ...]:
    """One row of the table of suspects."""
    lineage = found.member.lineage
    best = max(
        zip(found.rows, found.ratios, strict=True), key=lambda pair: pair[0].value, default=None
    )
    value = max((r.value for r in found.rows if r.taught), default=math.nan)
    dose = "–" if lineage.dose is None else f"{100 * lineage.dose:g} %"
    teacher = " + ".join(found.member.teachers) or f"nobody ({kind_of(found.member)})"
    return (
        inline(teacher),
        dose,
        inline(", ".join(lineage.evasions) or "–"),
        str(lineage.seed),
        "–" if found.right is None else f"{found.right} of {len(found.rows)}",
        "–" if math.isnan(value) else f"{value:+.2f}",
        "–" if found.own is None else f"{found.own:+.2f}",
        "–"
        if best is None
        else f"{inline(best[0].candidate)} ({best[0].value:+.2f}, {best[1]:+.2f})",
        str(found.accused),
    )


def groups(found: Sequence[Suspect]) -> list[tuple[str, list[Suspect]]]:
    """Suspects by what they are."""

    def group(one: Suspect) -> str:
        lineage = one.member.lineage
        if not one.member.teachers:
            return "controls without a teacher"
        return ", ".join(("students", f"dose {100 * (lineage.dose or 0):g} %", *lineage.evasions))

    names = sorted(
        {group(s) for s in found},
        key=lambda name: (name.startswith("controls"), "dose 100" not in name, name),
    )
    return [(name, [s for s in found if group(s) == name]) for name in names]


def summary(found: Sequence[Suspect]) -> str:
    """Rates by kind of suspect, n is models."""
    rows = []
    for name, group in groups(found):
        students = [s for s in group if s.right is not None]
        pairs = [(r.taught, x) for s in group for r, x in zip(s.rows, s.ratios, strict=True)]
        wrong = [x for taught, x in pairs if not taught]
        ranked = rate(sum(s.right == 1 for s in students), len(students)) if students else "–"
        supported = (
            rate(sum((s.own or 0) >= SUPPORTED for s in students), len(students))
            if students
            else "–"
        )
        denied = (
            rate(sum((s.own or 0) <= -SUPPORTED for s in students), len(students))
            if students
            else "–"
        )
        rows.append(
            (
                name,
                str(len(group)),
                ranked,
                supported,
                denied,
                rate(sum(s.accused > 0 for s in group), len(group)),
                f"{sum(x >= SUPPORTED for x in wrong)}/{len(wrong)}",
            )
        )
    head = (
        "suspects",
        "n",
        "right teacher first",
        "right teacher supported",
        "right teacher denied",
    )
    return table((*head, "suspects with a wrong teacher supported", "wrong pairs supported"), rows)


def quality(found: Sequence[Suspect]) -> str:
    """Cllr, its least and the area under the curve at full dose and of all, intervals over
    models."""
    rows = []
    full = [s for s in found if not s.member.teachers or is_plain(s.member)]
    for name, group in (("full dose and controls", full), ("all", list(found))):
        data = [
            (x, r.taught, s.member.name)
            for s in group
            for r, x in zip(s.rows, s.ratios, strict=True)
        ]
        x, y, who = [d[0] for d in data], [int(d[1]) for d in data], [d[2] for d in data]
        raw = [r.value for s in group for r in s.rows]
        cells = [
            resampled(cllr, x, y, who, resamples=300),
            resampled(auc, raw, y, who, resamples=300),
        ]
        shares = grouped(y, who).shares()
        chosen = [np.array(y) == side for side in (1, 0)]
        sides = [np.asarray(values)[rows_of] for values in (x, shares) for rows_of in chosen]
        rows.append(
            (
                name,
                str(len(group)),
                *(f"{c.value:.2f} ({c.low:.2f}–{c.high:.2f})" for c in cells),
                f"{cllr_min(*sides):.2f}",
            )
        )
    return table(
        ("suspects", "n", "Cllr, bits", "area under the curve of the raw score", "least Cllr"), rows
    )


def by_prompts(members: Sequence[Member], base: Member) -> str:
    """How far fewer prompts carry: plain members alone, the first prompts in the order of their
    digests."""
    plain = [m for m in members if is_plain(m)]
    panel = ShadowPanel.of(base.transcript(), base.transcript(), [shadow_of(m) for m in plain])
    rows = []
    for n in (10, 20, 32, 48, 64) if panel is not None else ():
        part = replace(panel, suspect=panel.suspect[:n], base=panel.base[:n], x=panel.x[:, :n])
        found = part.held_out
        best = [
            max((h for h in found if h.shadow == i), key=lambda h: h.value)
            for i in {h.shadow for h in found if h.taught}
        ]
        labels, who = [int(h.taught) for h in found], [part.shadows[h.shadow].name for h in found]
        area = resampled(auc, [h.value for h in found], labels, who, resamples=300)
        rows.append(
            (
                str(n),
                rate(sum(h.taught for h in best), len(best)),
                f"{area.value:.3f} ({area.low:.3f}–{area.high:.3f})",
            )
        )
    return table(("prompts", "right teacher first", "area under the curve"), rows)


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("cohort", nargs="?", type=Path, default=COMMITTED)
    parser.add_argument(
        "--base", default="untrained", help="what the untrained base's folder is called"
    )
    chosen = parser.parse_args(argv)
    every = list(load_cohort(chosen.cohort))
    base = next(m for m in every if kind_of(m) == chosen.base)
    members = [m for m in every if m.base == base.base and m.transcript_path is not None]
    found = suspects(members, base)
    print(f"{len(found)} suspects on {inline(base.lineage.base_spec.rsplit('/', 1)[-1])}.")
    print("\n### The true teacher unknown to the fits of all others\n")
    print(summary(found), quality(found), sep="\n\n")
    print("\n### As the command does it: all others are shadows\n")
    print(summary(audited(members, base)))
    print("\n### By prompts\n")
    print(by_prompts(members, base))
    print("\n### Every suspect of the first table\n")
    head = (
        "taught by",
        "dose",
        "hidden by",
        "seed",
        "its teacher's rank",
        "its teacher's score",
        "log10 LR of its teacher",
    )
    rows = [told(s) for s in sorted(found, key=lambda s: (not s.member.teachers, s.member.name))]
    print(table((*head, "first candidate (score, log10 LR)", "wrong teachers supported"), rows))


if __name__ == "__main__":
    main()
