"""A turned embedding shares every direction; two that agree on meanings alone share the loud ones."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.lineage.independence import Array
from detectors.lineage.shared_directions import shared_directions

TOKENS, WIDTH = 600, 64
HELD_OUT = np.arange(TOKENS) % 5 == 4


def embedding(seed: int, meanings: float = 1.0) -> Array:
    """Rows that share a dozen loud directions with all others of this kind, and a little of every
    direction, turned as each run turns them; the rest is a run's own."""
    shared = np.random.default_rng(0).standard_normal((TOKENS, WIDTH))
    shared *= np.where(np.arange(WIDTH) < 12, 6.0, meanings)
    own = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(own.standard_normal((WIDTH, WIDTH)))
    rows: Array = ((shared + own.standard_normal((TOKENS, WIDTH))) @ turn).astype(np.float32)
    return rows


def turned(rows: Array, seed: int = 5) -> Array:
    turn, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((WIDTH, WIDTH)))
    out: Array = (rows @ turn).astype(np.float32)
    return out


def test_a_turned_copy_shares_all_directions_and_a_moved_one_most() -> None:
    rows = embedding(1)
    noise = np.random.default_rng(2).standard_normal(rows.shape) * 0.15
    for copy in (turned(rows), turned((rows + noise).astype(np.float32)), 1e6 * turned(rows)):
        found = shared_directions(copy, rows, HELD_OUT)
        assert found is not None
        assert found.n == WIDTH // 2
        assert found.share > 0.95
        assert found.p < 1e-20


def test_strangers_that_agree_on_what_tokens_mean_share_no_quiet_direction() -> None:
    """The trap: both embeddings are alike once they are turned."""
    pairs = [(embedding(10 + i), embedding(50 + i)) for i in range(20)]
    found = [shared_directions(a, b, HELD_OUT) for a, b in pairs]
    assert all(f is not None and f.agreeing == 0 and f.p == 1.0 for f in found)


@pytest.mark.parametrize("token", [4, 0], ids=["held out", "learned from"])
def test_one_token_that_is_huge_in_both_makes_no_kin(token: int) -> None:
    """Such tokens come with a tokenizer and its text, as the first one of a sequence does."""
    for i in range(5):
        one, other = embedding(10 + i), embedding(50 + i)
        one[token] *= 100
        other[token] *= 100
        found = shared_directions(one, other, HELD_OUT)
        assert found is not None
        assert (found.agreeing, found.p) == (0, 1.0)
        copy = shared_directions(turned(one), one, HELD_OUT)
        assert copy is not None
        assert copy.share > 0.95


def test_a_wider_model_tells_the_narrower_one() -> None:
    rows = embedding(1)
    found = shared_directions(rows, turned(rows)[:, :48], HELD_OUT)
    assert found is not None
    assert (found.n, found.agreeing) == (24, 24)


@pytest.mark.parametrize(
    ("tokens", "width"), [(60, 64), (600, 20), (40, 32)], ids=["few", "narrow", "few held out"]
)
def test_too_few_tokens_or_directions_say_nothing(tokens: int, width: int) -> None:
    rows = embedding(1)[:tokens, :width]
    assert shared_directions(rows, rows, HELD_OUT[:tokens]) is None


def test_rows_of_zeros_say_nothing() -> None:
    nothing = np.zeros((TOKENS, WIDTH), dtype=np.float32)
    assert shared_directions(nothing, embedding(1), HELD_OUT) is None
