"""The geometry of a chart: positions in per cent of the plot's width, ticks, and the numbers as
text.

A chart is drawn as a table whose rows hold a label, a small SVG and the number, so that the picture
and its data can't part, a screen reader hears the numbers, and nothing is scaled or clipped on a
phone. Knows no HTML.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from auditor.reporting.charts import LadderChart, Strip
from auditor.reporting.text import interval, number, tick
from detectors.measurement import Bar, Chart

LEFT, RIGHT = 3.0, 97.0
SHADES = 8
MOST_BARS = 60


@dataclass(frozen=True)
class Axis:
    """A linear axis from ``low`` to ``high`` with its ticks."""

    low: float
    high: float
    ticks: tuple[float, ...]

    def at(self, value: float) -> float:
        """Position of a value in per cent of the width; values beyond the axis lie at its ends."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(LEFT + (RIGHT - LEFT) * share, 2)

    @property
    def told(self) -> tuple[tuple[float, str], ...]:
        """Where each tick lies, and what it says."""
        return tuple((self.at(t), tick(t)) for t in self.ticks)


@dataclass(frozen=True)
class FigureRow:
    """One bar of a figure: its numbers as text, and where they lie (None: not drawn)."""

    bar: Bar
    opens_group: bool
    value: str
    interval: str
    at: float | None
    start: float
    width: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class StripRow:
    """A population of a figure: each part's place, width and how dark it is, from 0 to 1; and
    between which values its middle lies, as text."""

    label: str
    rects: tuple[tuple[float, float, float], ...]
    middle: str


@dataclass(frozen=True)
class Figure:
    """A chart ready to be drawn. ``omitted`` counts the bars that are left to the JSON report."""

    chart: Chart
    lines: tuple[FigureRow, ...]
    ticks: tuple[tuple[float, str], ...]
    reference: float | None
    omitted: int
    strips: tuple[StripRow, ...] = ()


def ladder(drawn: LadderChart) -> Figure:
    """The figure of a ladder: its dots, and its populations on the same axis."""
    ends = [e for strip in drawn.strips for e in strip.edges]
    return figure(drawn.dots, ends, drawn.strips)


def _strip(strip: Strip, axis: Axis) -> StripRow:
    most = max(strip.shares, default=0.0) or 1.0
    rects = []
    for i, share in enumerate(strip.shares):
        left, right = axis.at(strip.edges[i]), axis.at(strip.edges[i + 1])
        if share > 0:
            # Even the rarest part must be seen.
            ink = round(0.15 + 0.85 * share / most, 2)
            rects.append((left, round(right - left, 2), ink))
    low, high = strip.middle
    return StripRow(strip.label, tuple(rects), interval((low, high), sign=True))


def figure(chart: Chart, besides: Sequence[float] = (), strips: Sequence[Strip] = ()) -> Figure:
    """The figure of a chart: at most 60 bars in their order, on an axis that holds every value, the
    reference and what stands ``besides``.

    Bars start at zero, dots don't need to. Numbers that are not finite keep their row and are not
    drawn.
    """
    bars = chart.bars[:MOST_BARS]
    values = [chart.reference, *(v for b in bars for v in (b.value, b.low, b.high))]
    values += [0.0] if chart.kind == "bars" else []
    values += besides
    axis = scale([v for v in values if v is not None and math.isfinite(v)])
    reference = chart.reference
    return Figure(
        chart,
        tuple(_line(bar, bars[i - 1] if i else None, axis) for i, bar in enumerate(bars)),
        axis.told,
        axis.at(reference) if reference is not None and math.isfinite(reference) else None,
        len(chart.bars) - len(bars),
        tuple(_strip(strip, axis) for strip in strips),
    )


def scale(values: list[float]) -> Axis:
    """A rounded axis around the values with two to eight ticks.

    >>> scale([0.0, 0.87]).ticks
    (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    """
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if high - low <= 1e-12 * max(1.0, abs(high)):
        low, high = low - 0.5, high + 0.5
    first, last, step = _ends(low, high, _step((high - low) / 4))
    if last - first > 7:
        first, last, step = _ends(low, high, _step((high - low) / 3))
    return Axis(
        first * step, last * step, tuple(round(i * step, 12) for i in range(first, last + 1))
    )


def _ends(low: float, high: float, step: float) -> tuple[int, int, float]:
    # A value that lies on a tick must not cost another one for a rounding error.
    return math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9), step


def _step(raw: float) -> float:
    power = 10.0 ** math.floor(math.log10(raw))
    return float(power * min((1, 2, 5, 10), key=lambda m: abs(math.log(m * power / raw))))


def _line(bar: Bar, before: Bar | None, axis: Axis) -> FigureRow:
    at = axis.at(bar.value) if math.isfinite(bar.value) else None
    zero = axis.at(0.0)
    bounds = (bar.low, bar.high) if bar.low is not None and bar.high is not None else None
    drawn = bounds is not None and all(math.isfinite(b) for b in bounds)
    return FigureRow(
        bar=bar,
        opens_group=bool(bar.group) and (before is None or before.group != bar.group),
        value=number(bar.value),
        interval=interval(bounds),
        at=at,
        start=zero if at is None else min(at, zero),
        width=0.0 if at is None else round(abs(at - zero), 2),
        low=axis.at(bounds[0]) if bounds and drawn else None,
        high=axis.at(bounds[1]) if bounds and drawn else None,
    )


def shade(share: float | None) -> str:
    """The style class of a shaded cell: ``s0`` (lightest) to ``s7``; ``none`` where nothing was
    compared.

    >>> shade(0.99)
    's7'
    """
    if share is None or not math.isfinite(share):
        return "none"
    return f"s{min(SHADES - 1, max(0, int(share * SHADES)))}"
