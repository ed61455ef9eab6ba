"""Several detectors' ratios fused into one, across models."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from detectors.stats.fusion import FusedLogLikelihoodRatio, FusedNumbers

Array = NDArray[np.float64]
N = 12
LABELS = np.repeat([1, 0], N)
GROUPS = list(range(2 * N))


def ratios(seed: int = 0) -> Array:
    """log10 LRs of three detectors: two see the same thing with some noise, one sees nothing; a
    tenth abstains."""
    rng = np.random.default_rng(seed)
    seen = rng.normal(0, 1, 2 * N) + 1.5 * (LABELS - 0.5)
    out = 0.5 * np.column_stack(
        [
            seen + rng.normal(0, 0.4, 2 * N),
            seen + rng.normal(0, 0.4, 2 * N),
            rng.normal(0, 1, 2 * N),
        ]
    )
    return np.where(rng.random(out.shape) < 0.1, np.nan, out)


def fused(values: Array) -> FusedLogLikelihoodRatio:
    names = tuple(f"d{i}" for i in range(values.shape[1]))
    return FusedLogLikelihoodRatio(names, strengths=(2.0, 8.0)).fit(values, LABELS, GROUPS)


@pytest.mark.parametrize("copied", [0, 1, 2])
@pytest.mark.parametrize("copies", [1, 4])
def test_duplicating_a_detector_does_not_move_the_fused_ratio(copied: int, copies: int) -> None:
    values, new = ratios(), ratios(99)
    one = fused(values)
    many = fused(np.column_stack([values, *[values[:, copied]] * copies]))
    again = np.column_stack([new, *[new[:, copied]] * copies])
    assert many.log10_lr(again) == pytest.approx(one.log10_lr(new), abs=1e-10)
    assert many.uncapped(again) == pytest.approx(one.uncapped(new), abs=1e-10)
    assert many.interval(again) == pytest.approx(one.interval(new), abs=1e-10)
    assert many.held_out_ == pytest.approx(one.held_out_, abs=1e-10)


def test_a_near_copy_moves_it_little_and_a_mixture_not_at_all() -> None:
    values = np.nan_to_num(ratios())
    one = fused(values)
    near = np.column_stack(
        [values, values[:, 0] + 0.001 * np.random.default_rng(1).normal(size=2 * N)]
    )
    assert fused(near).uncapped(near) == pytest.approx(one.uncapped(values), abs=0.01)
    mixture = np.column_stack([values, 0.3 * values[:, 0] + 0.7 * values[:, 1]])
    assert fused(mixture).uncapped(mixture) == pytest.approx(one.uncapped(values), abs=1e-8)


def test_the_product_of_copies_would_have_moved() -> None:
    values = np.nan_to_num(ratios())[:, :1]
    five = np.repeat(values, 5, axis=1)
    assert np.abs(five.sum(axis=1)).max() > 4 * np.abs(fused(five).log10_lr(five)).max()


def test_the_order_of_the_detectors_does_not_matter() -> None:
    values = ratios()
    assert fused(values[:, ::-1]).uncapped(values[:, ::-1]) == pytest.approx(
        fused(values).uncapped(values), abs=1e-10
    )


def test_more_support_from_a_detector_never_lowers_the_whole() -> None:
    values = ratios()
    fit = fused(values)
    assert min(fit.numbers_.weights) >= 0
    assert (fit.log10_lr(values + 0.5) >= fit.log10_lr(values)).all()


def test_where_all_abstain_the_ratio_is_one_and_the_interval_says_nothing() -> None:
    fit = fused(ratios())
    silent = np.full((1, 3), np.nan)
    assert fit.log10_lr(silent).tolist() == [0.0]
    assert fit.interval(silent)[0].tolist() == [fit.numbers_.bounds.low, fit.numbers_.bounds.high]


def test_a_few_chance_abstentions_say_next_to_nothing() -> None:
    values = np.nan_to_num(ratios())
    values[[0, 1], 2] = np.nan  # two models of one kind
    fit = fused(values)
    assert abs(fit.numbers_.abstained[2]) / np.log(10) < 0.3


def test_a_fusion_comes_back_from_json_to_the_last_digit() -> None:
    values = ratios()
    fit = fused(values)
    again = FusedLogLikelihoodRatio.from_numbers(
        FusedNumbers.model_validate_json(fit.numbers_.model_dump_json())
    )
    assert again.log10_lr(values).tolist() == fit.log10_lr(values).tolist()
    assert again.interval(values).tolist() == fit.interval(values).tolist()


def test_what_can_not_be_fused_is_refused() -> None:
    values = ratios()
    never = np.column_stack([values, np.full(2 * N, np.nan)])
    with pytest.raises(ValueError, match="'d3' measured nothing"):
        fused(never)
    with pytest.raises(ValueError, match="different names"):
        FusedLogLikelihoodRatio(("a", "a", "b")).fit(values, LABELS, GROUPS)
    with pytest.raises(ValueError, match="rows by 2 detectors"):
        FusedLogLikelihoodRatio(("a", "b")).fit(values, LABELS, GROUPS)
    with pytest.raises(ValueError, match="finite"):
        fused(np.where(values > 0.5, np.inf, values))
