"""What the tests of a pair tell together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auditor.audits.lineage.basis import Basis
from auditor.audits.lineage.compared_pair import DIRECTION_SHARE, ComparedPair
from auditor.audits.lineage.judge import ALPHA
from auditor.audits.lineage.pair import _either
from detectors.lineage.weight_alignment import UnitAgreement

NOTHING = ComparedPair(Basis(None, "identity", None, 0, None), ())


@pytest.mark.parametrize(
    ("trends", "raised"),
    [((), 1.0), ((0.2,), 0.2), ((0.5, 1e-4, 0.3, 0.9, 0.7), 5e-4), ((0.4, 0.6, 0.8), 1.0)],
)
def test_an_order_at_large_is_raised_once_for_every_look(
    trends: tuple[float, ...], raised: float
) -> None:
    assert replace(NOTHING, trends=trends).trend_p == pytest.approx(raised)


def test_two_looks_at_the_order_of_units_are_two_and_not_four() -> None:
    by_number = replace(NOTHING, unit_p=0.5, trends=(1.5e-4,))
    moved = replace(NOTHING, layers=(1, 0), unit_p=0.7, trends=(0.6,))
    for found in (_either(by_number, moved), _either(moved, by_number)):
        assert found.trend_p == pytest.approx(3e-4)
        assert found.unit_p == 1.0


def test_directions_are_told_wherever_they_tell_a_common_origin_by_themselves() -> None:
    # Among the measured tests, of which a tenth of the false alarms is.
    decides = ALPHA * 0.1 * DIRECTION_SHARE
    for p in (0.99 * decides, 0.3 * decides):
        found = replace(
            NOTHING, unit_p=1.0, coordinate_p=1.0, directions=UnitAgreement(40, 20, 4.0, p)
        )
        assert found.p < ALPHA
        assert found.by_directions
