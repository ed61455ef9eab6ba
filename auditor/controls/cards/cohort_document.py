"""A cohort arranged as a document: what training changed by dose, a panel a teacher and base, every
control, and the ledger of all.

Knows rows and their figures; computes none and knows no format.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from auditor.controls.cards.card_document import COST_COLUMNS, cost_row
from auditor.controls.cards.cohort_view import ControlRow, Overview
from auditor.controls.evaluation.figure import PairedFigure
from auditor.reporting.charts import Panels, PanelValues, PlotValue
from auditor.reporting.document import (
    DASH,
    Block,
    Document,
    Group,
    Paragraph,
    Section,
    aside,
    brief,
    full,
    grid,
    name,
)
from auditor.reporting.plots import bounded
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


def cohort_document(found: Overview) -> Document:
    """The whole cohort; the same overview gives the same document."""
    size = f"{number(len(found.rows))} controls, {found.carded} with a card"
    return Document(
        kicker="Cohort of control models",
        title=("Cohort ", name(found.name)),
        subject=name(found.name),
        meta=tuple((label, name(value)) for label, value in _meta(found)),
        about=(brief(Paragraph(size)),),
        sections=(
            *(
                Section(key, title, tuple(_panels(found.rows, title, about, of)), "full")
                for key, title, about, of in MEASURES
            ),
            Section("controls", "Controls", _controls(found)),
            Section("costs", "Costs", tuple(_costs(found))),
        ),
        record=found.told,
        note="Every control's lineage.json and card.json are the record; this page is a view of"
        " them.",
    )


def _controls(found: Overview) -> tuple[Block, ...]:
    about = "The last three columns are changes: after minus before, with 95 % intervals."
    rows = (_cells(row) for row in found.rows)
    numeric = (4, 5, 8, 9, 10, 11)
    return Paragraph(about, "lead"), grid("Controls", COLUMNS, rows, numeric)


def _costs(found: Overview) -> Iterator[Block]:
    ledger = found.ledger
    yield grid("Total", COST_COLUMNS, [cost_row(ledger.total)], range(1, 8))
    yield full(
        Paragraph(
            f"The sum of {found.carded} cards. Every control counts all the answers that it"
            " learned from, at what they took when they were given; where several learned from"
            " the same ones, they were asked for once.",
            "caption",
        )
    )
    yield Paragraph(f"Energy: {ledger.energy_basis}.", "caption")
    if ledger.rows:
        rows = [cost_row(row) for row in ledger.rows]
        table = grid("Costs by control", COST_COLUMNS, rows, range(1, 8))
        yield full(Group((table,), ("By control ", aside(f"({len(rows)})")), folded=True))


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
    """Rows by base and teacher; those without one stand with every teacher of their base."""
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


def _panels(rows: Sequence[ControlRow], title: str, about: str, of: _Figure) -> Iterator[Block]:
    """The panels of one measure on one vertical axis, of groups in which any was measured."""
    yield Paragraph(about, "lead")
    groups = {key: [r for r in held if of(r) is not None] for key, held in series(rows).items()}
    drawn = {key: held for key, held in groups.items() if held}
    if not drawn:
        yield Paragraph("Nothing could be measured.")
        return
    several = len({base for base, _ in drawn}) > 1
    made = []
    for (base, teacher), held in list(drawn.items())[:MOST_PANELS]:
        whose = f"{teacher or 'no teacher'} on {base}" if several else teacher or "no teacher"
        values = (_value(row, figure) for row in held if (figure := of(row)) is not None)
        made.append(PanelValues(whose, tuple(_slots(held)), tuple(values)))
    x_label = "dose: share of examples from the teacher"
    yield Panels(title, x_label, tuple(made), tuple(_colours(rows)))
    told = (
        "One point a control, after minus before, with its 95 % interval; the line joins the means."
    )
    if len(made) < len(drawn):
        told += f" {len(drawn) - len(made)} more panels are left to the table."
    yield Paragraph(told, "caption")


def _slots(rows: Sequence[ControlRow]) -> list[str]:
    doses = {_dose(row) for row in rows}
    return [_slot(dose) for dose in sorted(doses, key=lambda d: math.inf if d is None else d)]


def _dose(row: ControlRow) -> float | None:
    return 0.0 if not row.teachers else row.dose


def _slot(dose: float | None) -> str:
    return UNKNOWN if dose is None else f"{100 * dose:g} %"


def _value(row: ControlRow, figure: PairedFigure) -> PlotValue:
    bounds = None if figure.low is None or figure.high is None else (figure.low, figure.high)
    told = f"{row.name}: {bounded(figure, sign=True)}"
    return PlotValue(_slot(_dose(row)), figure.value, bounds, _colour(row), told)


def _colours(rows: Sequence[ControlRow]) -> list[tuple[int, str]]:
    known = {PLAIN: "taught", EVADING: "taught, with an evasion", UNTAUGHT: "without a teacher"}
    there = {_colour(row) for row in rows}
    return [(colour, told) for colour, told in known.items() if colour in there]


def _colour(row: ControlRow) -> int:
    return UNTAUGHT if not row.teachers else EVADING if row.evasions else PLAIN


def _cells(row: ControlRow) -> tuple[str, ...]:
    changed = (row.bits, row.claims, row.retention)
    return (
        row.name,
        row.role,
        row.method,
        ", ".join(row.teachers) or DASH,
        DASH if row.dose is None else f"{100 * row.dose:g} %",
        DASH if row.seed is None else str(row.seed),
        row.base,
        ", ".join(row.evasions) or DASH,
        number(row.last_loss),
        *(DASH if f is None else bounded(f, sign=True) for f in changed),
    )
