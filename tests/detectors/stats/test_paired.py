"""McNemar's exact test and the difference of two rates on the same questions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from detectors.stats.paired import difference, mcnemar


def test_by_hand_eight_to_none_and_the_same_both_ways() -> None:
    assert mcnemar(8, 0) == mcnemar(0, 8) == 2 / 256
    assert mcnemar(8, 0, "greater") == 1 / 256
    assert mcnemar(3, 3, "greater") == pytest.approx(stats.binom.sf(2, 6, 0.5))
    assert mcnemar(0, 0) == 1
    with pytest.raises(ValueError, match="negative"):
        mcnemar(-1, 2)


def test_no_difference_is_found_too_often_where_both_sides_are_alike() -> None:
    rng = np.random.default_rng(0)
    found = 0
    for _ in range(600):
        one, other = rng.random(60) < 0.3, rng.random(60) < 0.3
        found += mcnemar(int((one & ~other).sum()), int((other & ~one).sum())) <= 0.05
    assert found <= 0.05 * 600


def test_a_difference_has_an_interval_by_questions_even_where_nothing_differs() -> None:
    alike = difference([True, False] * 5, [True, False] * 5, list(range(10)))
    assert alike.value == 0
    assert alike.low == -alike.high < -0.2
    all_differ = difference([True] * 10, [False] * 10, list(range(10)))
    assert (all_differ.value, all_differ.high) == (1, 1)
    assert 0.6 < all_differ.low < 0.8
    assert difference([False] * 10, [True] * 10, list(range(10))).value == -1
    mixed = difference(
        [True, True, False, False], [False, False, False, False], ["a", "a", "b", "b"]
    )
    assert (mixed.value, mixed.clusters) == (0.5, 2)
    assert mixed.low == -1
