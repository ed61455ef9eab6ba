"""How many subsets of one size weigh as much as a given one: the exact null of whatever was dealt
out by lot.

Counted, not sampled. Knows integers; knows nothing of what they weigh.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from math import comb


class SubsetSums:
    """The sums of all subsets of ``size`` of some weights, counted once for however many are asked
    about.

    Exact: sums are counted one weight after another, with integers of any length. Weights may be
    negative. Raises ValueError where there are fewer weights than ``size``.

    >>> SubsetSums([3, 1, 0, 0], 2).tail(4)
    0.16666666666666666
    """

    def __init__(self, weights: Sequence[int], size: int) -> None:
        if not 0 < size <= len(weights):
            raise ValueError("a subset has at least one member, and no more than there are")
        by_size: list[dict[int, int]] = [{0: 1}, *({} for _ in range(size))]
        for weight in weights:
            # From the largest down, so that no weight is taken twice.
            for taken in range(size, 0, -1):
                here = by_size[taken]
                for total, ways in by_size[taken - 1].items():
                    here[total + weight] = here.get(total + weight, 0) + ways
        self._sums = sorted(by_size[size])
        self._below = [0, *accumulate(by_size[size][total] for total in self._sums)]
        self._all = comb(len(weights), size)

    def tail(self, value: int) -> float:
        """The share of the subsets whose sum is at least ``value``: the p-value of one that was
        drawn by lot and has that sum, in [1 / C(n, size), 1]."""
        return (self._all - self._below[bisect_left(self._sums, value)]) / self._all
