"""Several populations calibrated together: scales of their own, one map, lineages that count once."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.calibration.fit import BORROWED, MeasuredPopulation, calibrated_together
from auditor.calibration.record import Calibration, Population, Range
from auditor.calibration.rows import MeasuredRow
from auditor.calibration.weigher import Weigher

MAKERS = ("vendor:a", "vendor:b", "vendor:c", "vendor:d")
SIZE = 50


def about(name: str) -> Population:
    return Population(
        about=name,
        models=1,
        groups=1,
        positives=1,
        negatives=1,
        teachers=(),
        starts=(),
        stored=4,
        vendors=4,
        characters=Range(low=1, middle=2, high=3),
    )


def rows(name: str, taught: int, untaught: int, at: float, scale: float) -> list[MeasuredRow]:
    """Lineages, the taught ones three deviations nearer to the first maker than strangers are; all
    values on a scale of their own."""
    rng = np.random.default_rng(len(name))
    out = []
    for number in range(taught + untaught):
        for place, maker in enumerate(MAKERS):
            label = int(number < taught and place == 0)
            z = rng.normal() + 3.0 * label
            out.append(
                MeasuredRow(
                    suspect=f"{name}-{number}",
                    group=f"lineage-{number}" if number >= taught else f"{name}-{number}",
                    start=f"base-{number % 3}",
                    level="vendor",
                    candidate=maker,
                    label=label,  # type: ignore[arg-type]
                    size=SIZE,
                    sources=(maker,),
                    values={"shared_wording": at + scale * (0.3 * place + z)},
                    metric_ids={"shared_wording": "shared_wording_margin"},
                )
            )
    return out


def population(name: str, found: list[MeasuredRow]) -> MeasuredPopulation:
    return MeasuredPopulation(name, tuple(found), about(name), "0" * 64)


@pytest.fixture(scope="module")
def made() -> tuple[Calibration, ...]:
    return calibrated_together(
        [
            population("near", rows("near", 12, 30, 0.0, 1.0)),
            population("far", rows("far", 10, 36, 40.0, 7.0)),
            population("untaught", rows("untaught", 0, 20, -5.0, 0.1)),
        ]
    )


def ratio(one: Calibration, value: float, whom: str = "vendor:a") -> float:
    fit = one.at("vendor", SIZE)
    assert fit is not None
    weigher = Weigher.from_numbers(fit.detectors, fit.norms, fit.maps, fit.fusion)
    return float(weigher.log10_lr([[value]], [whom])[0])


def test_each_population_has_its_own_scales_and_all_share_one_map(
    made: tuple[Calibration, ...],
) -> None:
    near, far, untaught = made
    assert near.fitted[0].maps == far.fitted[0].maps == untaught.fitted[0].maps
    # Three deviations above what strangers get there, everywhere.
    found = [ratio(near, 3.0), ratio(far, 61.0), ratio(untaught, -4.7)]
    assert min(found) > 0.6
    assert max(found) - min(found) < 0.4
    assert ratio(far, 3.0) < -0.5
    assert ratio(near, 0.0) < 0


def test_a_lineage_that_is_in_several_populations_counts_once(
    made: tuple[Calibration, ...],
) -> None:
    taught = {f"{name}-{n}" for name, most in (("near", 12), ("far", 10)) for n in range(most)}
    untaught = {f"lineage-{n}" for n in (*range(12, 42), *range(10, 46), *range(20))} | taught
    limits = made[0].fitted[0].fusion.bounds
    assert (limits.n_h1, limits.n_h2) == (len(taught), len(untaught))


def test_a_population_without_taught_models_borrows_those_of_others_and_says_so(
    made: tuple[Calibration, ...],
) -> None:
    near, _, untaught = made
    assert BORROWED in untaught.notes
    assert BORROWED not in near.notes
    own = next(f for f in untaught.figures if f.scheme == "lineage" and f.facet == "all")
    assert (own.n_h1, own.n_h2) == (22, 20)
    assert next(f for f in near.figures if f.facet == "all").n_h1 == 12


def test_one_population_alone_is_calibrated_as_it_always_was() -> None:
    found = rows("near", 12, 30, 0.0, 1.0)
    together = calibrated_together([population("near", found)])[0]
    plain = Weigher(("shared_wording",)).fit(
        [[r.values["shared_wording"]] for r in found],
        [r.label for r in found],
        [r.group for r in found],
        [r.candidate for r in found],
    )
    assert together.fitted[0].fusion == plain.fusion_.numbers_
