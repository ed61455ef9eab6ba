"""What follows from p-values: who is found, who is noticed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from auditor.audits.logs.telling import statuses
from detectors.extraction.calibration import Judged


def judged(p_values: NDArray[np.float64]) -> Judged:
    n = len(p_values)
    return Judged(np.arange(n), p_values, np.zeros(n), p_values, np.zeros(n))


def test_a_large_unit_that_is_not_told_buys_no_find_of_others() -> None:
    # 198 accounts at p 0.009 would pass at 5 % of 1,101, and a lone one at 0.0026 with them.
    p = np.full(904, 0.5)
    p[0], p[1] = 0.009, 0.0026
    sizes = np.ones(904, np.int64)
    sizes[0] = 198
    status = statuses(judged(p), sizes, level=0.05, noticed_at=0.003)
    assert status[0] == "ordinary"
    assert status[1] == "noticed"


def test_a_large_unit_with_a_small_p_is_found() -> None:
    p = np.full(904, 0.5)
    p[0] = 0.001
    sizes = np.ones(904, np.int64)
    sizes[0] = 198
    assert statuses(judged(p), sizes, level=0.05, noticed_at=0.003)[0] == "found"
