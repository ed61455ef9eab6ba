"""Numbers that follow from other numbers: a hash over arrays, so that what belongs together (an
account's address, a prompt's words) is made anew from its seed wherever it is needed."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Seeds = NDArray[np.uint64]
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_A, _B = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def mix(first: ArrayLike, *more: ArrayLike) -> Seeds:
    """64 bits that depend on all arguments (whole numbers of at least 0, broadcast) and their
    order. Deterministic; the finaliser is splitmix64's."""
    out = _stirred(np.asarray(first).astype(np.uint64))
    for value in more:
        with np.errstate(over="ignore"):
            out = _stirred(out ^ (np.asarray(value).astype(np.uint64) * _GOLDEN + _GOLDEN))
    return out


def fraction(seeds: Seeds) -> NDArray[np.float64]:
    """Seeds as numbers in [0, 1)."""
    return (seeds >> np.uint64(11)).astype(np.float64) * 2.0**-53


def below(seeds: Seeds, limit: ArrayLike) -> NDArray[np.int64]:
    """Seeds as whole numbers from 0 to limit - 1."""
    return np.asarray(fraction(seeds) * np.asarray(limit), np.int64)


def _stirred(values: Seeds) -> Seeds:
    with np.errstate(over="ignore"):
        values = values + _GOLDEN
        values = (values ^ (values >> np.uint64(30))) * _A
        values = (values ^ (values >> np.uint64(27))) * _B
    return values ^ (values >> np.uint64(31))
