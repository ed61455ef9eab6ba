"""What it costs that several processes fill one store at the same time.

``nice python -m tests.benchmarks.bench_many_writers --processes 1 2 4 --answers 40000``. The same
answers (of 200 characters, under the built-in embedder, a thousand a model) are shared out among
the processes, which take turns as `auditor store import` does. Processor seconds are all
processes' own, so that other programs don't count; turns by the clock do.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from fingerprints.store import FingerprintStore
from tests.benchmarks.bench_store import A_TEACHER, teacher


def write(path: Path, numbers: range) -> None:
    """Stores these models, in turns with whoever else writes."""
    with FingerprintStore.join(path) as store:
        for number in numbers:
            store.put(teacher(number), f"teacher {number:05d}")


def fill(path: Path, processes: int, models: int) -> tuple[float, float, list[int]]:
    """Seconds by the clock, processor seconds of all, and how each process ended."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    children = []
    for first in range(processes):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                write(path, range(first, models, processes))
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    ended = [os.waitpid(child, 0)[1] for child in children]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, spent, ended


def measure(folder: Path, processes: int, models: int) -> Iterator[str]:
    """The cells of one row."""
    path = folder / f"store-{processes}"
    clock, spent, ended = fill(path, processes, models)
    with FingerprintStore.open(path) as store:
        whole = len(store.teachers()) == models and not store.verify()
        size = sum(file.stat().st_size for file in path.iterdir())
    yield str(processes)
    yield f"{models * A_TEACHER / spent:,.0f}"
    yield f"{models * A_TEACHER / clock:,.0f}"
    yield f"{size / models / A_TEACHER:,.0f}"
    yield "yes" if whole and not any(ended) else "NO"


def main() -> None:
    """Prints a Markdown table, a row a number of processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--answers", type=int, default=40_000)
    parser.add_argument("--folder", type=Path, help="where to put the stores")
    given = parser.parse_args()
    print("| processes | answers a processor second | by the clock | bytes an answer | all there |")
    print("|---:|---:|---:|---:|---|")
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        for processes in given.processes:
            row = measure(Path(folder), processes, given.answers // A_TEACHER)
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
