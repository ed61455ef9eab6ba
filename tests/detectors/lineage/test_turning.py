"""Streams laid over each other by sums over rows: found in any order, under noise, whatever the
order of layers; nothing is forced on strangers."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.lineage import turning
from detectors.lineage.independence import Array
from detectors.lineage.turning import ascended, laid_over, sums

WIDTH, ROWS, LAYERS = 24, 80, 3


def layer(seed: int) -> tuple[Array, Array]:
    """Rows that read and write a stream, larger in some directions than in others."""
    random = np.random.default_rng(seed)
    turn = np.linalg.qr(random.standard_normal((WIDTH, WIDTH)))[0]
    shape = turn * np.exp(-np.arange(WIDTH) / 12) @ turn.T
    one, other = (random.standard_normal((ROWS, WIDTH)) @ shape for _ in range(2))
    return one.astype(np.float32), other.astype(np.float32)


def rotated(seed: int) -> Array:
    random = np.random.default_rng(seed)
    turn: Array = np.linalg.qr(random.standard_normal((WIDTH, WIDTH)))[0].astype(np.float32)
    return turn


def changed(rows: Array, noise: float, seed: int) -> Array:
    random = np.random.default_rng(seed)
    return (rows + noise * rows.std() * random.standard_normal(rows.shape)).astype(np.float32)


def test_a_turned_copy_is_laid_back_in_another_order_of_rows_and_layers() -> None:
    models, turn = [layer(i) for i in range(LAYERS)], rotated(9)
    order = np.random.default_rng(3).permutation(ROWS)
    copy = [tuple(changed(rows, 0.5, i)[order] @ turn for rows in models[i]) for i in (2, 0, 1)]
    found = laid_over([sums(*pair) for pair in copy], [sums(*pair) for pair in models])
    assert found.layers == (2, 0, 1)
    assert abs(np.trace(turn @ found.one @ found.other.T)) / WIDTH > 0.9
    assert found.alike > 0.8


def test_a_wide_stream_is_laid_in_the_directions_that_tell_most_and_whole_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(turning, "REACH", WIDTH // 2)
    monkeypatch.setattr(turning, "FIRST_REACH", WIDTH // 4)
    models, turn = [layer(i) for i in range(LAYERS)], rotated(9)
    base = [sums(*pair) for pair in models]
    copy = [sums(*(changed(rows, 0.5, i) @ turn for rows in models[i])) for i in (2, 0, 1)]
    found = laid_over(copy, base)
    assert found.layers == (2, 0, 1)
    assert found.one.shape == found.other.shape == (WIDTH, WIDTH // 2)
    for maps in (found.one, found.other):
        np.testing.assert_allclose(maps.T @ maps, np.eye(WIDTH // 2), atol=1e-4)
    rows = np.concatenate([pair[0] for pair in models])
    laid, beside = rows @ turn @ found.one, rows @ found.other
    cosines = np.sum(laid * beside) / np.linalg.norm(laid) / np.linalg.norm(beside)
    assert abs(cosines) > 0.9
    pairs = [(copy[i], base[found.layers[i]]) for i in found.kept]
    one, other = ascended(pairs, (found.one, found.other), WIDTH)
    assert abs(np.trace(turn @ one @ other.T)) / WIDTH > 0.9


def test_of_many_layers_the_most_alike_are_learned_from() -> None:
    models, turn = [layer(i) for i in range(7)], rotated(2)
    base = [sums(*pair) for pair in models]
    noise = [0.1, 2.0, 0.2, 2.0, 0.1, 0.2, 2.0]
    copy = [
        sums(*(changed(rows, n, i) @ turn for rows in pair))
        for i, (n, pair) in enumerate(zip(noise, models, strict=True))
    ]
    assert sorted(laid_over(copy, base).kept) == [0, 2, 4, 5]


def test_the_order_of_rows_and_their_common_scale_change_no_sum() -> None:
    one, other = layer(1)
    order = np.random.default_rng(4).permutation(ROWS)
    np.testing.assert_allclose(sums(one, other), sums(3 * one[order], 5 * other[order]), atol=1e-5)


def test_strangers_lie_less_well_over_each_other_than_copies() -> None:
    models = [[sums(*layer(10 * m + i)) for i in range(LAYERS)] for m in range(2)]
    turn = rotated(5)
    copy: list[Array] = [(turn.T @ m @ turn).astype(np.float32) for m in models[0]]
    assert laid_over(models[1], models[0]).alike < 0.8 < laid_over(copy, models[0]).alike


def test_rows_of_zeros_and_one_layer_more_than_the_other_are_no_error() -> None:
    made = [sums(*layer(i)) for i in range(2)]
    empty = np.zeros((4, WIDTH), dtype=np.float32)
    found = laid_over([*made, sums(empty, empty)], made)
    assert found.layers[:2] == (0, 1)


def test_other_widths_and_no_layers_are_refused() -> None:
    made = sums(*layer(0))
    with pytest.raises(ValueError, match="one width"):
        laid_over([made], [made[:, :-1, :-1]])
    with pytest.raises(ValueError, match="one width"):
        laid_over([], [made])
