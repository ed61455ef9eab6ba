"""Character and word n-grams of many texts at once, as hashed counts in sparse matrices.

Vectorised: a batch of texts becomes one array of code points (or of word codes), every n-gram a number by a rolling
hash. Hashing needs no training text, so nothing can leak from one fold into another. Knows counts; knows no model.
Any Unicode goes in, lone surrogates included; nothing raises on hostile text; time is linear in its length.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Codes = NDArray[np.uint64]
BATCH = 256
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_CJK}]|[^\W{_CJK}]+|\n+|[^\w\s]")


def words_of(text: str) -> list[str]:
    r"""The tokens of a text: words, each CJK character, each punctuation mark, each run of line breaks. Case is kept.

    >>> words_of("Well, ok.\n\n你好")
    ['Well', ',', 'ok', '.', '\n\n', '你', '好']
    """
    return _TOKEN.findall(text)


def hashed_counts(sequences: Sequence[Codes], sizes: Sequence[int], bits: int) -> sparse.csr_matrix:
    """Counts of hashed n-grams: one row a sequence, ``2**bits`` columns, float32. Deterministic on every machine."""
    parts = [_batch_counts(sequences[i : i + BATCH], sizes, bits) for i in range(0, len(sequences), BATCH)]
    return sparse.vstack(parts, format="csr") if parts else sparse.csr_matrix((0, 1 << bits), dtype=np.float32)


def _batch_counts(batch: Sequence[Codes], sizes: Sequence[int], bits: int) -> sparse.csr_matrix:
    lengths = np.array([len(s) for s in batch], dtype=np.int64)
    codes = np.concatenate([*batch, np.zeros(0, dtype=np.uint64)])
    rows = np.repeat(np.arange(len(batch), dtype=np.int64), lengths)
    keys = np.concatenate([_keys(codes, rows, size, bits) for size in sizes] or [np.zeros(0, dtype=np.int64)])
    unique, counts = np.unique(keys, return_counts=True)
    indptr = np.searchsorted(unique, np.arange(len(batch) + 1, dtype=np.int64) << bits)
    columns = (unique & ((1 << bits) - 1)).astype(np.int32)
    return sparse.csr_matrix((counts.astype(np.float32), columns, indptr.astype(np.int32)), shape=(len(batch), 1 << bits))


def _keys(codes: Codes, rows: NDArray[np.int64], size: int, bits: int) -> NDArray[np.int64]:
    """Row and bucket of every n-gram of one size that doesn't cross from one sequence into the next."""
    n = len(codes) - size + 1
    if n <= 0:
        return np.zeros(0, dtype=np.int64)
    value = np.full(n, size, dtype=np.uint64)
    for offset in range(size):
        value = (value ^ codes[offset : offset + n]) * _STEP
        value ^= value >> np.uint64(29)
    value *= _MIX
    whole = rows[:n] == rows[size - 1 : size - 1 + n]
    bucket = (value >> np.uint64(64 - bits)).astype(np.int64)
    return np.asarray(((rows[:n] << bits) | bucket)[whole])


def character_codes(text: str) -> Codes:
    """A text's code points, in order; lone surrogates count like any other."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)


class WordCodes:
    """Turns words into numbers; remembers those it has seen. The same word has the same number everywhere."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def __call__(self, words: Sequence[str]) -> Codes:
        """The numbers of a list of words, in order."""
        known = self._known
        for word in words:
            if word not in known:
                known[word] = crc32(word.encode("utf-8", "surrogatepass"))
        return np.array([known[w] for w in words], dtype=np.uint64)


def buckets(codes: Codes, size: int, bits: int) -> NDArray[np.int64]:
    """The bucket of the n-gram that begins at each position of one sequence; `hashed_counts` counts these."""
    mask = (1 << bits) - 1
    return _keys(codes, np.zeros(len(codes), dtype=np.int64), size, bits) & mask
