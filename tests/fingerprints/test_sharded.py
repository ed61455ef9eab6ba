"""A search of many shards: bit for bit what each by itself and then the best of all give, with less
done for it."""

from __future__ import annotations

from collections.abc import Iterator

import faiss
import numpy as np
import pytest

from fingerprints.embed import Vectors
from fingerprints.nearest import CANDIDATES, CANDIDATES_A_NEIGHBOUR, NOTHING, Ids
from fingerprints.sharded import Sharded, empty_lists
from tests.fingerprints.stored import clustered
from tests.fingerprints.test_recall import isotropic
from tests.fingerprints.test_recall import sharded as made_of

STEPS = faiss.cvar.indexIVF_stats


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    usual = faiss.omp_get_max_threads()
    yield
    faiss.omp_set_num_threads(usual)


def each_by_itself(index: Sharded, queries: Vectors, k: int, probed: int) -> tuple[Vectors, Ids]:
    """FAISS's own search of every shard, with a heap for each; then the best of all, re-ranked."""
    together = faiss.IndexShardsIVF(index.trained.quantizer, index.cells, False, True)
    own = []
    for shard in index.shards:
        lists = empty_lists(index.trained)
        lists.replace_invlists(shard.lists.invlists, False)
        lists.ntotal, lists.nprobe = len(shard.numbers), probed
        own.append(lists)
        together.add_shard(lists)
    wanted = min(index.n - index.tail.n, max(CANDIDATES, CANDIDATES_A_NEIGHBOUR * k))
    rows = np.sort(together.search(queries, wanted)[1], axis=1)
    numbers, scores = index.ids(), np.full(rows.shape, -np.inf, np.float32)
    stored = np.concatenate([shard.vectors for shard in index.shards])
    given = map(faiss.swig_ptr, (scores, queries, stored, rows))
    faiss.fvec_inner_products_by_idx(*given, queries.shape[1], *rows.shape)
    scores[rows == NOTHING] = -np.inf
    ids = np.where(rows == NOTHING, NOTHING, numbers[rows])
    if index.tail.n:
        newer, new = index.tail.search(queries, min(k, index.tail.n))
        scores, ids = np.hstack([scores, newer]), np.hstack([ids, new])
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(scores, order, 1), np.take_along_axis(ids, order, 1)


@pytest.mark.parametrize("parts", [1, 5, 13])
@pytest.mark.parametrize("kind", ["clustered", "isotropic"])
def test_many_shards_give_bit_for_bit_what_each_by_itself_gave(parts: int, kind: str) -> None:
    rows = (clustered if kind == "clustered" else isotropic)(5_000, 32, 7)
    queries, index = rows[4_960:], made_of(rows[:4_960], parts, tail=60)
    for probed in (1, 9, index.cells):
        for k in (1, 10, 60):
            scores, ids = index.by_cells(queries, k, probed)
            right, truth = each_by_itself(index, queries, k, probed)
            assert scores.tobytes() == right.tobytes()
            assert np.array_equal(ids, truth)


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_neither_how_many_are_asked_at_once_nor_how_many_threads_there_are_changes_a_bit(
    cores: int,
) -> None:
    rows = isotropic(6_000, 32, 2)
    queries, index = rows[:30], made_of(rows, 12)
    faiss.omp_set_num_threads(1)
    scores, ids = index.by_cells(queries, 10, 20)
    faiss.omp_set_num_threads(cores)
    together = index.by_cells(queries, 10, 20)
    alone = [index.by_cells(query[None], 10, 20) for query in queries]
    for found in (together, tuple(np.vstack(some) for some in zip(*alone, strict=True))):
        assert found[0].tobytes() == scores.tobytes()
        assert np.array_equal(found[1], ids)


def test_answers_that_many_gave_word_for_word_have_the_scores_that_they_had() -> None:
    rows = np.repeat(isotropic(12, 32, 4), 700, axis=0)
    index = made_of(rows, 9)  # more that are equal than there are candidates
    scores, ids = index.by_cells(rows[::700], 10, index.cells)
    right, _ = each_by_itself(index, rows[::700].copy(), 10, index.cells)
    assert scores.tobytes() == right.tobytes()
    assert all(len(set(row)) == 10 for row in ids)
    assert np.array_equal((ids // 3 - 1) // 700, np.repeat(np.arange(12)[:, None], 10, axis=1))


def test_shards_hand_on_what_is_best_so_far_and_cells_are_chosen_once() -> None:
    rows = isotropic(20_000, 16, 5)
    index, queries = made_of(rows, 10), isotropic(20, 16, 6)
    STEPS.reset()
    each_by_itself(index, queries, 10, 60)
    before, visited = STEPS.nheap_updates, STEPS.nlist
    STEPS.reset()
    index.by_cells(queries, 10, 60)
    assert STEPS.nlist == visited
    assert STEPS.nheap_updates < 0.5 * before


def test_rows_that_a_strangers_lists_name_are_none_that_are_not_there() -> None:
    rows = isotropic(3_000, 32, 8)
    index = made_of(rows, 3)
    real = index.by_cells(rows[:9], 10, index.cells)
    lists = index.shards[1].lists.invlists
    for cell in range(lists.nlist):
        n = lists.list_size(cell)
        if n:
            held = faiss.rev_swig_ptr(lists.get_ids(cell), n)
            held[::3] = [(1 << 40) + 10**6, -7, 2**62][cell % 3]
    scores, ids = index.by_cells(rows[:9], 10, index.cells)
    assert np.isin(ids[ids != NOTHING], index.ids()).all()
    assert bool(np.all(scores[:, 0] <= real[0][:, 0]))
