"""Turns texts into vectors that can be compared: offline, stateless and the same on every machine
by default.

Knows characters; knows nothing of models, of what was asked, or of where vectors are kept.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from fingerprints.errors import UsageProblem, missing_extra, printable

Vectors = npt.NDArray[np.float32]
"""Rows are texts: shape (n, d), float32."""

LONGEST_TEXT = 20_000
"""Characters that count. It is in the embedders' ids, since another cut gives other vectors."""
BATCH_CHARACTERS = 1_000_000
"""Taken apart at once: it bounds the memory, and moves no vector."""
# 2^64 over the golden ratio and the two multipliers: splitmix64's. The prime: FNV's of 64 bits.
_GOLDEN = 0x9E3779B97F4A7C15
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_PRIME = np.uint64(0x100000001B3)


class Embedder(Protocol):
    """Texts in, unit vectors out.

    ``id`` names the method with its version and every setting that changes a vector: vectors of
    different ids are never compared. ``dimension`` is d.
    """

    @property
    def id(self) -> str:
        """Name, version and settings, on one line."""

    @property
    def dimension(self) -> int:
        """Length of a vector."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One float32 row of length 1 a text, in order; zeros for a text without any content."""


class HashedNgrams:
    """Character n-grams and words, hashed and projected with fixed signs.

    Lower-cased text with its white space collapsed; n-grams of 2 to 5 characters and whole words;
    sublinear counts, 1 + ln(tf), rounded to 1/1024 so that all sums are exact integers; four signed
    coordinates a feature, drawn by a hash: a sparse Johnson-Lindenstrauss projection (Kane and
    Nelson 2014, arXiv 1012.1577) of hashed features (Weinberger et al. 2009, arXiv 0902.2206). No
    training, no state: the same text gives the same bytes on every platform. Only the first 20,000
    characters are read.
    """

    spread = 4

    def __init__(self, dimension: int = 256) -> None:
        if dimension < 2 or dimension & (dimension - 1):
            raise UsageProblem(
                f"the dimension must be a power of two, not {dimension}", where="dimension"
            )
        self.dimension = dimension

    @property
    def id(self) -> str:
        """Name, version and settings, on one line."""
        return (
            f"hashed-ngrams/1 d={self.dimension} n=2-5+words spread={self.spread}"
            f" characters={LONGEST_TEXT}"
        )

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One float32 row of length 1 a text, in order; zeros for white space alone."""
        out = np.zeros((len(texts), self.dimension), dtype=np.float32)
        start = 0
        while start < len(texts):
            batch, stop = _batch(texts, start)
            out[start:stop] = self._embed(batch)
            start = stop
        return out

    def _embed(self, texts: list[str]) -> Vectors:
        rows, features = _features(texts)
        rows, features, weights = _weigh(rows, features)
        sums = np.zeros(len(texts) * self.dimension)
        for turn in range(self.spread):
            drawn = _mixed(features + np.uint64(_GOLDEN * (turn + 1) % 2**64))
            # The highest bit draws the sign and the lowest ones the coordinate, of a power of two
            # of them.
            sign = np.where(drawn >> np.uint64(63), 1.0, -1.0)
            place = rows * self.dimension + (drawn & np.uint64(self.dimension - 1)).astype(np.int64)
            sums += np.bincount(place, weights=sign * weights, minlength=len(sums))
        return unit_rows(sums.reshape(len(texts), self.dimension))


class SentenceTransformer:
    """A sentence-embedding model through the package sentence-transformers (extra ``embed``).

    Slower and not bit-reproducible between machines; nearer to meaning. Loads local files or, where
    the environment allows it, the hub's. Raises UsageProblem where the package is not installed.
    """

    def __init__(self, name: str, revision: str | None = None) -> None:
        try:
            import sentence_transformers
        except ImportError as error:
            raise missing_extra(
                "sentence-transformers", "embed", "embedding with a sentence model"
            ) from error
        self._model: Any = sentence_transformers.SentenceTransformer(
            name, revision=revision, trust_remote_code=False, device="cpu"
        )
        self._name = f"{name}@{revision}" if revision else name
        self.dimension = int(self._model.get_sentence_embedding_dimension())

    @property
    def id(self) -> str:
        """Name, revision and settings, on one line."""
        return f"{_SENTENCE_PREFIX}{self._name} d={self.dimension} characters={LONGEST_TEXT}"

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One float32 row of length 1 a text, in the same order."""
        cut = [text[:LONGEST_TEXT] for text in texts]
        found = self._model.encode(cut, convert_to_numpy=True, show_progress_bar=False)
        return unit_rows(np.asarray(found, dtype=np.float64).reshape(len(cut), self.dimension))


_SENTENCE_PREFIX = "sentence-transformers/1 "


def open_embedder(identity: str) -> Embedder:
    """The embedder that an id names. Raises UsageProblem where it can't be had exactly."""
    default = HashedNgrams()
    if identity == default.id:
        return default
    if identity.startswith(_SENTENCE_PREFIX):
        name = identity.removeprefix(_SENTENCE_PREFIX).split(" ", 1)[0]
        model, _, revision = name.partition("@")
        found = SentenceTransformer(model, revision or None)
        if found.id == identity:
            return found
    raise UsageProblem(
        f"no embedder here has the id {printable(identity, 120)!r}",
        next_step="install the version that made the store, or build a new store with this one",
    )


def unit_rows(matrix: npt.NDArray[np.float64]) -> Vectors:
    """Rows scaled to length 1 as float32; rows of zeros stay zeros."""
    norms = np.sqrt(np.einsum("ij,ij->i", matrix, matrix))
    return (matrix / np.where(norms > 0, norms, 1.0)[:, None]).astype(np.float32)


def _batch(texts: Sequence[str], start: int) -> tuple[list[str], int]:
    batch: list[str] = []
    characters, stop = 0, start
    while stop < len(texts) and (not batch or characters < BATCH_CHARACTERS):
        batch.append(" ".join(texts[stop][:LONGEST_TEXT].lower().split()))
        characters += len(batch[-1])
        stop += 1
    return batch, stop


def _features(texts: list[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]:
    # One array for the whole batch: each text is framed by spaces, so that a word's edge is a
    # feature too.
    framed = [f" {text} " if text else "" for text in texts]
    lengths = np.array([len(text) for text in framed], dtype=np.int64)
    codes = np.frombuffer("".join(framed).encode("utf-32-le", "replace"), dtype="<u4").astype(
        np.uint64
    )
    rows = np.repeat(np.arange(len(texts), dtype=np.int64), lengths)
    found_rows, found = [], []
    rolling = codes + np.uint64(1)
    for n in range(2, 6):
        if len(codes) < n:
            break
        rolling = rolling[:-1] * _PRIME + codes[n - 1 :] + np.uint64(1)
        whole = rows[: len(rolling)] == rows[n - 1 :]
        found_rows.append(rows[: len(rolling)][whole])
        found.append(_mixed(rolling[whole] + np.uint64(n)))
    words, word_rows = _words(texts)
    return np.concatenate([*found_rows, word_rows]), np.concatenate([*found, words])


def _words(texts: list[str]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    counts, hashes = [], []
    for text in texts:
        split = text.split(" ") if text else []
        counts.append(len(split))
        hashes += [zlib.crc32(word.encode("utf-8", "replace")) for word in split]
    rows = np.repeat(np.arange(len(texts), dtype=np.int64), np.array(counts, dtype=np.int64))
    return _mixed(np.array(hashes, dtype=np.uint64) + np.uint64(_GOLDEN)), rows


def _weigh(
    rows: npt.NDArray[np.int64], features: npt.NDArray[np.uint64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64], npt.NDArray[np.float64]]:
    # 40 bits of feature beside 24 bits of row: one sort finds the counts.
    key = (rows.astype(np.uint64) << np.uint64(40)) | (features & np.uint64((1 << 40) - 1))
    unique, counts = np.unique(key, return_counts=True)
    # Rounded to integers: sums are exact, so their order and the platform do not matter.
    table = np.array(
        [0, *(round(1024 * (1 + math.log(c))) for c in range(1, int(counts.max(initial=0)) + 1))]
    )
    return (
        (unique >> np.uint64(40)).astype(np.int64),
        unique & np.uint64((1 << 40) - 1),
        table[counts].astype(np.float64),
    )


def _mixed(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    # The finaliser of splitmix64 (Steele, Lea and Flood 2014): every input bit moves every output
    # bit.
    values = (values ^ (values >> np.uint64(30))) * _MIX[0]
    values = (values ^ (values >> np.uint64(27))) * _MIX[1]
    return values ^ (values >> np.uint64(31))
