"""Cards and cohorts for a terminal of any width: the same facts as on the pages, a sparkline for
the loss.

Knows cards, rows and the course of the training; computes no figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from auditor.controls.cards import card_view
from auditor.controls.cards.card import Card
from auditor.controls.cards.card_page import COST_COLUMNS, change, cost_row, values, with_interval
from auditor.controls.cards.cohort_view import ControlRow, Overview
from auditor.controls.cards.courses import Course
from auditor.reporting.rows import captured, holds, print_rows, safe, section
from auditor.reporting.text import number

LEVELS, PLAIN_LEVELS = "▁▂▃▄▅▆▇█", "_.-=^"
WIDEST_SPARK, WIDE = 60, 140
COHORT_COLUMNS = (
    "control",
    "role",
    "teacher",
    "dose",
    "seed",
    "base",
    "loss",
    "bits per byte",
    "claims",
    "right choices",
)
Cells = tuple[Text, ...]


def card_text(
    card: Card,
    courses: Sequence[Course] = (),
    width: int | None = None,
    colour: bool = False,
    encoding: str = "utf-8",
) -> str:
    """A control's card as text, at the terminal's width where none is given."""
    return captured(
        lambda console, plain: _card(card, courses, console, plain), width, colour, encoding
    )


def cohort_text(
    found: Overview, width: int | None = None, colour: bool = False, encoding: str = "utf-8"
) -> str:
    """A cohort's controls and the ledger of all as text, at the terminal's width where none is
    given."""
    return captured(lambda console, plain: _cohort(found, console, plain), width, colour, encoding)


def sparkline(found: Sequence[float], width: int, levels: str = LEVELS) -> str:
    """A course in one line of at most ``width`` characters, from its lowest to its highest value;
    long ones are averaged.

    >>> sparkline([1, 2, 3, 8], 4)
    '▁▂▃█'
    """
    cells = min(width, len(found))
    edges = [round(i * len(found) / cells) for i in range(cells + 1)] if cells > 0 else [0]
    means = [sum(found[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, high = (min(means), max(means)) if means else (0.0, 0.0)
    if high == low:
        return levels[0] * len(means)
    return "".join(levels[round((len(levels) - 1) * (m - low) / (high - low))] for m in means)


def _card(card: Card, courses: Sequence[Course], console: Console, plain: bool) -> None:
    recipe, lineage = card.recipe, card.lineage
    console.print(safe(f"Control {recipe.name}", "bold"))
    console.print(safe(recipe.about, "dim"))
    teachers = ", ".join(t.name for t in lineage.teachers if t.kind == "teacher") or "none"
    base = lineage.base.name if lineage.base is not None else recipe.student.base
    console.print(
        safe(f"{lineage.role}, {recipe.method}, dose {100 * recipe.dose:g} %, seed {recipe.seed}")
    )
    console.print(
        safe(f"teacher {teachers}; base {base}; evasions {', '.join(lineage.evasions) or 'none'}")
    )
    _course(card, courses, console, plain)
    _changes(card, console, plain)
    if card.sources:
        section(console, "Sources", plain)
        rows = [
            _texts(
                s.name,
                *(
                    number(n)
                    for n in (s.prompts, s.kept, s.held_out, s.prompts - s.kept - s.held_out)
                ),
            )
            for s in card.sources
        ]
        print_rows(
            console, plain, ("source", "prompts", "learned", "held out", "lost or left"), rows
        )
    section(console, "Prompts", plain)
    flow = ", ".join(f"{number(s.count)} {s.label}" for s in card_view.prompt_flow(card))
    console.print(safe(flow))
    _ledger(
        [cost_row(row) for row in (*card.ledger.rows, card.ledger.total)],
        card.ledger.energy_basis,
        console,
        plain,
    )


def _course(card: Card, courses: Sequence[Course], console: Console, plain: bool) -> None:
    section(console, "Training", plain)
    device = (
        f"{number(card.steps)} steps, {number(card.learned_tokens)} tokens, {card.device},"
        f" {card.precision}"
    )
    console.print(safe(device))
    for course in courses:
        if course.weights is None:
            continue
        levels = (
            LEVELS if not plain and holds(console.encoding or "utf-8", LEVELS) else PLAIN_LEVELS
        )
        line = sparkline(course.smoothed(), min(WIDEST_SPARK, console.width - 2), levels)
        told = f"{course.label}: {number(course.values[0])} to {number(course.values[-1])}"
        console.print(safe(told))
        console.print(Text(line, style="cyan"))
    if not courses and card.first_loss is not None:
        console.print(
            safe(f"loss, nats a token: {number(card.first_loss)} to {number(card.last_loss)}")
        )


def _changes(card: Card, console: Console, plain: bool) -> None:
    section(console, "Before and after", plain)
    found = card_view.groups(card)
    if not found:
        console.print(safe("Nothing could be measured."))
        return
    rows = []
    for c in (c for group in found for c in group.changes):
        sizes = [f.n for f in (c.before, c.after, c.change) if f is not None]
        told = values(c) if not plain else values(c).replace("→", "to")
        rows.append(
            (safe(c.name, "bold"), *_texts(told, change(c) or "–", number(max(sizes, default=0))))
        )
    print_rows(console, plain, ("figure", "before and after", "change (95 %)", "n"), rows)


def _ledger(rows: Sequence[Sequence[str]], basis: str, console: Console, plain: bool) -> None:
    section(console, "Costs", plain)
    columns = ("source", *COST_COLUMNS[1:-1], "Wh (estimate)")
    print_rows(console, plain, columns, [(safe(row[0], "bold"), *_texts(*row[1:])) for row in rows])
    console.print(safe(f"Energy: {basis}.", "dim"))


def _texts(*texts: str) -> Cells:
    return tuple(safe(text) for text in texts)


def _cohort(found: Overview, console: Console, plain: bool) -> None:
    console.print(
        safe(
            f"Cohort {found.name}: {number(len(found.rows))} controls, {found.carded} with a card",
            "bold",
        )
    )
    console.print(safe("Changes are after minus before training, with 95 % intervals.", "dim"))
    console.print()
    rows = [_cells(row) for row in found.rows]
    if console.width >= WIDE:
        print_rows(console, plain, COHORT_COLUMNS, rows)
    else:
        for row in rows:
            _short(row, console)
    _ledger([cost_row(found.ledger.total)], found.ledger.energy_basis, console, plain)


def _cells(row: ControlRow) -> Cells:
    changed = (row.bits, row.claims, row.retention)
    told = (
        row.role,
        ", ".join(row.teachers) or "none",
        "–" if row.dose is None else f"{100 * row.dose:g} %",
        "–" if row.seed is None else str(row.seed),
        row.base,
        number(row.last_loss),
        *("–" if f is None else with_interval(f, sign=True) for f in changed),
    )
    return (safe(row.name, "bold"), *_texts(*told))


def _short(cells: Cells, console: Console) -> None:
    """A control in three lines: its name, its labels, its figures; what is unknown is left out."""
    known = [
        (label, text.plain)
        for label, text in zip(COHORT_COLUMNS, cells, strict=True)
        if text.plain != "–"
    ]
    console.print(cells[0])
    labels = [
        f"{label} {text}" if label != "role" else text
        for label, text in known
        if label in COHORT_COLUMNS[1:6]
    ]
    figures = [f"{label} {text}" for label, text in known if label in COHORT_COLUMNS[6:]]
    for line in (labels, figures):
        if line:
            console.print(Padding(safe("; ".join(line)), (0, 0, 0, 2)))
