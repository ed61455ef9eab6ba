"""What is said on a terminal of any width: a console without markup, headings, and rows as a table
or a list.

Every text passes through `printable`, and none is read as markup. Knows no report and no card.
"""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable
from typing import TextIO

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from auditor.reporting.text import one_line

NARROWEST, WIDEST, WIDEST_WORD, SHORT, GAP, MANY = 20, 200, 16, 24, 3, 8


def captured(
    tell: Callable[[Console, bool], None],
    width: int | None = None,
    colour: bool = False,
    encoding: str = "utf-8",
) -> str:
    """What ``tell`` prints, as text of the terminal's width where none is given (20 to 200
    columns).

    ``tell`` gets the console, and whether it must do without box characters because ``encoding``
    lacks them; other characters that it lacks are spelled out. ``colour`` adds ANSI styles of our
    own.
    """
    # rich takes colour and width from the environment, too: an empty one leaves them to us.
    console = Console(
        file=io.StringIO(),
        width=min(WIDEST, max(NARROWEST, width or shutil.get_terminal_size().columns)),
        force_terminal=colour,
        no_color=not colour,
        color_system="standard" if colour else None,
        markup=False,
        emoji=False,
        highlight=False,
        legacy_windows=False,
        _environ={},
    )
    with console.capture() as caught:
        tell(console, not holds(encoding, "─│┌•–"))
    lines = (line.rstrip() for line in caught.get().splitlines())
    return ("\n".join(lines) + "\n").encode(encoding, "backslashreplace").decode(encoding)


def coloured(out: TextIO) -> bool:
    """Whether a stream is a terminal that wants colour: NO_COLOR and TERM=dumb are respected."""
    return out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def holds(encoding: str, text: str) -> bool:
    """Whether an encoding has every character of a text."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def safe(text: str, style: str = "") -> Text:
    """A stranger's or our own text on one line, made safe, folded where it doesn't fit."""
    return Text(one_line(text), style=style, overflow="fold")


def section(console: Console, title: str, plain: bool) -> None:
    """A heading with a rule."""
    console.print()
    console.print(
        Rule(Text(title, style="bold"), align="left", style="dim", characters="-" if plain else "─")
    )


def item(line: str) -> Table:
    """A line of a list."""
    grid = Table.grid(padding=(0, 1))
    grid.add_row("-", safe(line))
    return grid


def print_rows(
    console: Console, plain: bool, columns: tuple[str, ...], found: list[tuple[Text, ...]]
) -> None:
    """Prints rows as a table where it fits without breaking short words, one of many columns as
    several tables below each other, else as a list; empty columns are left out."""
    shown = [i for i in range(len(columns)) if any(row[i].plain != "–" for row in found)]
    texts = {i: [columns[i], *(row[i].plain for row in found)] for i in shown}

    def fitted(some: list[int]) -> list[int] | None:
        """The widths at which these columns fit side by side; None where they don't."""
        return _widths([texts[i] for i in some], console.width - GAP * (len(some) - 1))

    parts = [shown] if fitted(shown) is not None else _parts(shown, texts, fitted)
    for number, part in enumerate(parts):
        if number:
            console.print()
        _table(console, plain, columns, found, list(zip(part, fitted(part) or (), strict=True)))
    if not parts:
        _list(console, columns, found)


def _parts(
    shown: list[int], texts: dict[int, list[str]], fitted: Callable[[list[int]], list[int] | None]
) -> list[list[int]]:
    """The columns of a wide table in parts that fit, each led by those first ones that tell its
    rows apart; none where the table is no wide one, or these leave no room for another."""
    rows = list(zip(*(texts[i][1:] for i in shown), strict=True))
    lead = next((n for n in range(1, len(shown)) if len({r[:n] for r in rows}) == len(rows)), 0)
    if len(shown) <= MANY or not lead:
        return []
    again = [i for i in shown[:lead] if len(set(texts[i][1:])) > 1]
    out = [shown[:lead]]
    for column in shown[lead:]:
        if fitted([*out[-1], column]) is None:
            out.append(list(again))
        out[-1].append(column)
    return out if all(fitted(part) is not None for part in out) else []


def _table(
    console: Console,
    plain: bool,
    columns: tuple[str, ...],
    found: list[tuple[Text, ...]],
    widths: list[tuple[int, int]],
) -> None:
    table = Table(
        box=box.ASCII2 if plain else box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        header_style="bold",
    )
    for i, width in widths:
        table.add_column(columns[i], overflow="fold", width=width)
    for row in found:
        table.add_row(*(row[i] for i, _ in widths))
    console.print(table)


def _widths(columns: list[list[str]], room: int) -> list[int] | None:
    """A width for each column: its longest word at least (a short text whole, but for the names in
    the first column), its longest text at most; None where they don't fit.

    rich shrinks columns below the words in them and then cuts the last ones off: a number that is
    cut is a wrong number.
    """
    most = [max(cell_len(text) for text in texts) for texts in columns]
    words = [
        max(min(WIDEST_WORD, cell_len(word)) for text in texts for word in text.split() or [""])
        for texts in columns
    ]
    least = [
        whole if i and whole <= SHORT else word
        for i, (whole, word) in enumerate(zip(most, words, strict=True))
    ]
    if sum(least) > room:
        return None
    widths = list(least)
    # One column of letters to each in turn: short texts get their whole line before long ones get
    # more of theirs.
    while sum(widths) < room and widths != most:
        for i, limit in enumerate(most):
            if widths[i] < limit and sum(widths) < room:
                widths[i] += 1
    return widths


def _list(console: Console, columns: tuple[str, ...], rows: list[tuple[Text, ...]]) -> None:
    for row in rows:
        console.print(row[0])
        if len(columns) > MANY:
            console.print(Padding(_joined(columns[1:], row[1:]), (0, 0, 0, 2)))
            continue
        for label, text in zip(columns[1:], row[1:], strict=True):
            if text.plain != "–":
                told = Text.assemble((f"{label}: ", "dim"), text, overflow="fold")
                console.print(Padding(told, (0, 0, 0, 2)))


def _joined(columns: tuple[str, ...], row: tuple[Text, ...]) -> Text:
    """A row of many columns as one paragraph; what is unknown is left out."""
    known = [(c, text) for c, text in zip(columns, row, strict=True) if text.plain != "–"]
    out = Text(overflow="fold")
    for i, (label, text) in enumerate(known):
        out.append("; " if i else "").append(f"{label} ", style="dim").append(text)
    return out
