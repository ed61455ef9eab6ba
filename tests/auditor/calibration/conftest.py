"""One calibration of the small population for every test that needs one."""

from __future__ import annotations

import functools

import pytest

from auditor.calibration.cohort import population_of
from auditor.calibration.fit import calibrated
from auditor.calibration.record import Calibration
from auditor.calibration.rows import MeasuredRow, measured_rows
from detectors.registry import load_detector
from tests.auditor.calibration.population import NAMES, PROMPTS, known, teachers


@pytest.fixture(scope="session")
def rows() -> tuple[MeasuredRow, ...]:
    """What two detectors measure of the whole population."""
    return measured_rows(
        known(), teachers(), [functools.partial(load_detector, name) for name in NAMES], [PROMPTS]
    )


@pytest.fixture(scope="session")
def calibration(rows: tuple[MeasuredRow, ...]) -> Calibration:
    """The population's calibration."""
    return calibrated(
        "authors", rows, population_of(known(), teachers(), "synthetic authors"), "0" * 64
    )
