"""english-2023 fitted anew with the human controls among its untaught models: would it say less of
them, and at what price?

Reads what `ship_calibrations` measured of the public models, and the controls' own values. Every
ratio is of a fit without the whole lineage that is scored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from auditor.calibration.held_out import values_of
from auditor.calibration.rows import MeasuredRow, vendor_name
from auditor.calibration.weigher import Weigher
from auditor.evidence.weight import SUPPORTED
from auditor.reporting.markdown import table
from detectors.stats.intervals import clopper_pearson
from detectors.stats.lr_validity import auc, resampled
from tests.benchmarks.bench_makers import rows_of
from tests.benchmarks.human_suspects import Judged
from tests.benchmarks.ship_calibrations import DETECTORS, PUBLIC, PUBLICS

Array = NDArray[np.float64]
ENGLISH = PUBLICS[0]
SIZE = 50
"""Prompts at which the public models were measured: the nearest to the controls' 53 and 60."""
KIN = {"qlora/guanaco": ("uw/",), "qlora/alpaca": ("stanford/",)}
"""Lineages of the public models that a run is a copy of, by the beginning of their names."""


@dataclass(frozen=True)
class Fit:
    """Ratios of the public models' rows and of the controls', each without its own lineage."""

    name: str
    public: Array
    controls: Array
    bounds: tuple[float, float]


def control_rows(found: Sequence[Judged]) -> list[MeasuredRow]:
    """The controls against every maker of whom their history tells, as rows of a population."""
    out, seen = [], set()
    for one in found:
        s = one.suspect
        if s.hidden or s.name in seen:
            continue
        seen.add(s.name)
        for v in one.verdicts:
            label, values = s.label(v.called), one.values.get(v.candidate or "")
            if label is not None and values:
                out.append(
                    MeasuredRow(
                        suspect=s.name,
                        group=s.group,
                        start="",
                        level="vendor",
                        candidate=vendor_name(v.called),
                        label=1 if label else 0,
                        size=SIZE,
                        sources=(),
                        values={d: values[d] for d in DETECTORS[PUBLIC] if d in values},
                    )
                )
    return out


def weigher_of(rows: Sequence[MeasuredRow]) -> Weigher:
    """The shipped fit's way, on these rows."""
    columns = [r.candidate for r in rows]
    labels, groups = [r.label for r in rows], [r.group for r in rows]
    return Weigher(DETECTORS[PUBLIC]).fit(
        values_of(rows, DETECTORS[PUBLIC]), labels, groups, columns
    )


def without_kin(public: Sequence[MeasuredRow], controls: Sequence[MeasuredRow]) -> Array:
    """The controls' ratios by a fit on public models alone, less the lineages that a control
    copies."""
    out = np.full(len(controls), np.nan)
    for group in sorted({r.group for r in controls}):
        kin = KIN.get(group, ())
        weigher = weigher_of([r for r in public if not r.group.startswith(kin)] if kin else public)
        at = [i for i, r in enumerate(controls) if r.group == group]
        out[at] = applied(weigher, [controls[i] for i in at])
    return out


def applied(weigher: Weigher, rows: Sequence[MeasuredRow]) -> Array:
    """Ratios within the bounds, of rows that are in no fit."""
    x = values_of(rows, DETECTORS[PUBLIC])
    return weigher.log10_lr(x, [r.candidate for r in rows])


def with_nulls(public: Sequence[MeasuredRow], controls: Sequence[MeasuredRow]) -> Fit:
    """The controls join the public models, each scored without its lineage: those that nobody
    stored taught; students of a stored maker are in no fit."""
    students = {r.suspect for r in controls if r.label == 1}
    nulls = [i for i, r in enumerate(controls) if r.suspect not in students]
    weigher = weigher_of([*public, *(controls[i] for i in nulls)])
    held = weigher.fusion_.numbers_.bounds.clip(weigher.held_out_)
    ratios = applied(weigher, controls)
    ratios[nulls] = held[len(public) :]
    bounds = weigher.fusion_.numbers_.bounds
    return Fit("with the controls", held[: len(public)], ratios, (bounds.low, bounds.high))


def fits(public: Sequence[MeasuredRow], controls: Sequence[MeasuredRow]) -> Iterator[Fit]:
    """Without and with the controls."""
    alone = weigher_of(public)
    bounds = alone.fusion_.numbers_.bounds
    held = bounds.clip(alone.held_out_)
    yield Fit("public models alone", held, without_kin(public, controls), (bounds.low, bounds.high))
    yield with_nulls(public, controls)


def supported(rows: Sequence[MeasuredRow], ratios: Array, label: int, kinds: str = "") -> str:
    """How many pairs of a label are at "supported" or above, and of how many lineages any is."""
    at = [i for i, r in enumerate(rows) if r.label == label and r.group.startswith(kinds)]
    hit = [i for i in at if ratios[i] >= SUPPORTED]
    whole, some = ({rows[i].group for i in part} for part in (at, hit))
    low, high = clopper_pearson(len(some), len(whole)) if whole else (0.0, 1.0)
    return (
        f"{len(hit)} of {len(at)} pairs; {len(some)} of {len(whole)} lineages"
        f" ({100 * low:.0f}–{100 * high:.0f} %)"
    )


def apart(rows: Sequence[MeasuredRow], ratios: Array) -> str:
    """AUC of taught pairs against untaught pairs with the same makers, over lineages."""
    makers = {r.candidate for r in rows if r.label == 1}
    at = [i for i, r in enumerate(rows) if r.candidate in makers]
    labels, groups = [rows[i].label for i in at], [rows[i].group for i in at]
    if len({g for g, y in zip(groups, labels, strict=True) if y == 0}) < 2 or not makers:
        return "too few lineages"
    found = resampled(auc, ratios[at], labels, groups)
    return f"{found.value:.2f} ({found.low:.2f}–{found.high:.2f})"


def told_anew(fitted: Path, found: Sequence[Judged]) -> None:
    """Prints what the controls would change."""
    public, controls = rows_of(fitted, ENGLISH, SIZE), control_rows(found)
    rows = [
        (
            fit.name,
            f"{fit.bounds[0]:+.2f} to {fit.bounds[1]:+.2f}",
            supported(public, fit.public, 1),
            supported(public, fit.public, 0),
            supported(controls, fit.controls, 1),
            supported(controls, fit.controls, 0),
            apart(controls, fit.controls),
        )
        for fit in fits(public, controls)
    ]
    head = (
        "english-2023 at 50 prompts, fitted on",
        "bounds",
        "public: taught, supported",
        "public: untaught, supported",
        "controls: taught, supported",
        "controls: untaught, supported",
        "controls: AUC",
    )
    click.echo("\n### The same fit with the controls among the untaught\n")
    click.echo(table(head, rows))
