"""A chart as a table, for a format that can't draw: every number that the drawing shows.

Knows charts; knows no format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from auditor.reporting.charts import (
    CurveChart,
    Dumbbells,
    Flow,
    LadderChart,
    MatrixChart,
    Mosaic,
    MosaicCell,
    Panels,
    Stacks,
    TiesChart,
)
from auditor.reporting.document import DASH, GridTable, Words, name, strong
from auditor.reporting.plots import bounded, change_of
from auditor.reporting.text import interval, number
from detectors.measurement import Chart

MOST_POINTS = 12
Drawn = (
    Chart
    | CurveChart
    | Dumbbells
    | Flow
    | LadderChart
    | MatrixChart
    | Mosaic
    | Panels
    | Stacks
    | TiesChart
)


def table_of(chart: Drawn) -> GridTable:
    """The chart's numbers, a row for what it draws apart; of curves about a dozen points."""
    return TABLES[type(chart)](chart)


def _table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[Words]], caption: str = ""
) -> GridTable:
    return GridTable(title, tuple(columns), tuple(map(tuple, rows)), caption=caption)


def _chart(of: Chart) -> GridTable:
    rows = (
        (
            (f"{b.group}: ", name(b.label)) if b.group else name(b.label),
            strong(number(b.value)) if b.strong else number(b.value),
            DASH if b.low is None or b.high is None else interval((b.low, b.high)),
        )
        for b in of.bars
    )
    return _table(of.title, ("Item", of.x_label or "Value", "Interval"), rows, of.caption)


def _ladder(of: LadderChart) -> GridTable:
    dots = _chart(of.dots)
    strips: Iterable[tuple[Words, ...]] = (
        (f"{s.label}, the middle one", DASH, interval(s.middle, sign=True)) for s in of.strips
    )
    return _table(
        dots.title, ("Item", of.dots.x_label, "Interval"), (*strips, *dots.rows), of.dots.caption
    )


def _dumbbells(of: Dumbbells) -> GridTable:
    rows: Iterable[Sequence[Words]] = (
        (
            name(r.name),
            *(DASH if end is None else bounded(end) for end in (r.before, r.after)),
            change_of(r) or DASH,
            number(r.n),
        )
        for r in of.rows
    )
    return _table(of.title, ("figure", *of.ends, "change (95 %)", "n"), rows)


def _flow(of: Flow) -> GridTable:
    rows = ((s.label, ("-" if s.kind == "loss" else "") + number(s.count)) for s in of.steps)
    return _table(of.title, ("step", "count"), rows)


def _stacks(of: Stacks) -> GridTable:
    counts = zip(*(counts for _, counts in of.bars), strict=True)
    rows: Iterable[Sequence[Words]] = (
        (name(part), about, *(number(n) for n in row))
        for (part, about), row in zip(of.parts, counts, strict=True)
    )
    return _table(of.title, ("part", "", *(label for label, _ in of.bars)), rows)


def _panels(of: Panels) -> GridTable:
    rows = ((name(p.title), v.slot, name(v.name)) for p in of.panels for v in p.values)
    return _table(of.title, ("panel", of.x_label, "control"), rows)


def _curves(of: CurveChart) -> GridTable:
    every = max(1, len(of.x) // MOST_POINTS)
    rows = (
        (number(of.x[i]), *(number(values[i]) for _, values in of.lines))
        for i in range(0, len(of.x), every)
    )
    return _table(of.title, (of.x_label, *(label for label, _ in of.lines)), rows, of.about)


def _matrix(of: MatrixChart) -> GridTable:
    names, n = [leaf.name for leaf in of.leaves], len(of.leaves)
    rows = (
        (name(names[i]), name(names[j]), number(of.matrix[i][j]))
        for i in range(n)
        for j in range(i)
    )
    return _table("Distances", ("one", "other", "distance"), rows)


def _ties(of: TiesChart) -> GridTable:
    rows = ((name(v), number(n)) for v, n in zip(of.values, of.counts, strict=True))
    return _table(of.hub, ("shared", "members"), rows)


def _mosaic(of: Mosaic) -> GridTable:
    """A row for each column of the mosaic, one for each single cell."""
    n = len(of.rows)

    def single(rows: Iterable[tuple[str, MosaicCell]]) -> Iterable[Sequence[Words]]:
        """Rows of one cell each: its words in the first column, dashes in the others."""
        return ((label, name(cell.told), *[DASH] * (n - 1)) for label, cell in rows)

    columns: Iterable[Sequence[Words]] = (
        (
            f"{number}",
            *(DASH if row[i] is None else name(_words(row[i])) for _, row in of.rows),
        )
        for i, number in enumerate(of.columns)
    )
    rows = (*single(of.above), *columns, *single(of.below))
    return _table(of.title, (of.corner, *(label for label, _ in of.rows)), rows, of.caption)


def _words(cell: MosaicCell | None) -> str:
    return "" if cell is None else cell.told


TABLES: dict[type, Callable[[Any], GridTable]] = {
    Chart: _chart,
    CurveChart: _curves,
    Dumbbells: _dumbbells,
    Flow: _flow,
    LadderChart: _ladder,
    MatrixChart: _matrix,
    Mosaic: _mosaic,
    Panels: _panels,
    Stacks: _stacks,
    TiesChart: _ties,
}
