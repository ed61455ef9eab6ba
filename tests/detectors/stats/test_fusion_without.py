"""A fusion without one of its models, with the covariance of all: how far that is from the one which
would be fitted without it, and whether its interval still holds what is true."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.stats.fusion import FusedLogLikelihoodRatio, FusedNumbers
from detectors.stats.log_lr import LN10
from detectors.stats.lr_bounds import Bounds

Array = NDArray[np.float64]
NAMES, SHIFT, SHARED = ("a", "b"), 1.5, 0.6
PRECISION = np.linalg.inv(np.array([[1.0, SHARED], [SHARED, 1.0]]))
STRENGTH = (4.0,)


def ratios(values: Array) -> Array:
    """Each detector's own true log10 LR of values that are SHIFT higher where H1 holds."""
    return (SHIFT * values - SHIFT**2 / 2) / LN10


def true(values: Array) -> Array:
    """The true log10 LR of both together."""
    shift = np.full(2, SHIFT)
    return (values @ PRECISION @ shift - shift @ PRECISION @ shift / 2) / LN10


def cohort(
    rng: np.random.Generator, taught: int, others: int
) -> tuple[Array, NDArray[np.int_], list[int]]:
    """Values of two detectors that share what they see, of three rows a lineage: of the taught ones
    the first row is against their teacher."""
    rows, labels, groups = [], [], []
    for group in range(taught + others):
        own = rng.normal(0, 0.6, 2)
        for row in range(3):
            both = rng.normal(0, SHARED**0.5)
            rest = rng.normal(0, (1 - SHARED - 0.36) ** 0.5, 2)
            label = int(group < taught and row == 0)
            rows.append(own + both + rest + SHIFT * label)
            labels.append(label)
            groups.append(group)
    return np.array(rows), np.array(labels), groups


def without(numbers: FusedNumbers, coefficients: tuple[float, ...], bounds: Bounds) -> FusedNumbers:
    """As a calibration keeps it: coefficients and bounds are those without, the covariance is that
    of all."""
    return numbers.model_copy(
        update={
            "intercept": coefficients[0],
            "weights": coefficients[1:3],
            "abstained": coefficients[3:],
            "bounds": bounds,
        }
    )


def test_intervals_without_a_lineage_are_hardly_narrower_and_hold_what_is_true() -> None:
    """The one without which a strong case's ratio is lowest, the very one that a report tells."""
    rng, case = np.random.default_rng(3), np.array([[2.0, 2.0], [1.0, 1.0], [0.0, 0.0]])
    held, narrower = [], []
    for _ in range(60):
        values, labels, groups = cohort(rng, 5, 8)
        known = ratios(values)
        fitted = FusedLogLikelihoodRatio(NAMES, STRENGTH).fit(known, labels, groups)
        kept = {g: w for g, w in fitted.without_each().items() if w is not None}
        told = {
            g: FusedLogLikelihoodRatio.from_numbers(
                without(fitted.numbers_, w.coefficients, w.bounds)
            )
            for g, w in kept.items()
        }
        worst = min(told, key=lambda g: float(told[g].uncapped(ratios(case))[0]))
        rest = [i for i, g in enumerate(groups) if g != worst]
        again = FusedLogLikelihoodRatio(NAMES, STRENGTH).fit(
            known[rest], labels[rest], [groups[i] for i in rest]
        )
        one, other = told[worst], again
        both = [f.uncapped(ratios(case)) for f in (one, other)]
        np.testing.assert_allclose(*both, atol=1e-6)
        low, high = one.interval(ratios(case)).T
        truth = one.numbers_.bounds.clip(true(case))
        held.append((low - 1e-9 <= truth) & (truth <= high + 1e-9))
        sd = [spread_of(f, ratios(case)) for f in (one, other)]
        narrower.append(sd[0] / sd[1])
    assert np.mean(held, axis=0).min() >= 0.95
    assert np.median(narrower, axis=0).min() >= 0.9


def spread_of(fusion: FusedLogLikelihoodRatio, known: Array) -> Array:
    """Standard errors of what all detectors say together, natural logarithms."""
    columns = np.column_stack([np.ones(len(known)), known * LN10, np.zeros_like(known)])
    covariance = np.array(fusion.numbers_.covariance)
    return np.asarray(np.sqrt(np.einsum("ij,jk,ik->i", columns, covariance, columns)))
