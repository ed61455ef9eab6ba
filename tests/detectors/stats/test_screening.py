"""Rarity among a crowd and which rare ones may be told: rates under null and worked examples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.stats.screening import benjamini_hochberg, tail_p


def test_a_p_value_is_as_rare_as_it_says() -> None:
    rng = np.random.default_rng(3)
    low = []
    for _ in range(300):
        x = rng.gumbel(size=400)
        low.append(np.mean(tail_p(x[200:], x[:200], 200) <= 0.05))
    assert 0.035 <= np.mean(low) <= 0.055


def test_of_a_crowd_whose_largest_are_kept_the_rest_is_not_rare() -> None:
    crowd = np.arange(1000.0)
    kept = crowd[-100:]
    asked = np.array([2000.0, 950.0, 900.0, 899.0, 3.0])
    whole, part = tail_p(asked, crowd, 1000), tail_p(asked, kept, 1000)
    assert part[:2].tolist() == whole[:2].tolist()
    assert part[2:].tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(ValueError, match="more values"):
        tail_p(asked, crowd, 10)


def test_the_worked_example_of_benjamini_and_hochberg() -> None:
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240]
    p += [0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    assert benjamini_hochberg(p, 0.05).sum() == 4  # as in their paper of 1995, section 3.2


def test_a_unit_of_many_accounts_counts_as_many() -> None:
    p = [0.002, 0.5, 0.9]
    assert not benjamini_hochberg(p, 0.05, [1, 50, 50]).any()
    assert benjamini_hochberg(p, 0.05, [20, 50, 50]).tolist() == [True, False, False]
    assert benjamini_hochberg([], 0.05).tolist() == []


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(1, 9)), min_size=1, max_size=30),
    st.floats(0.01, 0.4),
)
def test_weights_are_repeats(hypotheses: list[tuple[float, int]], level: float) -> None:
    p, n = zip(*hypotheses, strict=True)
    repeated = benjamini_hochberg(np.repeat(p, n), level)
    at = np.cumsum((0, *n[:-1]))
    assert benjamini_hochberg(p, level, n).tolist() == repeated[at].tolist()


def test_false_finds_are_at_most_their_share() -> None:
    rng = np.random.default_rng(5)
    shares = []
    for _ in range(200):
        p = np.concatenate([rng.uniform(size=90), rng.uniform(size=10) * 1e-3])
        told = benjamini_hochberg(p, 0.1)
        shares.append(told[:90].sum() / max(1, told.sum()))
    assert np.mean(shares) <= 0.115
