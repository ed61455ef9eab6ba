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
from auditor.render import groups, view, wording
from auditor.render.groups import Group
from auditor.render.text import date, interval, number, one_line, percent, signed
from auditor.render.view import Card

NARROWEST, WIDEST, WIDEST_WORD, SHORT, GAP = 20, 200, 16, 24, 3
MOST_FINDINGS = 8
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
        _verdicts(card.verdicts, console, plain)
    for group in groups.by_detector(found):
        console.print()
        _group(group, console, plain, view.calibrated(report))
    if card.skipped:
        console.print()
    for skipped in card.skipped:
        whom = f" for {skipped.who}" if skipped.who else ""
        console.print(_say(f"Not measured: {skipped.detector.replace('_', ' ')}{whom}: {skipped.reason}", "dim"))


def _verdicts(verdicts: tuple[Verdict, ...], console: Console, plain: bool) -> None:
    """A table of verdicts; one line and the reasons where all of them say the same and weigh nothing."""
    outcome = groups.unanimous(verdicts)
    if outcome is None:
        rows = [_verdict_row(v) for v in verdicts]
        _rows(console, plain, ("candidate", "outcome", "log10 LR", "cap", "p", "controls"), rows)
    told = groups.reasons(verdicts, brief=True)
    if outcome is not None:
        who = f"all {len(verdicts)} candidates" if len(verdicts) > 1 else verdicts[0].candidate or groups.ALONE
        line = f"{wording.OUTCOMES[outcome].capitalize()} for {who}."
        told = (f"{line} {told[0]}", *told[1:]) if len(told) == 1 else (line, *told)
    for reason in told:
        console.print(_say(reason, "dim"))


def _group(group: Group, console: Console, plain: bool, some_calibrated: bool) -> None:
    """The findings of one detector under its name: the first eight by rank, and how many more there are."""
    sizes, units = {f.n for f in group.findings}, {f.n_unit for f in group.findings}
    unit = group.findings[0].n_unit if len(units) == 1 else ""
    same_n = bool(unit) and len(sizes) == 1
    size = f", n = {number(group.findings[0].n)} {unit}" if same_n else f", n in {unit}" if unit else ""
    about = f", {groups.ALONE}" if group.alone else ""
    detector = one_line(group.detector.replace("_", " ")).capitalize()
    heading = one_line(f"{about}: {group.metric.replace('_', ' ')}{size}")
    console.print(Text.assemble((detector, "bold"), heading, overflow="fold"))
    columns = ("candidate", "value", "n", "rank", "p (null)", "weight")
    rows = [_row(f, some_calibrated, unit, same_n) for f in group.findings[:MOST_FINDINGS]]
    if group.alone:
        _alone(group, console, columns, rows)
    else:
        _rows(console, plain, columns, rows)
    if len(group.findings) > MOST_FINDINGS:
        more = f"{'...' if plain else '…'} and {len(group.findings) - MOST_FINDINGS} more in report.html"
        console.print(_say(more, "dim"))


def _alone(group: Group, console: Console, columns: tuple[str, ...], rows: list[tuple[Text, ...]]) -> None:
    """What is said about the suspect by itself: the sentence that names whom it names, then its figures on one line."""
    for finding, row in zip(group.findings, rows, strict=False):
        if finding.summary:
            console.print(Padding(_say(finding.summary), (0, 0, 0, 2)))
        told = [f"{label} {text.plain}" for label, text in zip(columns[1:], row[1:], strict=True) if text.plain != "–"]
        console.print(Padding(_say("; ".join(told), "dim"), (0, 0, 0, 2)))


def _verdict_row(v: Verdict) -> tuple[Text, ...]:
    bounds = f" {interval(v.interval, sign=True)}" if v.interval else ""
    outcome = Text(wording.OUTCOMES[v.outcome], style=OUTCOME_STYLE[v.outcome])
    outcome.append(f" ({one_line(v.words)})" if v.words else "", style="not bold default")
    texts = (signed(v.log10_lr) + bounds, signed(v.cap), number(v.p_value), number(v.n_controls))
    return (_say(v.candidate or "suspect alone", "bold"), outcome, *(_say(t) for t in texts))


def _row(f: Finding, some_calibrated: bool, unit: str, same_n: bool) -> tuple[Text, ...]:
    bounds = f" {interval(f.interval)}" if f.interval else ""
    p = "–" if f.null is None else f"{number(f.null.p)} ({f.null.n})"
    lr = "uncalibrated" if f.log10_lr is None else ", ".join(filter(None, (f"log10 LR {signed(f.log10_lr)}", f.words)))
    rank = f"{f.rank.position} of {f.rank.of}" if f.rank else "–"
    n = "–" if same_n else number(f.n) if unit else f"{number(f.n)} {f.n_unit}"
    texts = (number(f.value) + bounds, n, rank, p, lr if some_calibrated else "–")
    return (_say(f.candidate or "suspect alone", "bold"), *(_say(t) for t in texts))


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
    """A width for each column: its longest word at least (a short text whole, but for the names in the first column), its
    longest text at most; None where they don't fit.

    rich shrinks columns below the words in them and then cuts the last ones off: a number that is cut is a wrong number.
    """
    most = [max(cell_len(text) for text in texts) for texts in columns]
    words = [max(min(WIDEST_WORD, cell_len(word)) for text in texts for word in text.split() or [""]) for texts in columns]
    least = [whole if i and whole <= SHORT else word for i, (whole, word) in enumerate(zip(most, words, strict=True))]
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
