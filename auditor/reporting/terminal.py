"""A document's brief reading for a terminal of any width from 20 columns.

Every text passes through `printable`, and none is read as markup: a stranger's words can't colour,
move or rename anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, TextIO

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from auditor.reporting.charts import Course, Dumbbells, Flow, Mosaic, TreeChart
from auditor.reporting.document import (
    DASH,
    Block,
    Bullets,
    Definitions,
    Document,
    GridTable,
    Group,
    Paragraph,
    Verbatim,
    Walk,
    Words,
    name,
    plain,
    runs,
    sections,
    strong,
)
from auditor.reporting.labels import arm
from auditor.reporting.mosaics import mosaic_lines
from auditor.reporting.plots import before_and_after, change_of
from auditor.reporting.rows import captured, coloured, holds, item, print_rows, safe, section
from auditor.reporting.tables import Drawn, table_of
from auditor.reporting.text import QUOTE_LIMIT, number, one_line, visible
from detectors.measurement import Exhibit
from detectors.stats.trees import Split, Tree

LEVELS, PLAIN_LEVELS = "▁▂▃▄▅▆▇█", "_.-=^"
WIDEST_SPARK, SHORTEST_NAME = 60, 10
SHORT, MORE = 40, "({} more lines: --full)"
"""So many lines are told unless somebody asks for all; a screen holds them."""
LINES, PLAIN_LINES = ("├─", "└─", "│ ", "┬"), ("|-", "`-", "| ", "+")
STYLES = {
    "supported": "bold green",
    "inconclusive": "bold yellow",
    "not_supported": "bold",
    "not_assessable": "bold",
}
ROLES = {"strong": "bold", "kicker": "bold cyan", "badge": "bold"}
LOOKS = {"lead": "dim", "caption": "dim", "says-not": "dim", "about": "dim", "notice": "yellow"}


def render(
    document: Document,
    width: int | None = None,
    colour: bool = False,
    encoding: str = "utf-8",
    full: bool = True,
) -> str:
    """The document as text, at the terminal's width where none is given (20 to 200 columns).

    ``colour`` adds ANSI styles of our own. Characters that ``encoding`` lacks are spelled out. Not
    ``full``: cover and what is told in short, in at most `SHORT` lines, where the document has
    something to tell in short.
    """
    text = captured(
        lambda console, bare: Teller(console, bare, encoding).document(document, full),
        width,
        colour,
        encoding,
    )
    lines = text.splitlines()
    if full or not document.short or len(lines) <= SHORT:
        return text
    left = len(lines) - SHORT + 1
    return "\n".join((*lines[: SHORT - 1], MORE.format(left))) + "\n"


def write(document: Document, out: TextIO, full: bool = False) -> None:
    """Writes the document to a stream, in short unless ``full``: in colour where the stream is a
    terminal and NO_COLOR is not set."""
    encoding = out.encoding or "utf-8"
    out.write(render(document, colour=coloured(out), encoding=encoding, full=full))


class Teller(Walk[Any]):
    """Tells blocks line by line on a console; ``bare``: without box characters."""

    reading = "brief"

    def __init__(self, console: Console, bare: bool, encoding: str) -> None:
        self.console, self.bare, self.encoding = console, bare, encoding

    def document(self, document: Document, full: bool) -> None:
        """Title, cover, then what is told in short, or the sections of the brief reading."""
        self.console.print(safe(plain(document.title), "bold"))
        self._print(document.about)
        if document.short and not full:
            self._print(document.short)
            return
        self._print(document.preface)
        for part in sections(document, "brief"):
            if part.title:
                section(self.console, part.title, self.bare)
            self._print(part.blocks)

    def _print(self, blocks: tuple[Block, ...]) -> None:
        for line in self.blocks(blocks):
            self.console.print(line)

    def _paragraph(self, of: Paragraph) -> Iterator[Any]:
        if of.look == "notice":
            yield ""
        lead: Words = "Note: " if of.look == "notice" else ""
        text = self._line((*runs(lead), *runs(of.words)), LOOKS.get(of.look, ""))
        yield Padding(text, (0, 0, 0, 2)) if of.look in ("answer", "says-not", "summary") else text

    def _line(self, words: Words, style: str = "") -> Text:
        """Words on one line, made safe, each in its style, folded where they don't fit."""
        out = Text(style=style, overflow="fold")
        for run in runs(words):
            told = self._spelled(one_line(run.text))
            told = told.upper() + " " if run.role == "kicker" else told
            # A run of blanks alone parts its neighbours; nothing else would tell them apart.
            before = " " if out.plain and run.text[:1].isspace() else ""
            after = " " if run.text[-1:].isspace() and told else ""
            styled = STYLES.get(run.tone, ROLES.get(run.role, ""))
            out.append(before + told + after, style=styled or None)
        return out

    def _spelled(self, text: str) -> str:
        """Our own signs in letters where the terminal has none."""
        return text.replace("→", "to").replace("…", "...") if self.bare else text

    def _bullets(self, of: Bullets) -> Iterator[Any]:
        yield from (item(plain(words)) for words in of.items)
        if not of.items and of.empty:
            yield item(of.empty)

    def _definitions(self, of: Definitions) -> Iterator[Any]:
        if of.look == "glance":
            for label, told in of.rows:
                first, *rest = runs(told)
                status = (" ", first) if first.role == "badge" else ()
                yield self._line((strong(plain(label)), *status))
                yield Padding(self._line(tuple(rest) if status else told), (0, 0, 0, 2))
            return
        yield from (self._line((*runs(k), ": ", *runs(v))) for k, v in of.rows)

    def _gridtable(self, of: GridTable) -> Iterator[Any]:
        if of.look != "quiet" and of.title:
            yield safe(of.title, "bold")
        rows = [
            tuple(self._line(c, "bold" if i == 0 and of.headed else "") for i, c in enumerate(row))
            for row in of.rows
        ]
        print_rows(self.console, self.bare, tuple(plain(c) for c in of.columns), rows)
        if of.caption:
            yield self._line(of.caption, "dim")

    def _drawn(self, of: Drawn) -> Iterator[Any]:
        yield from self._gridtable(table_of(of))

    _chart = _ladderchart = _stacks = _panels = _curvechart = _matrixchart = _tieschart = _drawn

    def _dumbbells(self, of: Dumbbells) -> Iterator[Any]:
        rows = []
        for row in of.rows:
            told = self._spelled(before_and_after(row))
            rows.append((name(row.name), told, change_of(row) or DASH, number(row.n)))
        heads = ("figure", f"{of.ends[0]} and {of.ends[1]}", "change (95 %)", "n")
        yield from self._gridtable(GridTable(of.title, heads, tuple(rows), look="quiet"))

    def _course(self, of: Course) -> Iterator[Any]:
        levels = LEVELS if not self.bare and holds(self.encoding, LEVELS) else PLAIN_LEVELS
        yield safe(f"{of.label}: {number(of.values[0])} to {number(of.values[-1])}")
        width = min(WIDEST_SPARK, self.console.width - 2)
        yield Text(sparkline(of.smoothed(), width, levels), style="cyan")

    def _flow(self, of: Flow) -> Iterator[Any]:
        yield safe(", ".join(f"{number(s.count)} {s.label}" for s in of.steps))

    def _treechart(self, of: TreeChart) -> Iterator[Any]:
        names = [leaf.name for leaf in of.leaves]
        lines = PLAIN_LINES if self.bare else LINES
        # Lines are printed here because rich would fold a long one and tear its branches.
        for line in tree_lines(of.tree, of.share, names, self.console.width, lines):
            self.console.print(Text(line), no_wrap=True, crop=True)
        yield from ()

    def _mosaic(self, of: Mosaic) -> Iterator[Any]:
        yield safe(of.title, "bold")
        for line in mosaic_lines(of, self.console.width, self.bare):
            self.console.print(Text(visible(line, keep="")), no_wrap=True, overflow="ellipsis")
        if of.caption:
            yield self._line(of.caption, "dim")

    def _exhibit(self, of: Exhibit) -> Iterator[Any]:
        yield safe(f"{of.source}, probe {of.probe_id}, {arm(of.arm.value)}", "bold")
        yield safe(f"asked: {visible(of.prompt, QUOTE_LIMIT)}")
        yield safe(f"answered: {visible(of.answer, QUOTE_LIMIT)}")

    def _verbatim(self, of: Verbatim) -> Iterator[Any]:
        yield from (safe(line) for line in of.text.splitlines())

    def _group(self, of: Group) -> Iterator[Any]:
        yield ""
        if of.heading:
            yield self._line(of.heading, "bold" if of.look == "card" else "")
        yield from self.blocks(of.blocks)


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


def tree_lines(
    tree: Tree,
    share: Mapping[Split, float],
    names: list[str],
    width: int,
    lines: tuple[str, str, str, str] = LINES,
) -> Iterator[str]:
    """The tree as lines of at most ``width`` columns, one a model and one a group with its support
    in per cent.

    Where the branches would take the room of the names, their left part gives way to dots.
    """
    children, splits = tree.children(), tree.splits()
    beside, last, down, knot = lines
    waiting: list[tuple[int, str, str]] = [(tree.top, "", "")]
    while waiting:
        node, before, after = waiting.pop()
        prefix = _cut(before, width - SHORTEST_NAME)
        if not children[node]:
            name = one_line(names[node])
            yield prefix + " " + _fitting(name, width - cell_len(prefix) - 1)
            continue
        support = share.get(splits.get(node, frozenset()))
        yield prefix + knot + ("" if support is None else f" {100 * support:.0f}")
        for i, child in reversed(list(enumerate(children[node]))):
            ends = i == len(children[node]) - 1
            waiting.append(
                (child, after + (last if ends else beside), after + ("  " if ends else down))
            )


def _cut(prefix: str, room: int) -> str:
    room = max(4, room)
    return prefix if len(prefix) <= room else ".." + prefix[len(prefix) - room + 2 :]


def _fitting(name: str, room: int) -> str:
    return name if cell_len(name) <= room else set_cell_size(name, max(1, room - 2)).rstrip() + ".."
