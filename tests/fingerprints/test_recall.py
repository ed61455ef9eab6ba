"""How many cells are looked at: as many as these vectors need, and what that finds is true of
others."""

from __future__ import annotations

import numpy as np
import pytest

from fingerprints import nearest
from fingerprints.embed import Vectors
from fingerprints.nearest import Recall
from fingerprints.recall import TARGET, interval, measured
from fingerprints.sharded import IndexShard, Sharded, empty_lists
from tests.fingerprints.stored import clustered


def sharded(rows: Vectors, parts: int = 3, tail: int = 0, held: int | None = None) -> Sharded:
    """An index over the first ``held`` of these vectors, trained on all, under the ids 3, 6, 9, …;
    the last are in no shard."""
    trained = nearest.train(
        rows[:: max(1, len(rows) // nearest.training_rows(len(rows)))], len(rows)
    )
    rows = rows[:held]
    n, d = rows.shape
    ids = np.arange(1, n + 1, dtype=np.int64) * 3
    newest = nearest.empty_flat(d)
    nearest.extend(newest, [(ids[n - tail :], rows[n - tail :])] if tail else [])
    shards = []
    for part in np.array_split(np.arange(n - tail), parts):
        lists = empty_lists(trained)
        lists.add(rows[part])
        shards.append(IndexShard(ids[part], rows[part], lists, np.empty(0, np.uint8)))
    return Sharded(trained, tuple(shards), newest)


def isotropic(n: int, d: int, seed: int) -> Vectors:
    """Unit vectors that share half their length and else fall into no clusters at all: the worst
    for cells."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((n, d)) / np.sqrt(d)
    rows[:, 0] += 0.7
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def found(index: Sharded, recall: Recall, queries: Vectors) -> float:
    exact, by_cells = index.exact(queries, 10)[1], index.by_cells(queries, 10, recall.probed)[1]
    return float(np.mean([np.isin(a, b).mean() for a, b in zip(exact, by_cells, strict=True)]))


@pytest.mark.parametrize("kind", ["clustered", "isotropic"])
def test_as_few_cells_are_looked_at_as_find_nearly_all_and_as_much_is_found_of_others(
    kind: str,
) -> None:
    made = clustered if kind == "clustered" else isotropic
    everything = made(5_200, 64, 3)
    index = sharded(everything[:5_000], tail=100)
    recall = measured(index)
    assert (recall.n, recall.cells, recall.queries, recall.k) == (5_000, 64, 500, 10)
    assert recall.low >= TARGET
    assert recall.low < recall.found <= recall.high <= 1
    assert found(index, recall, everything[5_000:]) >= TARGET
    assert measured(index) == recall
    if kind == "clustered":
        assert recall.probed <= 4
        return
    assert 20 < recall.probed < 64
    fewer = recall.model_copy(update={"probed": recall.probed // 3})
    assert found(index, fewer, everything[5_000:]) < 0.9


def test_codes_that_lose_what_cells_found_are_made_up_for_up_to_all_cells(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    index = sharded(isotropic(3_000, 64, 5))
    easy = measured(index)
    monkeypatch.setattr("fingerprints.sharded.CANDIDATES", 1)
    monkeypatch.setattr("fingerprints.sharded.CANDIDATES_A_NEIGHBOUR", 1)
    hard = measured(index)
    assert easy.probed < hard.probed == hard.cells
    assert hard.low < TARGET
    assert hard.found == pytest.approx(found(index, hard, isotropic(3_000, 64, 5)[:200]), abs=0.15)


def test_answers_that_are_the_same_count_as_found_whichever_is_given() -> None:
    rows = np.repeat(clustered(50, 64, 2), 40, axis=0)
    recall = measured(sharded(rows))
    assert recall.found == 1.0
    assert recall.probed == 1


def test_hardly_any_vectors_are_measured_too() -> None:
    recall = measured(sharded(clustered(400, 64, 2), parts=2, held=7))
    assert (recall.n, recall.queries, recall.k) == (7, 7, 6)
    assert recall.found == 1.0


def test_the_interval_holds_the_mean_of_shares_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    truth = 0.96
    for spread in (5.0, 50.0):  # how alike queries are in how much of theirs is found
        means = np.array(
            [rng.beta(truth * spread, (1 - truth) * spread, 500).mean() for _ in range(400)]
        )
        low, high = interval(means, 500)
        assert np.mean((low <= truth) & (truth <= high)) >= 0.95
    assert interval(np.array(1.0), 500)[0] < 1
