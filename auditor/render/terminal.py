"""The report for a terminal of any width from 20 columns: answers first, then a table per question, then what to do next.

Every text passes through `printable`, and none is read as markup: a stranger's words can't colour, move or rename anything.
"""

from __future__ import annotations

import io
import os
import shutil
from typing import TextIO

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from auditor.evidence import Finding, Report, Verdict
from auditor.render import view, wording
from auditor.render.text import date, interval, number, one_line, percent, signed
from auditor.render.view import Card

NARROWEST, WIDEST, WIDEST_WORD, SHORT, GAP = 20, 200, 16, 12, 3
OUTCOME_STYLE = {"supported": "bold green", "inconclusive": "bold yellow", "not_supported": "bold", "not_assessable": "bold"}


def render(report: Report, width: int | None = None, colour: bool = False, encoding: str = "utf-8") -> str:
    """The report as text, at the terminal's width where none is given (20 to 200 columns).

    ``colour`` adds ANSI styles of our own. Characters that ``encoding`` lacks are spelled out.
    """
    columns = min(WIDEST, max(NARROWEST, width or shutil.get_terminal_size().columns))
    console = Console(
        file=io.StringIO(),
        width=columns,
        force_terminal=colour,
        no_color=not colour,
        color_system="standard" if colour else None,
        markup=False,
        emoji=False,
        highlight=False,
        legacy_windows=False,
        _environ={},
    )
    with console.capture() as captured:
        _tell(report, console, plain=not _holds(encoding, "─│┌•–"))
    lines = (line.rstrip() for line in captured.get().splitlines())
    return ("\n".join(lines) + "\n").encode(encoding, "backslashreplace").decode(encoding)


def write(report: Report, out: TextIO) -> None:
    """Writes the report to a stream: in colour where the stream is a terminal and NO_COLOR is not set."""
    colour = out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    out.write(render(report, colour=colour, encoding=out.encoding or "utf-8"))


def _holds(encoding: str, text: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _say(text: str, style: str = "") -> Text:
    return Text(one_line(text), style=style, overflow="fold")


def _tell(report: Report, console: Console, plain: bool) -> None:
    _head(report, console)
    for card in view.cards(report):
        _answer(card, console)
    for card in view.cards(report):
        _figures(report, card, console, plain)
    _section(console, "Limits", plain)
    for line in report.limits or (wording.NO_LIMITS,):
        console.print(_item(line))
    _section(console, "Next", plain)
    for line in next_steps(report):
        console.print(_item(line))


def _head(report: Report, console: Console) -> None:
    console.print(_say(f"Provenance audit of {report.subject.identity.name}", "bold"))
    console.print(_say(report.subject.spec, "dim"))
    console.print(_say(f"{date(report.created)}, report {report.id}", "dim"))
    for warning in view.warnings(report):
        console.print()
        console.print(_say(f"Note: {warning}", "yellow"))


def _answer(card: Card, console: Console) -> None:
    console.print()
    console.print(Text.assemble((f"{card.question.upper()}  ", "bold cyan"), (one_line(card.answer.asks), "bold")))
    console.print(Padding(_say(card.answer.answer), (0, 0, 0, 2)))
    console.print(Padding(_say(f"Does not say: {card.answer.does_not_say}", "dim"), (0, 0, 0, 2)))


def _section(console: Console, title: str, plain: bool) -> None:
    console.print()
    console.print(Rule(Text(title, style="bold"), align="left", style="dim", characters="-" if plain else "─"))


def _item(line: str) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_row("-", _say(line))
    return grid


def _figures(report: Report, card: Card, console: Console, plain: bool) -> None:
    found = [f for f in report.findings if f.question == card.question]
    if not (found or card.verdicts or card.skipped):
        return
    _section(console, card.question.capitalize(), plain)
    if card.verdicts:
        rows = [_verdict_row(v) for v in card.verdicts]
        _rows(console, plain, ("candidate", "outcome", "log10 LR", "cap", "p", "controls"), rows)
        for reason in view.reasons(card.verdicts):
            console.print(_say(reason, "dim"))
    if found:
        if card.verdicts:
            console.print()
        _rows(
            console,
            plain,
            ("candidate", "detector", "value", "n", "rank", "p (null)"),
            [_row(f, view.calibrated(report)) for f in found],
        )
    for skipped in card.skipped:
        who = f" for {skipped.candidate}" if skipped.candidate else ""
        console.print(_say(f"Not measured: {skipped.detector.replace('_', ' ')}{who}: {skipped.reason}", "dim"))


def _verdict_row(v: Verdict) -> tuple[Text, ...]:
    bounds = f" ({interval(v.interval, sign=True)})" if v.interval else ""
    outcome = Text(wording.OUTCOMES[v.outcome], style=OUTCOME_STYLE[v.outcome])
    outcome.append(f" ({one_line(v.words)})" if v.words else "", style="not bold default")
    texts = (signed(v.log10_lr) + bounds, signed(v.cap), number(v.p_value), number(v.n_controls))
    return (_say(v.candidate or "suspect alone", "bold"), outcome, *(_say(t) for t in texts))


def _row(f: Finding, some_calibrated: bool) -> tuple[Text, ...]:
    bounds = f" ({interval(f.interval)})" if f.interval else ""
    p = "–" if f.null is None else f"{number(f.null.p)} ({f.null.n})"
    lr = "uncalibrated" if f.log10_lr is None else ", ".join(filter(None, (f"log10 LR {signed(f.log10_lr)}", f.words)))
    detector = Text(one_line(f.detector.replace("_", " "))).append(f" ({one_line(lr)})" if some_calibrated else "", style="dim")
    rank = f"{f.rank.position} of {f.rank.of}" if f.rank else "–"
    name = _say(f.candidate or "suspect alone", "bold")
    return (name, detector, _say(number(f.value) + bounds), _say(f"{number(f.n)} {f.n_unit}"), _say(rank), _say(p))


def _rows(console: Console, plain: bool, columns: tuple[str, ...], rows: list[tuple[Text, ...]]) -> None:
    """Prints rows as a table where it fits without breaking short words, else as a list; empty columns are left out."""
    shown = [i for i in range(len(columns)) if any(row[i].plain != "–" for row in rows)]
    texts = [[columns[i], *(row[i].plain for row in rows)] for i in shown]
    widths = _widths(texts, console.width - GAP * (len(shown) - 1))
    if widths is None:
        _list(console, columns, rows)
        return
    table = Table(box=box.ASCII2 if plain else box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for i, width in zip(shown, widths, strict=True):
        table.add_column(columns[i], overflow="fold", width=width)
    for row in rows:
        table.add_row(*(row[i] for i in shown))
    console.print(table)


def _widths(columns: list[list[str]], room: int) -> list[int] | None:
    """A width for each column: its longest word at least (a short text whole), its longest text at most; None where they
    don't fit.

    rich shrinks columns below the words in them and then cuts the last ones off: a number that is cut is a wrong number.
    """
    most = [max(cell_len(text) for text in texts) for texts in columns]
    words = [max(min(WIDEST_WORD, cell_len(word)) for text in texts for word in text.split() or [""]) for texts in columns]
    least = [whole if whole <= SHORT else word for whole, word in zip(most, words, strict=True)]
    if sum(least) > room:
        return None
    widths = list(least)
    # One column of letters to each in turn: short texts get their whole line before long ones get more of theirs.
    while sum(widths) < room and widths != most:
        for i, limit in enumerate(most):
            if widths[i] < limit and sum(widths) < room:
                widths[i] += 1
    return widths


def _list(console: Console, columns: tuple[str, ...], rows: list[tuple[Text, ...]]) -> None:
    for row in rows:
        console.print(row[0])
        for label, text in zip(columns[1:], row[1:], strict=True):
            if text.plain != "–":
                console.print(Padding(Text.assemble((f"{label}: ", "dim"), text, overflow="fold"), (0, 0, 0, 2)))


def next_steps(report: Report) -> tuple[str, ...]:
    """What a reader can do now, the most pressing first."""
    steps = ["Open report.html for the figures, the quoted answers and the alternative explanations."]
    if not report.transcript.complete:
        steps.insert(0, "Run the same command again: it resumes, and asks only what was not answered.")
    if not view.calibrated(report):
        steps.append("A conclusion needs a calibration on control models of known history; this report has none.")
    levels = sorted({f.level for f in report.findings if f.interval})
    if levels:
        steps.append(f"Read intervals at {', '.join(percent(level) for level in levels)}; some model is always first in rank.")
    return (*steps, *(f"Reproduce: {command}" for command in report.reproduce))
