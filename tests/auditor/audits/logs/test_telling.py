"""What follows from p-values: who is found, who is noticed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from auditor.audits.logs.plan import LogInput, ScanPlan
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
    status = statuses(judged(p), sizes, level=0.05, found_at=0.003, noticed_at=0.003)
    assert status[0] == "ordinary"
    assert status[1] == "noticed"


def test_a_large_unit_with_a_small_p_is_found() -> None:
    p = np.full(904, 0.5)
    p[0] = 0.001
    sizes = np.ones(904, np.int64)
    sizes[0] = 198
    assert statuses(judged(p), sizes, level=0.05, found_at=0.003, noticed_at=0.003)[0] == "found"


def test_what_p_alone_tells_may_be_asked_for_a_smaller_p() -> None:
    p = np.full(904, 0.5)
    p[0], p[1], p[2] = 0.002, 0.002, 0.0005
    sizes = np.ones(904, np.int64)
    sizes[0] = 198
    status = statuses(judged(p), sizes, level=0.05, found_at=0.003, noticed_at=0.001)
    assert status[0] == "found"
    sizes[0] = 1
    status = statuses(judged(p), sizes, level=0.05, found_at=0.003, noticed_at=0.001)
    assert [status[i] for i in range(3)] == ["ordinary", "ordinary", "noticed"]


@pytest.mark.parametrize(
    ("given", "found", "own", "simulated"), [(None, 0.003, 0.003, 0.001), (0.01, 0.01, 0.01, 0.01)]
)
def test_simulated_traffic_is_asked_for_a_smaller_p(
    given: float | None, found: float, own: float, simulated: float
) -> None:
    plan = ScanPlan(log=LogInput(("log.jsonl",)), noticed_at=given)
    assert (plan.found_at, plan.noticed_from(False), plan.noticed_from(True)) == (
        found,
        own,
        simulated,
    )
