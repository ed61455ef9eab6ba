"""How a store of up to 1e7 signatures is built and searched: processor seconds, memory and bytes,
recall against the exact search, and time beside bare FAISS in the same process.

``nice python -m tests.benchmarks.bench_large_store --rows 100000 1000000 --folder /tmp``. The index
alone: vectors are drawn, so that the disk holds them once. Their spectrum, mean and neighbours are
as of 5,000 answers of 34 public models under the built-in embedder: eigenvalues fall with the power
0.45 of their rank, the mean has length 0.55, answers to one question (40 each) a cosine of 0.57.
Building and searching run in processes of their own, whose memory is sampled.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import faiss
import numpy as np

from fingerprints import nearest, sharded
from fingerprints.catalog import Catalog, CatalogState
from fingerprints.embed import Vectors
from fingerprints.indexing import StoreIndex
from fingerprints.nearest import CANDIDATES, Ids
from fingerprints.progress import Progress
from fingerprints.recall import interval
from fingerprints.shard_files import IDS_A_SHARD
from fingerprints.sharded import Sharded

DIMENSION = 256
BLOCK = 65_536
NEIGHBOURS, ALONE = 10, 5
MEAN, SHARED, POWER, A_QUESTION = 0.55, 0.27, 0.45, 40
REFINABLE = 3_000_000
"""Up to so many vectors FAISS's own refinement, which holds them all, fits into six gigabytes; and
there is time for more than 50 queries and one round of them."""


class Drawn:
    """Stands for a catalogue: the same vectors at every reading, drawn a block at a time."""

    embedder, dimension = "drawn/1", DIMENSION

    def __init__(self, rows: int) -> None:
        self.n = rows
        rng = np.random.default_rng(1)
        scales = np.arange(1, DIMENSION + 1) ** (-POWER / 2)
        self.scales = (scales / np.sqrt(np.sum(scales**2))).astype(np.float32)
        mean = rng.standard_normal(DIMENSION).astype(np.float32)
        self.mean = mean / np.linalg.norm(mean) * MEAN
        self.questions = self._spread(rng, max(10, rows // A_QUESTION)) * np.sqrt(SHARED)

    def _spread(self, rng: np.random.Generator, n: int) -> Vectors:
        return cast(Vectors, rng.standard_normal((n, DIMENSION), np.float32) * self.scales)

    def draw(self, seed: int, n: int) -> Vectors:
        """Answers to questions drawn at random."""
        rng = np.random.default_rng([2, seed])
        asked = self.questions[rng.integers(0, len(self.questions), n)]
        rows = self.mean + asked + self._spread(rng, n) * np.sqrt(1 - MEAN**2 - SHARED)
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def _blocks(self) -> Iterator[tuple[int, Ids]]:
        for seed, start in enumerate(range(0, self.n, BLOCK)):
            yield seed, np.arange(start + 1, min(start + BLOCK, self.n) + 1, dtype=np.int64)

    def vectors(self, after: int = 0, up_to: int | None = None) -> Iterator[tuple[Ids, Vectors]]:
        """As a catalogue's."""
        for seed, ids in self._blocks():
            last = self.n if up_to is None else up_to
            some = (ids > after) & (ids <= last)
            if some.any():
                yield ids[some], self.draw(seed, len(ids))[some]

    def vector_ids(self) -> Iterator[Ids]:
        """As a catalogue's."""
        return (ids for _, ids in self._blocks())

    def count_vectors(self) -> int:
        """As a catalogue's."""
        return self.n

    def sample_vectors(self, count: int) -> tuple[Ids, Vectors]:
        """As a catalogue's, of the first block."""
        ids, rows = next(self.vectors())
        return ids[:count], rows[:count]

    def state(self) -> CatalogState:
        """One state for ever."""
        return CatalogState(1, f"{self.n}")

    def had(self, state: CatalogState) -> bool:
        """Whether it is that state."""
        return state == self.state()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Nothing changes anyway."""
        yield


class Memory(threading.Thread):
    """The most anonymous memory that this process held (MiB): what can't be had back."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most = 0.0
        self.start()

    def run(self) -> None:
        """Looks twenty times a second."""
        while True:
            lines = Path("/proc/self/status").read_text().splitlines()
            held = next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))
            self.most = max(self.most, held / 1024)
            time.sleep(0.05)


class Timed(Progress):
    """Processor seconds of each step."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self.now, self.last = "", time.process_time()

    def step(self, label: str, whole: bool = False) -> Progress:
        """A step begins where the one before ends."""
        moment = time.process_time()
        if self.now:
            self.spent[self.now] = self.spent.get(self.now, 0) + moment - self.last
        self.now, self.last = label, moment
        print(f"{label}, after {moment:,.0f} processor s", file=sys.stderr, flush=True)
        return self


def index_of(path: Path, rows: int, ids_a_shard: int = IDS_A_SHARD) -> StoreIndex:
    """The index of a store that is drawn."""
    found = StoreIndex(path, cast(Catalog, Drawn(rows)), writable=True)
    found.exact_up_to, found.ids_a_shard = 0, ids_a_shard
    return found


def build(path: Path, rows: int, ids_a_shard: int) -> dict[str, Any]:
    """Builds, and says what it took."""
    path.mkdir(exist_ok=True)  # a build that was killed goes on
    memory, timed, start = Memory(), Timed(), time.process_time()
    index_of(path, rows, ids_a_shard).rebuild(timed)
    timed.step("writing down and checking every digest")
    sizes = [file.stat().st_size for file in path.rglob("*") if file.is_file()]
    return {
        "steps": timed.spent,
        "cpu": time.process_time() - start,
        "anon": memory.most,
        "bytes": sum(sizes),
    }


def spent(task: Callable[[], object]) -> tuple[float, float]:
    """Processor seconds of one call, and seconds by the clock."""
    start, moment = time.process_time(), time.perf_counter()
    task()
    return time.process_time() - start, time.perf_counter() - moment


def medians(rounds: int, tasks: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median processor seconds of tasks that take turns, and by the clock under ``NAME_clock``."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in tasks}
    for turn in range(rounds + 1):
        for name, task in tasks.items():
            took = spent(task)
            if turn:  # the first round reads what the others find in memory
                times[name].append(took)
    processor = {name: statistics.median(t for t, _ in took) for name, took in times.items()}
    clock = {f"{name}_clock": statistics.median(t for _, t in took) for name, took in times.items()}
    return processor | clock


def search(path: Path, rows: int, ids_a_shard: int) -> dict[str, Any]:
    """Opens and searches; then bare FAISS on the same lists, and the exact search."""
    memory, drawn, start = Memory(), Drawn(rows), time.process_time()
    queries = drawn.draw(10**9, 200 if rows <= REFINABLE else 50)
    index = index_of(path, rows, ids_a_shard).now()
    opened, start = time.process_time() - start, time.perf_counter()
    assert isinstance(index, Sharded)
    assert index.recall is not None
    _, found = index.search(queries, NEIGHBOURS)
    first = time.perf_counter() - start
    ours = {"opened": opened, "first": first, "anon": memory.most}
    start = time.process_time()
    truth = index.exact(queries, NEIGHBOURS)[1]
    scanned = time.process_time() - start
    return {
        **ours,
        **beside(index, queries),
        "scanned": scanned,
        "queries": len(queries),
        "shards": len(index.shards),
        "claimed": index.recall.model_dump(),
        **judged(found, truth),
        "other": list(other(index, queries, truth, index.recall.probed)),
    }


def other(
    index: Sharded, queries: Vectors, truth: Ids, probed: int
) -> Iterator[tuple[int, float, float]]:
    """Cells probed, recall and processor seconds, where less or more is looked at."""
    more = {min(2 * probed, index.cells), index.cells} if index.n <= REFINABLE else set()
    for cells in sorted({48, probed // 2, *more}):
        start = time.process_time()
        found = index.by_cells(queries, NEIGHBOURS, cells)[1]
        took = time.process_time() - start
        yield cells, judged(found, truth)["recall"], took


def beside(index: Sharded, queries: Vectors) -> dict[str, float]:
    """Medians of rounds in which all take turns: ours, FAISS's candidates alone, and, where memory
    allows, FAISS's candidates with its own refinement; many queries at once, and one by one."""
    bare, rounds = of_a_piece(index), 5 if index.n <= REFINABLE else 2
    some = [queries[at : at + 1] for at in range(ALONE)]
    tasks: dict[str, Callable[[], object]] = {
        "ours": lambda: index.search(queries, NEIGHBOURS),
        "bare": lambda: bare.search(queries, CANDIDATES),
        "alone": lambda: [index.search(q, NEIGHBOURS) for q in some],
        "alone_bare": lambda: [bare.search(q, CANDIDATES) for q in some],
        "alone_exact": lambda: [index.exact(q, NEIGHBOURS) for q in some],
    }
    if index.n <= REFINABLE:
        flat = faiss.IndexFlatIP(DIMENSION)
        for shard in index.shards:
            flat.add(shard.vectors)
        refined = faiss.IndexRefine(bare, flat)
        refined.k_factor = CANDIDATES / NEIGHBOURS
        tasks["refined"] = lambda: refined.search(queries, NEIGHBOURS)
    return medians(rounds, tasks)


def of_a_piece(index: Sharded) -> Any:
    """FAISS's own index over the same codes, of a piece and in memory."""
    out, start = sharded.empty_lists(index.trained), 0
    for shard in index.shards:
        lists = shard.lists.invlists
        for cell in range(lists.nlist):
            n = lists.list_size(cell)
            if n:
                ids = faiss.rev_swig_ptr(lists.get_ids(cell), n) + start
                out.invlists.add_entries(cell, n, faiss.swig_ptr(ids), lists.get_codes(cell))
        start += len(shard.numbers)
    out.ntotal, out.nprobe = start, index.recall.probed if index.recall else 0
    return out


def judged(found: Ids, truth: Ids) -> dict[str, float]:
    """How many of the nearest were found, and how often the nearest."""
    same = [len(set(a) & set(b)) / NEIGHBOURS for a, b in zip(found, truth, strict=True)]
    return {
        "recall": float(np.mean(same)),
        "first_found": float(np.mean(found[:, 0] == truth[:, 0])),
    }


def told(rows: int, made: dict[str, Any], seen: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The lines of one size."""
    n = seen["queries"]
    yield "shards, cells", f"{seen['shards']}, {nearest.cells_for(rows):,}"
    for name, value in made["steps"].items():
        yield f"{name}, processor s", f"{value:,.1f}"
    yield "the whole build, processor s", f"{made['cpu']:,.1f}"
    yield "most memory of it (anonymous), MiB", f"{made['anon']:,.0f}"
    yield "bytes on the disk a signature", f"{made['bytes'] / rows:,.0f}"
    yield "opening (all digests), processor s", f"{seen['opened']:,.2f}"
    yield f"the first {n} queries, s by the clock", f"{seen['first']:,.2f}"
    yield "most memory until then (anonymous), MiB", f"{seen['anon']:,.0f}"
    yield f"a query, k={NEIGHBOURS}, processor ms", f"{seen['ours'] / n * 1e3:.2f}"
    yield "bare FAISS, candidates alone, processor ms", f"{seen['bare'] / n * 1e3:.2f}"
    yield "ours over it", _ratios(seen, "ours", "bare")
    if "refined" in seen:
        yield "bare FAISS with its refinement", f"{seen['refined'] / n * 1e3:.2f}"
        yield "ours over it, re-ranked both", _ratios(seen, "ours", "refined")
    yield "a query alone, processor ms", f"{seen['alone'] / ALONE * 1e3:.1f}"
    yield "bare FAISS, one alone, candidates alone", f"{seen['alone_bare'] / ALONE * 1e3:.1f}"
    yield "ours over it", _ratios(seen, "alone", "alone_bare")
    said = f"{seen['alone_exact'] / ALONE * 1e3:,.1f}"
    yield "an exact query alone (all vectors), processor ms", said
    yield f"an exact query of {n}, processor ms", f"{seen['scanned'] / n * 1e3:,.1f}"
    claimed = seen["claimed"]
    yield "cells probed, as measured when it was built", f"{claimed['probed']:,}"
    said = f"{claimed['found']:.3f} [{claimed['low']:.3f}, {claimed['high']:.3f}]"
    yield f"recall@{claimed['k']} on {claimed['queries']} stored vectors, measured then", said
    low, high = interval(np.array(seen["recall"]), n)
    said = f"{seen['recall']:.3f} [{low:.3f}, {high:.3f}]"
    yield f"recall@{NEIGHBOURS} on {n} new ones", said
    yield "the nearest found first", f"{seen['first_found']:.3f}"
    for cells, recall, took in seen["other"]:
        what = f"{cells:,} cells: recall, processor ms a query"
        yield what, f"{recall:.3f}, {took / n * 1e3:.2f}"


def _ratios(seen: dict[str, Any], ours: str, theirs: str) -> str:
    clock = seen[f"{ours}_clock"] / seen[f"{theirs}_clock"]
    return f"{seen[ours] / seen[theirs]:.3f} (by the clock {clock:.3f})"


def measure(folder: Path, rows: int, ids_a_shard: int) -> Iterator[tuple[str, str]]:
    """One size, each half in a process of its own."""
    results = []
    for step in ("build", "search"):
        arguments = ["--rows", str(rows), "--folder", str(folder / f"store-{rows}"), "--step", step]
        arguments += ["--ids-a-shard", str(ids_a_shard)]
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.bench_large_store", *arguments],
            check=True,
            stdout=subprocess.PIPE,
        )
        results.append(json.loads(done.stdout))
    yield from told(rows, results[0], results[1])


def main() -> None:
    """Prints a Markdown table for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--folder", type=Path, help="where to put the stores; 1.2 KB a signature")
    parser.add_argument("--step", choices=["build", "search"], help="one half of one size, as JSON")
    parser.add_argument("--ids-a-shard", type=int, default=IDS_A_SHARD)
    given = parser.parse_args()
    if given.step:
        step = {"build": build, "search": search}[given.step]
        print(json.dumps(step(given.folder, given.rows[0], given.ids_a_shard)))
        return
    print(
        f"faiss {faiss.__version__}, {faiss.omp_get_max_threads()} threads, {os.cpu_count()} cores"
    )
    for rows in given.rows:
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            print(f"\n| {rows:,} signatures, d={DIMENSION} | |\n|---|---:|")
            for what, value in measure(Path(folder), rows, given.ids_a_shard):
                print(f"| {what} | {value} |", flush=True)


if __name__ == "__main__":
    main()
