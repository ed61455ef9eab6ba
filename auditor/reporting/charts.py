"""The charts of a document, as data: what is drawn, never where.

A chart holds its numbers, so that a format that can't draw can tell them. Knows no format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from detectors.measurement import Chart
from detectors.stats.trees import Split, Tree

Bounds = tuple[float, float]


@dataclass(frozen=True)
class BoundedValue:
    """A value with its interval, where it has one."""

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def bounds(self) -> Bounds | None:
        """The interval; None without one."""
        return None if self.low is None or self.high is None else (self.low, self.high)


@dataclass(frozen=True)
class PairedRow:
    """One figure before and after, and its change, over ``n`` questions; None: not measured."""

    name: str
    n: int
    before: BoundedValue | None
    after: BoundedValue | None
    change: BoundedValue | None = None


@dataclass(frozen=True)
class Dumbbells:
    """Figures before and after on one axis, which holds 0 where ``zero``."""

    title: str
    rows: tuple[PairedRow, ...]
    zero: bool
    ends: tuple[str, str] = ("before", "after")


@dataclass(frozen=True)
class Course:
    """One quantity by step. ``weights``: how many tokens each value stands for; None: it is not
    smoothed."""

    label: str
    steps: tuple[int, ...]
    values: tuple[float, ...]
    weights: tuple[float, ...] | None = None

    def smoothed(self) -> tuple[float, ...]:
        """The mean over a window of a twentieth of the steps (three at least) around each,
        weighted by tokens."""
        if self.weights is None:
            return self.values
        reach = max(3, len(self.values) // SPANS) // 2
        out = []
        for i in range(len(self.values)):
            near = slice(max(0, i - reach), i + reach + 1)
            values, weights = self.values[near], self.weights[near]
            # Steps without a token say nothing by weight: they count alike.
            weights = weights if sum(weights) else (1.0,) * len(values)
            weighed = sum(v * w for v, w in zip(values, weights, strict=True))
            out.append(weighed / sum(weights))
        return tuple(out)


SPANS = 20
"""A smoothed course averages over a twentieth of all steps."""


@dataclass(frozen=True)
class PipelineStep:
    """One step of what became of prompts or answers: a level that is left, or a loss on the way
    to the next level, from ``start`` on."""

    label: str
    count: int
    kind: Literal["level", "loss", "kept"]
    start: int


@dataclass(frozen=True)
class Flow:
    """What became of a number of things, step by step."""

    title: str
    steps: tuple[PipelineStep, ...]


@dataclass(frozen=True)
class Stacks:
    """Wholes made of the same parts: of each bar the count of every part; each part's name and
    what is said of it."""

    title: str
    bars: tuple[tuple[str, tuple[int, ...]], ...]
    parts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Strip:
    """Where a population lies on an axis: its share between each two of ``edges``, from 0 to 1."""

    label: str
    edges: tuple[float, ...]
    shares: tuple[float, ...]

    @property
    def middle(self) -> tuple[float, float]:
        """The ends of the part in which its middle lies."""
        below = 0.0
        for i, share in enumerate(self.shares):
            below += share
            if below >= 0.5:
                return self.edges[i], self.edges[i + 1]
        return self.edges[-2], self.edges[-1]


@dataclass(frozen=True)
class LadderChart:
    """Values as dots, below the populations that they are read against on the same axis."""

    strips: tuple[Strip, ...]
    dots: Chart


@dataclass(frozen=True)
class PlotValue:
    """One value to be drawn in a panel: its slot, its interval, its colour and its name."""

    slot: str
    value: float
    bounds: Bounds | None
    colour: int
    name: str


@dataclass(frozen=True)
class PanelValues:
    """The values of one panel, and its slots from left to right."""

    title: str
    slots: tuple[str, ...]
    values: tuple[PlotValue, ...]


@dataclass(frozen=True)
class Panels:
    """Panels beside each other on one vertical axis; ``key``: what each colour means."""

    title: str
    x_label: str
    panels: tuple[PanelValues, ...]
    key: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class CurveChart:
    """Curves over one another by the same ``x``; ``zero``: where it is 0 is marked, as even odds
    are."""

    title: str
    about: str
    x_label: str
    x: tuple[float, ...]
    lines: tuple[tuple[str, tuple[float, ...]], ...]
    zero: bool = False


@dataclass(frozen=True)
class LeafName:
    """A model at the end of a branch or at a row of a matrix: its name, its maker, the colour
    class of that."""

    name: str
    vendor: str = ""
    colour: int = 0


@dataclass(frozen=True)
class TreeChart:
    """A tree of ``leaves``, drawn in ``order``; ``share``: how often each split was found again,
    from 0 to 1."""

    tree: Tree
    leaves: tuple[LeafName, ...]
    order: tuple[int, ...]
    share: Mapping[Split, float] = field(default_factory=dict)
    key: tuple[tuple[int, str], ...] = ()


@dataclass(frozen=True)
class MatrixChart:
    """Distances between each two of ``leaves``, drawn in ``order``."""

    leaves: tuple[LeafName, ...]
    order: tuple[int, ...]
    matrix: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class TiesChart:
    """What ties the members of ``hub``: each shared value, how many members share it, and whether
    they share a second thing with it."""

    hub: str
    values: tuple[str, ...]
    counts: tuple[int, ...]
    double: tuple[bool, ...]


@dataclass(frozen=True)
class MosaicCell:
    """One cell: its ``sign`` of one letter, which says what its colour says (0: no colour, and
    ``open``: not even an answer), a ``note`` below it, and all of it in words."""

    sign: str
    colour: int
    told: str
    note: str = ""
    open: bool = False


@dataclass(frozen=True)
class Mosaic:
    """Rows of cells over numbered ``columns`` (None: nothing is there), between ``above`` and
    ``below``, which are one cell each; ``key``: what each sign and colour means."""

    title: str
    corner: str
    columns: tuple[int, ...]
    rows: tuple[tuple[str, tuple[MosaicCell | None, ...]], ...]
    above: tuple[tuple[str, MosaicCell], ...] = ()
    below: tuple[tuple[str, MosaicCell], ...] = ()
    key: tuple[tuple[MosaicCell, str], ...] = ()
    caption: str = ""
