"""The geometry of a tree and of a matrix: across in per cent of the width, down in pixels. Knows no
HTML.

Every drawn number comes from the chart; names stay as they are, escaping is the template's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from auditor.reporting.charts import MatrixChart, TiesChart, TreeChart
from auditor.reporting.text import tick
from detectors.stats.trees import Tree

LEFT, TIPS = 2.0, 54.0
ROW, TOP = 22, 14
SHADES = 8
NARROW_NAME = 20
"""Letters that fit beside a leaf on a screen of 400 pixels."""
STRONG, TOLD = 0.7, 0.5


@dataclass(frozen=True)
class Edge:
    """A straight line: ends across in per cent, down in pixels."""

    x1: float
    x2: float
    y1: float
    y2: float


@dataclass(frozen=True)
class Leaf:
    """A model at the end of its edge: its place, its number among the models, its vendor and the
    colour class of that."""

    x: float
    y: float
    number: int
    name: str
    vendor: str
    colour: int


@dataclass(frozen=True)
class Knot:
    """The lower end of an inner edge: its place, its support from 0 to 1, and whether that is
    written beside it."""

    x: float
    y: float
    share: float
    told: bool
    strong: bool


@dataclass(frozen=True)
class TreeDrawing:
    """A tree from left to right; ``bar`` is a length across in per cent and what distance it
    stands for."""

    height: int
    edges: tuple[Edge, ...]
    leaves: tuple[Leaf, ...]
    knots: tuple[Knot, ...]
    bar: tuple[float, str]
    rooted: bool

    @property
    def long(self) -> bool:
        """Whether a name is too long to stand beside its leaf on a narrow screen."""
        return any(len(leaf.name) > NARROW_NAME for leaf in self.leaves)


@dataclass(frozen=True)
class MatrixDrawing:
    """A matrix as one path of squares for each shade, in a field of n × n, nearest shade first."""

    n: int
    row: int
    height: int
    names: tuple[tuple[int, str], ...]
    shades: tuple[str, ...]
    edges: tuple[str, ...]
    numbered: bool


def draw_tree(chart: TreeChart) -> TreeDrawing:
    """The tree, leaves in the chart's order."""
    tree, share = chart.tree, chart.share
    across, down = _places(tree, chart.order)
    edges, knots, told = [], [], set()
    splits, children = tree.splits(), tree.children()
    for node, parent in enumerate(tree.parents):
        if parent >= 0:
            edges.append(Edge(across[parent], across[node], down[node], down[node]))
        if children[node]:
            rows = [down[child] for child in children[node]]
            edges.append(Edge(across[node], across[node], min(rows), max(rows)))
        split = splits.get(node)
        # The edge under the top is drawn as two: its support is told once.
        if split is not None and split in share and split not in told:
            told.add(split)
            found = share[split]
            knots.append(Knot(across[node], down[node], found, found >= TOLD, found >= STRONG))
    named = ((i, chart.leaves[i]) for i in chart.order)
    leaves = (Leaf(across[i], down[i], i + 1, n.name, n.vendor, n.colour) for i, n in named)
    longest = max((_depth(tree, leaf) for leaf in range(tree.n_leaves)), default=0.0)
    return TreeDrawing(
        height=TOP + ROW * tree.n_leaves + 34,
        edges=tuple(edges),
        leaves=tuple(leaves),
        knots=tuple(knots),
        bar=_bar(longest),
        rooted=tree.rooted,
    )


def draw_matrix(chart: MatrixChart) -> MatrixDrawing:
    """The matrix in the order of the tree's leaves; eight shades of equal width from the least
    to the greatest distance."""
    n, order = len(chart.leaves), chart.order
    values = [chart.matrix[i][j] for i in range(n) for j in range(n) if i != j]
    low, width = min(values), (max(values) - min(values)) / SHADES
    shades = [""] * SHADES
    for y, i in enumerate(order):
        for x, j in enumerate(order):
            if i != j:
                above = (chart.matrix[i][j] - low) / width if width else 0.0
                shades[min(SHADES - 1, int(above))] += f"M{x} {y}h1v1h-1z"
    row = 20 if n <= 40 else 13
    names = tuple((i + 1, chart.leaves[i].name) for i in order)
    edges = tuple(f"{low + k * width:.2f}–{low + (k + 1) * width:.2f}" for k in range(SHADES))
    return MatrixDrawing(n, row, row * n, names, tuple(shades), edges, n <= 24)


def _places(tree: Tree, order: tuple[int, ...]) -> tuple[list[float], list[float]]:
    """Across in per cent and down in pixels of every node; an inner node stands in the middle of
    its children."""
    longest = max(_depth(tree, leaf) for leaf in range(tree.n_leaves)) or 1.0
    across = [
        round(LEFT + (TIPS - LEFT) * _depth(tree, node) / longest, 3)
        for node in range(len(tree.parents))
    ]
    down = [0.0] * len(tree.parents)
    for place, leaf in enumerate(order):
        down[leaf] = TOP + ROW * place
    children, below = tree.children(), tree.below()
    for node in sorted(range(tree.n_leaves, len(tree.parents)), key=lambda k: len(below[k])):
        rows = [down[child] for child in children[node]]
        down[node] = (min(rows) + max(rows)) / 2
    return across, down


def _depth(tree: Tree, node: int) -> float:
    total = 0.0
    while tree.parents[node] >= 0:
        total += tree.lengths[node]
        node = tree.parents[node]
    return total


def _bar(longest: float) -> tuple[float, str]:
    """A round distance of about a quarter of the drawing: how long it is, and what it says."""
    if longest <= 0:
        return 0.0, "0"
    raw = longest / 4
    unit = 10.0 ** math.floor(math.log10(raw))
    nice = max(m * unit for m in (1, 2, 5) if m * unit <= raw)
    return round((TIPS - LEFT) * nice / longest, 3), tick(nice)


TIE_ROW, WIDEST_TIE = 22.0, 7.0


@dataclass(frozen=True)
class TiesDrawing:
    """What ties a hub's members, drawn: places in per cent across and pixels down; a line is as
    wide as its share of the largest."""

    hub: str
    height: float
    middle: float
    ties: tuple[tuple[float, float, str, int, bool], ...]


def draw_ties(chart: TiesChart) -> TiesDrawing:
    """The drawing of ties below each other: place, width, value, members, whether doubly tied."""
    height, most = TIE_ROW * max(2, len(chart.values)), max(chart.counts, default=1)
    ties = tuple(
        (TIE_ROW * (i + 0.5), round(1 + WIDEST_TIE * n / most, 2), value, n, double)
        for i, (value, n, double) in enumerate(
            zip(chart.values, chart.counts, chart.double, strict=True)
        )
    )
    return TiesDrawing(chart.hub, height, height / 2, ties)
