"""The same case without a detector or a lineage: what is left is weighed as it would have been."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from auditor.calibration.apply import vendors_of
from auditor.calibration.fit import calibrated
from auditor.calibration.gathered import weigher_of
from auditor.calibration.record import Calibration, Fitted, shipped_calibrations
from auditor.calibration.rows import MeasuredRow
from auditor.calibration.sensitivity import (
    Weighing,
    without_detector,
    without_detectors,
    without_lineage,
    without_lineages,
)
from auditor.evidence.records import Finding
from detectors.stats.log_lr import LogLikelihoodRatio
from tests.auditor.calibration.population import NAMES, student
from tests.auditor.calibration.test_apply import candidates, findings

pytestmark = pytest.mark.timeout(400)  # the population is measured once, on a busy machine slowly


@pytest.fixture(scope="module")
def found() -> list[Finding]:
    return findings(student(777, 3))


def case(calibration: Calibration) -> Weighing:
    some = candidates()
    return Weighing(calibration, tuple(some), vendors_of(some))


def test_with_one_detector_left_its_own_map_weighs(calibration: Calibration) -> None:
    (fit,) = calibration.fitted
    for name, other in (NAMES, NAMES[::-1]):
        (alone,) = without_detector(calibration, other).fitted
        known = LogLikelihoodRatio.from_numbers(fit.maps[name])
        z = np.linspace(fit.maps[name].lowest, fit.maps[name].highest, 9)
        # On the scale of strangers, where the map has one.
        raw, whom = z, ["vendor:vendor-1"] * 9
        weigher = weigher_of(alone)
        if name in weigher.norms_:
            z = weigher.norms_[name].transform(raw, whom)
        rows = raw[:, None]
        assert weigher.log10_lr(rows, whom) == pytest.approx(known.log10_lr(z))
        assert weigher.interval(rows, whom) == pytest.approx(known.interval(z), abs=1e-6)


def test_without_a_lineage_it_is_what_is_fitted_without_it(
    calibration: Calibration, rows: Sequence[MeasuredRow]
) -> None:
    """Against a fit that never saw the lineage: the scales and the strength of shrinkage alone are
    those of all."""
    (fit,) = calibration.fitted
    assert {o.lineage for o in fit.left_out} == {r.group for r in rows}
    (less,) = without_lineage(calibration, "s2").fitted
    assert (less.fusion.bounds.n_h1, less.fusion.bounds.n_h2) == (17, 35)
    kept = [r for r in rows if r.group != "s2"]
    fresh = calibrated("less", kept, calibration.population, "0" * 64).fitted[0]
    values = np.array([[r.values.get(d, np.nan) for d in fit.detectors] for r in rows[:60]])
    whom = [r.candidate for r in rows[:60]]
    ours, theirs = (weigher_of(f).uncapped(values, whom) for f in (less, fresh))
    assert np.abs(ours - theirs).max() < 0.15
    assert not np.array_equal(ours, weigher_of(fit).uncapped(values, whom))


def test_every_weighed_verdict_has_a_row_for_each_detector(
    calibration: Calibration, found: list[Finding]
) -> None:
    known = case(calibration)
    verdicts = known.verdicts(found)
    rows = list(without_detectors(known, found, verdicts))
    assert {(r.candidate, r.piece) for r in rows} == {
        (v.candidate, name) for v in verdicts for name in NAMES
    }
    by = {v.candidate: v for v in verdicts}
    assert all(r.changes == (r.outcome != by[r.candidate].outcome) for r in rows)
    assert all(r.log10_lr is None or abs(r.log10_lr) <= (r.cap or 0) + 1e-4 for r in rows)


def test_without_its_only_detector_nothing_is_left_to_weigh(
    rows: Sequence[MeasuredRow], calibration: Calibration, found: list[Finding]
) -> None:
    one = [r.model_copy(update={"values": {NAMES[0]: r.values[NAMES[0]]}}) for r in rows]
    known = case(calibrated("one", one, calibration.population, "0" * 64))
    verdicts = known.verdicts(found)
    left = list(without_detectors(known, found, verdicts))
    assert left
    assert {(r.outcome, r.log10_lr, r.reason_code) for r in left} == {
        ("not_assessable", None, "not_measured")
    }
    assert all(r.changes for r in left)


def test_a_ratio_that_a_single_lineage_keeps_at_its_cap_is_told(
    calibration: Calibration, found: list[Finding]
) -> None:
    """Nine lineages that were not taught carry a ratio of ten; eight do not: then every one of them
    carries the verdict."""
    (fit,) = calibration.fitted
    narrow = {"n_h1": 18, "n_h2": 9, "models_low": -np.log10(19), "models_high": 1.0}
    fewer = narrow | {"n_h2": 8, "models_high": float(np.log10(9))}
    bounds = fit.fusion.bounds
    changed = fit.model_copy(
        update={
            "fusion": fit.fusion.model_copy(update={"bounds": bounds.model_copy(update=narrow)}),
            "left_out": tuple(
                o.model_copy(update={"bounds": bounds.model_copy(update=fewer)})
                for o in fit.left_out
            ),
        }
    )
    known = case(calibration.model_copy(update={"fitted": (changed,)}))
    verdicts = known.verdicts(found)
    taught = next(v for v in verdicts if v.candidate == "vendor:vendor-3")
    assert (taught.outcome, taught.log10_lr) == ("supported", 1.0)
    left = [r for r in without_lineages(known, found, verdicts) if r.candidate == taught.candidate]
    assert len(left) == len(known.lineages) == 36
    assert {(r.outcome, r.log10_lr) for r in left} == {("inconclusive", 0.9542)}


def test_of_lineages_that_change_nothing_the_two_ends_are_told(
    calibration: Calibration, found: list[Finding]
) -> None:
    known = case(calibration)
    verdicts = known.verdicts(found)
    for v in verdicts:
        left = [r for r in without_lineages(known, found, verdicts) if r.candidate == v.candidate]
        assert len([r for r in left if not r.changes]) <= 2
        assert left


def test_a_lineage_without_which_nothing_can_be_fitted_leaves_no_verdict(
    calibration: Calibration, found: list[Finding]
) -> None:
    (fit,) = calibration.fitted
    gone = tuple(o.model_copy(update={"bounds": None}) for o in fit.left_out[:1])
    known = case(
        calibration.model_copy(update={"fitted": (fit.model_copy(update={"left_out": gone}),)})
    )
    verdicts = known.verdicts(found)
    left = list(without_lineages(known, found, verdicts))
    assert {(r.outcome, r.reason_code) for r in left} == {("not_assessable", None)}


def test_what_a_calibration_of_before_lacks_does_not_change_its_digest() -> None:
    (fit, *_) = shipped_calibrations()[-1].fitted
    before = fit.model_copy(update={"left_out": ()})
    assert "left_out" in fit.model_dump(mode="json")
    assert "left_out" not in before.model_dump(mode="json")


@pytest.mark.parametrize("shipped", shipped_calibrations(), ids=lambda c: c.name)
def test_every_shipped_fit_holds_what_it_is_without_each_lineage(shipped: Calibration) -> None:
    for fit in shipped.fitted:
        names = [o.lineage for o in fit.left_out]
        assert len(set(names)) == len(names) > 1
        assert any(o.bounds is not None for o in fit.left_out)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"left_out": [{"maps": {}}]}, "one of the same detectors"),
        ({"left_out": [{"fusion": []}]}, "one of the same detectors"),
        ({"left_out": [{"fusion": [0.1, -5.0, 0.0]}]}, "one of the same detectors"),
        ({"left_out": [{"maps": {"movement": [0.1, -5.0]}}]}, "greater than or equal to 0"),
        ({"left_out": [{}, {}]}, "left out twice"),
        ({"maps": {}}, "a map for each of its detectors"),
        ({"detectors": ["neighbours"]}, "a map for each of its detectors"),
        ({"metric_ids": {}}, "the metric of each of its detectors"),
    ],
)
def test_a_fit_whose_numbers_are_of_other_detectors_is_none(
    changed: dict[str, Any], told: str
) -> None:
    fit = shipped_calibrations()[-1].fitted[0].model_dump(mode="json")
    first = fit["left_out"][0]
    if "left_out" in changed:
        changed = {"left_out": [first | other for other in changed["left_out"]]}
    with pytest.raises(ValueError, match=told):
        Fitted.model_validate_json(json.dumps(fit | changed))
