"""Counting subsets agrees with listing them, and the p-value of a drawn one is exact."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from detectors.stats.subsets import SubsetSums


@pytest.mark.parametrize("seed", range(5))
def test_the_tail_is_that_of_all_listed_subsets(seed: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.integers(-5, 9, 11).tolist()
    sums = [sum(c) for c in combinations(weights, 4)]
    counted = SubsetSums(weights, 4)
    for value in (min(sums), 3, 10, max(sums), max(sums) + 1):
        wanted = sum(s >= value for s in sums) / len(sums)
        assert counted.tail(value) == pytest.approx(wanted, abs=0)


@pytest.mark.parametrize("weights", [[5, 3, 2, 2, 1, 0, -1], [1, 1, 0, 0, 0, 0, 0], [0] * 7])
def test_a_subset_drawn_by_lot_is_rejected_no_oftener_than_promised(weights: list[int]) -> None:
    # Over every possible draw: no simulation, and ties count against a rejection.
    counted = SubsetSums(weights, 3)
    p = [counted.tail(sum(c)) for c in combinations(weights, 3)]
    for alpha in sorted(set(p)):
        assert np.mean(np.array(p) <= alpha) <= alpha + 1e-12


def test_no_subset_and_too_large_ones_are_refused() -> None:
    for size in (0, 4):
        with pytest.raises(ValueError, match="at least one member"):
            SubsetSums([1, 2, 3], size)
