"""A document: sections of paragraphs, lists, tables, charts, quotations and groups, as data.

Report, card, cohort, calibration and comparison arrange themselves into one; every renderer turns
one into a format. Knows no format, and nothing of what is told.

Words may be a stranger's anywhere: making them safe is each renderer's duty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from auditor.reporting.charts import (
    Course,
    CurveChart,
    Dumbbells,
    Flow,
    LadderChart,
    MatrixChart,
    Mosaic,
    Panels,
    Stacks,
    TiesChart,
    TreeChart,
)
from detectors.measurement import Chart, Exhibit

Role = Literal["plain", "strong", "aside", "name", "code", "badge", "tag", "line", "kicker"]
Reading = Literal["both", "full", "brief"]
DASH = "–"


@dataclass(frozen=True)
class Stretch:
    """A stretch of words in one role: ``name`` and ``code`` are words of others, ``aside`` steps
    back, ``line`` on a line of its own, ``badge``, ``tag`` and ``kicker`` label.

    ``tone`` is what a badge says in one of our own words (``supported``); ``target`` is the anchor
    of a group or section that the words lead to.
    """

    text: str
    role: Role = "plain"
    tone: str = ""
    target: str = ""


Words = str | Stretch | tuple[str | Stretch, ...]
Look = Literal["plain", "lead", "caption", "notice", "answer", "says-not", "summary", "about"]


def name(text: str) -> Stretch:
    """Somebody's or something's name."""
    return Stretch(text, "name")


def aside(text: str) -> Stretch:
    """What stands back: an interval, a unit."""
    return Stretch(text, "aside")


def strong(text: str) -> Stretch:
    """What stands out."""
    return Stretch(text, "strong")


def code(text: str) -> Stretch:
    """An identifier or a digest."""
    return Stretch(text, "code")


def runs(words: Words) -> tuple[Stretch, ...]:
    """The words as runs."""
    given = words if isinstance(words, tuple) else (words,)
    return tuple(Stretch(w) if isinstance(w, str) else w for w in given)


def plain(words: Words) -> str:
    """The words without their roles."""
    return "".join(run.text for run in runs(words))


@dataclass(frozen=True)
class Paragraph:
    """One paragraph; a ``notice`` must be read before the rest."""

    words: Words
    look: Look = "plain"


@dataclass(frozen=True)
class Bullets:
    """Items below each other; ``empty`` is said where there are none."""

    items: tuple[Words, ...]
    ordered: bool = False
    empty: str = ""


@dataclass(frozen=True)
class Definitions:
    """Labels with their values. ``figures``: the numbers that matter most in their place."""

    rows: tuple[tuple[Words, Words], ...]
    look: Literal["pairs", "meta", "figures", "basis", "glossary", "glance"] = "pairs"


@dataclass(frozen=True)
class GridTable:
    """A table. The first cell of a row names it where ``headed``; ``numeric`` columns are set
    flush right; ``shades`` are shares from 0 to 1 by which cells are shaded; of many ``rows`` a
    format may fold or leave out the last.

    A short row lacks its last cells. ``look``: ``glance`` compares candidates, ``quiet`` has its
    title in its section's heading already.
    """

    title: str
    columns: tuple[Words, ...]
    rows: tuple[tuple[Words, ...], ...]
    numeric: frozenset[int] = frozenset()
    headed: bool = True
    caption: Words = ""
    look: Literal["plain", "quiet", "glance", "heat"] = "plain"
    shades: tuple[tuple[float | None, ...], ...] = ()


@dataclass(frozen=True)
class Verbatim:
    """Lines to be read or copied as they are."""

    text: str


@dataclass(frozen=True)
class Group:
    """Blocks under a heading of their own, or of one reading.

    ``folded``: a disclosure that opens at a click (None: none). ``level`` is that of the heading.
    """

    blocks: tuple[Block, ...]
    heading: Words = ""
    look: Literal[
        "plain", "card", "finding", "topic", "candidate", "folded", "exhibits", "inside", "verdict"
    ] = "plain"
    folded: bool | None = None
    level: int = 3
    anchor: str = ""
    reading: Reading = "both"


Block = (
    Paragraph
    | Bullets
    | Definitions
    | GridTable
    | Chart
    | Dumbbells
    | Course
    | Flow
    | LadderChart
    | Stacks
    | Panels
    | CurveChart
    | TreeChart
    | MatrixChart
    | TiesChart
    | Mosaic
    | Exhibit
    | Verbatim
    | Group
)


@dataclass(frozen=True)
class Section:
    """A part of the document under a heading, reached by its ``anchor``; ``reading``: whether it
    belongs to the whole, to the brief one, or to both. An ``appendix`` is looked up: a page folds
    it, and leaves it off paper."""

    anchor: str
    title: str
    blocks: tuple[Block, ...]
    reading: Reading = "both"
    appendix: bool = field(default=False, kw_only=True)
    contents: tuple[tuple[str, str], ...] = ()
    """Names and anchors of the groups that a table of contents should name."""


@dataclass(frozen=True)
class Document:
    """What is told, in order: a cover, sections, and the ``record`` that it was arranged from.

    ``title`` says what it is and whose, ``subject`` only whose. ``short`` is all that a terminal
    tells behind the cover unless it is asked for more (nothing: it tells the brief reading).
    ``record`` gives the truth as JSON values; ``note`` says where it lies.
    """

    kicker: str
    title: Words
    subject: Words
    meta: tuple[tuple[str, Words], ...]
    sections: tuple[Section, ...]
    record: Callable[[], Any]
    about: tuple[Block, ...] = ()
    preface: tuple[Block, ...] = ()
    short: tuple[Block, ...] = ()
    note: Words = ""


def in_reading(blocks: Iterable[Block], reading: Reading) -> Iterator[Block]:
    """The blocks of one reading; a group without heading and look that belongs to it gives way to
    its own."""
    for block in blocks:
        if not isinstance(block, Group):
            yield block
        elif block.reading in ("both", reading):
            bare = not block.heading and block.look == "plain" and block.folded is None
            if bare and not block.anchor:
                yield from in_reading(block.blocks, reading)
            else:
                yield block


T = TypeVar("T")


class Walk(Generic[T]):
    """Tells blocks in one reading, each by the method of its kind: ``_paragraph`` a `Paragraph`,
    ``_gridtable`` a `GridTable`; a format without one for some kind can't tell it."""

    reading: Reading

    def blocks(self, blocks: Iterable[Block]) -> Iterator[T]:
        """What is said of the blocks, in their order."""
        for block in in_reading(blocks, self.reading):
            tell: Callable[[Block], Iterator[T]] = getattr(self, f"_{type(block).__name__.lower()}")
            yield from tell(block)


def sections(document: Document, reading: Reading) -> list[Section]:
    """The sections of one reading."""
    return [s for s in document.sections if s.reading in ("both", reading)]


def full(*blocks: Block) -> Group:
    """Blocks that only the whole reading has."""
    return Group(blocks, reading="full")


def brief(*blocks: Block) -> Group:
    """Blocks that only the brief reading has."""
    return Group(blocks, reading="brief")


def pairs(rows: Iterable[tuple[str, str]]) -> Definitions:
    """Labels and values of others."""
    return Definitions(tuple((label, name(value)) for label, value in rows))


def grid(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    numeric: Iterable[int] = (),
) -> GridTable:
    """A table of texts whose title its section has told already; of a number its interval steps
    back."""
    right = frozenset(numeric)
    made = tuple(
        tuple(
            name(v) if i == 0 else number_words(v) if i in right else v for i, v in enumerate(row)
        )
        for row in rows
    )
    return GridTable(title, tuple(columns), made, right, look="quiet")


def number_words(told: str) -> Words:
    """A number as text, what stands in brackets after it as an aside."""
    value, mark, bounds = told.partition(" (")
    return (f"{value} ", aside(f"({bounds}")) if mark else told
