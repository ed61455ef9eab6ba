"""Every detector of the registry keeps the base class's promises, whatever it measures."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from sklearn.base import clone

from detectors.base import Case, Detector, Measurement, Need, NotMeasured, Value
from detectors.needs import lacking
from detectors.registry import TABLE, load_detector
from fingerprints.scores import Scores
from fingerprints.transcript import Transcript
from tests.detectors.everything import SUSPECT_SAID, TEACHERS, case_for

PAGES = Path(__file__).parents[2] / "docs" / "detectors"
NAMES = sorted(TABLE)


@cache
def measured(name: str) -> tuple[Case, Measurement]:
    """One measurement of every detector, made once."""
    detector = load_detector(name)
    case = case_for(detector)
    found = detector.fit(TEACHERS, case.suspect).measure(case)
    assert isinstance(found, Measurement), found
    return case, found


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_asks_needs_and_does_not_see(name: str) -> None:
    detector = load_detector(name)
    assert detector.name == name
    assert detector.asks.endswith("?")
    assert detector.source
    assert detector.blind_spots
    assert all(isinstance(need, Need) for need in detector.needs)
    assert (type(detector).__doc__ or "").strip()
    assert name in (PAGES / f"{name}.md").read_text("utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_it_refuses_a_case_of_nothing_by_its_needs_with_a_reason(name: str) -> None:
    detector = load_detector(name)
    nothing = Case(Transcript(SUSPECT_SAID.header, {}, ()), None)
    refused = detector.measure(nothing)
    assert isinstance(refused, NotMeasured)
    assert refused == lacking(detector.needs, nothing)
    assert refused.reason
    assert refused.code != "unspecified"
    assert detector.value(nothing) == refused


@pytest.mark.parametrize("name", NAMES)
def test_it_measures_a_case_that_holds_what_it_needs_and_refuses_one_that_lacks_any(
    name: str,
) -> None:
    detector = load_detector(name)
    case, _ = measured(name)
    lack: dict[Need, dict[str, Any]] = {
        Need.TEACHER: {"candidate": None},
        Need.BACKGROUND: {"background": ()},
        Need.BASE: {"base": None},
        Need.SHADOWS: {"shadows": ()},
        Need.TEACHER_BESIDE_BASE: {},
        Need.SUSPECT_SCORES: {"scores": Scores()},
        Need.BASE_SCORES: {"scores": Scores()},
        Need.TEACHER_SCORES: {"scores": Scores()},
    }
    for need in detector.needs:
        without = lack.get(need, {"suspect": Transcript(case.suspect.header, {}, ())})
        if without:
            assert isinstance(detector.measure(replace(case, **without)), NotMeasured), need


@pytest.mark.parametrize("name", NAMES)
def test_the_same_case_gives_the_same_bytes_fitted_or_not_and_in_any_order(name: str) -> None:
    case, found = measured(name)
    again = load_detector(name).fit(TEACHERS[::-1], case.suspect)
    turned = replace(case, background=case.background[::-1])
    assert again.measure(turned).model_dump_json() == found.model_dump_json()
    assert load_detector(name).measure(case) == found


@pytest.mark.parametrize("name", NAMES)
def test_what_it_kept_of_one_case_does_not_colour_another(name: str) -> None:
    case, found = measured(name)
    detector = load_detector(name).fit(TEACHERS, case.suspect)
    for place in (1, 2):
        detector.measure(case_for(detector, place))
    shorter = replace(case.suspect, replies=case.suspect.replies[::2])
    detector.measure(replace(case, suspect=shorter))
    assert detector.measure(case) == found


@pytest.mark.parametrize("name", NAMES)
def test_its_bare_value_is_the_number_that_it_measures(name: str) -> None:
    case, found = measured(name)
    bare = load_detector(name).fit(TEACHERS, case.suspect).value(case)
    assert isinstance(bare, Value)
    assert (bare.metric, bare.n) == (found.metric, found.n)
    assert bare.value == pytest.approx(found.value, rel=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_an_estimator_that_clones_without_what_it_learned(name: str) -> None:
    case, found = measured(name)
    detector: Detector = load_detector(name)
    assert detector.fit(TEACHERS, case.suspect) is detector
    copy = clone(detector)
    assert copy.get_params() == detector.get_params()
    assert not any(attribute.endswith("_") for attribute in vars(copy))
    assert copy.measure(case) == found
