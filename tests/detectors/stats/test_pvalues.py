"""Conformal p-values and what many candidates make of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from detectors.stats.pvalues import conformal_p, holm


def test_p_values_of_500_true_nulls_are_uniform_on_their_grid() -> None:
    rng = np.random.default_rng(0)
    p = np.array([conformal_p(row[0], row[1:]) for row in rng.normal(size=(500, 20))])
    assert p.min() == pytest.approx(1 / 20)
    counts = np.bincount(np.round(p * 20).astype(int), minlength=21)[1:]
    assert stats.chisquare(counts).pvalue > 0.01


def test_p_values_stay_valid_where_null_values_come_in_groups() -> None:
    rng = np.random.default_rng(1)
    groups = [i // 10 for i in range(90)]
    by_group, by_row = [], []
    for _ in range(500):
        values = np.repeat(rng.normal(size=10), 10) + rng.normal(size=100) / 10
        by_group.append(conformal_p(values[90], values[:90], groups))
        by_row.append(conformal_p(values[90], values[:90]))
    most = stats.binom.ppf(0.999, 500, 0.1)
    assert (np.array(by_group) <= 0.1).sum() <= most
    assert (np.array(by_row) <= 0.05).sum() > stats.binom.ppf(
        0.999, 500, 0.05
    )  # rows taken for models accuse too often


def test_holm_worked_by_hand() -> None:
    p = [0.01, 0.04, 0.03, 0.005]
    assert holm(p) == pytest.approx(
        [0.03, 0.06, 0.06, 0.02]
    )  # 4·0.005, 3·0.01, 2·0.03, then no less than 0.06
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]


def test_what_is_no_p_value_is_refused() -> None:
    for wrong in ([], [1.1], [-0.1], [float("nan")]):
        with pytest.raises(ValueError, match=r"p-values|finite"):
            holm(wrong)
    with pytest.raises(ValueError, match="finite"):
        conformal_p(float("nan"), [1.0])
    assert conformal_p(1.0, []) == 1.0
