"""Which texts of a list say nearly the same: MinHash in bands, then the exact similarity.

MinHash: Broder 1997, "On the resemblance and containment of documents". Deterministic; knows texts
only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from detectors.text.ngrams import words_of

Shingles = frozenset[int]
Signatures = NDArray[np.uint64]

SIZE = 3
# A pair of similarity 0.7 shares no band with a chance of (1 − 0.7⁴)³², 1 in 6,500.
BANDS = 32
ROWS = 4
# A Mersenne prime below 2⁶⁴; codes of 32 bits times factors of 31 stay below that too.
_PRIME = (1 << 61) - 1
_WORD = re.compile(r"\w")


def folded_words(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation; a CJK character is a word.

    >>> folded_words("Who made *you*?")
    ['who', 'made', 'you']
    """
    return [w for w in words_of(text.lower()) if _WORD.match(w)]


def shingles(text: str, size: int = SIZE) -> Shingles:
    """Hashes of every run of ``size`` words; a shorter text is one shingle, an empty one none."""
    words = folded_words(text)
    if not words:
        return frozenset()
    runs = [words[i : i + size] for i in range(max(1, len(words) - size + 1))]
    return frozenset(crc32("\x1f".join(run).encode("utf-8", "replace")) for run in runs)


def jaccard(one: Shingles, other: Shingles) -> float:
    """Shared share of two sets, 0 to 1; two empty sets share nothing."""
    union = len(one | other)
    return len(one & other) / union if union else 0.0


def signatures(sets: Sequence[Shingles]) -> Signatures:
    """MinHash signatures, shape (n, 128): sets agree in a place at their Jaccard similarity."""
    draw = np.random.default_rng(20090711)
    factors = draw.integers(1, 1 << 31, BANDS * ROWS, dtype=np.uint64)
    offsets = draw.integers(0, 1 << 31, BANDS * ROWS, dtype=np.uint64)
    out = np.full((len(sets), BANDS * ROWS), np.iinfo(np.uint64).max, dtype=np.uint64)
    for row, found in enumerate(sets):
        if found:
            codes = np.fromiter(found, dtype=np.uint64, count=len(found))
            out[row] = ((codes[:, None] * factors + offsets) % np.uint64(_PRIME)).min(axis=0)
    return out


def first_twins(texts: Sequence[str], threshold: float) -> list[int | None]:
    """For each text the index of the first earlier kept text at least ``threshold`` similar to it,
    None where there is none.

    A text that has a twin is not kept, so that it has no twins itself. Candidates come from 32
    bands of 4 rows (a pair of similarity 0.7 is missed about once in 6,000); the exact Jaccard
    similarity decides. Time is linear but for twins.
    """
    sets = [shingles(text) for text in texts]
    table: dict[tuple[int, bytes], list[int]] = {}
    twins: list[int | None] = []
    for i, signature in enumerate(signatures(sets)):
        # Texts without a word would all have the same bands, and are no twins of each other.
        bands = signature.reshape(BANDS, ROWS) if sets[i] else ()
        keys = [(number, band.tobytes()) for number, band in enumerate(bands)]
        near = sorted({j for key in keys for j in table.get(key, ())})
        twin = next((j for j in near if jaccard(sets[i], sets[j]) >= threshold), None)
        twins.append(twin)
        if twin is None:
            for key in keys:
                table.setdefault(key, []).append(i)
    return twins
