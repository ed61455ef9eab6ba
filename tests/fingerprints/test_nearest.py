"""Candidates of the approximate index, held against exact search."""

from __future__ import annotations

import io

import numpy as np
import pytest

from fingerprints import nearest
from fingerprints.embed import Vectors
from fingerprints.sharded import IndexShard, Sharded, empty_lists, trained_problem


def clustered(n: int, d: int, seed: int) -> Vectors:
    """Unit vectors as answers give them: many tight clusters (a question each) within wide ones
    (a topic each)."""
    rng = np.random.default_rng(seed)
    topics = rng.standard_normal((20, d))
    questions = topics[rng.integers(0, 20, n // 50)] + 0.8 * rng.standard_normal((n // 50, d))
    rows = questions[rng.integers(0, len(questions), n)] + 0.6 * rng.standard_normal((n, d))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize(
    ("n", "d"), [(5_000, 64), pytest.param(30_000, 256, marks=pytest.mark.slow)]
)
def test_candidates_find_nearly_all_of_the_ten_nearest(n: int, d: int) -> None:
    everything = clustered(n + 100, d, 3)
    rows, wanted = everything[:n], everything[n:]
    ids = np.arange(1, n + 1, dtype=np.int64) * 3
    flat, tail = nearest.empty_flat(d), nearest.empty_flat(d)
    nearest.extend(flat, [(ids, rows)])
    nearest.extend(tail, [(ids[-100:], rows[-100:])])
    trained = nearest.train(rows[:: max(1, n // nearest.training_rows(n))], n)
    shards = []
    for part in np.array_split(np.arange(n - 100), 3):
        lists = empty_lists(trained)
        lists.add(rows[part])
        shards.append(IndexShard(ids[part], rows[part], lists, np.empty(0, np.uint8)))
    approximate = Sharded(trained, tuple(shards), tail)
    (truth, right), (scores, found) = flat.search(wanted, 10), approximate.search(wanted, 10)
    recall = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(right, found, strict=True)])
    assert recall >= 0.95
    for row in range(len(wanted)):
        same = np.isin(found[row], right[row])
        places = [list(right[row]).index(i) for i in found[row][same]]
        np.testing.assert_allclose(scores[row][same], truth[row][places], atol=1e-5)


def test_cells_of_a_large_store_are_read_though_they_hold_nothing() -> None:
    trained = nearest.train(clustered(600, 256, 5), 40_000)
    file = io.BytesIO()
    nearest.write(trained, file)
    read = nearest.read(file.getbuffer())
    assert trained_problem(read, 256) is None
    assert read.nlist == nearest.cells_for(40_000) == 256
