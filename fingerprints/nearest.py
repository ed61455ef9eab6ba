"""Which stored vectors are nearest: exact by default, candidates plus exact re-ranking for large
stores.

Knows FAISS and arrays; knows nothing of teachers, nor of where an index lies. Scores are always
exact cosines.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import Field

from fingerprints.embed import Vectors
from fingerprints.errors import MalformedInput, StoreIntegrity
from fingerprints.records import Record

Ids = npt.NDArray[np.int64]
IndexKind = Literal["flat", "ivf-pq", "ivf-pq-shards"]

NOTHING = -1
"""The id where there is no further neighbour."""

# What they find and cost, on clusters and on vectors like real ones: docs/benchmarks.md.
TRAINING_ROWS_A_CELL = 64
MOST_TRAINING_ROWS = 1 << 20
CANDIDATES = 400
CANDIDATES_A_NEIGHBOUR = 20
_CHUNK = 65_536
_SCANNED = 16_384
"""Vectors that are compared at once, 16 MiB at 256 coordinates: of four times as many FAISS takes
twice as long for a hundred queries, and as long for one or for 500."""


def library() -> Any:
    """The module faiss, loaded when first needed; untyped, for its stubs lack half of it."""
    return import_module("faiss")


class Recall(Record):
    """How many of the nearest an index finds when it looks at ``probed`` of its cells: measured on
    ``queries`` of its ``n`` own vectors, each against an exact search for ``k`` others.

    ``found`` is the mean share; ``low`` and ``high`` are its 95 % interval.
    """

    probed: Annotated[int, Field(ge=1)]
    cells: Annotated[int, Field(ge=1)]
    n: Annotated[int, Field(ge=1)]
    queries: int
    k: int
    found: float
    low: float
    high: float


@dataclass
class Flat:
    """Exact search over all vectors: FAISS IndexFlatIP under explicit 64-bit ids."""

    index: Any
    kind: IndexKind = "flat"
    recall: None = None

    @property
    def n(self) -> int:
        """How many vectors it holds."""
        return int(self.index.ntotal)

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, Ids]:
        """Scores and ids, both (n, k), nearest first; k must not be above `n`."""
        scores, ids = self.index.search(queries, k)
        return scores, ids

    exact = search

    def vector(self, number: int) -> npt.NDArray[np.float32]:
        """The stored vector of an id. Raises StoreIntegrity where it has none."""
        try:
            return np.asarray(self.index.reconstruct(number), dtype=np.float32)
        except RuntimeError as error:
            raise StoreIntegrity(f"the index has no answer {number}") from error

    def ids(self) -> Ids:
        """All ids in the order of the vectors."""
        return np.asarray(library().vector_to_array(self.index.id_map), dtype=np.int64)

    def places(self, numbers: Ids) -> Ids:
        """In which row the vector of each id is; -1 where it has none. Ids must ascend."""
        return places_in(self.ids(), numbers)

    def rows(self, places: Ids) -> Vectors:
        """The vectors in these rows (n, d), copied."""
        faiss = library()
        flat = faiss.downcast_index(self.index.index)
        raw = faiss.rev_swig_ptr(flat.get_xb(), self.n * flat.d) if self.n else np.empty(0)
        held: Vectors = np.asarray(raw, dtype=np.float32).reshape(self.n, flat.d)
        return held[places]


@dataclass
class Approximate:
    """What stores of former versions have: product-quantised cells of a piece over ``vectors``.

    ``numbers`` (n,) ascending and ``vectors`` (n, d) are the exact ones, row by row, and are what
    is searched: nobody measured what the cells find. `fingerprints.sharded.Sharded` took its place,
    and is what is built.
    """

    index: Any
    numbers: Ids
    vectors: Vectors
    kind: IndexKind = "ivf-pq"
    recall: None = None

    @property
    def n(self) -> int:
        """How many vectors it holds."""
        return int(self.index.ntotal)

    def search(self, queries: Vectors, k: int) -> tuple[Vectors, Ids]:
        """Scores and ids (n, k), nearest first."""
        return exact_among([(self.numbers, self.vectors)], queries, k)

    exact = search

    def vector(self, number: int) -> npt.NDArray[np.float32]:
        """The stored vector of an id. Raises StoreIntegrity where it has none."""
        place = int(np.searchsorted(self.numbers, number))
        if place >= len(self.numbers) or self.numbers[place] != number:
            raise StoreIntegrity(f"the index has no answer {number}")
        return np.asarray(self.vectors[place])

    def ids(self) -> Ids:
        """All ids in the order of the vectors."""
        return self.numbers

    def places(self, numbers: Ids) -> Ids:
        """In which row the vector of each id is; -1 where it has none."""
        return places_in(self.numbers, numbers)

    def rows(self, places: Ids) -> Vectors:
        """The vectors in these rows (n, d), copied."""
        return self.vectors[places]


Blocks = Iterable[tuple[Ids, Vectors]]


def exact_among(blocks: Blocks, queries: Vectors, k: int) -> tuple[Vectors, Ids]:
    """Scores and ids (n, k) of all that is nearest in blocks of ids and vectors, nearest first and
    ties by the lower id; minus infinity and -1 where there are fewer. Mapped vectors are read once,
    in order, and take no memory."""
    faiss = library()
    best = faiss.ResultHeap(len(queries), k, keep_max=True)
    for ids, vectors in blocks:
        for start in range(0, len(ids), _SCANNED):
            some = vectors[start : start + _SCANNED]
            least = min(k, len(some))
            scores, rows = faiss.knn(queries, some, least, faiss.METRIC_INNER_PRODUCT)
            best.add_result(scores, ids[start : start + _SCANNED][rows])
    best.finalize()
    held = np.where(best.I == NOTHING, -np.inf, best.D).astype(np.float32)
    order = np.lexsort((best.I, -held), axis=1)
    return np.take_along_axis(held, order, 1), np.take_along_axis(best.I, order, 1)


def places_in(held: Ids, numbers: Ids) -> Ids:
    """Where each number stands among those that are held, which ascend; -1 for others."""
    if not len(held):
        return np.full(len(numbers), NOTHING, np.int64)
    at = np.minimum(np.searchsorted(held, numbers), len(held) - 1)
    return np.where(held[at] == numbers, at, NOTHING)


def empty_flat(dimension: int) -> Flat:
    """An exact index without vectors."""
    faiss = library()
    return Flat(faiss.IndexIDMap2(faiss.IndexFlatIP(dimension)))


def extend(index: Flat, blocks: Blocks) -> None:
    """Adds blocks of ids and vectors to an exact index."""
    for ids, vectors in _merged(blocks):
        index.index.add_with_ids(vectors, ids)


def cells_for(n: int) -> int:
    """How many cells n vectors lie in: the power of two that is nearest to their square root."""
    return int(max(1, 2 ** round(np.log2(np.sqrt(n)))))


def training_rows(n: int) -> int:
    """On how many of n vectors their cells are trained: 64 a cell, a gibibyte at the most."""
    return min(max(cells_for(n) * TRAINING_ROWS_A_CELL, 39 * 256), MOST_TRAINING_ROWS)


def train(sample: Vectors, n: int, seed: int = 1234) -> Any:
    """An empty IVF-PQ index for n vectors, trained on a sample of them; deterministic under one
    seed and thread count.

    Codes of one byte for every four coordinates. Cells' centres are of length one, or those nearest
    to the mean that all answers share would draw in most of them.
    """
    faiss = library()
    d, cells = sample.shape[1], cells_for(n)
    index = faiss.IndexIVFPQ(
        faiss.IndexFlatIP(d), d, cells, max(1, d // 4), 8, faiss.METRIC_INNER_PRODUCT
    )
    for clustering in (index.cp, index.pq.cp):
        clustering.seed, clustering.min_points_per_centroid = seed, 1
        # Candidates are re-ranked: ten rounds on 64 points a code are enough, and several times
        # faster than the defaults.
        clustering.niter, clustering.max_points_per_centroid = 10, TRAINING_ROWS_A_CELL
    index.train(sample)
    return index


def _merged(blocks: Blocks) -> Iterator[tuple[Ids, Vectors]]:
    ids: list[Ids] = []
    vectors: list[Vectors] = []
    size = 0
    for some_ids, some_vectors in blocks:
        ids.append(some_ids)
        vectors.append(some_vectors)
        size += len(some_ids)
        if size >= _CHUNK:
            yield np.concatenate(ids), np.concatenate(vectors)
            ids, vectors, size = [], [], 0
    if ids:
        yield np.concatenate(ids), np.concatenate(vectors)


class Sink(Protocol):
    """Takes bytes."""

    def write(self, data: bytes) -> int:
        """Takes some bytes and says how many."""


def write(index: Any, file: Sink) -> None:
    """Writes a FAISS index through our own file, so that a full disk is an error."""
    faiss = library()
    faiss.write_index(index, faiss.PyCallbackIOWriter(file.write))


def read(data: memoryview) -> Any:
    """A FAISS index from bytes whose digest was checked; raises StoreIntegrity where FAISS can't
    make sense of them.

    The limits keep a crafted file from allocating more than a small multiple of its own size.
    """
    faiss = library()
    stream = io.BytesIO(data)
    with limits(len(data)):
        try:
            # Tables of L2 distances, which inner products don't need; cells without vectors would
            # be refused for their size.
            flags = faiss.IO_FLAG_SKIP_PRECOMPUTE_TABLE
            return faiss.read_index(faiss.PyCallbackIOReader(stream.read), flags)
        except (RuntimeError, MemoryError) as error:
            raise StoreIntegrity("the index can't be read though its digest is right") from error


@contextmanager
def limits(size: int) -> Iterator[None]:
    """While it lasts, FAISS reads no more than a small multiple of ``size`` bytes."""
    faiss = library()
    before = faiss.get_deserialization_vector_byte_limit(), faiss.get_deserialization_loop_limit()
    # FAISS compares a quarter of it with each array.
    faiss.set_deserialization_vector_byte_limit(8 * size + 4096)
    faiss.set_deserialization_loop_limit(size + 4096)
    try:
        yield
    finally:
        faiss.set_deserialization_vector_byte_limit(before[0])
        faiss.set_deserialization_loop_limit(before[1])


def problem_with(raw: Any, kind: IndexKind, dimension: int, n: int) -> str | None:
    """What is wrong with the type, dimension, metric or size of an index; None if nothing."""
    faiss = library()
    if kind == "flat":
        inner: Any = faiss.downcast_index(raw.index) if type(raw) is faiss.IndexIDMap2 else None
        expected: Any = faiss.IndexFlatIP
    else:
        inner, expected = raw, faiss.IndexIVFPQ
    if type(inner) is not expected:
        return f"an index of type {type(raw).__name__} instead of {kind}"
    found = (raw.d, raw.metric_type, raw.ntotal, inner.d, inner.ntotal)
    wanted = (dimension, faiss.METRIC_INNER_PRODUCT, n, dimension, n)
    if found != wanted:
        return f"(d, metric, n) {found[:3]} instead of {wanted[:3]}"
    if kind == "flat":
        return None if raw.id_map.size() == n else f"{raw.id_map.size()} ids for {n} vectors"
    listed = sum(inner.invlists.list_size(cell) for cell in range(inner.nlist))
    return None if listed == n else f"{listed} vectors in its lists instead of {n}"


def unit_queries(vectors: Vectors, dimension: int) -> Vectors:
    """Vectors to search by, at length one, (n, dimension). Raises MalformedInput for other shapes,
    and for vectors that have no cosine."""
    queries = np.ascontiguousarray(vectors, dtype=np.float32)
    if queries.ndim != 2 or queries.shape[1] != dimension:
        raise MalformedInput(
            f"queries of shape {queries.shape} instead of (n, {dimension})", where="search"
        )
    lengths = np.sqrt(np.einsum("ij,ij->i", queries, queries, dtype=np.float64))
    bad = np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)))
    if len(bad):
        said = f"query {bad[0]} is zero or not finite, and has no cosine"
        raise MalformedInput(said, where="search", next_step="leave out texts without any words")
    unit: Vectors = (queries / lengths[:, None]).astype(np.float32)
    return unit
