"""Seeing through a change of basis: rotations are turned back, permutations named, agreement
counted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from detectors.lineage.independence import units
from detectors.lineage.weight_alignment import (
    CONVERGED,
    agreement,
    apart,
    assigned,
    coordinates,
    coordinates_alike,
    order_of_coordinates,
    pooled,
    rotation,
    turned,
)


@pytest.fixture
def tokens() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(300, 24)).astype(np.float32)


def turn(seed: int, n: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))[0].astype(np.float32)


def test_a_rotation_is_found_again(tokens: np.ndarray) -> None:
    q = turn(1, 24)
    left, right = rotation(tokens, tokens @ q)
    assert np.allclose(left @ right.T, q, atol=1e-4)
    assert turned(tokens, tokens @ q) == "rotation"


def test_a_wider_stream_is_laid_over_a_narrower_one(tokens: np.ndarray) -> None:
    q = turn(2, 24)[:, :16]
    left, right = rotation(tokens, tokens @ q)
    assert (left.shape, right.shape) == ((24, 16), (16, 16))
    one, other = tokens @ left, tokens @ q @ right
    cosines = (
        np.sum(one * other, axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    )
    assert cosines.mean() > 0.9


def test_a_wide_stream_is_laid_over_in_the_directions_that_tokens_differ_in() -> None:
    rng = np.random.default_rng(4)
    wide = (rng.normal(size=(2400, 1100)) * np.geomspace(1, 0.05, 1100)).astype(np.float32)
    left, right = rotation(wide, wide @ turn(5, 1100))
    assert left.shape == (1100, 512)
    one, other = wide @ left, wide @ turn(5, 1100) @ right
    cosines = (
        np.sum(one * other, axis=1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    )
    assert cosines.min() > 0.99


def test_too_few_tokens_are_refused(tokens: np.ndarray) -> None:
    with pytest.raises(ValueError, match="as the stream is wide"):
        rotation(tokens[:20], tokens[:20])


def test_what_lies_between_two_streams_gets_its_name(tokens: np.ndarray) -> None:
    order = np.random.default_rng(3).permutation(24)
    signs = np.where(np.arange(24) % 2, 1.0, -1.0)
    noisy = tokens + 0.3 * np.random.default_rng(6).normal(size=tokens.shape)
    assert turned(tokens, tokens) == "identity"
    assert turned(tokens, tokens * signs) == "signs"
    assert turned(tokens, noisy[:, order]) == "permutation"
    assert turned(tokens, noisy[:, order] * signs) == "signed permutation"


def test_coordinates_find_themselves_whatever_their_sign(tokens: np.ndarray) -> None:
    assert coordinates(tokens, -tokens + 0.1 * tokens[::-1]).tolist() == list(range(24))


def test_agreement_counts_and_allows_for_convergence() -> None:
    same = np.arange(200)
    all_of_them = agreement(same, same, 200)
    assert (all_of_them.share, all_of_them.agreeing) == (1.0, 200)
    assert all_of_them.p < 1e-100
    few = np.where(np.arange(200) < 20, same, (same + 1) % 200)
    found = agreement(few, same, 200)
    assert found.share == CONVERGED
    assert found.p == pytest.approx(stats.binom.sf(19, 200, 0.1))


def test_hubs_raise_what_chance_allows() -> None:
    hub = np.zeros(100, dtype=np.intp)
    assert agreement(hub, hub, 50).p == 1.0


def test_layers_are_pooled_by_their_counts() -> None:
    same = np.arange(64)
    both = pooled([agreement(same, same, 64), agreement(same, (same + 1) % 64, 64)])
    assert (both.n, both.agreeing, both.share) == (128, 64, 0.5)
    with pytest.raises(ValueError, match="no layer"):
        pooled([])


def test_assignment_is_one_to_one() -> None:
    assert assigned(np.array([[9.0, 8.0], [8.0, 1.0]])).tolist() == [1, 0]


def test_copies_of_one_unit_agree_together_and_count_once() -> None:
    hub = np.zeros(100, dtype=np.intp)
    apart = np.arange(100, dtype=np.intp)
    some = np.where(apart < 40, hub, apart)
    other = np.where(apart < 40, hub, (apart + 7) % 100)
    found = agreement(some, other, 200)
    assert (found.n, found.agreeing, found.distinct) == (100, 40, 1)
    assert found.p > 0.99
    assert pooled([found, found]).p > 0.99
    assert found.strange
    assert agreement(apart, apart, 200).p < 1e-90
    nobody = agreement(hub[:0], hub[:0], 200)
    assert (nobody.share, nobody.p) == (0.0, 1.0)


def test_halves_that_are_alike_are_told_apart_and_others_left(tokens: np.ndarray) -> None:
    other = np.random.default_rng(1).normal(size=tokens.shape).astype(np.float32)
    first, second = units(tokens), units(other)
    assert apart(first, second) is second
    left = apart(first, units(tokens + other))
    assert np.abs(np.vecdot(units(left), first)).max() < 1e-4
    assert not apart(first, -first).any()


def test_coordinates_that_never_vary_have_no_place(tokens: np.ndarray) -> None:
    other = np.random.default_rng(1).normal(size=tokens.shape).astype(np.float32)
    a, b = tokens.copy(), other.copy()
    for rows, value in ((a, 0.1), (b, 0.3)):
        rows[:, :8] = value
    found = order_of_coordinates(a, b)
    assert found is not None
    assert found.n == 16
    assert found.p > 0.01
    copy = order_of_coordinates(a, a)
    assert copy is not None
    assert copy.rho == pytest.approx(1)
    assert len(coordinates_alike(a, a)) == 16
    assert coordinates_alike(a, a) == pytest.approx(np.ones(16), abs=1e-5)
    a[:, :9] = 0
    assert order_of_coordinates(a, b) is None
