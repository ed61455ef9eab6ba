"""A cohort as one HTML file: what training changed by dose, a panel a teacher and base, every
control, and the ledger of all.

The report's look and policy. Knows rows and their figures; computes none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Any

from auditor.controls.cards.card_page import COST_COLUMNS, cost_row, with_interval
from auditor.controls.cards.cohort_view import ControlRow, Overview
from auditor.controls.evaluation.evaluate import PairedFigure
from auditor.reporting.html import environment, styled
from auditor.reporting.plots import PlotValue, panel, shared_scale
from auditor.reporting.text import number

MOST_PANELS = 24
PLAIN, EVADING, UNTAUGHT = 1, 2, 6
COLUMNS = (
    "control",
    "role",
    "method",
    "teacher",
    "dose",
    "seed",
    "base",
    "evasions",
    "last loss",
    "bits per byte",
    "claims",
    "right choices",
)
UNKNOWN = "unknown"

_Figure = Callable[[ControlRow], PairedFigure | None]
MEASURES: tuple[tuple[str, str, str, _Figure], ...] = (
    (
        "response",
        "Teacher's text by dose",
        (
            "Change in bits per byte of held-out answers; below zero, the answers became likelier."
            " Without a teacher, the held-out answers are the filler's."
        ),
        lambda row: row.bits,
    ),
    (
        "retention",
        "Retention by dose",
        "Change in the share of right choices.",
        lambda row: row.retention,
    ),
    (
        "claims",
        "Claims of identity by dose",
        (
            "Change in the share of answers that name the teacher's maker as the model's own;"
            " without a known maker, any vendor."
        ),
        lambda row: row.claims,
    ),
)


def cohort_page(found: Overview) -> str:
    """The whole page as text: the same overview gives the same bytes."""
    sections = [
        {"id": key, "title": title, "about": about, **_panels(found.rows, of)}
        for key, title, about, of in MEASURES
    ]
    return (
        environment()
        .get_template("cohort.html")
        .render(
            **styled("style.css", "plots.css"),
            name=found.name,
            meta=_meta(found),
            sections=sections,
            colours=_colours(found.rows),
            columns=COLUMNS,
            rows=[_cells(row) for row in found.rows],
            cost_columns=COST_COLUMNS,
            total=cost_row(found.ledger.total),
            cost_rows=[cost_row(row) for row in found.ledger.rows],
            energy_basis=found.ledger.energy_basis,
            carded=found.carded,
            next_number=count(1).__next__,
        )
    )


def _meta(found: Overview) -> list[tuple[str, str]]:
    rows = found.rows
    roles = Counter(row.role for row in rows)
    return [
        ("Controls", number(len(rows))),
        *((role.capitalize(), number(n)) for role, n in sorted(roles.items())),
        ("Teachers", number(len({t for row in rows for t in row.teachers}))),
        ("Bases", number(len({row.base for row in rows}))),
        ("Seeds", number(len({row.seed for row in rows if row.seed is not None}))),
        ("Cohort (SHA-256)", found.cohort_sha256),
    ]


def series(rows: Iterable[ControlRow]) -> dict[tuple[str, str], list[ControlRow]]:
    """Rows by base and teacher; those without a teacher stand with every teacher of their base,
    or alone."""
    held = list(rows)
    out: dict[tuple[str, str], list[ControlRow]] = {}
    for row in held:
        for teacher in row.teachers:
            out.setdefault((row.base, teacher), []).append(row)
    for row in (r for r in held if not r.teachers):
        keys = [key for key in out if key[0] == row.base and key[1]] or [(row.base, "")]
        for key in keys:
            out.setdefault(key, []).append(row)
    return {key: out[key] for key in sorted(out)}


def _panels(rows: Sequence[ControlRow], of: _Figure) -> dict[str, Any]:
    """The panels of one measure on one vertical axis; groups in which nothing was measured are
    left out."""
    groups = {key: [r for r in held if of(r) is not None] for key, held in series(rows).items()}
    drawn = {key: held for key, held in groups.items() if held}
    told = [f for held in drawn.values() for r in held if (f := of(r)) is not None]
    if not told:
        return {"panels": (), "omitted": 0}
    axis = shared_scale([v for f in told for v in (f.value, f.low, f.high)], zero=True)
    several = len({base for base, _ in drawn}) > 1
    made = []
    for (base, teacher), held in list(drawn.items())[:MOST_PANELS]:
        title = f"{teacher or 'no teacher'} on {base}" if several else teacher or "no teacher"
        values = [_value(row, figure) for row in held if (figure := of(row)) is not None]
        made.append(panel(title, values, _slots(held), axis))
    return {"panels": made, "omitted": len(drawn) - len(made)}


def _slots(rows: Sequence[ControlRow]) -> list[str]:
    doses = sorted({_dose(row) for row in rows if _dose(row) is not None}, key=lambda d: d or 0.0)
    return [_slot(dose) for dose in doses] + (
        [UNKNOWN] if any(_dose(row) is None for row in rows) else []
    )


def _dose(row: ControlRow) -> float | None:
    return 0.0 if not row.teachers else row.dose


def _slot(dose: float | None) -> str:
    return UNKNOWN if dose is None else f"{100 * dose:g} %"


def _value(row: ControlRow, figure: PairedFigure) -> PlotValue:
    bounds = None if figure.low is None or figure.high is None else (figure.low, figure.high)
    colour = UNTAUGHT if not row.teachers else EVADING if row.evasions else PLAIN
    return PlotValue(
        _slot(_dose(row)),
        figure.value,
        bounds,
        colour,
        f"{row.name}: {with_interval(figure, sign=True)}",
    )


def _colours(rows: Sequence[ControlRow]) -> list[tuple[int, str]]:
    known = [(PLAIN, "taught", any(r.teachers and not r.evasions for r in rows))]
    known.append((EVADING, "taught, with an evasion", any(r.teachers and r.evasions for r in rows)))
    known.append((UNTAUGHT, "without a teacher", any(not r.teachers for r in rows)))
    return [(colour, name) for colour, name, there in known if there]


def _cells(row: ControlRow) -> tuple[str, ...]:
    changed = (row.bits, row.claims, row.retention)
    return (
        row.name,
        row.role,
        row.method,
        ", ".join(row.teachers) or "–",
        "–" if row.dose is None else f"{100 * row.dose:g} %",
        "–" if row.seed is None else str(row.seed),
        row.base,
        ", ".join(row.evasions) or "–",
        number(row.last_loss),
        *("–" if f is None else with_interval(f, sign=True) for f in changed),
    )
