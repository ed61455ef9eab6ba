"""What stands among so many: every verdict of a fleet corrected for all others of its family.

A fleet of a thousand suspects is a thousand chances of a false alarm. The correction only ever
takes away: a verdict that its own report does not support is never among what stands, and no report
is changed. Knows records and numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from auditor.evidence.exact import LEAST
from auditor.evidence.records import Verdict
from auditor.fleet.records import FleetCell, FleetFamily, FleetTest, Procedure, WhyUntested
from detectors.measurement import Question
from detectors.stats.discovery import benjamini_yekutieli, e_benjamini_hochberg

RATIOS: dict[Question, str] = {
    "inheritance": "inheritance, by conformal p-values",
    "lineage": "lineage, by p-values",
    "service": "service, by p-values",
}
EXACT: dict[Question, str] = {
    "inheritance": "inheritance, by e-values of an owner's design",
    "lineage": "lineage, by e-values",
    "service": "service, by e-values",
}


def as_test(verdict: Verdict) -> FleetTest:
    """A verdict as one test of a fleet, not yet corrected.

    An owner's exact test gives an e-value. Every other verdict gives a p-value: of an audit of
    answers the conformal one, since a likelihood ratio that is fitted and capped is no e-value (its
    mean under the alternative may be above one). Both are taken before the report's own correction
    for its candidates, which are all in the family.
    """
    found = FleetTest(
        question=verdict.question,
        candidate=verdict.candidate,
        title=verdict.called,
        outcome=verdict.outcome,
        log10_lr=verdict.log10_lr,
        reason_code=verdict.reason_code,
    )
    exact = verdict.exact
    if exact is not None:
        checked = exact.by_design and exact.design != "public_dataset"
        family = {"family": EXACT[verdict.question]} if checked else _none("design_unchecked")
        return found.model_copy(update={"log10_e": exact.log10_e, **family})
    if verdict.reason_code == "chosen_for_likeness":
        # Its p-value holds for a candidate that was not picked for being near.
        return found.model_copy(update=_none("chosen_for_likeness"))
    p = verdict.p_single if verdict.p_single is not None else verdict.p_value
    if p is None:
        why: WhyUntested = "uncalibrated" if verdict.question == "inheritance" else "no_p_value"
        return found.model_copy(update=_none(why))
    floor = 1 / (verdict.n_controls + 1) if verdict.calibration is not None else None
    told = {"family": RATIOS[verdict.question], "p": max(p, LEAST), "p_floor": floor}
    return found.model_copy(update=told)


def _none(why: WhyUntested) -> dict[str, WhyUntested]:
    return {"untested": why}


def accuses(test: FleetTest) -> bool:
    """Whether the test's own report says what the fleet could call found: support, or of a service
    that its claim is not supported."""
    return test.outcome == ("not_supported" if test.question == "service" else "supported")


def corrected(
    cells: Sequence[FleetCell], level: float
) -> tuple[tuple[FleetCell, ...], tuple[FleetFamily, ...]]:
    """The cells with their tests corrected, and the families.

    ``level`` bounds the share of false ones among all that stand, in whatever family: each gets an
    equal part of it. The false of a family among all that stand are at most the false among its
    own, so that the sum of the parts bounds the whole; each at the whole level would not (two
    families of one null test each would let something false stand in nearly 2·level of all fleets).
    """
    places = [(i, j) for i, cell in enumerate(cells) for j in range(len(cell.tests))]
    tests = {place: cells[place[0]].tests[place[1]] for place in places}
    families = []
    names = list(dict.fromkeys(t.family for t in tests.values() if t.family is not None))
    for name in names:
        mine = [place for place in places if tests[place].family == name]
        told, family = _family(name, [tests[place] for place in mine], len(names), level)
        tests |= dict(zip(mine, told, strict=True))
        families.append(family)
    done = tuple(
        cell.model_copy(
            update={"tests": tuple(tests[i, j] for j in range(len(cell.tests)))},
        )
        for i, cell in enumerate(cells)
    )
    return done, tuple(families)


def _family(
    name: str, tests: Sequence[FleetTest], families: int, level: float
) -> tuple[list[FleetTest], FleetFamily]:
    exact = tests[0].log10_e is not None
    procedure: Procedure = "e_benjamini_hochberg" if exact else "benjamini_yekutieli"
    rates = [min(1.0, families * rate) for rate in _rates(tests, exact)]
    floors = [families * rate for rate in _rates([_at_floor(t) for t in tests], exact)]
    told = []
    for test, rate, best in zip(tests, rates, floors, strict=True):
        counted = accuses(test)
        stands = counted and rate <= level
        known = {"rate": rate if counted else None, "stands": stands}
        beyond = counted and not stands and test.p_floor is not None and best > level
        told.append(test.model_copy(update={**known, "out_of_reach": beyond}))
    return told, FleetFamily(
        name=name,
        question=tests[0].question,
        procedure=procedure,
        n=len(tests),
        supported=sum(map(accuses, tests)),
        standing=sum(t.stands for t in told),
        out_of_reach=sum(t.out_of_reach for t in told),
    )


def _rates(tests: Sequence[FleetTest], exact: bool) -> list[float]:
    """The least rate at which each is found. What its own report does not support counts among the
    tests and is never found: choosing among the found afterwards would break the rate."""
    if exact:
        told = [t.log10_e if accuses(t) and t.log10_e is not None else -inf for t in tests]
        return [float(v) for v in e_benjamini_hochberg(told)]
    p = [t.p if accuses(t) and t.p is not None else 1.0 for t in tests]
    return [float(v) for v in benjamini_yekutieli(p)]


def _at_floor(test: FleetTest) -> FleetTest:
    """The test as it would be at the smallest p-value that its population allows."""
    return test if test.p_floor is None else test.model_copy(update={"p": test.p_floor})
