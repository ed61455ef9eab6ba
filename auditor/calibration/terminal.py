"""A calibration for a terminal of any width. Knows its rows; computes no figure."""

from __future__ import annotations

from rich.console import Console

from auditor.calibration import view
from auditor.calibration.record import Calibration
from auditor.reporting.rows import captured, print_rows, safe, section


def calibration_text(
    made: Calibration, width: int | None = None, colour: bool = False, encoding: str = "utf-8"
) -> str:
    """The calibration as text, at the terminal's width where none is given."""
    return captured(lambda console, plain: _tell(made, console, plain), width, colour, encoding)


def _tell(made: Calibration, console: Console, plain: bool) -> None:
    console.print(safe(f"Calibration {made.name}", "bold"))
    for label, value in view.facts(made):
        console.print(safe(f"{label}: {value}"))
    section(console, "How it did on models that were left out", plain)
    console.print(safe(view.WORDS, "dim"))
    _rows(console, plain, view.whole(made))
    found = view.faceted(made)
    if found:
        section(console, "By teacher, base, dose and evasion", plain)
        _rows(console, plain, found)
    section(console, "What it can carry", plain)
    columns = ("level", "prompts", "log10 LR", "lineages H1 / H2", "weights in the fusion")
    print_rows(console, plain, columns, [tuple(safe(c) for c in row) for row in view.caps(made)])
    for note in made.notes:
        console.print(safe(note))


def _rows(console: Console, plain: bool, rows: list[tuple[str, ...]]) -> None:
    print_rows(
        console,
        plain,
        view.COLUMNS,
        [(safe(row[0], "bold"), *(safe(c) for c in row[1:])) for row in rows],
    )
