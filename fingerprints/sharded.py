"""The index of a large store: product-quantised cells in shards that stay on the disk, re-ranked by
the stored vectors, and the newest vectors beside them; or a scan of all vectors.

Knows FAISS and arrays; knows nothing of teachers, nor of where files lie. Product-quantised
distances only propose; every score, and the order, is of exact cosines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from fingerprints.embed import Vectors
from fingerprints.errors import StoreIntegrity
from fingerprints.index_files import Bytes
from fingerprints.nearest import (
    CANDIDATES,
    CANDIDATES_A_NEIGHBOUR,
    NOTHING,
    Approximate,
    Flat,
    Ids,
    IndexKind,
    Recall,
    Sink,
    exact_among,
    library,
    limits,
    places_in,
)

_IN_THE_FILE = b"ilar"
"""How FAISS begins lists that lie in the file itself. Others may name files elsewhere, which FAISS
would open: a stranger's store must not make it do so."""
_PROPOSED = 1 << 40
"""Added to the row of what an earlier shard has proposed: a shard's own rows are below it."""
SHARDS_A_HEAP = 5
"""So many shards hand on what is best so far. If each kept its own, ten would collect ten times 400
candidates, a fifth of a query's time at 1e5 vectors a shard; if all shared one, a query that comes
alone would use one core."""
_BY_QUERIES = 3
"""How FAISS is told to share out queries whose cells were chosen before: otherwise it does not."""
PORTION = 65_536
"""Vectors that are assigned to cells at once: 64 MiB at 256 coordinates."""


@dataclass(frozen=True)
class IndexShard:
    """Vectors (n, d) with their ids (n,), ascending, and an index that knows them as 0 to n - 1.

    ``held`` is the mapped file that the index's lists lie in.
    """

    numbers: Ids
    vectors: Vectors
    lists: Any
    held: Bytes


@dataclass
class Sharded:
    """Candidates from all shards, exact cosines of them, and the ``tail``: vectors that are in no
    shard yet, searched exactly.

    The shards share one set of cells and codes, those of ``trained``, which must live as long;
    cells are chosen once and a few shards share one heap, so that a search of ten does little more
    than a search of one would. Ids ascend from shard to shard and on into the tail. Only touched
    pages of the lists and vectors are in memory. How many cells are looked at was measured
    (``recall``); where nobody did, all vectors are.
    """

    trained: Any
    shards: tuple[IndexShard, ...]
    tail: Flat
    recall: Recall | None = None
    kind: IndexKind = "ivf-pq-shards"
    _starts: Ids = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._starts = np.cumsum([0, *(len(shard.numbers) for shard in self.shards)])
        for shard in self.shards:
            # What a search finds is added to what its arrays hold, and queries share the threads.
            shard.lists.parallel_mode = shard.lists.PARALLEL_MODE_NO_HEAP_INIT | _BY_QUERIES

    @property
    def cells(self) -> int:
        """How many cells all shards share."""
        return int(self.trained.nlist)

    @property
    def n(self) -> int:
        """How many vectors it holds."""
        return int(self._starts[-1]) + self.tail.n

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, Ids]:
        """Scores and ids (n, k), nearest first; minus infinity and -1 where too few were found."""
        if self.recall is None:
            return self.exact(queries, k)
        return self.by_cells(queries, k, self.recall.probed)

    def exact(self, queries: Vectors, k: int) -> tuple[Vectors, Ids]:
        """The same of all vectors: scores and ids (n, k), nearest first."""
        held = [(shard.numbers, shard.vectors) for shard in self.shards]
        scores, ids = exact_among(held, queries, k)
        newer, numbers = self._newest(queries, k)
        return _first(np.hstack([scores, newer]), np.hstack([ids, numbers]), k)

    def by_cells(self, queries: Vectors, k: int, probed: int) -> tuple[Vectors, Ids]:
        """The same of so many cells."""
        wanted = min(int(self._starts[-1]), max(CANDIDATES, CANDIDATES_A_NEIGHBOUR * k))
        proposed = self._proposed(queries, wanted, probed)
        # Neighbours on the disk are read together. Lists of a stranger may name rows that are none.
        proposed[proposed >= self._starts[-1]] = NOTHING
        proposed.sort(axis=1)
        scores, ids = self._newest(queries, k)
        exact = np.hstack([self._exact(queries, proposed), scores])
        numbers = np.hstack([self._numbers(proposed), ids])
        return _first(exact, numbers, k)

    def _proposed(self, queries: Vectors, wanted: int, probed: int) -> Ids:
        """The rows (n, wanted) whose codes are nearest, in no order; -1 where there are fewer."""
        near, cells = self.trained.quantizer.search(queries, probed)
        # Lists are read as they lie in the file: by their likeness they would be read at random.
        order = np.argsort(cells, axis=1)
        cells, near = (np.take_along_axis(a, order, 1) for a in (cells, near))
        groups = range(0, len(self.shards), SHARDS_A_HEAP)

        def best(first: int) -> tuple[Vectors, Ids]:
            """What the group of shards that begins so finds, scores falling."""
            return self._best_of(first, queries, cells, near, wanted)

        if len(queries) > 1 or len(groups) == 1:  # FAISS shares many queries out itself
            found = [best(first) for first in groups]
        else:
            with ThreadPoolExecutor(library().omp_get_max_threads()) as pool:
                found = list(pool.map(best, groups))
        scores, rows = (np.hstack(parts) for parts in zip(*found, strict=True))
        return _first(scores, rows, wanted)[1]

    def _best_of(
        self, first: int, queries: Vectors, cells: Ids, near: Vectors, wanted: int
    ) -> tuple[Vectors, Ids]:
        """Scores and rows (n, wanted) of the codes that are nearest in a few shards."""
        scores = np.full((len(queries), wanted), -np.inf, np.float32)
        rows = np.full((len(queries), wanted), NOTHING, np.int64)
        for at in range(first, min(first + SHARDS_A_HEAP, len(self.shards))):
            lists = self.shards[at].lists
            lists.nprobe = cells.shape[1]
            lists.search_preassigned(queries, wanted, cells, near, D=scores, I=rows)
            new = (rows >= 0) & (rows < _PROPOSED)
            rows[new] += self._starts[at] + _PROPOSED
        rows[rows >= 0] -= _PROPOSED
        return scores, rows

    def _exact(self, queries: Vectors, rows: Ids) -> Vectors:
        """The cosines of each query with the vectors in its rows (n, r); minus infinity for -1."""
        faiss, out = library(), np.full(rows.shape, -np.inf, np.float32)
        queries = np.ascontiguousarray(queries, np.float32)
        for start, shard in zip(self._starts, self.shards, strict=False):
            here = (rows >= start) & (rows < start + len(shard.numbers))
            local = np.where(here, rows - start, NOTHING)
            some = np.empty(rows.shape, np.float32)
            given = map(faiss.swig_ptr, (some, queries, shard.vectors, local))
            faiss.fvec_inner_products_by_idx(*given, queries.shape[1], *rows.shape)
            np.copyto(out, some, where=here)
        return out

    def _numbers(self, rows: Ids) -> Ids:
        """The ids of rows of the shards, in any shape; -1 for -1."""
        out = np.full(rows.shape, NOTHING, np.int64)
        for start, shard in zip(self._starts, self.shards, strict=False):
            here = (rows >= start) & (rows < start + len(shard.numbers))
            out[here] = shard.numbers[rows[here] - start]
        return out

    def _newest(self, queries: Vectors, k: int) -> tuple[Vectors, Ids]:
        # At least k columns with those of the shards, whatever they proposed.
        n = min(k, self.tail.n)
        scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
        ids = np.full((len(queries), k), NOTHING, dtype=np.int64)
        if n:
            scores[:, :n], ids[:, :n] = self.tail.search(queries, n)
        return scores, ids

    def _parted(self, rows: Ids) -> Iterator[tuple[IndexShard, slice, Ids]]:
        """Ascending rows by shard: the shard, which of the rows are its, and their places there."""
        bounds = np.searchsorted(rows, self._starts)
        for at, shard in enumerate(self.shards):
            some = slice(int(bounds[at]), int(bounds[at + 1]))
            if some.stop > some.start:
                yield shard, some, rows[some] - self._starts[at]

    def vector(self, number: int) -> npt.NDArray[np.float32]:
        """The stored vector of an id. Raises StoreIntegrity where it has none."""
        place = self.places(np.array([number], np.int64))
        if place[0] == NOTHING:
            raise StoreIntegrity(f"the index has no answer {number}")
        return np.array(self.rows(place)[0])

    def ids(self) -> Ids:
        """All ids in the order of the vectors: eight bytes of memory each."""
        return np.concatenate([*(shard.numbers for shard in self.shards), self.tail.ids()])

    def places(self, numbers: Ids) -> Ids:
        """In which row the vector of each id is; -1 where it has none."""
        out = np.full(len(numbers), NOTHING, np.int64)
        held = [shard.numbers for shard in self.shards] + [self.tail.ids()]
        for start, some in zip(self._starts, held, strict=True):
            at = places_in(some, numbers)
            out = np.where(at == NOTHING, out, start + at)
        return out

    def rows(self, places: Ids) -> Vectors:
        """The vectors in these rows (n, d), copied."""
        out = np.empty((len(places), self.shards[0].vectors.shape[1]), np.float32)
        order = np.argsort(places, kind="stable")
        for shard, some, local in self._parted(places[order]):
            out[order[some]] = shard.vectors[local]
        late = np.flatnonzero(places >= self._starts[-1])
        if len(late):
            out[late] = self.tail.rows(places[late] - self._starts[-1])
        return out


def _first(scores: Vectors, ids: Ids, k: int) -> tuple[Vectors, Ids]:
    # Ties fall to the lower id: candidates ascend, and those of the tail are the highest.
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(scores, order, 1), np.take_along_axis(ids, order, 1)


Index = Flat | Approximate | Sharded


def empty_lists(trained: Any) -> Any:
    """An index without vectors over the cells and codes of a trained one, which must live on."""
    faiss = library()
    out = faiss.IndexIVFPQ(
        trained.quantizer,
        trained.d,
        trained.nlist,
        trained.pq.M,
        trained.pq.nbits,
        faiss.METRIC_INNER_PRODUCT,
    )
    out.pq, out.is_trained, out.by_residual = trained.pq, True, trained.by_residual
    return out


def copy_lists(source: Any, target: Any) -> None:
    """Adds all that one index's lists hold to another's over the same cells and codes, in order and
    with the same rows."""
    lists = source.invlists
    for cell in range(lists.nlist):
        n = lists.list_size(cell)
        if n:
            target.invlists.add_entries(cell, n, lists.get_ids(cell), lists.get_codes(cell))
    target.ntotal += source.ntotal


def write_lists(index: Any, file: Sink) -> None:
    """Writes the cells' lists of an index, without cells and codes."""
    faiss = library()
    faiss.write_InvertedLists(index.invlists, faiss.PyCallbackIOWriter(file.write))


def lists_over(trained: Any, data: Bytes, n: int) -> Any:
    """An index of ``n`` vectors over lists that stay where they lie; ``data`` (mapped, its digest
    checked) must live on. Raises StoreIntegrity for bytes that are no such lists."""
    if bytes(data[:4]) != _IN_THE_FILE:
        raise StoreIntegrity("a shard's lists are of another kind")
    faiss, index = library(), empty_lists(trained)
    reader = faiss.ZeroCopyIOReader(faiss.swig_ptr(data), len(data))
    with limits(len(data)):
        try:
            lists = faiss.read_InvertedLists(reader, faiss.IO_FLAG_MMAP_IFC)
        except (RuntimeError, MemoryError) as error:
            raise StoreIntegrity("a shard's lists can't be read") from error
    wrong = (lists.nlist, lists.code_size) != (trained.nlist, trained.code_size)
    if wrong or sum(lists.list_size(cell) for cell in range(lists.nlist)) != n:
        raise StoreIntegrity("a shard's lists are not those of its vectors")
    index.replace_invlists(lists, True)
    index.ntotal = n
    return index


def trained_problem(raw: Any, dimension: int) -> str | None:
    """What is wrong with an index that is to hold nothing but cells and codes; None if nothing."""
    faiss = library()
    if type(raw) is not faiss.IndexIVFPQ or not raw.is_trained:
        return f"cells of type {type(raw).__name__}"
    found = (raw.d, raw.metric_type, raw.ntotal, raw.pq.nbits)
    wanted = (dimension, faiss.METRIC_INNER_PRODUCT, 0, 8)
    cells = faiss.downcast_index(raw.quantizer)
    sized = type(cells) is faiss.IndexFlatIP and cells.ntotal == raw.nlist and cells.d == raw.d
    return None if found == wanted and sized else f"cells of (d, metric, n, bits) {found}"


def spread_rows(shards: Sequence[Vectors], wanted: int) -> Vectors:
    """Rows spread evenly over all shards' vectors, copied; always the same ones."""
    starts = np.cumsum([0, *map(len, shards)])
    rows = np.unique(np.linspace(0, starts[-1] - 1, min(starts[-1], wanted)).astype(np.int64))
    bounds = np.searchsorted(rows, starts)
    parts = [
        vectors[rows[bounds[at] : bounds[at + 1]] - starts[at]] for at, vectors in enumerate(shards)
    ]
    return np.ascontiguousarray(np.concatenate(parts))
