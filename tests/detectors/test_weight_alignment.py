"""Seeing through a change of basis: rotations are turned back, permutations named, agreement counted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from detectors.weight_alignment import (
    CONVERGED,
    agreement,
    assigned,
    coordinates,
    pooled,
    rotation,
    same_direction,
    turned,
)


@pytest.fixture
def tokens() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(300, 24)).astype(np.float32)


def turn(seed: int, n: int) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(n, n)))[0].astype(np.float32)


def test_a_rotation_is_found_again(tokens: np.ndarray) -> None:
    q = turn(1, 24)
    found = rotation(tokens, tokens @ q)
    assert np.allclose(found, q, atol=1e-4)
    assert turned(found) == "rotation"


def test_a_wider_stream_is_laid_over_a_narrower_one(tokens: np.ndarray) -> None:
    q = turn(2, 24)[:, :16]
    found = rotation(tokens, tokens @ q)
    assert found.shape == (24, 16)
    assert np.allclose(found.T @ found, np.eye(16), atol=1e-4)


def test_too_few_tokens_are_refused(tokens: np.ndarray) -> None:
    with pytest.raises(ValueError, match="as the stream is wide"):
        rotation(tokens[:20], tokens[:20])


def test_what_a_map_is_gets_its_name() -> None:
    order = np.random.default_rng(3).permutation(30)
    signs = np.where(np.arange(30) % 2, 1.0, -1.0)
    assert turned(np.eye(30)) == "identity"
    assert turned(np.eye(30) * signs) == "signs"
    assert turned(np.eye(30)[order]) == "permutation"
    assert turned(np.eye(30)[order] * signs) == "signed permutation"


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


def test_directions_are_cosines() -> None:
    one = np.array([[1.0, 0.0]], dtype=np.float32)
    assert same_direction(one, -2 * one) == -1.0
    assert same_direction(one, 0 * one) == 0.0
