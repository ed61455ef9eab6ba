"""From tables to verdicts: do the design's conditions hold, do innocents pass, does the suspect
prefer what was served?

Pure: the same sets and tables give the same verdicts. Knows no model and no file.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence, Sized
from dataclasses import dataclass
from math import log10

import numpy as np
from numpy.typing import NDArray

from auditor.audits.harvest.gathering import Gathered, groups_of
from auditor.audits.harvest.observing import ObservedSets
from auditor.audits.harvest.plan import HarvestPlan
from auditor.audits.harvest.records import DesignCheck, HarvestGroup, InnocentCheck
from auditor.evidence.codes import Outcome, ReasonCode
from auditor.evidence.exact import LEAST, SIGNIFICANT, ExactTest
from auditor.evidence.records import Finding, Skipped, Verdict
from auditor.evidence.weight import exact_outcome, exact_words
from detectors.inheritance.served_or_twin import (
    FEWEST,
    LEVEL,
    NAME,
    Mode,
    ServedSet,
    design_tests,
    differing,
    lengths,
    measurement,
    telling,
)
from detectors.measurement import WhyNot
from detectors.stats.exact_sum import two_sided
from detectors.stats.pvalues import holm
from detectors.stats.twins import ServedOrTwin, power_at, served_or_twin, units_needed

Array = NDArray[np.float64]


@dataclass(frozen=True)
class JudgedHarvest:
    """What a harvest audit found, what it checked, and whether the design held."""

    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...]
    verdicts: tuple[Verdict, ...]
    checks: tuple[DesignCheck, ...]
    innocents: tuple[InnocentCheck, ...]
    groups: tuple[HarvestGroup, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        """Codes of the conditions that do not hold."""
        broken = tuple(c.compared for c in self.checks if not c.held)
        return broken + (("innocent",) if any(not i.held for i in self.innocents) else ())


def judge(plan: HarvestPlan, gathered: Gathered, observed: ObservedSets) -> JudgedHarvest:
    """Every group's verdict: refused where the design's conditions do not hold, else by the exact
    test, corrected for groups and suspects."""
    sets = [gathered.sets[i] for i in observed.kept]
    checks = (*gathered.checks, *_design_checks(gathered, sets, observed))
    innocents = _innocents(plan, sets, observed)
    # A coin needs no likeness of candidates, but innocents must pass: else its log is not what it
    # claims to be.
    binding = checks if gathered.design in ("sealed", "regenerated") else ()
    broken = not all(c.held for c in binding) or not all(i.held for i in innocents)
    groups = _groups(plan, sets, observed)
    shared = among(plan, groups)
    tested = {
        name: tested_group(plan, sets, observed, places)
        for name, places in groups.items()
        if len(places) >= FEWEST
    }
    exact = {
        name: _exact(plan, gathered, observed, found, bool(innocents), shared)
        for name, found in tested.items()
    }
    order = list(exact)
    corrected = dict(zip(order, _corrected(plan, [exact[n] for n in order]), strict=True))
    findings, skipped, verdicts, told = [], [], [], []
    for name, places in groups.items():
        accounts = len({sets[i].account for i in places})
        test = exact.get(name)
        told.append(
            HarvestGroup(
                name=name,
                accounts=accounts,
                prompts=len(places),
                power=None if test is None else test.power,
            )
        )
        if test is None:
            verdicts.append(_too_few(plan, observed.mode, name, len(places), shared))
            skipped.append(_skip(name, verdicts[-1].reason, "too_few_answers"))
        elif broken:
            verdicts.append(_refused(name, len(places)))
            skipped.append(_skip(name, verdicts[-1].reason, "not_comparable"))
        else:
            quoted = telling([sets[i] for i in places], tested[name].served, plan.quote)
            known = adjusted_for(observed)
            found = measurement(tested[name], observed.mode, known, quoted, shared)
            findings.append(Finding.of(found, "inheritance", NAME, name, exact=test))
            verdicts.append(_verdict(name, test, corrected[name], len(places)))
    return JudgedHarvest(
        tuple(findings), tuple(skipped), tuple(verdicts), checks, innocents, tuple(told)
    )


def decided(plan: HarvestPlan, gathered: Gathered, observed: ObservedSets) -> bool:
    """Whether a sequence may end: every group's e-value would be supported, as it stands."""
    sets = [gathered.sets[i] for i in observed.kept]
    groups = _groups(plan, sets, observed)
    bound = -np.log10(SIGNIFICANT / among(plan, groups))
    return all(
        len(places) >= FEWEST and tested_group(plan, sets, observed, places).log10_best >= bound
        for places in groups.values()
    )


def among(plan: HarvestPlan, groups: Sized) -> int:
    """How many tests one is among: groups times suspects. Each bets an equal part of one stake, or
    the best of many innocent accounts would look like evidence."""
    return len(groups) * plan.suspects


def tested_group(
    plan: HarvestPlan, sets: Sequence[ServedSet], observed: ObservedSets, places: Sequence[int]
) -> ServedOrTwin:
    """The suspect's test on some of the sets, in the order in which they were seen."""
    looks = looks_of([observed.looked[i] for i in places]) if plan.sequential else None
    return _test([sets[i] for i in places], observed.suspect[list(places)], observed, places, looks)


def looks_of(looked: Sequence[int]) -> tuple[int, ...]:
    """How many of a group's sets each look had, of looks at which it could be tested; ``looked``
    says at which look each was new, and never falls."""
    ends = (bisect_right(looked, look) for look in sorted(set(looked)))
    return tuple(end for end in ends if end >= FEWEST)


def _groups(
    plan: HarvestPlan, sets: Sequence[ServedSet], observed: ObservedSets
) -> dict[str, list[int]]:
    """Which sets are tested together, each in the order in which they were seen: what a bet was
    placed on at one look must stand unchanged at the next."""
    told = groups_of(plan, sets)
    return {name: sorted(p, key=observed.looked.__getitem__) for name, p in told.items()}


def adjusted_for(observed: ObservedSets) -> tuple[str, ...]:
    """What scores are adjusted for, as codes."""
    likely = observed.mode == "likelihood"
    known = {"base": observed.base, "teacher": observed.teacher if likely else None}
    return (*(name for name, table in known.items() if table is not None), "length")


def _test(
    sets: Sequence[ServedSet],
    scores: Array,
    observed: ObservedSets,
    places: Sequence[int],
    looks: Sequence[int] | None,
) -> ServedOrTwin:
    """Likelihoods are adjusted by regression on the base's and the teacher's; of words the base's
    own share is taken off. Length is adjusted for in both."""
    base = None if observed.base is None else observed.base[list(places)]
    told = None if observed.teacher is None else observed.teacher[list(places)]
    covariates = [lengths(sets)]
    if observed.mode == "text":
        scores = scores if base is None else scores - base
    else:
        covariates += [table for table in (base, told) if table is not None]
    return served_or_twin(scores, covariates, looks)


def _design_checks(
    gathered: Gathered, sets: Sequence[ServedSet], observed: ObservedSets
) -> tuple[DesignCheck, ...]:
    if gathered.design == "coin" or len(sets) < FEWEST:
        return ()
    by_words = observed.mode == "text"
    known = {"teacher": observed.teacher, "base_words" if by_words else "base": observed.base}
    models = {name: table for name, table in known.items() if table is not None}
    tests = design_tests(sets, models)
    rejecting = {t.compared for t in differing(tests)}
    return tuple(
        DesignCheck(
            compared=t.compared, p_value=_least(t.p_value), held=t.compared not in rejecting
        )
        for t in tests
    )


def _innocents(
    plan: HarvestPlan, sets: Sequence[ServedSet], observed: ObservedSets
) -> tuple[InnocentCheck, ...]:
    if len(sets) < FEWEST:
        return ()
    places = range(len(sets))
    out = []
    for spec, table in zip(plan.innocents, observed.innocents, strict=True):
        p = _test(sets, table, observed, places, None).p_value
        plain = two_sided(table)
        # Two looks at one innocent: half of the level each.
        held = min(p, plain) > LEVEL / 2
        out.append(InnocentCheck(spec=spec, p_value=p, two_sided=_least(plain), held=held))
    return tuple(out)


def _exact(
    plan: HarvestPlan,
    gathered: Gathered,
    observed: ObservedSets,
    found: ServedOrTwin,
    innocents: bool,
    shared: int,
) -> ExactTest:
    checked = innocents or observed.base is not None or observed.teacher is not None
    construction = {"coin": True, "sealed": True, "regenerated": checked}
    p = 10.0**-found.log10_best if plan.sequential else found.p_value
    return ExactTest(
        design=gathered.design,
        by_design=construction.get(gathered.design, False),
        unit="prompt",
        n=found.n,
        p_value=min(1.0, _least(p)),
        p_floor=found.test.p_floor,
        log10_e=found.log10_e - log10(shared),
        anytime=True,
        power=None if plan.sequential else _power(plan, observed.mode, found.n, shared),
    )


def _power(plan: HarvestPlan, mode: Mode, n: int, shared: int) -> float:
    """The chance of a p-value that is significant after any correction."""
    return round(power_at(n, plan.dose(mode), plan.used, SIGNIFICANT / shared), 4)


def _corrected(plan: HarvestPlan, tests: Sequence[ExactTest]) -> list[float]:
    """Holm over the groups, times the number of suspects (Bonferroni: the others' p-values are not
    known here)."""
    if not tests:
        return []
    return [min(1.0, float(p) * plan.suspects) for p in holm([t.p_value for t in tests])]


def _verdict(name: str, test: ExactTest, corrected: float, prompts: int) -> Verdict:
    outcome = exact_outcome(test, corrected)
    code, reason = _why(test, outcome, corrected)
    return Verdict(
        question="inheritance",
        candidate=name,
        outcome=outcome,
        words=exact_words(test),
        p_value=corrected,
        p_single=test.p_value,
        prompts=prompts,
        exact=test,
        reason=reason,
        reason_code=code,
    )


def _why(test: ExactTest, outcome: Outcome, corrected: float) -> tuple[ReasonCode | None, str]:
    """Why a verdict is no stronger."""
    if test.design == "public_dataset":
        return "exploratory", (
            "What somebody chose for a data set can only be explored: what the choice preferred"
            " looks like learning."
        )
    if not test.by_design:
        return "unchecked_design", (
            "Twins were drawn after the fact, and no model checked that nothing has drifted since:"
            " name the teacher, the base or an innocent model."
        )
    if outcome == "inconclusive" and corrected > SIGNIFICANT:
        told = ", and the power at the stated dose is"
        power = "" if test.power is None else f"{told} {test.power:.2f}"
        return "too_weak", (
            f"The corrected p-value is above {SIGNIFICANT:g}{power}: more prompts would tell."
        )
    return None, ""


def _refused(name: str, prompts: int) -> Verdict:
    return Verdict(
        question="inheritance",
        candidate=name,
        outcome="not_assessable",
        prompts=prompts,
        reason="Served and drawn answers differ by more than chance before any suspect is asked, so"
        " they could not have changed places: whatever the suspect prefers says nothing.",
        reason_code="not_exchangeable",
    )


def _too_few(plan: HarvestPlan, mode: Mode, name: str, prompts: int, shared: int) -> Verdict:
    needed = units_needed(plan.dose(mode), plan.used, SIGNIFICANT / shared)
    return Verdict(
        question="inheritance",
        candidate=name,
        outcome="not_assessable",
        prompts=prompts,
        reason=f"{prompts} prompts are too few: below {FEWEST} nothing is tested, and a training"
        f" that adds {plan.dose(mode):g} to {plan.used:.0%} of the answers needs about"
        f" {needed:,}.",
        reason_code="too_few_prompts",
    )


def _skip(name: str, reason: str, code: WhyNot) -> Skipped:
    return Skipped(question="inheritance", detector=NAME, candidate=name, reason=reason, code=code)


def _least(p: float) -> float:
    return max(LEAST, p)
