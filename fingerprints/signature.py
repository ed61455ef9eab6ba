"""A transcript, embedded and counted: one vector for each readable answer, and what became of the
others.

Knows transcripts and an embedder; knows nothing of where signatures are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fingerprints.embed import Embedder, Vectors
from fingerprints.errors import MalformedInput
from fingerprints.records import Record, sha256
from fingerprints.transcript import Transcript


@dataclass(frozen=True)
class Signature:
    """One answer: its number in the store, its text's digest, its unit vector (d,) float32."""

    answer_id: int
    text_sha256: str
    vector: npt.NDArray[np.float32]


class Summary(Record):
    """What a transcript adds up to: counts, and the mean of its unit vectors (not scaled; all zeros
    for no vectors).

    ``n_indexed`` answers have a vector; ``n_unreadable`` are empty, failed or skipped;
    ``n_rejected`` have text that the embedder gave no usable vector for (zero or not finite).
    """

    embedder: str
    n_answers: int
    n_indexed: int
    n_unreadable: int
    n_rejected: int
    mean: tuple[float, ...]


@dataclass(frozen=True)
class Signatures:
    """A transcript's signatures as columns: ``places[i]`` is the reply (by position) that row i
    of ``vectors`` stands for."""

    embedder: str
    places: npt.NDArray[np.int64]
    texts: tuple[str, ...]
    vectors: Vectors
    summary: Summary

    def __len__(self) -> int:
        return len(self.places)

    def numbered(self, first_id: int) -> Iterator[Signature]:
        """Yields the signatures by the ids of answers: ``first_id`` + the reply's position."""
        for place, text, vector in zip(self.places, self.texts, self.vectors, strict=True):
            yield Signature(first_id + int(place), text, vector)


def sign(transcript: Transcript, embedder: Embedder) -> Signatures:
    """Embeds every readable answer of a transcript; the same transcript and embedder give the same
    bytes.

    Empty and failed answers, and vectors that are zero or not finite, are left out and counted.
    Raises MalformedInput when the embedder returns an array of another shape.
    """
    readable = [i for i, reply in enumerate(transcript.replies) if reply.answered]
    texts = [transcript.replies[i].answer for i in readable]
    vectors = np.ascontiguousarray(embedder.embed(texts), dtype=np.float32)
    if vectors.shape != (len(texts), embedder.dimension):
        raise MalformedInput(
            f"the embedder returned an array of shape {vectors.shape}, not"
            f" {(len(texts), embedder.dimension)}",
            where=embedder.id,
            next_step="use another embedder",
        )
    good = usable_rows(vectors)
    kept = vectors[good]
    summary = Summary(
        embedder=embedder.id,
        n_answers=len(transcript.replies),
        n_indexed=len(kept),
        n_unreadable=len(transcript.replies) - len(texts),
        n_rejected=len(texts) - len(kept),
        mean=_mean(kept, embedder.dimension),
    )
    digests = tuple(sha256(transcript.replies[readable[i]].text) for i in np.flatnonzero(good))
    return Signatures(embedder.id, np.array(readable, dtype=np.int64)[good], digests, kept, summary)


def usable_rows(vectors: Vectors) -> npt.NDArray[np.bool_]:
    """Which rows are finite and of length 1 (within 1/1000): fit for a cosine."""
    lengths = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
    good: npt.NDArray[np.bool_] = np.isfinite(lengths) & (np.abs(lengths - 1.0) < 2e-3)
    return good


def _mean(vectors: Vectors, dimension: int) -> tuple[float, ...]:
    if not len(vectors):
        return (0.0,) * dimension
    return tuple(round(float(x), 7) for x in vectors.mean(axis=0, dtype=np.float64))
