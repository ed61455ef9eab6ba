"""How many threads read fastest here: a short measurement, once a process and file.

Knows clocks; knows nothing of questions.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path

from fingerprints.subjects.llama.engine import LoadedGguf, RowReader
from fingerprints.subjects.spec import count_option
from fingerprints.system import cores

TOKENS = 24
REPEATS = 3
WORTH = 0.9
"""More threads must take at most this part of the time: two of a busy machine's cores are no
faster, and waiting for each other costs the processor time twice."""

_known: dict[Path, int] = {}


def fastest_threads(model: LoadedGguf, options: Mapping[str, str]) -> int:
    """The spec's ``threads``, else ``OMP_NUM_THREADS``, else the number that reads fastest."""
    asked = options.get("threads", os.environ.get("OMP_NUM_THREADS", "auto"))
    if asked != "auto":
        return count_option({"threads": asked}, "threads", 1, most=512)
    if model.path not in _known:
        _known[model.path] = _measured(model)
    return _known[model.path]


def _measured(model: LoadedGguf) -> int:
    best, fastest = 1, _seconds(model, 1)
    for count in candidates(cores()):
        took = _seconds(model, count)
        if took > WORTH * fastest:
            break
        best, fastest = count, took
    return best


def candidates(here: int) -> list[int]:
    """The numbers of threads above one that are tried, fewest first."""
    doubled = [2**i for i in range(1, here.bit_length()) if 2**i < here]
    return [*doubled, here] if here > 1 else []


def _seconds(model: LoadedGguf, threads: int) -> float:
    with RowReader(model, 1, 256, threads) as reader:
        times = []
        for _ in range(REPEATS):
            reader.forget(0)
            begun = time.perf_counter()
            reader.read_row(0, [1] * min(TOKENS, model.words))
            times.append(time.perf_counter() - begun)
    return min(times)
