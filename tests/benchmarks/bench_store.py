"""How fast the store takes in, opens and searches signatures, beside bare FAISS in the same
process.

``python -m tests.benchmarks.bench_store --rows 100000 1000000``; prints a Markdown table. Synthetic
answers: tight clusters (a question each) within wide ones (a topic each), in 256 dimensions, from a
fixed seed. Query times are the median of interleaved rounds, for the machine is seldom alone.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import faiss
import numpy as np

from fingerprints.catalog_rows import vector_blocks
from fingerprints.embed import Vectors
from fingerprints.nearest import Flat
from fingerprints.records import Arm, Identity, Probe, Reply, Status
from fingerprints.sharded import Sharded
from fingerprints.store import FingerprintStore
from fingerprints.transcript import Header, Transcript

DIMENSION = 256
A_TEACHER = 1000
QUERIES, NEIGHBOURS = 200, 10
Row = tuple[str, str]


class Synthetic:
    """An embedder that draws a text's vector from the numbers in the text: cluster and seed. It
    stands for any embedder."""

    id = "synthetic-clusters/1"
    dimension = DIMENSION

    def __init__(self, rows: int) -> None:
        rng = np.random.default_rng(1)
        topics = rng.standard_normal((50, DIMENSION), dtype=np.float32)
        questions = max(10, rows // 200)
        self.centres = topics[rng.integers(0, 50, questions)] + 0.8 * rng.standard_normal(
            (questions, DIMENSION), np.float32
        )

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One block of rows at once: the first text's seed draws all, so that drawing is not
        what is measured."""
        rng = np.random.default_rng(int(texts[0].split()[1]))
        rows = self.centres[rng.integers(0, len(self.centres), len(texts))]
        rows = rows + 0.6 * rng.standard_normal(rows.shape, dtype=np.float32)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def teacher(number: int) -> Transcript:
    """A thousand answers of about 200 characters."""
    probes = {f"p{i:04d}": Probe(id=f"p{i:04d}", text=f"Question {i}?") for i in range(A_TEACHER)}
    replies = tuple(
        Reply(
            probe_id=key,
            arm=Arm.OWN,
            status=Status.OK,
            text=f"answer {number * A_TEACHER + i} " + f"{key} word " * 18,
        )
        for i, key in enumerate(probes)
    )
    return Transcript(
        Header(spec=f"recording:{number}", identity=Identity(kind="recording", name=str(number))),
        probes,
        replies,
    )


def ingest(path: Path, rows: int) -> tuple[float, float]:
    """Seconds in `add` for all teachers, and seconds that the catalogue's vectors alone took in
    a second run."""
    spent = 0.0
    with FingerprintStore.create(path, embedder=Synthetic(rows)) as store:
        for number in range(rows // A_TEACHER):
            said = teacher(number)
            start = time.perf_counter()
            store.add(said, f"teacher {number:05d}")
            spent += time.perf_counter() - start
    return spent, _vectors_alone(path, rows)


def _vectors_alone(path: Path, rows: int) -> float:
    with FingerprintStore.create(
        path.with_name(path.name + "-vectors"), embedder=Synthetic(rows)
    ) as store:
        spent = 0.0
        drawn = Synthetic(rows)
        for number in range(rows // A_TEACHER):
            vectors = drawn.embed([f"answer {number}"] * A_TEACHER)
            ids = np.arange(A_TEACHER, dtype=np.int64) + number * A_TEACHER + 1
            start = time.perf_counter()
            with store.catalog.change():
                parts = ((at, number, *rest) for at, *rest in vector_blocks(ids, vectors))
                store.catalog._db.executemany(
                    "INSERT INTO vectors VALUES (?, ?, ?, ?, ?, ?)", parts
                )
            spent += time.perf_counter() - start
    return spent


def interleaved(rounds: int, *tasks: Callable[[], object]) -> list[float]:
    """Median seconds of each task, all run once a round."""
    times: list[list[float]] = [[] for _ in tasks]
    for task in tasks:
        task()
    for _ in range(rounds):
        for place, task in enumerate(tasks):
            start = time.perf_counter()
            task()
            times[place].append(time.perf_counter() - start)
    return [statistics.median(t) for t in times]


def wanted(rows: int) -> Vectors:
    """Queries from the same clusters as the stored answers, none of them stored."""
    return Synthetic(rows).embed(["query 987654321"] * QUERIES)


def recall(found: np.ndarray, truth: np.ndarray) -> float:
    """The share of the true nearest that were found."""
    return float(
        np.mean([len(set(a) & set(b)) / truth.shape[1] for a, b in zip(found, truth, strict=True)])
    )


def searches(path: Path, rows: int, rounds: int) -> Iterator[Row]:
    """Flat: the store against bare FAISS on the same vectors; then candidates with re-ranking,
    if the store is large."""
    with FingerprintStore.open(path, embedder=Synthetic(rows)) as store:
        store.index.exact_up_to = rows
        start = time.perf_counter()
        flat = store.index.now()
        yield "build and write the exact index", f"{time.perf_counter() - start:.1f} s"
        assert isinstance(flat, Flat)
        bare = faiss.IndexFlatIP(DIMENSION)
        for _, vectors in store.catalog.vectors():
            bare.add(vectors)
        queries = wanted(rows)
        ours, theirs = interleaved(
            rounds,
            lambda: store.search(queries, NEIGHBOURS),
            lambda: bare.search(queries, NEIGHBOURS),
        )
        yield f"{QUERIES} queries, k={NEIGHBOURS}, exact, store", f"{ours * 1000:.1f} ms"
        yield f"{QUERIES} queries, k={NEIGHBOURS}, bare IndexFlatIP", f"{theirs * 1000:.1f} ms"
        yield "overhead of the store over bare FAISS", f"{100 * (ours / theirs - 1):+.1f} %"
        yield from _approximate(store, bare, queries, rounds)


def _approximate(
    store: FingerprintStore, bare: faiss.IndexFlatIP, queries: Vectors, rounds: int
) -> Iterator[Row]:
    scores, truth = store.search(queries, NEIGHBOURS)
    store.index.exact_up_to = 0
    start = time.perf_counter()
    index = store.index.rebuild()
    yield "train, build and write IVF-PQ", f"{time.perf_counter() - start:.1f} s"
    assert isinstance(index, Sharded)
    [spent] = interleaved(rounds, lambda: store.search(queries, NEIGHBOURS))
    found_scores, found = store.search(queries, NEIGHBOURS)
    yield (
        f"{QUERIES} queries, k={NEIGHBOURS}, IVF-PQ and exact re-ranking",
        f"{spent * 1000:.1f} ms",
    )
    yield "recall@10 against the exact search", f"{recall(found, truth):.4f}"
    same = found == truth
    yield (
        "largest difference of a score at the same place",
        f"{np.abs(found_scores - scores)[same].max():.1e}",
    )


OPENER = (
    "import sys, time; from pathlib import Path; import faiss; t = time.perf_counter();"
    "from tests.benchmarks.bench_store import *;"
    "t = time.perf_counter(); s = FingerprintStore.open(Path(sys.argv[1]), embedder=Synthetic(int(sys.argv[2])));"
    "n = len(s.teachers()); a = time.perf_counter() - t; s.index.exact_up_to = int(sys.argv[3]);"
    "s.search(wanted(int(sys.argv[2])), 10); b = time.perf_counter() - t;"
    "peak = [l for l in open('/proc/self/status') if l.startswith('VmHWM')][0].split()[1];"  # ru_maxrss is inherited
    "print(n, a, b, peak)"
)
KILLED = (
    "import os, sys; from pathlib import Path; from tests.benchmarks.bench_store import *;"
    "s = FingerprintStore.open(Path(sys.argv[1]), embedder=Synthetic(int(sys.argv[2])));"
    "c = s.catalog.change(); c.__enter__(); s.catalog._log('add', 'half', 'x');"
    "s.catalog._db.execute('DELETE FROM vectors WHERE first_id < 20000'); os.kill(os.getpid(), 9)"
)


def opening(path: Path, rows: int, exact_up_to: int) -> Iterator[Row]:
    """Opening in a fresh process after a kill -9 in the middle of a transaction, until the first
    batch is answered."""
    arguments = [str(path), str(rows), str(exact_up_to)]
    killed = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False)
    assert killed.returncode == -signal.SIGKILL
    done = subprocess.run(
        [sys.executable, "-c", OPENER, *arguments], check=True, capture_output=True, text=True
    )
    count, opened, answered, rss = done.stdout.split()
    assert int(count) == rows // A_TEACHER
    yield "open after kill -9", f"{float(opened):.2f} s"
    yield "open after kill -9, verify the index, answer 200 queries", f"{float(answered):.2f} s"
    yield "peak memory of that process", f"{int(rss) / 1024:.0f} MiB"


def measure(folder: Path, rows: int, rounds: int) -> Iterator[Row]:
    """All rows of the table for one size."""
    path = folder / f"store-{rows}"
    added, vectors = ingest(path, rows)
    yield "add teachers (answers, vectors, digests; fsync each)", f"{rows / added:,.0f} rows/s"
    yield "the vectors alone", f"{rows / vectors:,.0f} rows/s"
    yield (
        "catalogue on the disk",
        f"{(path / 'catalog.sqlite').stat().st_size / rows:,.0f} bytes a row",
    )
    yield from searches(path, rows, rounds)
    for name, exact_up_to in (("IVF-PQ", 0), ("exact", rows)):
        if name == "exact":
            with FingerprintStore.open(path, embedder=Synthetic(rows)) as store:
                store.index.exact_up_to = rows
                store.rebuild()
        for what, value in opening(path, rows, exact_up_to):
            yield f"{what} ({name})", value


def main() -> None:
    """Prints a Markdown table for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rows",
        type=int,
        nargs="+",
        default=[100_000, 1_000_000],
        help="sizes, in thousands of rows",
    )
    parser.add_argument("--rounds", type=int, default=7, help="timed repetitions of each search")
    parser.add_argument(
        "--folder",
        type=Path,
        default=None,
        help="where to put the stores (a temporary folder otherwise)",
    )
    given = parser.parse_args()
    print(
        f"faiss {faiss.__version__}, {faiss.omp_get_max_threads()} threads, {os.cpu_count()} cores\n"
    )
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        for rows in given.rows:
            print(f"| {rows:,} signatures, d={DIMENSION} | |\n|---|---:|")
            for what, value in measure(Path(folder), rows, given.rounds):
                print(f"| {what} | {value} |", flush=True)
            print(
                f"| peak memory of the benchmark | {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB |\n"
            )


if __name__ == "__main__":
    main()
