"""Costs of a store before anything is written."""

from __future__ import annotations

from itertools import pairwise

from fingerprints.store_costs import cost_of_adding, cost_of_index


def test_costs_grow_with_the_store_and_memory_stays_bounded() -> None:
    costs = [cost_of_index(10**p, 256) for p in range(3, 10)]
    assert [c.shards for c in costs] == [0, 0, 0, 1, 5, 48, 477]
    assert [c.cells for c in costs[3:]] == [1024, 4096, 8192, 32768]
    for smaller, larger in pairwise(costs):
        assert larger.disk_bytes > smaller.disk_bytes
        assert larger.seconds > smaller.seconds
    assert costs[-1].memory_bytes < 3 << 30
    # Vectors, ids and codes, as they lie on the disk.
    assert costs[3].disk_bytes == 10**6 * (1024 + 8 + 8 + 64)


def test_adding_costs_vectors_rows_and_packed_text() -> None:
    few, many = cost_of_adding(1000, 200_000, 256), cost_of_adding(10_000, 2_000_000, 256)
    assert many.disk_bytes == 10 * few.disk_bytes > 10_000 * 1024
    assert many.seconds > 5 * few.seconds
    assert cost_of_adding(0, 0, 256).seconds == 0
