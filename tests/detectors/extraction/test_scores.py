"""Scores against benign units: false alarms as promised, finds where there is something, and figures
that are absent."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.extraction.calibration import (
    MOST_KEPT,
    BenignTraffic,
    fit_calibration,
    fitting_half,
    judge,
)
from detectors.extraction.scale import fit_scale
from detectors.extraction.signals import NAMES

Array = NDArray[np.float64]
AT = {name: i for i, name in enumerate(NAMES)}


def benign(n: int, seed: int) -> Array:
    """Units' figures: a level of its own for each, signals that follow volume, some absent."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, len(NAMES))) + rng.normal(size=(n, 1))
    x[:, AT["volume"]] = rng.gamma(2, 1.5, size=n)
    x[:, AT["slots"]] += x[:, AT["volume"]]
    x[rng.uniform(size=n) < 0.3, AT["regularity"]] = np.nan
    return np.asarray(x)


def calibrated(units: int, windows: int, seed: int) -> BenignTraffic:
    unit = np.repeat(np.arange(units), windows)
    x = np.repeat(benign(units, seed), windows, axis=0)
    x += np.random.default_rng(seed + 1).normal(size=x.shape) * 0.2
    return fit_calibration(
        unit,
        x,
        (unit % 2).astype(bool),
        source="benign",
        simulated=False,
        created="2026-03-02",
        window_seconds=86400.0,
        n_windows=windows,
        n_accounts=units,
        columns=(),
    )


def rows(units: int, windows: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64], Array]:
    unit = np.repeat(np.arange(units), windows)
    window = np.tile(np.arange(windows), units)
    x = np.repeat(benign(units, seed), windows, axis=0)
    return unit, window, x + np.random.default_rng(seed + 1).normal(size=x.shape) * 0.2


def test_benign_units_are_rare_as_often_as_p_says() -> None:
    # One calibration is off by its own chance, which all of its p-values share.
    found = [judge(calibrated(4000, 3, 10 * i), *rows(3000, 3, 10 * i + 5)) for i in range(6)]
    for level in (0.01, 0.05, 0.2):
        rare = np.mean([np.mean(f.p_value <= level) for f in found])
        assert rare == pytest.approx(level, abs=0.35 * level + 0.002)
    assert np.mean(found[0].row_p <= 0.05) == pytest.approx(0.05, abs=0.02)


def test_a_log_of_more_windows_than_were_calibrated_alarms_no_more_often() -> None:
    calibration = calibrated(4000, 2, 1)
    found = judge(calibration, *rows(3000, 6, 2))
    assert np.mean(found.p_value <= 0.05) <= 0.06


def test_units_that_stand_out_have_the_smallest_p() -> None:
    calibration = calibrated(2000, 2, 1)
    unit, window, x = rows(50, 2, 2)
    x[unit == 7] += 6
    found = judge(calibration, unit, window, x)
    assert found.p_value[7] <= 3 * calibration.floor
    assert found.unit[np.argmax(found.peak)] == 7


def test_what_follows_volume_is_compared_with_like_volume() -> None:
    scale = fit_scale(benign(3000, 1))
    x = benign(2, 2)
    x[:] = 0
    x[:, AT["volume"]] = (0.5, 8.0)
    x[:, AT["slots"]] = 8.0
    loud = scale.loudness(x)[:, AT["slots"]]
    assert loud[0] > 3 > 1 > loud[1]


def test_a_louder_unit_never_stands_out_less_for_its_volume() -> None:
    rng = np.random.default_rng(9)
    x = benign(4000, 1)
    busy = np.argsort(x[:, AT["volume"]])[-400:]
    # Services of much traffic differ from each other ten times as much as people do.
    x[busy, AT["ratio"]] += 10 * rng.standard_normal(len(busy))
    scale = fit_scale(x)
    campaign = np.tile(np.median(x, axis=0), (3, 1))
    campaign[:, AT["volume"]] = np.array((0.0, 0, 2)) + np.quantile(
        x[:, AT["volume"]], (0.5, 0.9, 1.0)
    )
    campaign[:, AT["ratio"]] += 8
    loud = scale.loudness(campaign)[:, AT["ratio"]]
    assert loud.min() > 0.5 * loud.max() > 1


def test_both_kinds_of_campaign_are_looked_for() -> None:
    x = benign(2000, 1)
    scale = fit_scale(x)
    shown, plain = np.asarray(scale.directions)
    assert shown[AT["reasoning"]] > 0 == plain[AT["reasoning"]]
    quiet = np.median(x, axis=0)[None].copy()
    quiet[0, [AT["reasoning"], AT["ratio"]]] += 8
    assert scale.score(quiet)[0] > 1


def test_one_signal_alone_finds_nothing() -> None:
    x = benign(2000, 1)
    scale = fit_scale(x)
    usual = np.median(x, axis=0)[None]
    for name in NAMES:
        odd = usual.copy()
        odd[0, AT[name]] += 1e6 if name != "volume" else 0.0
        assert scale.score(odd)[0] <= scale.score(usual)[0] + 0.5


def test_one_benign_row_in_a_hundred_is_above_one_in_a_direction() -> None:
    x = benign(4000, 1)
    assert 0.01 <= np.mean(fit_scale(x).score(x) > 1) <= 0.021


def test_an_absent_figure_says_nothing_and_one_that_all_lack_is_not_used() -> None:
    x = benign(400, 1)
    x[:, AT["switch"]] = np.nan
    scale = fit_scale(x)
    assert not scale.used[AT["switch"]]
    assert all(direction[AT["switch"]] == 0 for direction in scale.directions)
    odd = np.full((1, len(NAMES)), np.nan)
    odd[0, AT["volume"]] = 2.0
    assert np.isfinite(scale.score(odd)).all()
    odd[0, AT["switch"]] = 1e9
    assert scale.loudness(odd)[0, AT["switch"]] == 0


def test_benign_units_that_are_all_alike_still_make_a_scale() -> None:
    x = np.tile(np.median(benign(400, 1), axis=0), (40, 1))
    scale = fit_scale(x)
    assert scale.score(x).max() == 0
    odd = x[:1].copy()
    odd[0, [AT["reasoning"], AT["ratio"]]] += 8
    assert scale.score(odd)[0] > 0


def test_a_calibration_keeps_the_largest_only_and_says_the_same() -> None:
    calibration = calibrated(300, 2, 1)
    text = calibration.model_dump_json()
    assert BenignTraffic.model_validate_json(text) == calibration
    assert len(calibration.peaks) == calibration.n_units == 150 <= MOST_KEPT


def test_halves_are_even_and_do_not_depend_on_order() -> None:
    keys = np.random.default_rng(1).integers(0, 2**63, 4000).astype(np.uint64)
    half = fitting_half(keys)
    assert 0.45 < half.mean() < 0.55
    assert (fitting_half(keys[::-1]) == half[::-1]).all()


def test_too_few_benign_units_are_refused() -> None:
    with pytest.raises(ValueError, match="benign units"):
        fit_scale(benign(10, 1))
    with pytest.raises(ValueError, match="benign units beside"):
        _lopsided()


def _lopsided() -> BenignTraffic:
    x = benign(60, 1)
    return fit_calibration(np.arange(60), x, np.arange(60) < 55)
