"""The geometry of lines, dumbbells, waterfalls, stacks and points: positions in per cent, and
ticks.

Numbers beside every drawing come from the same values. Knows no HTML and no card.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from auditor.reporting.figures import Axis, scale
from auditor.reporting.text import tick

MOST_POINTS = 600
TOP, BOTTOM = 4.0, 96.0
COLOURS = 6

Ticks = tuple[tuple[float, str], ...]
Bounds = tuple[float, float]


@dataclass(frozen=True)
class CourseLine:
    """A course by step: points of two polylines in a square of 1000 × 1000, and ticks in per
    cent of the plot."""

    title: str
    raw: str
    smooth: str
    x_ticks: Ticks
    y_ticks: Ticks


@dataclass(frozen=True)
class Mark:
    """One value with its interval, in per cent; None where there is no interval."""

    at: float
    low: float | None
    high: float | None


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
class PlotPanel:
    """Points over slots: its title, its points, the polyline of the slots' means, and ticks."""

    title: str
    dots: tuple[Dot, ...]
    means: str
    x_ticks: Ticks
    y_ticks: Ticks
    zero: float | None


@dataclass(frozen=True)
class PlotValue:
    """One value to be drawn in a panel: its slot, its interval, its colour and its name."""

    slot: str
    value: float
    bounds: Bounds | None
    colour: int
    name: str


def line(
    title: str, steps: Sequence[float], raw: Sequence[float], smooth: Sequence[float]
) -> CourseLine:
    """The drawing of a course; of long ones every so-manyth point, the last one always."""
    y, x = (
        scale([v for v in (*raw, *smooth) if math.isfinite(v)]),
        scale([float(min(steps)), float(max(steps))]),
    )
    first, last = min(steps), max(steps)
    across = [500.0 if last == first else 1000 * (s - first) / (last - first) for s in steps]
    whole = [t for t in x.ticks if first <= t <= last and t == round(t)]
    return CourseLine(
        title,
        _polyline(across, [10 * _up(y, v) for v in raw]) if tuple(raw) != tuple(smooth) else "",
        _polyline(across, [10 * _up(y, v) for v in smooth]),
        tuple(
            (round(50.0 if last == first else 100 * (t - first) / (last - first), 2), tick(t))
            for t in whole
        ),
        _rising(y),
    )


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


def shared_scale(values: Sequence[float | None], zero: bool) -> Axis:
    """A rounded axis around the values that are finite; ``zero``: it holds 0."""
    found = [v for v in values if v is not None and math.isfinite(v)]
    return scale([*found, 0.0] if zero else found)


def mark(axis: Axis, value: float, low: float | None, high: float | None) -> Mark:
    """A value and its interval on a horizontal axis."""
    drawn = low is not None and high is not None
    return Mark(
        axis.at(value),
        axis.at(low) if drawn and low is not None else None,
        axis.at(high) if high is not None else None,
    )


def panel(title: str, values: Sequence[PlotValue], slots: Sequence[str], axis: Axis) -> PlotPanel:
    """Points of one panel: slots evenly across in the given order, points of one slot side by
    side, their mean as a line."""
    width = 100 / len(slots)
    dots, means = [], []
    for i, slot in enumerate(slots):
        inside = [v for v in values if v.slot == slot]
        for k, value in enumerate(inside):
            x = width * (i + (k + 1) / (len(inside) + 1) * 0.7 + 0.15)
            low, high = (
                (None, None) if value.bounds is None else (_up(axis, b) for b in value.bounds)
            )
            dots.append(
                Dot(round(x, 2), _up(axis, value.value), low, high, value.colour, value.name)
            )
        if inside:
            mean = sum(v.value for v in inside) / len(inside)
            means.append((10 * width * (i + 0.5), 10 * _up(axis, mean)))
    line_through = _polyline([m[0] for m in means], [m[1] for m in means]) if len(means) > 1 else ""
    x_ticks = tuple((round(width * (i + 0.5), 2), slot) for i, slot in enumerate(slots))
    zero = _up(axis, 0.0) if axis.low <= 0 <= axis.high else None
    return PlotPanel(title, tuple(dots), line_through, x_ticks, _rising(axis), zero)


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
