"""Logistic regressions of one column: many at once give what each gives by itself."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.stats.grouping import grouped, soft_weights
from detectors.stats.logistic import soft_lines, soft_logistic

SIGNED = np.array([True, False])


@pytest.mark.parametrize("apart", [-1.0, 0.0, 0.5, 3.0, 40.0])
@pytest.mark.parametrize("models", [3, 25])
def test_many_at_once_are_those_one_by_one(models: int, apart: float) -> None:
    """Crossing or told apart without an error, with each model left out in turn."""
    draw = np.random.default_rng(models)
    groups = np.repeat(np.arange(2 * models), 3)
    labels = (np.arange(len(groups)) % 3 == 0) & (groups < models)
    labels[groups == 1] = True
    x = draw.normal(size=len(groups)) + apart * labels
    data = grouped(labels.astype(int), groups.tolist())
    weights = [soft_weights(data, 2.0, np.where(row, 0.0, 1.0)) for row in np.eye(2 * models)]
    one, two = (np.stack(side) for side in zip(*weights, strict=True))
    columns = np.column_stack([np.ones_like(x), x])
    start = soft_logistic(columns, *soft_weights(data, 2.0), SIGNED)
    found = soft_lines(x, one, two, start)
    wanted = [soft_logistic(columns, a, b, SIGNED, start) for a, b in weights]
    assert found == pytest.approx(np.array(wanted), abs=1e-9)
    assert (found[:, 1] >= 0).all()
    assert (found[:, 1] == 0).any() or apart >= 0


def test_a_start_far_away_moves_nothing() -> None:
    x, one = np.array([0.0, 1.0, 2.0, 3.0]), np.array([[0.2, 0.9, 0.3, 1.0]])
    near, far = (soft_lines(x, one, 1.2 - one, np.array(start)) for start in ((0, 0), (30, 9)))
    assert near == pytest.approx(far, abs=1e-9)


def test_a_regression_without_a_minimum_is_told() -> None:
    x, one = np.array([0.0, 1.0, np.nan]), np.array([[1.0, 0.0, 0.5]])
    with pytest.raises(ArithmeticError, match="did not converge"):
        soft_lines(x, one, 1 - one, np.zeros(2))
