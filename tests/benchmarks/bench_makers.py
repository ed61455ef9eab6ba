"""How far verdicts on makers can be trusted, in both directions: by population, teacher and control.

AUDITOR_BENCH_DATA=data python -m tests.benchmarks.bench_makers --work DIR

Reads the answers of public models (evaluated, never copied) and their histories, and keeps what it
measures in ``--work``, where `ship_calibrations` keeps it, too. Every ratio is that of a fit without
the whole lineage that is scored, within the bounds; a hidden maker's students and Korean models are
in no fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from auditor.calibration.held_out import values_of
from auditor.calibration.rows import MeasuredRow, vendor_name
from auditor.calibration.weigher import Weigher
from auditor.evidence.weight import SUPPORTED
from detectors.stats.intervals import clopper_pearson
from detectors.stats.lr_validity import auc, resampled
from tests.benchmarks import known_history, known_labels
from tests.benchmarks.ship_calibrations import (
    DETECTORS,
    LENDER,
    LENT,
    PUBLIC,
    PUBLICS,
    SIZES,
    Public,
    measured,
    suspects,
)

Array = NDArray[np.float64]
HIDDEN = (("english-2023", "OpenAI"), ("japanese-2025", "Google"), ("japanese-2025", "Nexusflow"))
KOREAN = Public("korean-2025", "arena_hard_ko", "ko", "2024 to spring 2025", "")
SIZE = 100
"""Prompts at which hidden makers and Korean models are measured: more change little."""
RIGHT_KINDS = ("derived tune",)
"""Kinds whose documented teaching is most of their tuning: the well-documented students."""


@dataclass(frozen=True)
class Scored:
    """Rows of one population with their held-out ratios."""

    rows: tuple[MeasuredRow, ...]
    ratios: Array

    def where(self, kept: Iterable[bool]) -> Scored:
        """Some of them."""
        flags = np.fromiter(kept, dtype=bool)
        rows = tuple(r for r, keep in zip(self.rows, flags, strict=True) if keep)
        return Scored(rows, self.ratios[flags])

    def supported(self) -> Scored:
        """Those at "supported" or above."""
        return self.where(x >= SUPPORTED for x in self.ratios.tolist())

    @property
    def lineages(self) -> int:
        """How many independent lineages they are."""
        return len({r.group for r in self.rows})


def scored(rows: Sequence[MeasuredRow], names: Sequence[str]) -> tuple[Weigher, Array]:
    """A weigher of these rows, and each row's ratio without its own lineage."""
    detectors = DETECTORS[PUBLIC]
    weigher = Weigher(detectors).fit(
        values_of(rows, detectors),
        [r.label for r in rows],
        [r.group for r in rows],
        [r.candidate for r in rows],
        names,
    )
    return weigher, weigher.fusion_.numbers_.bounds.clip(weigher.held_out_)


def rows_of(work: Path, one: Public, size: int) -> list[MeasuredRow]:
    """What was measured of a population at one number of prompts, makers alone."""
    asked = known_history.probes(one.of)
    known = suspects(one, asked)
    teachers = known_history.stored_teachers(one.of, asked)
    found = measured(work, one.name, DETECTORS[PUBLIC], known, teachers, [size])
    return [r for r in found if r.level == "vendor"]


def hidden_rows(work: Path, one: Public, maker: str, size: int) -> list[MeasuredRow]:
    """Students of a maker whose models are taken out of the store, against everybody else."""
    asked = known_history.probes(one.of)
    known = [k for k in suspects(one, asked) if k.vendors == {maker}]
    teachers = [t for t in known_history.stored_teachers(one.of, asked) if t.vendor != maker]
    name = f"{one.name}-without-{maker.casefold()}"
    found = measured(work, name, DETECTORS[PUBLIC], known, teachers, [size])
    return [r for r in found if r.level == "vendor" and r.label == 0]


def kin_rows(work: Path, one: Public, size: int) -> list[MeasuredRow]:
    """Suspects against makers that did not teach them, and whose stored models share their
    pretrained weights, or made them: what an audit must not take for teaching."""
    asked, rows = known_history.probes(one.of), known_labels.histories(one.of)
    stored, first = known_labels.stored_of(rows), known_labels.first_public()
    kin = {
        (h.model, vendor_name(maker))
        for h in rows
        for maker, label in known_labels.labels(h, stored, first).items()
        if label.ground is known_labels.Ground.LINEAGE
    }
    known = known_history.known_suspects(
        one.of, asked, without=(*known_labels.NO_SUSPECTS, "mixed"), lineage_first=False
    )
    known = [k for k in known if any(model == k.name for model, _ in kin)]
    teachers = known_history.stored_teachers(one.of, asked)
    found = measured(work, f"{one.name}-kin", DETECTORS[PUBLIC], known, teachers, [size])
    return [r for r in found if r.label == 0 and (r.suspect, r.candidate) in kin]


def rate(part: int, whole: int) -> str:
    """A share with Clopper and Pearson's interval."""
    if not whole:
        return "none"
    low, high = clopper_pearson(part, whole)
    return f"{part} of {whole} ({100 * low:.1f} to {100 * high:.1f} %)"


def area(taught: Scored, untaught: Scored) -> str:
    """AUC with its interval over lineages."""
    if taught.lineages < 2 or untaught.lineages < 2:
        return f"too few ({taught.lineages} : {untaught.lineages})"
    labels = [1] * len(taught.rows) + [0] * len(untaught.rows)
    groups = [r.group for r in (*taught.rows, *untaught.rows)]
    x = np.concatenate([taught.ratios, untaught.ratios])
    found = resampled(auc, x, np.array(labels), groups)
    n = f"{taught.lineages} : {untaught.lineages} lineages"
    return f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f}; {n})"


def told(name: str, of: str, found: Scored) -> None:
    """Prints one population: rates, teachers, controls."""
    kinds = {h.model: h for h in known_labels.histories(of)}
    taught = found.where(r.label == 1 for r in found.rows)
    untaught = found.where(r.label == 0 for r in found.rows)
    wrong = untaught.supported()
    click.echo(f"\n## {name}\n")
    click.echo(f"- taught against untaught pairs, AUC {area(taught, untaught)}")
    click.echo(f"- untaught pairs supported: {rate(len(wrong.rows), len(untaught.rows))}")
    click.echo(f"- untaught lineages with any: {rate(wrong.lineages, untaught.lineages)}")
    right = taught.supported()
    labs = {kinds[r.suspect].maker for r in right.rows}
    click.echo(
        f"- taught labs found: {len(labs)} of {len({kinds[r.suspect].maker for r in taught.rows})}"
    )
    click.echo(f"- taught lineages found: {rate(right.lineages, taught.lineages)}")
    sure = taught.where(
        kinds[r.suspect].kind in RIGHT_KINDS and kinds[r.suspect].taught_sure == "documented"
        for r in taught.rows
    )
    click.echo(
        f"- of them documented and mostly taught: {rate(sure.supported().lineages, sure.lineages)}"
    )
    low = untaught.where(x <= -SUPPORTED for x in untaught.ratios.tolist())
    click.echo(f"- untaught pairs not supported: {rate(len(low.rows), len(untaught.rows))}")
    gone = taught.where(x <= -SUPPORTED for x in taught.ratios.tolist())
    click.echo(f"- taught pairs wrongly not supported: {rate(len(gone.rows), len(taught.rows))}")
    for candidate in sorted({r.candidate for r in taught.rows}):
        one, none = (
            part.where(r.candidate == candidate for r in part.rows) for part in (taught, untaught)
        )
        click.echo(
            f"- {candidate}: AUC {area(one, none)}; found"
            f" {rate(one.supported().lineages, one.lineages)}"
        )
    for kind in known_labels.CONTROLS:
        control = untaught.where(kinds[r.suspect].kind == kind for r in untaught.rows)
        whom = {r.candidate for r in taught.rows}
        same = control.where(r.candidate in whom for r in control.rows)
        click.echo(f"- against {kind} models, AUC {area(taught, same)}")
        click.echo(f"  supported: {rate(len(control.supported().rows), len(control.rows))}")
    for row, ratio in sorted(zip(wrong.rows, wrong.ratios, strict=True), key=lambda p: -p[1]):
        click.echo(f"  wrongly supported: {row.suspect} from {row.candidate}, {ratio:+.2f}")


@click.command()
@click.option(
    "--work", type=click.Path(path_type=Path), required=True, help="Where measurements are kept."
)
def main(work: Path) -> None:
    """Prints the tables."""
    work.mkdir(parents=True, exist_ok=True)
    by_name = {p.name: p for p in PUBLICS}
    for name, one in by_name.items():
        size = SIZES[name][-1]
        rows = rows_of(work, one, size)
        lent = _lent(work, by_name, name, size)
        every = [*rows, *lent]
        held = scored(every, [name] * len(rows) + [LENDER] * len(lent))[1]
        told(f"{name}, {size} prompts", one.of, Scored(tuple(rows), held[: len(rows)]))
    weighers = {}
    for name, one in by_name.items():
        rows, lent = rows_of(work, one, SIZE), _lent(work, by_name, name, SIZE)
        names = [name] * len(rows) + [LENDER] * len(lent)
        weighers[name] = scored([*rows, *lent], names)[0].of(name)
    click.echo("\n## Students of a maker that is not stored, kin, and Korean models\n")
    for name, maker in HIDDEN:
        rows = hidden_rows(work, by_name[name], maker, SIZE)
        _applied(f"students of {maker}, its models hidden ({name})", weighers[name], rows)
    for name, one in by_name.items():
        rows = kin_rows(work, one, SIZE)
        _applied(f"pairs on the same pretrained weights ({name})", weighers[name], rows)
    korean = rows_of(work, KOREAN, SIZE)
    for name in by_name:
        _applied(f"Korean models under {name}", weighers[name], korean)


def _lent(work: Path, by_name: dict[str, Public], name: str, size: int) -> list[MeasuredRow]:
    """The rows with which a population shares its map, besides its own."""
    return rows_of(work, by_name[LENDER], size) if name == LENT else []


def _applied(name: str, weigher: Weigher, rows: Sequence[MeasuredRow]) -> None:
    if not rows:
        click.echo(f"- {name}: nobody")
        return
    ratios = weigher.log10_lr(values_of(rows, DETECTORS[PUBLIC]), [r.candidate for r in rows])
    found = Scored(tuple(rows), ratios)
    wrong = found.supported()
    low = int((ratios <= -SUPPORTED).sum())
    click.echo(
        f"- {name}: pairs supported {rate(len(wrong.rows), len(rows))}, lineages with any"
        f" {rate(wrong.lineages, found.lineages)}, pairs not supported {rate(low, len(rows))}"
    )


if __name__ == "__main__":
    main()
