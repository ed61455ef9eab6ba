"""How strong a ratio the data can carry. Worked by hand; the last set also by the forensic
package lir 0.1.29."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from detectors.stats.lr_bounds import Bounds, bounds, elub, model_cap

H1 = [-0.5, 0.2, 0.7, 0.7, 1.1, 1.6, 2.0, 2.3]
H2 = [-2.1, -1.4, -1.0, -0.6, -0.3, 0.1, 0.7, -0.9, -0.2, 1.2]


def test_nine_models_without_an_error_carry_a_ratio_of_nine_at_most() -> None:
    # With one misleading model added on either side, 9 of 10 under H1 and 1 of 10 under H2 lie at
    # LR 100 or above. Deciding at t costs 1/10 + t/10 and ignoring the evidence costs 1: worth it
    # up to t = 9.
    low, high = elub([2.0] * 9, [-2.0] * 9)
    assert (10**low, 10**high) == (pytest.approx(1 / 9), pytest.approx(9))


def test_the_bounds_never_exceed_the_ratios_that_were_seen() -> None:
    assert elub([0.5] * 9, [-0.4] * 9) == (-0.4, 0.5)


def test_one_strongly_misleading_model_in_four_takes_the_support_away() -> None:
    # At any t in (1, 1000]: 4/5 under H1, (1 + 1)/5 under H2: worth it up to t = 2, though the
    # ratios say 1000.
    assert 10 ** elub([3.0] * 4, [-3.0] * 3 + [3.0])[1] == pytest.approx(2)


def test_ratios_that_tell_nothing_apart_carry_nothing() -> None:
    assert elub([1.0, -1.0] * 5, [1.0, -1.0] * 5) == (0.0, 0.0)
    assert elub([0.0] * 5, [0.0] * 5) == (0.0, 0.0)


def test_the_bounds_are_those_of_an_independent_implementation() -> None:
    # lir 0.1.29, bayeserror.elub with steps of 1e-5 on the natural scale: 10^-0.31079 and
    # 10^0.38818. By hand: above 0.2, six of 8 + 1 and two (+ 1) of 10 + 1 reach t; (6/9)/(3/11) =
    # 2.444 = 10^0.3882, under the next value 0.7.
    low, high = elub(H1, H2)
    assert high == pytest.approx(np.log10((6 / 9) / (3 / 11)))
    assert (low, high) == (pytest.approx(-0.31079, abs=2e-5), pytest.approx(0.38818, abs=2e-5))


def test_the_two_directions_are_each_others_mirror_image() -> None:
    low, high = elub(H1, H2)
    assert elub(-np.array(H2), -np.array(H1)) == (-high, -low)


def test_rows_of_one_model_weigh_as_one_model() -> None:
    shares = [1 / 3] * 24
    assert elub(np.repeat(H1, 3), H2, shares, [1.0] * 10) == pytest.approx(elub(H1, H2))


def test_the_stricter_bound_holds() -> None:
    nine = bounds([2.0] * 9, [-2.0] * 9, [1.0] * 9, [1.0] * 9, (9, 9))
    assert (nine.low, nine.high) == (pytest.approx(-np.log10(9)), pytest.approx(np.log10(9)))
    by_models = Bounds(elub_low=-5, elub_high=5, models_low=-2, models_high=1, n_h1=99, n_h2=9)
    assert by_models.clip([-9, -1, 0.5, 9]).tolist() == [-2, -1, 0.5, 1]


def test_a_cap_that_the_models_do_not_explain_is_refused() -> None:
    with pytest.raises(ValidationError, match="numbers of models"):
        Bounds(elub_low=-5, elub_high=5, models_low=-2, models_high=6, n_h1=99, n_h2=9)
    with pytest.raises(ValidationError):
        Bounds(elub_low=-5, elub_high=-1, models_low=-2, models_high=1, n_h1=99, n_h2=9)
    with pytest.raises(ValueError, match="needs a model"):
        model_cap(0, 3)
