"""Exact search in blocks, and cells that are read."""

from __future__ import annotations

import io

import numpy as np

from fingerprints import nearest
from fingerprints.sharded import trained_problem
from tests.fingerprints.stored import clustered


def test_an_exact_search_in_blocks_is_an_exact_search() -> None:
    rows = clustered(700, 64, 3)
    ids = np.arange(1, 701, dtype=np.int64) * 3
    flat = nearest.empty_flat(64)
    nearest.extend(flat, [(ids, rows)])
    parts = [(ids[a:b], rows[a:b]) for a, b in ((0, 5), (5, 300), (300, 300), (300, 700))]
    for k in (1, 10, 700):
        scores, found = nearest.exact_among(parts, rows[:20], k)
        right, truth = flat.search(rows[:20], k)
        np.testing.assert_allclose(scores, right, atol=1e-6)
        assert np.array_equal(found, truth)
    scores, found = nearest.exact_among(parts[:1], rows[:2], 8)
    assert (found[:, 5:] == -1).all()
    assert np.isneginf(scores[:, 5:]).all()


def test_equal_vectors_come_in_the_order_of_their_ids() -> None:
    rows = np.repeat(clustered(50, 32, 1), 4, axis=0)
    ids = np.arange(1, 201, dtype=np.int64)
    _, found = nearest.exact_among([(ids[:90], rows[:90]), (ids[90:], rows[90:])], rows[::4], 4)
    assert np.array_equal(found, ids.reshape(50, 4))


def test_cells_of_a_large_store_are_read_though_they_hold_nothing() -> None:
    trained = nearest.train(clustered(600, 256, 5), 40_000)
    file = io.BytesIO()
    nearest.write(trained, file)
    read = nearest.read(file.getbuffer())
    assert trained_problem(read, 256) is None
    assert read.nlist == nearest.cells_for(40_000) == 256
