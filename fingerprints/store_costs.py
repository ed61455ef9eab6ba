"""What filling and indexing a store costs, roughly, before anything is written: bytes, memory,
seconds. Rates are of docs/benchmarks.md; knows no store.
"""

from __future__ import annotations

from fingerprints import nearest
from fingerprints.indexing import EXACT_UP_TO
from fingerprints.records import Record
from fingerprints.shard_files import IDS_A_SHARD

BYTES_AN_ANSWER = 160
"""Of the catalogue, besides vector and text: rows, ids, digests. Text is packed to a third."""
PACKED = 0.33
ADDED_A_SECOND = 14_000
"""Answers of 200 characters that one process embeds, packs and commits."""
FLOPS = 2.5e10
"""Multiplications and additions of one core in a second, as cells are trained and vectors are
sorted into them."""
PARTS_SECONDS = 2e-5
"""Seconds a vector and 256 coordinates to code it, whatever the number of cells."""
HASHED_A_SECOND = 4e8
"""Bytes that are written, hashed and read back in a second."""
MEASURED_BY = 500
"""Stored vectors that are compared with all others, to know what the index finds."""
ROUNDS = 10
RESIDENT = 150 << 20
"""Bytes that Python and its libraries hold before anything is read."""
BASIS = "one x86-64 core that nothing else uses; a store on one local disk"


class StoreCost(Record):
    """What a step costs, roughly: expect a factor of two either way."""

    signatures: int
    disk_bytes: int
    memory_bytes: int
    seconds: float
    basis: str = BASIS


class IndexCost(StoreCost):
    """What an index costs; ``shards`` and ``cells`` are 0 for an exact one."""

    shards: int
    cells: int


def cost_of_adding(answers: int, characters: int, dimension: int) -> StoreCost:
    """What answers of so many characters together cost to add, with the built-in embedder."""
    return StoreCost(
        signatures=answers,
        disk_bytes=int(answers * (4 * dimension + BYTES_AN_ANSWER) + characters * PACKED),
        memory_bytes=RESIDENT,
        seconds=round(answers / ADDED_A_SECOND + characters / 200 / ADDED_A_SECOND, 1),
    )


def cost_of_index(signatures: int, dimension: int, exact_up_to: int = EXACT_UP_TO) -> IndexCost:
    """What the index of so many signatures costs, made from nothing. An old one stands beside it
    until it is whole."""
    if signatures <= exact_up_to:
        size = signatures * (4 * dimension + 8)
        seconds = round(2 * size / HASHED_A_SECOND, 1)
        return IndexCost(
            signatures=signatures,
            disk_bytes=size,
            memory_bytes=RESIDENT + 2 * size,
            seconds=seconds,
            shards=0,
            cells=0,
        )
    cells, coded = nearest.cells_for(signatures), max(1, dimension // 4)
    size = signatures * (4 * dimension + 16 + coded)
    sample = min(nearest.training_rows(signatures), signatures)
    compared = cells * (signatures + ROUNDS * sample) + MEASURED_BY * signatures
    sorting = 2.0 * dimension * compared / FLOPS
    lists = 2 * (coded + 8) * min(signatures, IDS_A_SHARD)
    return IndexCost(
        signatures=signatures,
        disk_bytes=size,
        memory_bytes=RESIDENT + lists + max(2 * sample * 4 * dimension, 65_536 * 8 * dimension),
        seconds=round(
            sorting + signatures * PARTS_SECONDS * dimension / 256 + 2 * size / HASHED_A_SECOND, 1
        ),
        shards=-(-signatures // IDS_A_SHARD),
        cells=cells,
    )
