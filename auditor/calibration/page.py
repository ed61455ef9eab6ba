"""A calibration as one HTML file: Tippett and ECE plots, every figure with n and interval, the
report's look and policy.

Holds numbers and names. Knows the calibration; computes no figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from auditor.calibration import view
from auditor.calibration.record import Calibration, Curves
from auditor.reporting.figures import scale
from auditor.reporting.html import environment, styled
from auditor.reporting.text import date, tick

TICKS = 5


@dataclass(frozen=True)
class Polyline:
    """One curve: its legend, its colour class, its points in a square of 1000 × 1000."""

    label: str
    colour: int
    points: str


@dataclass(frozen=True)
class Plot:
    """Curves over one another, with ticks in per cent and a mark at zero."""

    title: str
    about: str
    x_label: str
    lines: tuple[Polyline, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    zero: float | None


def calibration_page(made: Calibration) -> str:
    """The whole page as text: the same calibration gives the same bytes."""
    return (
        environment()
        .get_template("calibration.html")
        .render(
            **styled("style.css", "plots.css"),
            name=made.name,
            meta=[("Made", date(made.created)), ("Tool", made.tool)],
            facts=view.facts(made),
            plots=[plot for curves in made.curves for plot in _plots(curves)],
            words=view.WORDS,
            columns=view.COLUMNS,
            whole=view.whole(made),
            faceted=view.faceted(made),
            caps=list(view.caps(made)),
            notes=made.notes,
            next_number=count(1).__next__,
        )
    )


def _plots(curves: Curves) -> list[Plot]:
    where = f"{curves.level}s at {curves.size} prompts, whole lineages left out"
    t, e = curves.tippett, curves.ece
    return [
        _plot(
            f"Tippett curves, {where}",
            f"Share of models at or above each ratio. Misleading: {100 * t.misleading_h1:.0f} % of"
            f" the taught lie below 1, {100 * t.misleading_h2:.0f} % of the untaught above.",
            "log10 likelihood ratio",
            t.log10_lr,
            (("taught by the candidate", 1, t.h1), ("not taught by it", 2, t.h2)),
        ),
        _plot(
            f"Empirical cross-entropy, {where}",
            "Bits that are missing at each prior: below the neutral curve the ratios help, above it"
            " they harm.",
            "log10 prior odds",
            e.log10_prior_odds,
            (
                ("these ratios", 1, e.method),
                ("no evidence", 2, e.neutral),
                ("best recalibrated", 3, e.recalibrated),
            ),
        ),
    ]


def _plot(
    title: str,
    about: str,
    x_label: str,
    x: Sequence[float],
    lines: Sequence[tuple[str, int, Sequence[float]]],
) -> Plot:
    across, up = scale(list(x)), scale([0.0, *(v for _, _, ys in lines for v in ys)])
    drawn = tuple(
        Polyline(
            label,
            colour,
            " ".join(
                f"{10 * across.at(a):.1f},{1000 - 10 * up.at(b):.1f}"
                for a, b in zip(x, y, strict=True)
            ),
        )
        for label, colour, y in lines
    )
    zero = across.at(0.0) if min(x) <= 0 <= max(x) else None
    x_ticks = tuple((round(across.at(t), 2), tick(t)) for t in across.ticks)
    return Plot(
        title,
        about,
        x_label,
        drawn,
        x_ticks,
        tuple((round(100 - up.at(t), 2), tick(t)) for t in up.ticks),
        zero,
    )
