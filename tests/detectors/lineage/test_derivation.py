"""How weights were changed: grids, ranks and mixtures are found where they are, and not where
they aren't."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.lineage.derivation import Grid, difference_rank, grid, grids, mixture

RNG = np.random.default_rng(0)
BASE = RNG.normal(scale=0.02, size=(64, 128)).astype(np.float32)


def rounded(rows: np.ndarray, bits: int, block: int = 0) -> np.ndarray:
    parts = rows.reshape(-1, block) if block else rows
    step = np.abs(parts).max(axis=1, keepdims=True) / (2 ** (bits - 1) - 1)
    return (np.round(parts / step) * step).reshape(rows.shape).astype(np.float32)


@pytest.mark.parametrize(("bits", "block"), [(4, 0), (8, 0), (4, 32), (8, 64)])
def test_a_grid_is_found_with_its_bits_and_block(bits: int, block: int) -> None:
    assert grid(rounded(BASE, bits, block)) == Grid(bits, block)


def test_what_was_rounded_twice_lies_on_two_grids() -> None:
    once = rounded(BASE, 4, 32)
    assert list(grids(once)) == [Grid(4, 32)]
    assert list(grids(rounded(once, 8))) == [Grid(4, 32), Grid(8, 0)]


def test_steps_with_an_offset_are_told_by_their_few_values() -> None:
    low = BASE.min(axis=1, keepdims=True)
    step = (BASE.max(axis=1, keepdims=True) - low) / 15
    found = grid(np.round((BASE - low) / step) * step + low)
    assert found is not None
    assert found.bits == 4


def test_plain_and_half_precision_weights_lie_on_no_grid() -> None:
    assert grid(BASE) is None
    assert grid(BASE.astype(np.float16).astype(np.float32), 2.0**-11) is None
    assert grid(BASE[:1, :32]) is None


def test_the_rank_of_a_low_rank_change_is_seen_above_rounding() -> None:
    change = (RNG.normal(size=(64, 5)) @ RNG.normal(size=(5, 128))).astype(np.float32) * 0.002
    found = difference_rank(BASE + change, BASE, 2.0**-24)
    assert (found.rank, found.of, found.low) == (5, 64, True)


def test_a_full_change_has_every_rank_and_rounding_none() -> None:
    assert (
        difference_rank(BASE + RNG.normal(scale=0.002, size=BASE.shape), BASE, 2.0**-24).rank == 64
    )
    halves = BASE.astype(np.float16).astype(np.float32)
    assert difference_rank(halves, BASE, 2.0**-11).rank == 0
    assert not difference_rank(BASE, BASE, 2.0**-24).low
    with pytest.raises(ValueError, match="one shape"):
        difference_rank(BASE, BASE[:3], 2.0**-24)


def test_a_mixture_gives_its_weights_back() -> None:
    one, two = (BASE + RNG.normal(scale=0.004, size=BASE.shape) for _ in range(2))
    found = mixture(0.3 * one + 0.7 * two, [one, two])
    assert found.weights == pytest.approx((0.3, 0.7), abs=1e-4)
    assert found.is_one


def test_a_parent_alone_or_a_stranger_is_no_mixture() -> None:
    one, two = (BASE + RNG.normal(scale=0.004, size=BASE.shape) for _ in range(2))
    assert not mixture(one, [one, two]).is_one
    assert not mixture(one + RNG.normal(scale=0.004, size=BASE.shape), [one, two]).is_one
    with pytest.raises(ValueError, match="two parents"):
        mixture(one, [one])
