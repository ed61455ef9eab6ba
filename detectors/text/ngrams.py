"""Character and word n-grams of many texts at once, as hashed counts in sparse matrices.

Vectorised: a batch of texts becomes one array of code points (or of word codes), every n-gram a
number by a rolling hash. Hashing needs no training text, so nothing can leak from one fold into
another. Knows counts; knows no model. Any Unicode goes in, lone surrogates included; nothing raises
on hostile text; time is linear in its length.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Codes = NDArray[np.uint64]
Known = TypeVar("Known")
Number = TypeVar("Number", np.uint32, np.uint64, np.int64)
BATCH = 32  # as many codes as fit a processor's nearest memory
# The constants of splitmix64 (Steele, Lea and Flood 2014): a step and a mixer of bits.
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)


def _marks() -> str:
    """All combining marks, as ranges of a character class: vowel signs of Indian scripts, accents
    written apart. They are no letters to `re`, which would cut words at each of them."""
    found = [n for n in range(0x300, 0x10000) if unicodedata.category(chr(n)) in ("Mn", "Mc")]
    starts = [n for n, before in zip(found, [-1, *found], strict=False) if n != before + 1]
    ends = [n for n, after in zip(found, [*found[1:], -1], strict=True) if after != n + 1]
    return "".join(f"{chr(a)}-{chr(b)}" for a, b in zip(starts, ends, strict=True))


_MARKS = _marks()
# Scripts that put no space between words: Chinese, Japanese; Thai, Lao; Tibetan, Burmese; Khmer.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u109f\u1780-\u17ff"
_LETTERS = rf"[^\W{_UNSPACED}]"
_TOKEN = re.compile(rf"[{_UNSPACED}][{_MARKS}]*|{_LETTERS}+(?:[{_MARKS}]+{_LETTERS}*)*|\n+|[^\w\s]")
# The same tokens where a text holds no mark and no such character, found in half the time.
_SPACED_TOKEN = re.compile(r"\w+|\n+|[^\w\s]")
# The same where it is ASCII, in a fifth less; four separators are no white space to `re.ASCII`.
_ASCII_TOKEN = re.compile(r"\w+|\n+|[^\w\s\x1c-\x1f]", re.ASCII)
_BEYOND = re.compile(f"[{_UNSPACED}{_MARKS}]")


def words_of(text: str) -> list[str]:
    r"""The tokens of a text: words, each character of a script without spaces with its marks, each
    punctuation mark, each run of line breaks. Case is kept.

    >>> words_of("Well, ok.\n\n你好")
    ['Well', ',', 'ok', '.', '\n\n', '你', '好']
    >>> words_of("नमस्ते ดี")
    ['नमस्ते', 'ดี']
    """
    return _pattern(text).findall(text)


def _pattern(text: str) -> re.Pattern[str]:
    if text.isascii():
        return _ASCII_TOKEN
    return _TOKEN if beyond_spaces(text) else _SPACED_TOKEN


def beyond_spaces(text: str) -> bool:
    """Whether a text's words are more than its runs of letters: it holds combining marks, or a
    script without spaces."""
    return not text.isascii() and _BEYOND.search(text) is not None


def lowered(tokens: Sequence[str]) -> list[str]:
    """The tokens in lower case, one by one: those of the text in lower case, unless it holds a
    capital that `lowers_alone` names.

    >>> lowered(["It", "’", "s"])
    ['it', '’', 's']
    """
    return " ".join(tokens).lower().split(" ") if tokens else []  # no token holds a space


def lowers_alone(text: str) -> bool:
    """Whether a text's tokens can be put in lower case one by one: a dotted İ becomes two
    characters, a Σ two different ones by what stands beside it."""
    return text.isascii() or not ("İ" in text or "Σ" in text)


def spans_of(text: str) -> list[tuple[int, int]]:
    """Start and end of each token of `words_of`."""
    return [found.span() for found in _pattern(text).finditer(text)]


def hashed_counts(sequences: Sequence[Codes], sizes: Sequence[int], bits: int) -> sparse.csr_matrix:
    """Counts of hashed n-grams: one row a sequence, ``2**bits`` columns, float32. Deterministic
    on every machine."""
    parts = [
        _batch_counts(sequences[i : i + BATCH], sizes, bits)
        for i in range(0, len(sequences), BATCH)
    ]
    if parts:
        return sparse.vstack(parts, format="csr")
    return sparse.csr_matrix((0, 1 << bits), dtype=np.float32)


def held_by(sequences: Sequence[Codes], sizes: Sequence[int], bits: int) -> NDArray[np.int64]:
    """How many sequences hold an n-gram of each bucket, (2**bits,): of `hashed_counts` the number
    of cells above 0 in each column."""
    out = np.zeros(1 << bits, dtype=np.int64)
    for start in range(0, len(sequences), BATCH):
        keys = np.concatenate([*_batch_keys(sequences[start : start + BATCH], sizes, bits)])
        out += np.bincount(distinct(keys) & ((1 << bits) - 1), minlength=1 << bits)
    return out


def counts_of(
    sequences: Sequence[Codes], sizes: Sequence[int], bits: int, columns: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Some columns of `hashed_counts` alone, dense, (sequences, columns): all other n-grams are
    dropped before any is counted.

    ``columns`` are different buckets.
    """
    place = np.full(1 << bits, -1, dtype=np.int32)
    place[columns] = np.arange(len(columns), dtype=np.int32)
    out = np.zeros((len(sequences), len(columns)), dtype=np.int64)
    for start in range(0, len(sequences), BATCH):
        batch = sequences[start : start + BATCH]
        found = []
        for keys in _batch_keys(batch, sizes, bits):
            column = place[keys & ((1 << bits) - 1)]
            kept = np.flatnonzero(column >= 0)
            found.append((keys[kept] >> bits) * len(columns) + column[kept])
        cells = np.concatenate([*found, np.zeros(0, dtype=np.int64)])
        counts = np.bincount(cells, minlength=len(batch) * len(columns))
        out[start : start + BATCH] = counts.reshape(len(batch), len(columns))
    return out


def summed_counts(sequences: Sequence[Codes], sizes: Sequence[int], bits: int) -> sparse.csr_matrix:
    """The sum of the rows of `hashed_counts`, one row, float32."""
    batches = (sequences[i : i + 4 * BATCH] for i in range(0, len(sequences), 4 * BATCH))
    keys = [k & ((1 << bits) - 1) for batch in batches for k in _batch_keys(batch, sizes, bits)]
    unique, counts = np.unique(
        np.concatenate([*keys, np.zeros(0, np.int64)]).astype(np.int32), return_counts=True
    )
    ends = np.array([0, len(unique)], dtype=np.int32)
    return sparse.csr_matrix((counts.astype(np.float32), unique, ends), shape=(1, 1 << bits))


def _batch_keys(
    batch: Sequence[Codes], sizes: Sequence[int], bits: int
) -> Iterator[NDArray[np.int64]]:
    """Row and bucket of every n-gram of a batch, one array a size."""
    lengths = np.array([len(s) for s in batch], dtype=np.int64)
    codes = np.concatenate([*batch, np.zeros(0, dtype=np.uint64)])
    rows = np.repeat(np.arange(len(batch), dtype=np.int64), lengths)
    return (_keys(codes, rows, size, bits) for size in sizes)


def _batch_counts(batch: Sequence[Codes], sizes: Sequence[int], bits: int) -> sparse.csr_matrix:
    keys = np.concatenate([*_batch_keys(batch, sizes, bits), np.zeros(0, dtype=np.int64)])
    unique, counts = np.unique(keys, return_counts=True)
    indptr = np.searchsorted(unique, np.arange(len(batch) + 1, dtype=np.int64) << bits)
    columns = (unique & ((1 << bits) - 1)).astype(np.int32)
    return sparse.csr_matrix(
        (counts.astype(np.float32), columns, indptr.astype(np.int32)), shape=(len(batch), 1 << bits)
    )


def _keys(codes: Codes, rows: NDArray[np.int64], size: int, bits: int) -> NDArray[np.int64]:
    """Row and bucket of every n-gram of one size that doesn't cross from one sequence into the
    next."""
    n = len(codes) - size + 1
    if n <= 0:
        return np.zeros(0, dtype=np.int64)
    value, shifted = np.full(n, size, dtype=np.uint64), np.empty(n, dtype=np.uint64)
    for offset in range(size):
        value ^= codes[offset : offset + n]
        value *= _STEP
        np.right_shift(value, np.uint64(29), out=shifted)
        value ^= shifted
    value *= _MIX
    whole = rows[:n] == rows[size - 1 : size - 1 + n]
    bucket = (value >> np.uint64(64 - bits)).astype(np.int64)
    return np.asarray(((rows[:n] << bits) | bucket)[whole])


def distinct(codes: NDArray[Number]) -> NDArray[Number]:
    """The different numbers among these, sorted. By sorting: on millions of numbers faster than
    `numpy.unique`."""
    held = np.sort(codes)
    return held[np.concatenate([[True], held[1:] != held[:-1]])] if len(held) else held


def character_codes(text: str) -> Codes:
    """A text's code points, in order; lone surrogates count like any other."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)


class Remembered(dict[str, Known]):
    """What is known of a word taken alone, worked out where it is first looked up. Bounded: it
    forgets all when it is full."""

    def __init__(self, of: Callable[[str], Known], most: int = 1 << 19) -> None:
        super().__init__()
        self._of, self._most = of, most

    def __missing__(self, word: str) -> Known:
        if len(self) >= self._most:
            self.clear()
        self[word] = found = self._of(word)
        return found


def _number(word: str) -> int:
    return crc32(word.encode("utf-8", "surrogatepass"))


class WordCodes:
    """Turns words into numbers; remembers those it has seen. The same word has the same number
    everywhere."""

    def __init__(self) -> None:
        self._known = Remembered(_number)

    def __call__(self, words: Sequence[str]) -> Codes:
        """The numbers of a list of words, in order."""
        return np.fromiter(map(self._known.__getitem__, words), dtype=np.uint64, count=len(words))


def buckets(codes: Codes, size: int, bits: int) -> NDArray[np.int64]:
    """The bucket of the n-gram that begins at each position of one sequence; `hashed_counts`
    counts these."""
    mask = (1 << bits) - 1
    return _keys(codes, np.zeros(len(codes), dtype=np.int64), size, bits) & mask
