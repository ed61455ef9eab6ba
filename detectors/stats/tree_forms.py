"""A tree made fit to be written and drawn: hung from its middle, and in Newick form.

Knows trees and names; knows no drawing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from detectors.stats.trees import Split, Tree

_DIGITS = 6
_Roads = list[dict[int, float]]


def hung_at_midpoint(tree: Tree) -> Tree:
    """An unrooted tree hung from the middle of its longest path (Farris 1972), a rooted one as it
    is.

    The middle makes a drawing even; it is no root. Nodes keep their numbers, the new top is the
    last one.
    """
    between = tree.between()
    one, other = divmod(int(np.argmax(np.round(between, 12))), tree.n_leaves)
    if tree.rooted or one == other:
        return tree
    roads = _roads(tree)
    near, far, up = _middle(roads, _path(roads, one, other), float(between[one, other]) / 2)
    length, top = roads[near].pop(far), len(roads)
    del roads[far][near]
    roads.append({near: up, far: length - up})
    return _hung(roads, top, tree.n_leaves)


def _middle(roads: _Roads, path: Sequence[int], half: float) -> tuple[int, int, float]:
    """The edge, from near to far, on which so much of a path is walked, and how much of that
    edge."""
    walked = 0.0
    for near, far in pairwise(path):
        if walked + roads[near][far] >= half:
            return near, far, half - walked
        walked += roads[near][far]
    return path[-2], path[-1], roads[path[-2]][path[-1]]


def newick(tree: Tree, names: Sequence[str], support: Mapping[Split, float]) -> str:
    """The tree on one line in Newick form: every name one label, supports in per cent as inner
    labels, lengths after colons.

    A name that is not plain letters and digits is quoted, a quotation mark in it doubled; what
    can't be printed becomes a space, so that a name can't break the line.
    """
    children, splits = tree.children(), tree.splits()

    def told(node: int) -> str:
        """A node with all below it; a leaf by its name, an inner node by its support."""
        share = support.get(splits.get(node, frozenset()))
        label = (
            _label(names[node])
            if node < tree.n_leaves
            else ""
            if share is None
            else f"{100 * share:.0f}"
        )
        inside = (
            f"({','.join([told(child) for child in children[node]])})" if children[node] else ""
        )
        return f"{inside}{label}" + (
            "" if tree.parents[node] < 0 else f":{tree.lengths[node]:.{_DIGITS}g}"
        )

    return told(tree.top) + ";"


def _label(name: str) -> str:
    flat = "".join(c if c.isprintable() else " " for c in name)
    return flat if flat.isalnum() and flat.isascii() else "'" + flat.replace("'", "''") + "'"


def _roads(tree: Tree) -> _Roads:
    """For each node its neighbours and how far they are."""
    out: _Roads = [{} for _ in tree.parents]
    for node, parent in enumerate(tree.parents):
        if parent >= 0:
            out[node][parent] = out[parent][node] = tree.lengths[node]
    return out


def _path(roads: _Roads, start: int, end: int) -> list[int]:
    """The nodes from one to another."""
    above = {start: -1}
    waiting = [start]
    while end not in above:
        node = waiting.pop()
        for near in roads[node].keys() - above.keys():
            above[near] = node
            waiting.append(near)
    path = [end]
    while path[-1] != start:
        path.append(above[path[-1]])
    return path[::-1]


def _hung(roads: _Roads, top: int, n_leaves: int) -> Tree:
    parents, lengths = [-1] * len(roads), [0.0] * len(roads)
    waiting = [top]
    while waiting:
        node = waiting.pop()
        for near, length in roads[node].items():
            if near != parents[node]:
                parents[near], lengths[near] = node, length
                waiting.append(near)
    return Tree(n_leaves, tuple(parents), tuple(lengths), rooted=False)
