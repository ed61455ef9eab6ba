"""The bet on a difference: rarely won under the null however often one looks, soon won on
another model."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.base import Measurement
from detectors.service.repeated import asked_of_both
from detectors.service.sequential_equality import SequentialEquality, bets_on
from detectors.service.witness import pair_features, payoffs_of
from detectors.stats.intervals import clopper_pearson
from tests.detectors.services import against, chain, hotter, service

MODEL = chain(1)


def asked(endpoint, claimed, seed: int, n: int = 12, samples: int = 3):  # type: ignore[no-untyped-def]
    return asked_of_both(
        service("e", endpoint, 2 * seed, n, samples),
        service("c", claimed, 2 * seed + 1, n, samples + 2),
        samples=2,
    )


def test_payoffs_turn_their_sign_when_the_two_sides_change_places() -> None:
    both = [
        asked_of_both(service("e", MODEL, 1, 12, 3), service("c", chain(2), 2, 12, 3)),
        asked_of_both(service("c", chain(2), 2, 12, 3), service("e", MODEL, 1, 12, 3)),
    ]
    one, other = (pair_features(b[0], 16) for b in both)
    surface = slice(4, None)
    assert np.allclose(one[:, surface], -other[:, surface])
    assert np.abs(np.concatenate(payoffs_of(both[0]))).max() <= 1


def test_a_swap_of_one_pair_changes_only_its_own_sign_among_the_first_payoffs() -> None:
    pairs = asked(chain(2), MODEL, 4)
    last = pairs[-1]
    n = len(last.endpoint) - 1
    swapped = type(last)(
        last.probe,
        (*last.endpoint[:n], last.reference[n]),
        (*last.reference[:n], last.endpoint[n], *last.reference[n + 1 :]),
    )
    one, other = payoffs_of(pairs)[-1], payoffs_of([*pairs[:-1], swapped])[-1]
    assert one[n] == pytest.approx(-other[n])
    assert one[:n].tolist() == other[:n].tolist()


@pytest.mark.parametrize("runs", [60, pytest.param(1000, marks=pytest.mark.slow)])
def test_false_alarms_under_repeated_looks_stay_below_alpha(runs: int) -> None:
    alphas = (0.01, 0.05)
    best = np.array([bets_on(asked(MODEL, MODEL, seed)).log10_best for seed in range(runs)])
    for alpha in alphas:
        alarms = int((best >= -np.log10(alpha)).sum())
        assert clopper_pearson(alarms, runs, 0.99)[0] <= alpha, (alpha, alarms)


def test_another_model_ends_the_bet_early_and_a_hotter_one_later() -> None:
    after = [
        bets_on(asked(chain(2), MODEL, seed, n=48, samples=4)).decided(0.01) for seed in range(5)
    ]
    assert all(n is not None and n <= 36 for n in after)
    hot = [
        bets_on(asked(hotter(MODEL, 2.5), MODEL, seed, n=64, samples=4)).decided(0.01)
        for seed in range(5)
    ]
    assert sum(n is not None for n in hot) >= 4


def test_the_measurement_tells_the_course_and_the_p_value_that_holds_at_any_time() -> None:
    found = SequentialEquality().measure(against(chain(2), MODEL, 1, n=48))
    assert isinstance(found, Measurement)
    assert found.value >= 2
    assert found.tables[0].rows[-1][0] == 48
    assert found.charts[0].reference == 2.0
    nothing = bets_on([])
    assert nothing.p_value == 1
    assert nothing.decided(0.01) is None
