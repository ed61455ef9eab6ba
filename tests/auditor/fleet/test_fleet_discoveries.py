"""The fleet's correction takes away, never adds, and says of what it can't correct why."""

from __future__ import annotations

from typing import Any

import pytest
from numpy.random import default_rng

from auditor.evidence.exact import ExactTest
from auditor.evidence.records import Verdict
from auditor.fleet.changes import changes
from auditor.fleet.discoveries import as_test, corrected
from auditor.fleet.records import FleetCell


def verdict(p: float | None, outcome: str = "supported", **more: Any) -> Verdict:
    told = {"question": "inheritance", "candidate": "vendor:x", "outcome": outcome, "p_value": p}
    return Verdict.model_validate({**told, "calibration": "c", "n_controls": 999, **more})


def cell(number: int, *verdicts: Verdict) -> FleetCell:
    tests = tuple(map(as_test, verdicts))
    known = {"audit": "answers", "kind": "inheritance", "state": "done", "tests": tests}
    return FleetCell.model_validate({"suspect": f"s{number}", **known})


def exact(log10_e: float, **more: Any) -> ExactTest:
    told = {"design": "coin", "by_design": True, "unit": "prompt", "n": 100, "p_value": 1e-9}
    numbers = {"p_floor": 1e-12, "log10_e": log10_e, "anytime": True}
    return ExactTest.model_validate({**told, **numbers, **more})


def test_what_stands_alone_falls_among_many() -> None:
    alone, _ = corrected([cell(0, verdict(0.01))], 0.05)
    assert alone[0].tests[0].stands
    others = [cell(i, verdict(0.6, "not_supported")) for i in range(1, 100)]
    many, families = corrected([cell(0, verdict(0.01)), *others], 0.05)
    assert not many[0].tests[0].stands
    assert (families[0].n, families[0].supported, families[0].standing) == (100, 1, 0)
    assert families[0].procedure == "benjamini_yekutieli"


def test_a_verdict_that_its_report_does_not_support_never_stands() -> None:
    tiny = [cell(i, verdict(1e-12, "inconclusive")) for i in range(3)]
    told, families = corrected(tiny, 0.05)
    assert not any(c.tests[0].stands for c in told)
    assert all(c.tests[0].rate is None for c in told)
    # Counted as if found, they would let more of the others stand.
    mixed, _ = corrected([*tiny, cell(9, verdict(0.02))], 0.05)
    assert not mixed[3].tests[0].stands
    assert families[0].n == 3


def test_no_outcome_is_changed() -> None:
    before = [verdict(0.5), verdict(1e-9, "inconclusive"), verdict(None, "not_assessable")]
    told, _ = corrected([cell(i, v) for i, v in enumerate(before)], 0.05)
    assert [c.tests[0].outcome for c in told] == [v.outcome for v in before]


def test_the_p_value_before_the_reports_own_correction_counts() -> None:
    assert as_test(verdict(0.4, p_single=0.1)).p == 0.1


def test_a_population_that_is_too_small_for_the_fleet_is_told() -> None:
    few = verdict(1 / 21, n_controls=20)
    others = [cell(i, verdict(0.6, "not_supported", n_controls=20)) for i in range(1, 100)]
    told, families = corrected([cell(0, few), *others], 0.05)
    assert told[0].tests[0].out_of_reach
    assert families[0].out_of_reach == 1
    enough, _ = corrected([cell(0, verdict(0.04, n_controls=10**6)), *others], 0.05)
    assert not enough[0].tests[0].out_of_reach


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (verdict(None, "not_assessable"), "uncalibrated"),
        (verdict(0.001, reason_code="chosen_for_likeness"), "chosen_for_likeness"),
        (verdict(None, exact=exact(9.0, by_design=False)), "design_unchecked"),
        (verdict(None, exact=exact(9.0, design="public_dataset")), "design_unchecked"),
    ],
)
def test_what_can_not_be_corrected_is_left_out_and_says_why(made: Verdict, why: str) -> None:
    told, families = corrected([cell(0, made)], 0.05)
    assert (told[0].tests[0].untested, told[0].tests[0].stands, families) == (why, False, ())


def test_an_owners_e_values_are_a_family_of_their_own() -> None:
    made = [verdict(None, exact=exact(4.0)), verdict(None, "inconclusive", exact=exact(0.0))]
    told, families = corrected([cell(i, v) for i, v in enumerate(made)], 0.05)
    assert told[0].tests[0].stands
    assert told[0].tests[0].rate == pytest.approx(2e-4)
    assert families[0].procedure == "e_benjamini_hochberg"


def test_a_service_is_found_where_its_claim_is_not_supported() -> None:
    made = [
        verdict(0.001, outcome, question="service", candidate="m", calibration=None)
        for outcome in ("not_supported", "supported")
    ]
    told, families = corrected([cell(i, v) for i, v in enumerate(made)], 0.05)
    assert [c.tests[0].stands for c in told] == [True, False]
    assert families[0].supported == 1


def test_families_share_one_level() -> None:
    """A null test of each of two questions, in 2000 fleets: whatever stands is false, so that the
    false discovery rate is how often anything does. Each at the whole level would give 0.36."""
    rng, level, fleets = default_rng(11), 0.2, 2000
    anything = 0
    for p_answers, p_weights in rng.uniform(size=(fleets, 2)):
        made = (verdict(p_answers), verdict(p_weights, question="lineage"))
        (told,), families = corrected([cell(0, *made)], level)
        assert len(families) == 2
        anything += any(t.stands for t in told.tests)
    assert anything / fleets <= level + 0.02


def test_a_rate_is_that_at_which_a_test_begins_to_stand() -> None:
    made = [cell(0, verdict(0.01), verdict(0.5, "not_supported", question="lineage"))]
    (rated,), _ = corrected(made, 0.01)
    rate = rated.tests[0].rate
    assert rate == pytest.approx(0.02)
    assert [corrected(made, at)[0][0].tests[0].stands for at in (0.0199, 0.0201)] == [False, True]


def test_two_of_one_title_are_told_apart_and_another_title_is_no_change() -> None:
    """A maker that is called otherwise, and two candidates that are called alike."""

    def told(*tests: tuple[str, str, bool]) -> list[FleetCell]:
        one = cell(0, *(verdict(0.01) for _ in tests))
        named = [
            t.model_copy(update={"candidate": c, "title": title, "stands": stands})
            for t, (c, title, stands) in zip(one.tests, tests, strict=True)
        ]
        return [one.model_copy(update={"tests": tuple(named)})]

    before = told(("vendor:a", "Acme", True), ("vendor:b", "Acme", False))
    assert not changes(before, told(("vendor:a", "Acme Ltd", True), ("vendor:b", "Acme", False)))
    after = told(("vendor:a", "Acme", False), ("vendor:b", "Acme", True))
    found = [(c.candidate, c.title, c.before, c.after) for c in changes(before, after)]
    assert found == [("vendor:a", "Acme", "true", "false"), ("vendor:b", "Acme", "false", "true")]
