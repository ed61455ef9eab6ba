"""The exact sum against enumeration, against whole numbers deep in the tail, and its uniformity."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import ArrayLike

from detectors.stats.exact_sum import exact_sum, on_grid, two_sided


def by_counting(cells: np.ndarray) -> float:
    """log10 P(sum ≥ observed), in whole numbers of any size."""
    law = {0: 1}
    for row in cells.tolist():
        grown: dict[int, int] = {}
        for total, ways in law.items():
            for value in row:
                grown[total + value] = grown.get(total + value, 0) + ways
        law = grown
    observed = int(cells[:, 0].sum())
    reached = sum(ways for total, ways in law.items() if total >= observed)
    return math.log10(reached) - len(cells) * math.log10(cells.shape[1])


def by_enumeration(cells: np.ndarray) -> float:
    observed = cells[:, 0].sum()
    sums = [sum(picked) for picked in itertools.product(*cells.tolist())]
    return sum(total >= observed for total in sums) / len(sums)


tables = st.integers(1, 6).flatmap(
    lambda n: arrays(np.int64, (n, 3), elements=st.integers(-20, 20))
)


@settings(max_examples=150, deadline=None)
@given(tables)
def test_it_is_what_enumeration_counts(table: np.ndarray) -> None:
    assert exact_sum(table).p_value == pytest.approx(by_enumeration(on_grid(table)), rel=1e-9)


@pytest.mark.parametrize(("n", "shift"), [(40, 2), (128, 5), (128, 24), (128, 400)])
def test_it_is_right_deep_in_the_tail(n: int, shift: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detectors.stats.exact_sum.on_grid", lambda table: table.astype(np.int64))
    rng = np.random.default_rng(n + shift)
    table = rng.integers(0, 30, size=(n, 4))
    table[:, 0] += shift
    exact = by_counting(table)
    assert exact_sum(table).log10_p == pytest.approx(exact, abs=1e-9)
    assert exact < -50 or shift < 24


def test_served_answers_that_always_win_reach_the_floor_and_no_less() -> None:
    table = np.tile([5.0, 1.0, 2.0, 0.0], (128, 1))
    found = exact_sum(table)
    assert found.log10_p == pytest.approx(found.log10_floor) == pytest.approx(-128 * math.log10(4))
    many = exact_sum(np.tile([5.0, 1.0, 2.0, 0.0], (3000, 1)))
    assert many.log10_p < -1800
    assert many.p_value == many.p_floor == 1e-300


def test_ties_raise_the_floor_and_nothing_to_choose_is_p_1() -> None:
    tied = exact_sum([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0]])
    assert tied.p_value == tied.p_floor == pytest.approx(4 / 9)
    assert exact_sum(np.ones((9, 4))).p_value == 1.0


def test_relabelled_rows_give_uniform_p_values_or_larger() -> None:
    rng = np.random.default_rng(5)
    table = rng.standard_t(2, size=(60, 4)) * rng.lognormal(size=(60, 1))
    p = np.array([exact_sum(rng.permuted(table, axis=1)).p_value for _ in range(600)])
    for level in (0.01, 0.05, 0.2, 0.5):
        assert (p <= level).mean() <= level + 3 * math.sqrt(level * (1 - level) / len(p))
    assert 0.4 < p.mean() < 0.6


def test_the_order_of_twins_and_a_shift_of_a_row_change_nothing() -> None:
    rng = np.random.default_rng(1)
    table = rng.normal(size=(50, 4))
    turned = np.concatenate([table[:, :1], table[:, :0:-1]], axis=1) + rng.integers(9, size=(50, 1))
    assert exact_sum(turned).log10_p == pytest.approx(exact_sum(table).log10_p, abs=1e-3)


def test_both_sides_are_looked_at() -> None:
    rng = np.random.default_rng(2)
    table = rng.normal(size=(80, 4))
    table[:, 0] -= 1
    assert exact_sum(table).p_value > 0.99
    assert two_sided(table) < 1e-6


@pytest.mark.parametrize("bad", [[[1.0]], [1.0, 2.0], np.zeros((0, 3)), [[1.0, math.nan]]])
def test_what_is_no_table_of_numbers_is_refused(bad: ArrayLike) -> None:
    with pytest.raises(ValueError, match=r"exact sum|not finite"):
        exact_sum(bad)
