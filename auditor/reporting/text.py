r"""Text of strangers and numbers, made fit to be shown: the same characters and digits in every
renderer.

Knows how a character or a number looks; knows no format and no report.
"""

from __future__ import annotations

import calendar
import datetime
import math
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from auditor.errors import printable
from detectors.measurement import Span

KEPT = "\n\t"
COMBINING_RUN = 6
"""Marks on one letter that are shown as they are: no living script needs more."""
INVISIBLE_LETTERS = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
QUOTE_LIMIT = 2400
SMALLEST = 0.0005
"""Below it three decimals would show nothing."""
LEAST_P = 1e-100


@dataclass(frozen=True)
class Piece:
    """A stretch of a quoted text; ``why`` is what a highlighted stretch stands for."""

    text: str
    marked: bool
    why: str = ""


@dataclass(frozen=True)
class Quote:
    """A quoted text in pieces, how many characters before and after were left out, how many
    hidden ones are spelled out."""

    pieces: tuple[Piece, ...]
    cut_before: int
    cut_after: int
    hidden: int

    @property
    def marks(self) -> tuple[Piece, ...]:
        """The highlighted pieces, each text and reason once."""
        return tuple(dict.fromkeys(p for p in self.pieces if p.marked))


def visible(text: str, limit: int | None = None, keep: str = KEPT) -> str:
    r"""The text with everything that can hide or reorder it spelled out: controls, bidi and
    zero-width characters, invisible letters, and marks piled on one letter become ``\u{…}``.
    Deterministic; never raises.

    >>> visible("a\u202eb\u200b")
    'a\\u{202e}b\\u{200b}'
    """
    cut = text if limit is None or len(text) <= limit else text[: max(0, limit - 1)]
    if not cut.isascii():
        cut = _without_piles(cut)
    return printable(cut, keep=keep) + (
        "" if cut is text or len(text) <= (limit or len(text)) else "…"
    )


def _without_piles(text: str) -> str:
    out: list[str] = []
    run = 0
    for c in text:
        run = run + 1 if unicodedata.combining(c) or unicodedata.category(c) in ("Mn", "Me") else 0
        out.append(f"\\u{{{ord(c):x}}}" if run > COMBINING_RUN or c in INVISIBLE_LETTERS else c)
    return "".join(out)


def one_line(text: str, limit: int | None = None) -> str:
    """The visible text on a single line: blanks of any kind become one space each."""
    return visible(" ".join(text.split()), limit, keep="")


def hidden_characters(text: str) -> int:
    """How many characters of a text are spelled out by `visible`."""
    return sum(n for c, n in Counter(text).items() if visible(c) != c)


def quote(text: str, spans: Iterable[Span] = (), limit: int = QUOTE_LIMIT) -> Quote:
    """A text to be quoted, cut to ``limit`` characters around its first highlighted span.

    Spans may overlap or lie outside of the text: they are clipped, and the first of two that
    overlap keeps the overlap.
    """
    clipped = sorted((max(0, s.start), min(len(text), s.end), s.why) for s in spans)
    clipped = [s for s in clipped if s[0] < s[1]]
    first = clipped[0][0] if clipped else 0
    # A mark that would fall into the last quarter is shown with a quarter of the room before it.
    begin = 0 if first < limit * 3 // 4 else first - limit // 4
    end = min(len(text), begin + limit)
    return Quote(
        tuple(_pieces(text, clipped, begin, end)),
        begin,
        len(text) - end,
        hidden_characters(text[begin:end]),
    )


def _pieces(text: str, spans: list[tuple[int, int, str]], begin: int, end: int) -> Iterable[Piece]:
    at = begin
    for start, stop, why in spans:
        start, stop = max(at, start), min(end, stop)  # noqa: PLW2901  (clipped to what is still to be shown)
        if start >= stop:
            continue
        if start > at:
            yield Piece(text[at:start], False)
        yield Piece(text[start:stop], True, why)
        at = stop
    if at < end:
        yield Piece(text[at:end], False)


def number(value: float | None, decimals: int | None = None) -> str:
    """A measured number: three decimals below ten, fewer above, thousands grouped; a whole count as
    it is, a dash for none.

    ``decimals`` sets their number instead, as for a column. What three decimals would round to
    nothing is told in powers of ten, and minus zero as zero.

    >>> [number(v) for v in (0.12345, 0.5, 12.345, 1234567, 12345.6, 3.24e-7, None, 0.0)]
    ['0.123', '0.500', '12.35', '1,234,567', '12,346', '3.2e-07', '–', '0.000']
    """
    if value is None or not math.isfinite(value):
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    if 0 < abs(value) < SMALLEST:
        return f"{value:.1e}"
    return f"{value or 0.0:,.{places(abs(value)) if decimals is None else decimals}f}"


def probability(p: float | None) -> str:
    """A p-value: as `number`, but below 1e-100 no exponent, which would claim more than a sum of
    logarithms knows.

    >>> [probability(v) for v in (0.031, 2e-300, None)]
    ['0.031', '< 1e-100', '–']
    """
    return "< 1e-100" if p is not None and p < LEAST_P else number(p)


def places(size: float) -> int:
    """How many decimals a number of this size is shown with."""
    return next(n for limit, n in ((10, 3), (100, 2), (1000, 1), (math.inf, 0)) if size < limit)


def tick(value: float) -> str:
    """A number on an axis: the fewest digits that tell it, for an axis has round numbers only.

    >>> [tick(v) for v in (0.0, 0.2, -1.5, 2000.0)]
    ['0', '0.2', '-1.5', '2,000']
    """
    short = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return "0" if short == "-0" else short


def signed(value: float | None) -> str:
    """A log10 likelihood ratio: its sign always shown, two decimals."""
    return "–" if value is None or not math.isfinite(value) else f"{value:+.2f}"


def interval(bounds: tuple[float, float] | None, sign: bool = False) -> str:
    """An interval as ``(low to high)``; empty where there is none."""
    show = signed if sign else number
    return "" if bounds is None else f"({show(bounds[0])} to {show(bounds[1])})"


def part_of(part: int, of: int, bounds: tuple[float, float]) -> str:
    """A share as counts with its interval.

    >>> part_of(11, 21, (0.298, 0.743))
    '11 of 21 (0.298 to 0.743)'
    """
    return f"{part:,} of {of:,} {interval(bounds)}"


def percent(level: float) -> str:
    """A confidence level in words of figures: 0.95 is ``95 %``."""
    return f"{100 * level:.3g} %"


def cell(value: str | float | None, decimals: int | None = None) -> str:
    """One cell of a detector's table as text, its number with the decimals of its column."""
    return value if isinstance(value, str) else number(value, decimals)


def date(stamp: str) -> str:
    """A time stamp in words; a text that is none stays as it is.

    >>> date("2026-11-22T09:05:00Z")
    '22 November 2026, 09:05 UTC'
    """
    try:
        when = datetime.datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        return stamp
    month = calendar.month_name[when.month]
    return f"{when.day} {month} {when.year}, {when:%H:%M} UTC"
