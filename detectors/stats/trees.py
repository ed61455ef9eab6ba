"""Trees from distances: neighbour joining, average linkage, their splits and supports.

Knows a matrix of distances and numbers of leaves; knows no model. A tree shows who is near whom,
never who descends from whom.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Split = frozenset[int]
FEWEST_LEAVES = 3
"""Two leaves have one tree."""


@dataclass(frozen=True)
class Tree:
    """Leaves 0 to n − 1, then inner nodes. ``parents[i]`` is the node above i, −1 for the top;
    ``lengths[i]`` the edge to it.

    ``rooted``: whether the top means anything (average linkage) or is only where the drawing hangs
    (neighbour joining). Lengths are in the distances' unit, 0 or more.
    """

    n_leaves: int
    parents: tuple[int, ...]
    lengths: tuple[float, ...]
    rooted: bool

    @property
    def top(self) -> int:
        """The node without a parent."""
        return self.parents.index(-1)

    def children(self) -> list[list[int]]:
        """The nodes below each node, the leaves with the smallest number first."""
        out: list[list[int]] = [[] for _ in self.parents]
        for node, parent in enumerate(self.parents):
            if parent >= 0:
                out[parent].append(node)
        least = [min(leaves) for leaves in self.below()]
        return [sorted(nodes, key=least.__getitem__) for nodes in out]

    def below(self) -> list[Split]:
        """The leaves under each node, itself included."""
        held: list[set[int]] = [
            {i} if i < self.n_leaves else set() for i in range(len(self.parents))
        ]
        for leaf in range(self.n_leaves):
            node = self.parents[leaf]
            while node >= 0:
                held[node].add(leaf)
                node = self.parents[node]
        return [frozenset(leaves) for leaves in held]

    def splits(self) -> dict[int, Split]:
        """What each inner edge parts, by the node at its lower end.

        For a rooted tree the leaves below it; else the side without leaf 0, which names the same
        parting wherever the tree hangs. Edges to leaves part nothing and are left out.
        """
        out = {}
        for node, leaves in enumerate(self.below()):
            if self.parents[node] < 0:
                continue
            side = (
                leaves
                if self.rooted or 0 not in leaves
                else frozenset(range(self.n_leaves)) - leaves
            )
            if 1 < len(side) < self.n_leaves - (0 if self.rooted else 1):
                out[node] = side
        return out

    def between(self) -> Array:
        """The lengths of the paths between all leaves, (n, n), in the distances' unit."""
        n = self.n_leaves
        out = np.zeros((n, n))
        for node, leaves in enumerate(self.below()):
            inside = np.zeros(n, dtype=bool)
            inside[list(leaves)] = True
            out += self.lengths[node] * (inside[:, None] != inside[None, :])
        return out


def neighbour_joining(distances: ArrayLike) -> Tree:
    """The tree of neighbour joining (Saitou and Nei 1987, *Mol. Biol. Evol.* 4, 406-425; as Studier
    and Keppler 1988 count it).

    Recovers every tree whose path lengths are the distances. Of ties the first pair is joined, so
    that the result depends on the order of the leaves alone. An edge that comes out negative is set
    to 0 and its neighbour shortened by as much (Kuhner and Felsenstein 1994), so that the two
    leaves' distance stays. The last three nodes meet at the top, which is no root. Raises
    ValueError for fewer than 3 leaves, or for what is no matrix of distances.
    """
    d = _checked(distances)
    n = len(d)
    parents, lengths = [-1] * (2 * n - 2), [0.0] * (2 * n - 2)
    nodes = list(range(n))
    for new in range(n, 2 * n - 3):
        m, r = len(nodes), d.sum(axis=1)
        criterion = (m - 2) * d - r[:, None] - r[None, :]
        np.fill_diagonal(criterion, np.inf)
        # Rounded, so that ties by symmetry are ties whatever the last bits of the sums.
        i, j = sorted(divmod(int(np.argmin(np.round(criterion, 12))), m))
        upper = d[i, j] / 2 + (r[i] - r[j]) / (2 * (m - 2))
        lengths[nodes[i]], lengths[nodes[j]] = _kept_positive(upper, d[i, j] - upper)
        parents[nodes[i]] = parents[nodes[j]] = new
        to_new = (d[i] + d[j] - d[i, j]) / 2
        d[i], d[:, i] = to_new, to_new
        d[i, i] = 0.0
        d = np.delete(np.delete(d, j, axis=0), j, axis=1)
        nodes[i] = new
        del nodes[j]
    a, b, c = nodes
    for node, (x, y, z) in ((a, (0, 1, 2)), (b, (1, 0, 2)), (c, (2, 0, 1))):
        parents[node] = 2 * n - 3
        lengths[node] = max(0.0, float(d[x, y] + d[x, z] - d[y, z]) / 2)
    return Tree(n, tuple(parents), tuple(lengths), rooted=False)


def average_linkage(distances: ArrayLike) -> Tree:
    """The rooted tree of average linkage (UPGMA; Sokal and Michener 1958), through scipy: all
    leaves equally far from the top.

    Recovers every ultrametric matrix. Raises ValueError as `neighbour_joining` does.
    """
    d = _checked(distances)
    n = len(d)
    # Loaded where they are needed: their library takes a second.
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    joined = linkage(squareform(d, checks=False), "average")
    parents, heights = [-1] * (2 * n - 1), [0.0] * (2 * n - 1)
    for step, (left, right, height, _) in enumerate(joined):
        parents[int(left)] = parents[int(right)] = n + step
        heights[n + step] = float(height) / 2
    lengths = tuple(
        max(0.0, heights[p] - heights[i]) if p >= 0 else 0.0 for i, p in enumerate(parents)
    )
    return Tree(n, tuple(parents), lengths, rooted=True)


METHODS: dict[str, Callable[[ArrayLike], Tree]] = {
    "nj": neighbour_joining,
    "average": average_linkage,
}


def supports(tree: Tree, replicates: Iterable[Tree]) -> dict[Split, float]:
    """Share of the replicates that hold each of the tree's splits, 0 to 1 (Felsenstein 1985,
    *Evolution* 39, 783-791).

    High: the resampled prompts agree on the parting. It is no probability that the parting is true.
    Empty without replicates.
    """
    counts, rounds = dict.fromkeys(tree.splits().values(), 0), 0
    for replicate in replicates:
        rounds += 1
        for split in set(replicate.splits().values()) & counts.keys():
            counts[split] += 1
    return {split: count / rounds for split, count in counts.items()} if rounds else {}


def _kept_positive(one: float, other: float) -> tuple[float, float]:
    if one < 0:
        return 0.0, max(0.0, one + other)
    if other < 0:
        return max(0.0, one + other), 0.0
    return one, other


def _checked(distances: ArrayLike) -> Array:
    d = np.array(distances, dtype=np.float64)
    if d.ndim != 2 or d.shape[0] != d.shape[1] or not np.isfinite(d).all() or (d < 0).any():
        raise ValueError("distances are a square matrix of finite numbers, 0 or more")
    if not np.allclose(d, d.T) or np.diag(d).any():
        raise ValueError("distances are symmetric, and 0 from each to itself")
    if len(d) < FEWEST_LEAVES:
        raise ValueError(f"a tree needs at least {FEWEST_LEAVES} leaves")
    return d
