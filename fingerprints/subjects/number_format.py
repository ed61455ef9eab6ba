"""Which number format a processor is faster in, by a short measurement: lists of processors that
know bfloat16 say that it is there, not that it is fast.

The choice is kept in the cache folder, so that a machine keeps it from run to run: another format
is another signature. Knows clocks and matrices; knows nothing of models.
"""

from __future__ import annotations

import platform
import time
from functools import lru_cache
from pathlib import Path

import torch

from fingerprints.records import canonical_json, sha256
from fingerprints.subjects.cache import cache_folder, note, noted

WIDTH, WIDER = 576, 1536
"""The matrices of a small model's layer: those that are loaded most on processors."""
ROWS = (32, 256)
"""A batch that writes, and one that reads or learns."""
REPEATS = 5
WORTH = 0.8
"""bfloat16 rounds more, so it must take at most this part of float32's time."""
FORMATS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@lru_cache(maxsize=1)
def faster_format() -> torch.dtype:
    """float32, or bfloat16 where this processor multiplies at least a fifth faster in it.

    Measured once a machine and torch release (some hundredths of a second of processor time), kept
    in the cache folder, and once a process where that can't be written.
    """
    place = _place()
    known = noted(place).get("format")
    if isinstance(known, str) and known in FORMATS:
        return FORMATS[known]
    took = {name: _seconds(dtype) for name, dtype in FORMATS.items()}
    chosen = "bfloat16" if took["bfloat16"] <= WORTH * took["float32"] else "float32"
    note(place, {"format": chosen})
    return FORMATS[chosen]


def _place() -> Path:
    here = [torch.__version__, platform.machine(), _chip()]
    return cache_folder() / "pace" / f"{sha256(canonical_json(here))}.json"


def _chip() -> str:
    """The processor's name and what it can do, as the kernel tells; empty where it doesn't."""
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.exists():
        return platform.processor()
    lines = cpuinfo.read_text("ascii", "replace").splitlines()
    kept = ("model name", "flags", "features", "cpu part")
    return "\n".join(dict.fromkeys(x for x in lines if x.lower().startswith(kept)))


def _seconds(dtype: torch.dtype) -> float:
    """Processor time of the shortest of some products: other programs don't change it."""
    weights = torch.ones((WIDER, WIDTH), dtype=dtype)
    times = []
    with torch.inference_mode():
        for _ in range(REPEATS):
            begun = time.process_time()
            for rows in ROWS:
                torch.nn.functional.linear(torch.ones((rows, WIDTH), dtype=dtype), weights)
            times.append(time.process_time() - begun)
    return min(times)
