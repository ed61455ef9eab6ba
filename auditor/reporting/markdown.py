"""A document as Markdown for a ticket or a pull request: no image, no raw HTML, no link a stranger
could plant.

Strangers' text stands in code fences and code spans longer than any run of their own marks; every
other text has its marks escaped. The same document gives the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from auditor.reporting.charts import Course, MatrixChart, Mosaic, TiesChart, TreeChart
from auditor.reporting.document import (
    Bullets,
    Definitions,
    Document,
    GridTable,
    Group,
    Paragraph,
    Stretch,
    Verbatim,
    Walk,
    Words,
    runs,
    sections,
)
from auditor.reporting.labels import arm
from auditor.reporting.mosaics import mosaic_lines
from auditor.reporting.tables import Drawn, table_of
from auditor.reporting.terminal import tree_lines
from auditor.reporting.text import QUOTE_LIMIT, number, one_line, quote, visible
from detectors.measurement import Exhibit

MOST_ROWS = 60
MOST_EXHIBITS = 5
TREE_WIDTH, LONGEST = 100, 20_000
ESCAPED = str.maketrans(
    {**{c: "\\" + c for c in "\\`*_[]|~!$"}, "<": "&lt;", ">": "&gt;", "&": "&amp;"}
)
# GitHub's Markdown makes links of bare addresses and notifies whoever is named after an @.
LINKING = re.compile(r"\S*(?:@|://|www\.)\S*")


def render(document: Document) -> str:
    """The whole reading as Markdown text."""
    tell = _Telling().blocks
    lines = [f"# {spoken(document.title)}\n", *tell(document.about), _meta(document)]
    lines += tell(document.preface)
    for part in sections(document, "full"):
        lines += [f"## {inline(part.title)}\n", *tell(part.blocks)]
    if document.note:
        lines.append(spoken(document.note))
    return "\n".join(lines).rstrip("\n") + "\n"


def spoken(words: Words) -> str:
    """Words within a line: names and codes as code spans, what stands out in bold."""
    return "".join(_run(run) for run in runs(words)).strip()


def _run(run: Stretch) -> str:
    if run.role in ("name", "code"):
        return code(run.text) if run.text else ""
    told = _escaped(run.text)
    if run.role == "kicker":
        return f"{told.capitalize()}: "
    told = f"**{told}**" if run.role == "strong" else f"({told})" if run.role == "tag" else told
    before = " " if run.text[:1].isspace() or run.role in ("tag", "line") else ""
    return before + told + (" " if run.text[-1:].isspace() and told else "")


def inline(text: str) -> str:
    """A text within a line: hidden characters spelled out, marks escaped, anything that could
    become a link or a mention set as code."""
    return _begun(_escaped(text))


def _escaped(text: str) -> str:
    words = one_line(text).split(" ")
    return " ".join(code(w) if LINKING.fullmatch(w) else w.translate(ESCAPED) for w in words)


def _begun(line: str) -> str:
    """A line whose first sign can't make it a list, a heading or a rule."""
    return re.sub(r"^(\d*)([-+#=.)])", r"\1\\\2", line)


def code(text: str, limit: int = 160) -> str:
    """A stranger's words as a code span, on one line; its fence is longer than any run of
    backticks in it."""
    shown = one_line(text, limit) or " "
    ticks = "`" * (1 + max((len(run) for run in re.findall(r"`+", shown)), default=0))
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    # A table is cut into cells before code spans are read: a bar within one must be escaped.
    return f"{ticks}{pad}{shown}{pad}{ticks}".replace("|", "\\|")


def fenced(text: str, limit: int = QUOTE_LIMIT) -> str:
    """A stranger's text as a code block whose fence is longer than any run of backticks in it."""
    shown = visible(text, limit)
    ticks = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", shown)), default=0))
    return f"{ticks}text\n{shown}\n{ticks}"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already; short rows are filled up."""
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join([*row, *[""] * (len(columns) - len(row))]) + " |" for row in rows]
    return "\n".join(lines)


def _meta(document: Document) -> str:
    return "\n".join(f"- {inline(label)}: {spoken(value)}" for label, value in document.meta) + "\n"


def _at_a_glance(words: Words) -> str:
    """A status in bold before what is said of it."""
    first, *rest = runs(words)
    if first.role != "badge":
        return spoken(words)
    return f"**{_escaped(first.text)}**: {spoken(tuple(rest))}"


class _Telling(Walk[str]):
    """Each block as Markdown, an empty line after it."""

    reading = "full"

    def _paragraph(self, of: Paragraph) -> Iterator[str]:
        lead = "> **Note.** " if of.look == "notice" else ""
        yield f"{lead}{_begun(spoken(of.words))}\n"

    def _bullets(self, of: Bullets) -> Iterator[str]:
        lines = (f"- {_begun(spoken(item))}" for item in of.items)
        yield ("\n".join(lines) or inline(of.empty)) + "\n"

    def _definitions(self, of: Definitions) -> Iterator[str]:
        if of.look == "glossary":
            yield "\n".join(f"- **{spoken(k)}.** {spoken(v)}" for k, v in of.rows) + "\n"
        elif of.look == "glance":
            yield "\n".join(f"- {_begun(spoken(k))} {_at_a_glance(v)}" for k, v in of.rows) + "\n"
        else:
            yield "\n".join(f"- {_begun(spoken(k))}: {spoken(v)}" for k, v in of.rows) + "\n"

    def _gridtable(self, of: GridTable) -> Iterator[str]:
        if of.look != "quiet":
            yield f"**{inline(of.title)}**\n"
        yield table(
            [spoken(c) for c in of.columns], ([spoken(c) for c in r] for r in of.rows[:MOST_ROWS])
        )
        yield ""
        if len(of.rows) > MOST_ROWS:
            yield f"{len(of.rows) - MOST_ROWS} more rows are in the record.\n"
        if of.caption:
            yield f"{spoken(of.caption)}\n"

    def _drawn(self, of: Drawn) -> Iterator[str]:
        yield from self._gridtable(table_of(of))

    _chart = _ladderchart = _dumbbells = _flow = _stacks = _panels = _curvechart = _drawn

    def _course(self, of: Course) -> Iterator[str]:
        ends = f"{number(of.values[0])} to {number(of.values[-1])}"
        yield f"- {inline(of.label)}, steps {of.steps[0]} to {of.steps[-1]}: {ends}\n"

    def _treechart(self, of: TreeChart) -> Iterator[str]:
        names = [leaf.name for leaf in of.leaves]
        yield fenced("\n".join(tree_lines(of.tree, of.share, names, TREE_WIDTH)), LONGEST) + "\n"

    def _mosaic(self, of: Mosaic) -> Iterator[str]:
        yield f"**{inline(of.title)}**\n"
        yield fenced("\n".join(mosaic_lines(of, TREE_WIDTH)), LONGEST) + "\n"
        if of.caption:
            yield f"{inline(of.caption)}\n"

    def _matrixchart(self, of: MatrixChart | TiesChart) -> Iterator[str]:
        """Nothing: its numbers stand in a table beside it."""
        yield from ()

    _tieschart = _matrixchart

    def _exhibit(self, e: Exhibit) -> Iterator[str]:
        marked = quote(e.answer, e.spans).marks
        why = "".join(f"\n- marked: {code(p.text)} {inline(p.why)}".rstrip() for p in marked) + (
            "\n" if marked else ""
        )
        why += f"\n{inline(e.why)}\n" if e.why and e.why not in {p.why for p in marked} else ""
        head = f"{code(e.source)}, probe {code(e.probe_id)}, {inline(arm(e.arm.value))}"
        yield f"{head}\n\nAsked:\n\n{fenced(e.prompt)}\n\nAnswered:\n\n{fenced(e.answer)}\n{why}"

    def _verbatim(self, of: Verbatim) -> Iterator[str]:
        yield fenced(of.text, LONGEST) + "\n"

    def _group(self, of: Group) -> Iterator[str]:
        if of.heading and of.folded is not None and of.look != "candidate":
            yield f"**{spoken(of.heading)}**\n"
        elif of.heading:
            yield f"{'#' * of.level} {spoken(of.heading)}\n"
        if of.look == "exhibits":
            yield from self.blocks(of.blocks[:MOST_EXHIBITS])
            if len(of.blocks) > MOST_EXHIBITS:
                yield f"{len(of.blocks) - MOST_EXHIBITS} more exhibits are in the record.\n"
        else:
            yield from self.blocks(of.blocks)
