"""How many subsets of one size weigh as much as a given one: the exact null of whatever was dealt
out by lot.

Counted, not sampled. Knows integers; knows nothing of what they weigh.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb


def subset_tail(weights: Sequence[int], size: int, value: int) -> float:
    """The share of all subsets of ``size`` of the weights whose sum is at least ``value``: the
    p-value of one that was drawn by lot and has that sum, in [1 / C(n, size), 1].

    Exact: sums are counted one weight after another, with integers of any length. Weights may be
    negative. Raises ValueError where there are fewer weights than ``size``.

    >>> subset_tail([3, 1, 0, 0], 2, 4)
    0.16666666666666666
    """
    if not 0 < size <= len(weights):
        raise ValueError("a subset has at least one member, and no more than there are")
    by_size: list[dict[int, int]] = [{0: 1}, *({} for _ in range(size))]
    for weight in weights:
        # From the largest down, so that no weight is taken twice.
        for taken in range(size, 0, -1):
            here = by_size[taken]
            for total, ways in by_size[taken - 1].items():
                here[total + weight] = here.get(total + weight, 0) + ways
    reached = sum(ways for total, ways in by_size[size].items() if total >= value)
    return reached / comb(len(weights), size)
