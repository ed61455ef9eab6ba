"""The geometry of a document's courses, curves, dumbbells, flows, stacks and panels: positions in
per cent, and ticks.

Numbers beside every drawing come from the same values. Knows no HTML.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from auditor.reporting.charts import (
    Course,
    CurveChart,
    Dumbbells,
    PairedRow,
    Panels,
    PanelValues,
)
from auditor.reporting.document import DASH
from auditor.reporting.figures import Axis, scale
from auditor.reporting.text import interval, number, tick

MOST_POINTS = 600
TOP, BOTTOM = 4.0, 96.0
COLOURS = 6

Ticks = tuple[tuple[float, str], ...]


class Measured(Protocol):
    """A value with an interval, where it has one."""

    @property
    def value(self) -> float:
        """The value itself."""

    @property
    def low(self) -> float | None:
        """Where the interval begins."""

    @property
    def high(self) -> float | None:
        """Where it ends."""


@dataclass(frozen=True)
class Dot:
    """A point of a panel in per cent, which colour class it has, and what it says when pointed
    at."""

    x: float
    y: float
    low: float | None
    high: float | None
    colour: int
    name: str


@dataclass(frozen=True)
class PlotFrame:
    """A plot between two axes: polylines by their style class in a square of 1000 × 1000, points,
    ticks in per cent, and where 0 lies."""

    title: str
    lines: tuple[tuple[str, str], ...]
    x_ticks: Ticks
    y_ticks: Ticks
    dots: tuple[Dot, ...] = ()
    zero_up: float | None = None
    zero_across: float | None = None


def line(course: Course) -> PlotFrame:
    """The drawing of a course; of long ones every so-manyth point, the last one always."""
    steps, raw, smooth = course.steps, course.values, course.smoothed()
    first, last = min(steps), max(steps)
    y, x = shared_scale((*raw, *smooth), zero=False), scale([float(first), float(last)])

    def across(step: float) -> float:
        """A step's place from the left, 0 to 1000; a lone one stands in the middle."""
        return 500.0 if last == first else 1000 * (step - first) / (last - first)

    places = [across(s) for s in steps]
    whole = [t for t in x.ticks if first <= t <= last and t == round(t)]
    lines = [("smooth", _polyline(places, [10 * _up(y, v) for v in smooth]))]
    if raw != smooth:
        lines.insert(0, ("raw", _polyline(places, [10 * _up(y, v) for v in raw])))
    ticks = tuple((round(across(t) / 10, 2), tick(t)) for t in whole)
    return PlotFrame(f"{course.label} by step", tuple(lines), ticks, _rising(y))


def _polyline(xs: Sequence[float], ys: Sequence[float]) -> str:
    every = max(1, math.ceil(len(xs) / MOST_POINTS))
    chosen = sorted({*range(0, len(xs), every), len(xs) - 1})
    return " ".join(f"{xs[i]:.1f},{ys[i]:.1f}" for i in chosen)


def _up(axis: Axis, value: float) -> float:
    """Position from the top, in per cent, of a value on a rising axis."""
    share = (min(max(value, axis.low), axis.high) - axis.low) / (axis.high - axis.low)
    return round(BOTTOM - (BOTTOM - TOP) * share, 2)


def _rising(axis: Axis) -> Ticks:
    return tuple((_up(axis, t), tick(t)) for t in axis.ticks)


def shared_scale(values: Iterable[float | None], zero: bool) -> Axis:
    """A rounded axis around the values that are finite; ``zero``: it holds 0."""
    found = [v for v in values if v is not None and math.isfinite(v)]
    return scale([*found, 0.0] if zero else found)


def dumbbells(chart: Dumbbells) -> Axis:
    """The axis that all paired figures share."""
    told = [e for row in chart.rows for e in (row.before, row.after) if e is not None]
    return shared_scale((v for e in told for v in (e.value, e.low, e.high)), chart.zero)


def before_and_after(row: PairedRow) -> str:
    """A figure's value before and after as one text; of one that was measured once, that value
    with its interval."""
    told = [e for e in (row.before, row.after) if e is not None]
    if len(told) == 2:
        return f"{number(told[0].value)} → {number(told[1].value)}"
    return " ".join(bounded(e) for e in told) or DASH


def change_of(row: PairedRow) -> str:
    """A figure's paired change with its sign and interval; empty where there is none."""
    return "" if row.change is None else bounded(row.change, sign=True)


def bounded(of: Measured, sign: bool = False) -> str:
    """A value, with its interval where there is one."""
    plus = "+" if sign and of.value > 0 else ""
    bounds = None if of.low is None or of.high is None else (of.low, of.high)
    return f"{plus}{number(of.value)} {interval(bounds)}".rstrip()


def curves(chart: CurveChart) -> PlotFrame:
    """The curves in a square of 1000 × 1000, on axes that hold them and zero upwards."""
    x = chart.x
    across, up = scale(list(x)), scale([0.0, *(v for _, ys in chart.lines for v in ys)])

    def drawn(ys: Sequence[float]) -> str:
        """The points of one curve, as SVG writes them."""
        places = ((10 * across.at(a), 1000 - 10 * up.at(b)) for a, b in zip(x, ys, strict=True))
        return " ".join(f"{a:.1f},{b:.1f}" for a, b in places)

    lines = tuple((f"curve c{i}", drawn(ys)) for i, (_, ys) in enumerate(chart.lines, 1))
    zero = across.at(0.0) if chart.zero and min(x) <= 0 <= max(x) else None
    y_ticks = tuple((round(100 - up.at(t), 2), tick(t)) for t in up.ticks)
    return PlotFrame(chart.title, lines, across.told, y_ticks, zero_across=zero)


def panels(chart: Panels) -> tuple[PlotFrame, ...]:
    """All panels on one vertical axis that holds 0."""
    told = [v for p in chart.panels for v in p.values]
    axis = shared_scale((b for v in told for b in (v.value, *(v.bounds or ()))), zero=True)
    return tuple(panel(p, axis) for p in chart.panels)


def panel(of: PanelValues, axis: Axis) -> PlotFrame:
    """Points of one panel: slots evenly across in the given order, points of one slot side by
    side, their mean as a line."""
    width = 100 / len(of.slots)
    dots, means = [], []
    for i, slot in enumerate(of.slots):
        inside = [v for v in of.values if v.slot == slot]
        for k, value in enumerate(inside):
            x = width * (i + (k + 1) / (len(inside) + 1) * 0.7 + 0.15)
            y = _up(axis, value.value)
            low, high = (_up(axis, b) for b in value.bounds) if value.bounds else (None, None)
            dots.append(Dot(round(x, 2), y, low, high, value.colour, value.name))
        if inside:
            mean = sum(v.value for v in inside) / len(inside)
            means.append((10 * width * (i + 0.5), 10 * _up(axis, mean)))
    through = _polyline([m[0] for m in means], [m[1] for m in means])
    lines = (("means", through),) if len(means) > 1 else ()
    x_ticks = tuple((round(width * (i + 0.5), 2), slot) for i, slot in enumerate(of.slots))
    zero = _up(axis, 0.0) if axis.low <= 0 <= axis.high else None
    return PlotFrame(of.title, lines, x_ticks, _rising(axis), tuple(dots), zero)


@dataclass(frozen=True)
class Segment:
    """A part of a stacked bar: start and width in per cent of the plot, its number among the
    parts, its colour class."""

    start: float
    width: float
    number: int
    colour: int


def stack(counts: Sequence[int]) -> tuple[Segment, ...]:
    """The parts of a whole side by side; parts of nothing are left out."""
    whole, start, out = sum(counts), 0.0, []
    for i, count in enumerate(counts):
        width = 100 * count / whole if whole else 0.0
        if count:
            out.append(Segment(round(start, 2), round(width, 2), i + 1, i % COLOURS + 1))
        start += width
    return tuple(out)
