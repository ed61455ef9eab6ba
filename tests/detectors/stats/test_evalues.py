"""p-values as e-values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad

from detectors.stats.evalues import SERIES, log10_e_of_p


def test_the_mean_under_the_null_is_one() -> None:
    # ∫₀¹ E(p) dp, with p = e^(−x): the mass near p = 0 falls only as 1/x, hence the last term.
    cut = 60.0
    body, _ = quad(lambda x: 10 ** log10_e_of_p(math.exp(-x)) * math.exp(-x), 0, cut, limit=500)
    assert body + 1 / cut == pytest.approx(1, abs=1e-3)


def test_it_falls_in_p_and_is_smooth_where_the_series_begins() -> None:
    p = np.concatenate([np.logspace(-300, -1, 200), np.linspace(0.11, 1, 200)])
    values = [log10_e_of_p(float(v)) for v in p]
    assert (np.diff(values) < 0).all()
    below, above = (math.exp(-SERIES * f) for f in (0.999, 1.001))
    assert log10_e_of_p(below) == pytest.approx(log10_e_of_p(above), abs=1e-5)


def test_a_tiny_p_does_not_overflow() -> None:
    assert log10_e_of_p(1e-300) == pytest.approx(300 - 2 * math.log10(300 * math.log(10)), abs=1e-6)


@pytest.mark.parametrize("p", [0.0, -1.0, 1.1, math.nan])
def test_what_is_no_p_value_is_refused(p: float) -> None:
    with pytest.raises(ValueError, match="p-value"):
        log10_e_of_p(p)
