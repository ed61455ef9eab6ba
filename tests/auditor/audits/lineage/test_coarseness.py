"""How far rounding moves numbers: a bound that rounded numbers keep, and that a little training
does not reach."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.audits.lineage.coarseness import LEAST, Coarseness, coarseness, rounded_base
from detectors.lineage.derivation import Grid
from tests.detectors.lineage.test_derivation import rounded

ROWS = np.random.default_rng(3).normal(size=(32, 576))


def moved(bits: int, block: int) -> float:
    """The relative difference that rounding leaves."""
    off = rounded(ROWS, bits, block) - ROWS
    return float(np.sqrt(np.mean(off**2) / np.mean(ROWS**2)))


@pytest.mark.parametrize(("bits", "block"), [(4, 0), (4, 32), (8, 0), (8, 32)])
def test_rounding_stays_within_what_it_may_leave_and_uses_much_of_it(bits: int, block: int) -> None:
    found = coarseness({"F32": 1.0}, {}, [Grid(bits, block)] * 3 + [None])
    assert found is not None
    assert found.bits == bits
    assert 1.1 * LEAST * found.near < moved(bits, block) <= found.near
    assert rounded_base(moved(bits, block), None, found)
    assert not rounded_base(0.02 * found.near, None, found)


def test_a_format_that_both_have_explains_nothing() -> None:
    assert coarseness({"Q4_1": 0.9}, {"F32": 1.0}, []) == Coarseness(4, 0.14)
    assert coarseness({"Q4_1": 0.9}, {"Q4_1": 0.9}, []) is None
    assert coarseness({"F32": 1.0}, {}, [Grid(4, 32), None, None]) is None
    assert not rounded_base(0.1, Coarseness(4, 0.14), None)
