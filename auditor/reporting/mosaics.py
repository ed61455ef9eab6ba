"""The geometry of a mosaic: across in per cent of the width, down in pixels; and the same as lines
of letters for a terminal. Knows no HTML.

Names stay as they are: escaping is the template's, making them safe the terminal's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from auditor.reporting.charts import Mosaic, MosaicCell

ABREAST, FEWEST = 16, 8
"""Columns side by side: as many as a screen of 400 pixels has room to letter, and at least so many
places, so that few cells are no walls."""
LEFT, GAP = 25.0, 0.35
ROW, HEAD, BETWEEN = 26, 20, 10
EVERY, LEAST_ROOM = 10, 10
UP = 4
"""How much higher numbers stand in their row than labels do in theirs."""
NONE = "."


@dataclass(frozen=True)
class PlacedCell:
    """A cell with its place: left edge and width in per cent, upper edge in pixels."""

    x: float
    y: float
    width: float
    cell: MosaicCell

    @property
    def middle(self) -> float:
        """Its middle, in per cent from the left."""
        return round(self.x + self.width / 2, 3)


@dataclass(frozen=True)
class MosaicDrawing:
    """A mosaic in bands below each other: labels of rows and numbers of columns with their places,
    and all cells."""

    title: str
    height: float
    labels: tuple[tuple[float, str], ...]
    numbers: tuple[tuple[float, float, str], ...]
    cells: tuple[PlacedCell, ...]


def draw_mosaic(chart: Mosaic) -> MosaicDrawing:
    """The drawing: a band for each sixteen columns, single cells as wide as a band."""
    labels, numbers, cells = list[tuple[float, str]](), list[tuple[float, float, str]](), []
    places = min(ABREAST, max(FEWEST, len(chart.columns)))
    wide, y = (100 - LEFT) / places, 0.0
    whole = wide * min(places, len(chart.columns) or places) - GAP

    def single(rows: Sequence[tuple[str, MosaicCell]]) -> None:
        """Adds rows of one cell each, as wide as a band, below what is drawn so far."""
        nonlocal y
        for label, cell in rows:
            labels.append((y, label))
            cells.append(PlacedCell(LEFT, y, round(whole, 3), cell))
            y += ROW

    single(chart.above)
    for at in _bands(len(chart.columns), ABREAST):
        labels.append((y - UP, chart.corner))
        numbers += [
            (round(LEFT + wide * (k + 0.5), 3), y, f"{chart.columns[i]}") for k, i in enumerate(at)
        ]
        y += HEAD
        for label, row in chart.rows:
            if any(row[i] is not None for i in at):
                labels.append((y, label))
                cells += _across(row, at, wide, y)
                y += ROW
        y += BETWEEN
    single(chart.below)
    return MosaicDrawing(chart.title, y, tuple(labels), tuple(numbers), tuple(cells))


def _bands(n: int, abreast: int) -> Iterator[range]:
    return (range(i, min(i + abreast, n)) for i in range(0, n, abreast))


def _across(
    row: Sequence[MosaicCell | None], at: Sequence[int], wide: float, y: float
) -> Iterator[PlacedCell]:
    for k, i in enumerate(at):
        cell = row[i]
        if cell is not None:
            yield PlacedCell(round(LEFT + wide * k, 3), y, round(wide - GAP, 3), cell)


def mosaic_lines(chart: Mosaic, width: int, bare: bool = False) -> Iterator[str]:
    """The mosaic as lines of at most ``width`` columns, one letter a cell, and what each letter
    means; ``bare``: with letters of ASCII alone."""
    labels = [label for label, _ in (*chart.above, *chart.rows, *chart.below)]
    left = max(map(len, (chart.corner, *labels))) + 2
    room = max(LEAST_ROOM, (width - left) // EVERY * EVERY)
    yield from (_told(label, [cell], left, bare) for label, cell in chart.above)
    for at in _bands(len(chart.columns), room):
        yield chart.corner.ljust(left) + _ticks([chart.columns[i] for i in at])
        for label, row in chart.rows:
            if any(row[i] is not None for i in at):
                yield _told(label, [row[i] for i in at], left, bare)
    yield from (_told(label, [cell], left, bare) for label, cell in chart.below)
    yield from (f"  {_sign(cell, bare)} {name}" for cell, name in chart.key)


def _told(label: str, cells: Sequence[MosaicCell | None], left: int, bare: bool) -> str:
    return (label.ljust(left) + "".join(_sign(cell, bare) for cell in cells)).rstrip()


def _sign(cell: MosaicCell | None, bare: bool) -> str:
    if cell is None:
        return " "
    return cell.sign if not bare or cell.sign.isascii() else NONE


def _ticks(numbers: Sequence[int]) -> str:
    """Every tenth number above its column, the first always."""
    line = ""
    for i, number in enumerate(numbers):
        if (i == 0 or number % EVERY == 0) and len(line) <= i:
            line = line.ljust(i) + f"{number} "
    return line.rstrip()
