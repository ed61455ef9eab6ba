"""False alarms stay below the stated rate however long one looks; a change is seen, early or late."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.stats.char_kernel import hamming
from detectors.stats.exchangeability import log10_mixed_capital, strangeness_p

THRESHOLD = 1.0  # a tenth


def test_the_shares_of_the_gamblers_sum_to_one() -> None:
    """Before anything is won the fortune is one, whatever the number of looks."""
    quiet = log10_mixed_capital([[]] * 30)
    assert quiet == pytest.approx(np.zeros(30), abs=1e-12)


def test_false_alarms_are_bounded_over_all_looks() -> None:
    rng = np.random.default_rng(3)
    alarms = [
        log10_mixed_capital(rng.uniform(size=(25, 4)).tolist()).max() >= THRESHOLD
        for _ in range(300)
    ]
    assert np.mean(alarms) <= 0.1


@pytest.mark.parametrize("change", [2, 30])
def test_a_change_is_seen_early_or_late(change: int) -> None:
    rng = np.random.default_rng(4)
    p = rng.uniform(size=(change + 4, 24))
    p[change:] *= 0.05
    course = log10_mixed_capital(p.tolist())
    assert course[:change].max() < 2
    assert course[-1] >= 2


def test_p_values_of_answers_that_do_not_change_are_uniform() -> None:
    """Answers of five words each, drawn alike, in a growing bag."""
    rng = np.random.default_rng(5)
    words = np.array(["red", "green", "blue", "grey"])
    found = []
    for _ in range(60):
        said = [" ".join(rng.choice(words, 3)) for _ in range(12)]
        found += [strangeness_p(hamming(said[:n]), rng.uniform()) for n in range(6, 13)]
    assert abs(np.mean(found) - 0.5) < 0.05
    assert abs(np.mean(np.array(found) < 0.2) - 0.2) < 0.05


def test_an_answer_unlike_all_before_is_the_strangest() -> None:
    said = ["it was built in 1821"] * 8 + ["no lighthouse stands there"]
    assert strangeness_p(hamming(said), 1.0) == pytest.approx(1 / 9)


def test_likenesses_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="likeness"):
        strangeness_p([[1.0]], 0.5)
