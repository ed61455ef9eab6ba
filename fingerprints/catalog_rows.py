"""How a transcript becomes rows of the catalogue and comes back: packed blocks, each with the
digest of its bytes.

Knows the shape of rows; knows neither SQL nor files.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from fingerprints.embed import Vectors
from fingerprints.errors import StoreIntegrity
from fingerprints.records import Identity, Probe, ProbeSetRef, Record, Reply, canonical_json, sha256
from fingerprints.signature import Signatures
from fingerprints.transcript import Event, Header, Transcript

BLOCK_ROWS = 256
BLOCK_BYTES = 4_000_000
"""Rows and bytes after which a block is closed: what is packed or unpacked at once stays small."""
LARGEST_BLOCK = 256_000_000  # far above what is ever written: a bomb stops here
VECTORS_A_BLOCK = 1024
"""A mebibyte at the default 256 coordinates."""

Kind = Literal["header", "probe", "event", "reply"]
_KINDS: dict[Kind, type[Record]] = {
    "header": Header,
    "probe": Probe,
    "event": Event,
    "reply": Reply,
}


class StoredTeacher(Record):
    """A stored model without its answers: who it is, where the answers came from, how many, and
    their digest.

    ``n_answers`` counts all replies, ``n_indexed`` those with a vector, ``n_unreadable`` the empty
    and failed ones, ``n_rejected`` those that the embedder gave no usable vector for. ``added`` is
    only a note.
    """

    name: str
    vendor: str = ""
    family: str = ""
    identity: Identity
    source: str
    n_answers: int
    n_indexed: int
    n_unreadable: int
    n_rejected: int
    answers_sha256: str
    content_sha256: str
    probe_sets: tuple[ProbeSetRef, ...] = ()
    complete: bool = True
    embedder: str
    added: str


class StoredAnswer(Record):
    """Whose answer an id stands for."""

    teacher: str
    probe_id: str
    arm: str
    sample: int
    text_sha256: str


AnswerRow = tuple[int, int, str, str, int, int, bytes, bytes, bytes]
"""id, teacher, probe_id, arm, sample, readable, text digest, prompt digest, row digest."""


def content_digest(transcript: Transcript) -> str:
    """SHA-256 over what was asked and answered; who recorded it, when and under which path does
    not count."""
    probes = [transcript.probes[key].digest() for key in sorted(transcript.probes)]
    return sha256(canonical_json([probes, transcript.digest()]))


def blocks(transcript: Transcript) -> Iterator[tuple[Kind, int, bytes]]:
    """A transcript as packed, numbered blocks of records, in an order that `unpack` restores."""
    parts: tuple[tuple[Kind, Iterable[Record]], ...] = (
        ("header", [transcript.header]),
        ("probe", transcript.probes.values()),
        ("event", transcript.events),
        ("reply", transcript.replies),
    )
    portions = ((kind, rows) for kind, records in parts for rows in _portions(records))
    for part, (kind, rows) in enumerate(portions):
        yield kind, part, zlib.compress(b"\n".join(rows), 6)


def _portions(records: Iterable[Record]) -> Iterator[list[bytes]]:
    rows: list[bytes] = []
    size = 0
    for record in records:
        rows.append(canonical_json(record.model_dump(mode="json", exclude_defaults=True)))
        size += len(rows[-1])
        if len(rows) >= BLOCK_ROWS or size >= BLOCK_BYTES:
            yield rows
            rows, size = [], 0
    if rows:
        yield rows


def unpack(kind: Kind, data: bytes) -> list[Any]:
    """The records of one block. Raises ValueError (of which pydantic's and zlib's are kinds
    here) for anything else."""
    stream = zlib.decompressobj()
    try:
        raw = stream.decompress(data, LARGEST_BLOCK)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if stream.unconsumed_tail or not stream.eof:
        raise ValueError("a block is cut, or larger than any that is written")
    model = _KINDS[kind]
    return [model.model_validate(json.loads(line)) for line in raw.split(b"\n")]


def assemble(parts: dict[Kind, list[Any]], complete: bool) -> Transcript:
    """The transcript that `blocks` took apart. Raises ValueError unless there is one header."""
    if len(parts["header"]) != 1:
        raise ValueError(f"{len(parts['header'])} headers")
    probes = {probe.id: probe for probe in parts["probe"]}
    return Transcript(
        parts["header"][0], probes, tuple(parts["reply"]), tuple(parts["event"]), complete
    )


def answer_rows(transcript: Transcript, teacher: int, first_id: int) -> Iterator[AnswerRow]:
    """One row a reply, numbered from ``first_id`` in the transcript's order."""
    prompts = {
        key: bytes.fromhex(probe.prompt_sha256()) for key, probe in transcript.probes.items()
    }
    for number, reply in enumerate(transcript.replies, first_id):
        text = hashlib.sha256(reply.text.encode("utf-8")).digest()
        prompt = prompts.get(reply.probe_id, b"")
        row = (number, teacher, *reply.key, int(reply.readable), text, prompt)
        yield (*row, row_digest(row))


def row_digest(row: tuple[Any, ...]) -> bytes:
    """Sixteen bytes of SHA-256 over a row's cells: SQLite looks for no flipped bit in them."""
    return hashlib.sha256(repr(row).encode("utf-8")).digest()[:16]


VectorBlock = tuple[int, int, bytes, bytes, bytes]
"""first id, how many, ids (little-endian int64), vectors (little-endian float32), digest of
both."""


def vector_blocks(ids: npt.NDArray[np.int64], vectors: Vectors) -> Iterator[VectorBlock]:
    """Vectors in blocks of at most 1,024: a million are a thousand rows, not a million."""
    for start in range(0, len(ids), VECTORS_A_BLOCK):
        part = ids[start : start + VECTORS_A_BLOCK]
        packed = part.astype("<i8").tobytes()
        data = vectors[start : start + VECTORS_A_BLOCK].astype("<f4", copy=False).tobytes()
        yield int(part[0]), len(part), packed, data, vector_digest(packed, data)


def vector_digest(packed: bytes, data: bytes) -> bytes:
    """SHA-256 over a block's ids and vectors."""
    found = hashlib.sha256(packed)
    found.update(data)
    return found.digest()


def unpack_vectors(row: VectorBlock, dimension: int) -> tuple[npt.NDArray[np.int64], Vectors]:
    """Ids (n,) and vectors (n, d) of one block. Raises StoreIntegrity for changed bytes."""
    first, count, packed, data, digest = row
    if (
        vector_digest(packed, data) != digest
        or len(packed) != 8 * count
        or len(data) != 4 * count * dimension
    ):
        raise StoreIntegrity(
            f"the vectors from answer {first} on differ from those that were written"
        )
    return np.frombuffer(packed, "<i8"), np.frombuffer(data, "<f4").reshape(count, dimension)


def describe(
    name: str, vendor: str, family: str, transcript: Transcript, signed: Signatures, added: str
) -> StoredTeacher:
    """The record that stands for a transcript in the list of teachers."""
    return StoredTeacher(
        name=name,
        vendor=vendor,
        family=family,
        identity=transcript.identity,
        source=transcript.header.spec,
        answers_sha256=transcript.digest(),
        content_sha256=content_digest(transcript),
        probe_sets=transcript.header.probe_sets,
        complete=transcript.complete,
        added=added,
        **signed.summary.model_dump(exclude={"mean"}),
    )
