"""Texts that are counted once for many spaces lie where each space by itself puts them."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.style.shared_counts import SharedCounts
from detectors.style.space import GUARDED, StyleSpace
from tests.detectors.text.test_features import HOSTILE, MANY_SCRIPTS
from tests.recordings import HABITS, answers_of

TEXTS = [text for habit in HABITS for _, text in answers_of(habit)]
PARTS = (TEXTS, TEXTS[::2], [*TEXTS[40:], *HOSTILE, *MANY_SCRIPTS])


def test_each_space_has_its_own_array_bit_by_bit() -> None:
    spaces = [StyleSpace().fit(part) for part in PARTS] + [StyleSpace(GUARDED).fit(TEXTS)]
    assert len({space.width for space in spaces}) == len(spaces)
    every = [*TEXTS, *HOSTILE, *MANY_SCRIPTS]
    counts = SharedCounts(spaces, every)
    for space in spaces:
        # Any rows in any order, one of them twice.
        rows = [*every[::-3], every[0]]
        assert np.array_equal(counts.transform(space, rows), space.transform(rows))


def test_what_was_not_counted_is_not_taken_for_nothing() -> None:
    known, other = StyleSpace().fit(TEXTS[:60]), StyleSpace().fit(TEXTS[60:])
    counts = SharedCounts([known], TEXTS[:60])
    with pytest.raises(KeyError):
        counts.transform(known, TEXTS[60:])
    with pytest.raises(KeyError):
        counts.transform(other, TEXTS[:60])
