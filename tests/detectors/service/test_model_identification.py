"""Who else could it be: the claimed model, a stored one, or nobody that is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from detectors.base import Case, Measurement, NotMeasured, Teacher
from detectors.service.model_identification import ModelIdentification
from tests.recordings import HABITS, recorded


def stored(folder: Path, *names: str) -> tuple[Teacher, ...]:
    return tuple(Teacher(name, f"maker of {name}", "", recorded(folder, name)) for name in names)


@pytest.mark.parametrize(
    ("served", "told"),
    [("alpha", "the claimed one is the nearest"), ("beta", "beta is the nearest, not alpha")],
)
def test_the_one_that_answers_is_named(served: str, told: str, tmp_path: Path) -> None:
    claimed, *others = stored(tmp_path, *HABITS)
    found = ModelIdentification().measure(
        Case(recorded(tmp_path, served, seed=7), claimed, tuple(others))
    )
    assert isinstance(found, Measurement)
    assert told in found.summary
    assert found.rank is not None
    assert (found.rank.position == 1) == (served == "alpha")


def test_where_nobody_stands_out_nobody_is_named(tmp_path: Path) -> None:
    claimed, *others = stored(tmp_path, "alpha", "beta", "gamma")
    found = ModelIdentification().measure(Case(recorded(tmp_path, "delta"), claimed, tuple(others)))
    assert isinstance(found, Measurement | NotMeasured)
    assert "is the nearest." not in getattr(found, "summary", "")


def test_a_case_without_a_claim_is_not_measured(tmp_path: Path) -> None:
    found = ModelIdentification().measure(Case(recorded(tmp_path, "alpha"), None))
    assert isinstance(found, NotMeasured)
