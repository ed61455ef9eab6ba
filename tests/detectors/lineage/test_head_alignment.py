"""Heads that agree: whatever the order and the basis; strangers don't."""

from __future__ import annotations

import numpy as np

from detectors.lineage.head_alignment import (
    HeadParts,
    HeadProducts,
    distinct,
    free_values,
    heads_agree,
    matched,
    products,
    sketcher,
)
from detectors.lineage.independence import Array

WIDTH, HEADS, LAYERS, STREAM = 8, 4, 5, 48


def heads(seed: int) -> list[HeadParts]:
    random = np.random.default_rng(seed)
    drawn = random.standard_normal((LAYERS * HEADS, 4, WIDTH, STREAM)).astype(np.float32)
    # Spectra of their own, as trained heads have.
    drawn *= np.exp(random.standard_normal((LAYERS * HEADS, 4, WIDTH, 1))).astype(np.float32)
    return [HeadParts(*parts) for parts in drawn]


def kept(some: list[HeadParts], layers: list[int] | None = None) -> HeadProducts:
    places = layers or [i // HEADS for i in range(len(some))]
    return products(some, places, sketcher(STREAM), free_values(some))


def turned(some: list[HeadParts], turn: Array) -> list[HeadParts]:
    return [HeadParts(*(m @ turn for m in (h.query, h.key, h.value, h.output))) for h in some]


def test_heads_in_another_order_find_themselves() -> None:
    mine = heads(0)
    order = np.random.default_rng(1).permutation(len(mine))
    found = heads_agree(kept([mine[i] for i in order]), kept(mine), free=False)
    assert (found.agreeing, found.n) == (len(mine), len(mine))
    assert found.p < 1e-12
    assert matched(kept([mine[i] for i in order]), kept(mine))[0].tolist() == order.tolist()


def test_a_turned_stream_is_seen_through_by_singular_values_alone() -> None:
    mine = heads(0)
    turn, _ = np.linalg.qr(np.random.default_rng(2).standard_normal((STREAM, STREAM)))
    other = turned(mine, turn.astype(np.float32))
    assert heads_agree(kept(other), kept(mine), free=True).agreeing == len(mine)
    assert heads_agree(kept(other), kept(mine), free=False).p > 1e-3


def test_strangers_agree_no_more_often_than_chance_makes_them() -> None:
    for free in (False, True):
        found = [heads_agree(kept(heads(s)), kept(heads(100 + s)), free=free).p for s in range(40)]
        assert sum(p < 0.05 for p in found) <= 6


def test_look_ups_that_end_in_one_layer_are_chance_of_that_layer() -> None:
    """All heads in one layer of one head: they agree, and that says nothing."""
    one = kept(heads(0)[:1], [0])
    found = heads_agree(kept(heads(3)), one, free=False)
    assert found.agreeing == found.n
    assert found.p == 1.0


def test_copies_within_a_model_are_no_new_heads() -> None:
    mine = heads(0)[:4]
    assert distinct(kept([*mine, *mine], [0] * 8)).tolist() == [True] * 4 + [False] * 4


def test_heads_that_share_a_key_are_told_as_heads_with_copies_of_it_are() -> None:
    mine = heads(0)[:HEADS]
    shared = [HeadParts(h.query, mine[0].key, mine[0].value, h.output) for h in mine]
    copies = [HeadParts(h.query, h.key.copy(), h.value.copy(), h.output) for h in shared]
    one, other = kept(shared), kept(copies)
    for name in ("looks", "carries", "looks_free", "carries_free"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
