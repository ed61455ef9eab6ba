"""From which dose, and from how many answers on, is a student's teacher seen?

    python -m tests.benchmarks.bench_power [COHORT] [--draws 20]
    AUDITOR_BENCH_DATA=data python -m tests.benchmarks.bench_power --public

Without ``--public``: the real ladder's members (tests/data/ladders/real), each playing the suspect among
the others as shadows, as in `bench_shadow`, on drawn subsets of its answers; nothing is trained.
With it: LLaMA-1 tuned by one recipe on answers of models or of people (QLoRA), on drawn subsets of
53 prompts. Prints figures only, never a word of an answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from auditor.controls.cohort import Member, load_cohort
from auditor.reporting.markdown import table
from detectors.stats.intervals import clopper_pearson
from detectors.stats.lr_validity import auc, tpr_at_fpr
from detectors.style.shadow_panel import HeldOutScore, ShadowPanel
from tests.benchmarks.bench_same_base import BY_MODELS, BY_PEOPLE, qlora, qlora_prompts
from tests.benchmarks.bench_shadow import COMMITTED, is_plain, kind_of, shadow_of

SIZES = (4, 8, 16, 32, 64)
QLORA_SIZES = (10, 20, 40, 53)
FALSE = 0.05
Rows = list[HeldOutScore]


def panels(members: Sequence[Member], base: Member) -> Iterator[tuple[ShadowPanel, list[Member]]]:
    """A panel and who plays the suspect in it: all plain members in one; each diluted one with
    them in a panel of its own."""
    plain = [m for m in members if is_plain(m)]
    said = base.transcript()
    diluted = [
        m for m in members if not m.lineage.evasions and m.lineage.dose not in (None, 0.0, 1.0)
    ]
    for extra in ([], *([m] for m in diluted)):
        panel = ShadowPanel.of(said, said, [shadow_of(m) for m in (*plain, *extra)])
        if panel is None:
            raise SystemExit("the cohort's members share fewer than 20 prompts")
        yield panel, extra or [m for m in plain if m is not base]


def on_subset(
    panel: ShadowPanel, drawn: NDArray[np.intp], suspects: Sequence[Member]
) -> dict[str, Rows]:
    """Each suspect's held-out scores on the drawn prompts, by its name."""
    part = replace(
        panel,
        suspect=tuple(panel.suspect[i] for i in drawn),
        base=tuple(panel.base[i] for i in drawn),
        x=panel.x[:, drawn],
    )
    place = {s.name: i for i, s in enumerate(part.shadows)}
    found = part.held_out
    return {
        m.name: [h for h in found if h.shadow == place[m.name]] for m in suspects if m.name in place
    }


def ladder(cohort: Path, base_kind: str, draws: int) -> str:
    """Dose by number of answers: the teacher's first place, and students found at five in a
    hundred false alarms."""
    every = list(load_cohort(cohort))
    base = next(m for m in every if kind_of(m) == base_kind)
    members = [m for m in every if m.base == base.base and m.transcript_path is not None]
    found: dict[int, list[dict[str, Rows]]] = {}
    for panel, suspects in panels(members, base):
        most = panel.x.shape[1]
        for size in sorted({min(size, most) for size in SIZES}):
            rng = np.random.default_rng(size)
            rounds = [
                np.sort(rng.choice(most, size, replace=False))
                for _ in range(draws if size < most else 1)
            ]
            scores = [on_subset(panel, drawn, suspects) for drawn in rounds]
            merged = found.setdefault(size, [{} for _ in rounds])
            for together, one in zip(merged, scores, strict=True):
                together.update(one)
    doses = {m.name: m.lineage.dose or 0.0 for m in members}
    rows = [
        row
        for dose in sorted({d for d in doses.values() if d})
        for row in by_size(dose, doses, found)
    ]
    head = (
        "dose",
        "students",
        "answers",
        "teacher first (chance 1/6)",
        "found at 5 % false alarms",
        "false alarms' pairs; models",
    )
    return table(head, rows)


def by_size(
    dose: float, doses: Mapping[str, float], found: Mapping[int, Sequence[dict[str, Rows]]]
) -> Iterator[tuple[str, ...]]:
    """One row for each number of answers: means over draws, exact intervals for so many
    students."""
    for size, draws in sorted(found.items()):
        first, power, nulls = [], [], (0, 0)
        for scores in draws:
            mine = {
                n: rows
                for n, rows in scores.items()
                if doses[n] == dose and any(h.taught for h in rows)
            }
            own = {n: max(h.value for h in rows if h.taught) for n, rows in mine.items()}
            wrong = [
                (n, h.value)
                for n, rows in scores.items()
                if doses[n] in (0.0, 1.0)
                for h in rows
                if not h.taught
            ]
            first += [own[n] >= max(h.value for h in rows) for n, rows in mine.items()]
            at = tpr_at_fpr(
                [*own.values()], [v for _, v in wrong], FALSE, groups_h2=[n for n, _ in wrong]
            )
            power.append(at.tpr)
            nulls = len(wrong), len({n for n, _ in wrong})
        n = len(first) // len(draws)
        yield (
            f"{100 * dose:g} %",
            str(n),
            str(size),
            _share(np.mean(first), n),
            _share(np.mean(power), n),
            f"{nulls[0]}; {nulls[1]}",
        )


def public(draws: int) -> str:
    """LLaMA-1 tuned on models' answers against people's: by the number of answers."""
    whole, rng, rows = qlora_prompts(), np.random.default_rng(0), []
    for size in QLORA_SIZES:
        areas, power, n = [], [], 0
        for _ in range(1 if size >= len(whole) else draws):
            scores = qlora(
                frozenset(rng.choice(whole, min(size, len(whole)), replace=False).tolist())
            )
            one, two = (
                [s[1] for name, s in scores.items() if _is_of(name, kind)]
                for kind in (BY_MODELS, BY_PEOPLE)
            )
            areas.append(auc(np.array(one), np.array(two)))
            power.append(tpr_at_fpr(one, two, FALSE).tpr)
            n = len(one)
        rows.append(
            (
                str(size),
                str(len(areas)),
                f"{np.mean(areas):.3f} ({min(areas):.2f}–{max(areas):.2f})",
                _share(np.mean(power), n),
            )
        )
    return table(("answers", "draws", "AUC, mean (least–most)", "found at 5 % false alarms"), rows)


def _is_of(name: str, kinds: Sequence[str]) -> bool:
    return any(kind in name for kind in kinds) and not name.startswith("api")


def _share(mean: np.floating | float, n: int) -> str:
    low, high = clopper_pearson(round(float(mean) * n), n)
    return f"{mean:.2f} ({low:.2f}–{high:.2f})"


@click.command()
@click.argument("cohort", type=click.Path(exists=True, path_type=Path), default=COMMITTED)
@click.option(
    "--base",
    default="untrained",
    show_default=True,
    help="What the untrained base's folder is called.",
)
@click.option(
    "--draws", default=20, show_default=True, help="How many subsets of each size are drawn."
)
@click.option(
    "--public", "by_public", is_flag=True, help="The public students instead of the ladder."
)
def main(cohort: Path, base: str, draws: int, by_public: bool) -> None:
    """Prints one table."""
    click.echo(public(draws) if by_public else ladder(cohort, base, draws))


if __name__ == "__main__":
    main()
