"""A watermark's test: green tokens in what the suspect wrote, and in what it would have written
behind the beginnings of marked texts.
"""

from __future__ import annotations

from math import log10

import numpy as np
from numpy.typing import NDArray

from auditor.audits.plants import narrative
from auditor.audits.plants.opened import Plant
from auditor.audits.plants.plan import PlantTestPlan
from auditor.audits.plants.reading import answers, marked_texts, passages
from auditor.audits.plants.records import GreenTest
from auditor.audits.plants.telling import Examined, report_of, section_of, untested, verdict_of
from auditor.evidence.exact import LEAST, SIGNIFICANT, ExactTest
from auditor.evidence.records import Finding, Report, Skipped, Verdict
from auditor.evidence.weight import SUPPORTED
from detectors.inheritance.radioactivity import (
    FEWEST,
    NAME,
    GreenCount,
    TokenPairs,
    Way,
    count_green,
    first,
    forced_pairs,
    power_at,
    tokens_needed,
    unused_keys,
    written_pairs,
)
from detectors.measurement import Measurement, Null
from detectors.stats.intervals import clopper_pearson
from detectors.stats.pvalues import holm
from fingerprints.errors import MalformedInput, UsageProblem, printable
from fingerprints.plants import SealedWatermark, backend_mark
from fingerprints.progress import Told

MOST_NULL_TOKENS = 2000
"""Tokens that unused keys are tried on: they show that nothing but the key matters, at half a
second a key."""
NULL_SEED = 7
METRIC_IDS: dict[Way, str] = {"forced": "forced_green_share", "written": "written_green_share"}


def watermark_report(
    plan: PlantTestPlan, plant: Plant, sealed: SealedWatermark, heard: Examined, progress: Told
) -> Report:
    """The report on how often the suspect's tokens are green. Raises MalformedInput for marked
    answers that don't carry the mark, and choices behind other ones; UsageProblem for a suspect
    that was asked under the key itself."""
    if backend_mark(plant.notice.commitment) in heard.said.identity.backend:
        raise UsageProblem(
            "the suspect was asked under this plant's own key: its answers carry the watermark"
            " because it was put there",
            where=printable(heard.said.header.spec, 80),
            next_step="open it without the option watermark, and ask it again",
        )
    counts: dict[Way, TokenPairs] = {}
    vocabulary = plant.vocabulary()
    if heard.marked is not None and heard.chosen is not None:
        if heard.chosen.marked_sha256 != heard.marked.digest():
            raise MalformedInput(
                "the choices stand behind other texts than these",
                where="--choices",
                next_step="give the --marked of the test that made them",
            )
        _carries(written_pairs(*answers(heard.marked, vocabulary)), sealed)
        texts = marked_texts(passages(heard.marked), heard.chosen.rows, vocabulary)
        counts["forced"] = forced_pairs(texts)
    counts["written"] = written_pairs(*answers(heard.said, vocabulary))
    enough = {way: pairs for way, pairs in counts.items() if pairs.n >= FEWEST}
    green = {way: count_green(pairs, sealed.scheme, sealed.key) for way, pairs in enough.items()}
    rose = heard.chosen is not None and heard.chosen.rose
    tests = {way: _green_exact(found, plan, len(green)) for way, found in green.items()}
    nulls = _nulls(plan, sealed, enough, progress)
    findings = tuple(
        _green_finding(plant, way, rose, found, nulls.get(way), tests[way])
        for way, found in green.items()
    )
    skipped = tuple(
        Skipped(
            question="inheritance",
            detector=NAME,
            candidate=plant.notice.teacher,
            reason=narrative.too_few(pairs, way, sealed.scheme.chance),
            code="too_few_answers",
        )
        for way, pairs in counts.items()
        if way not in enough
    )
    if heard.marked is not None and heard.chosen is None:
        skipped += (_out_of_sight(plant),)
    verdict = _green_verdict(plan, plant, heard, tests)
    section = section_of(
        plan,
        plant,
        heard,
        watermark=sealed.scheme,
        green=tuple(_green_test(way, rose, counts[way], green[way]) for way in green),
        power=None if verdict.exact is None else verdict.exact.power,
        needed=_needed(sealed.scheme.chance),
    )
    return report_of(plan, plant, heard, section, findings, skipped, (verdict,))


def _out_of_sight(plant: Plant) -> Skipped:
    """That marked answers were given for nothing: nobody could be put behind them."""
    return Skipped(
        question="inheritance",
        detector=NAME,
        candidate=plant.notice.teacher,
        reason=narrative.OUT_OF_SIGHT,
        code="not_scored",
    )


def _carries(pairs: TokenPairs, sealed: SealedWatermark) -> None:
    """Raises MalformedInput where the marked answers don't carry the watermark: they are other
    ones, or were cut to nothing."""
    found = count_green(pairs, sealed.scheme, sealed.key)
    if found.p_value > SIGNIFICANT:
        raise MalformedInput(
            f"these answers don't carry the watermark: {found.share:.1%} of {found.n:,} tokens are"
            f" green, by chance {found.chance:.1%}",
            where="--marked",
            next_step="give answers that the teacher wrote with this plant's key",
        )


def _green_exact(found: GreenCount, plan: PlantTestPlan, looks: int) -> ExactTest:
    power = None
    if plan.expect is not None:
        enough = SUPPORTED + log10(looks)
        power = power_at(found.n, plan.expect, found.chance, SIGNIFICANT / looks, enough)
    return ExactTest(
        design="watermark",
        by_design=True,
        unit="token",
        n=found.n,
        p_value=max(LEAST, found.p_value),
        p_floor=max(LEAST, found.p_floor),
        # Of two ways the better is told: half of either bet's winnings is what that leaves.
        log10_e=found.log10_e - log10(looks),
        anytime=False,
        power=power,
    )


def _nulls(
    plan: PlantTestPlan,
    sealed: SealedWatermark,
    pairs: dict[Way, TokenPairs],
    progress: Told,
) -> dict[Way, Null]:
    keys = unused_keys(plan.null_keys, NULL_SEED, sealed.key)
    out: dict[Way, Null] = {}
    for place, (way, held) in enumerate(pairs.items()):
        some = first(held, MOST_NULL_TOKENS)
        real = count_green(some, sealed.scheme, sealed.key).share
        shares = []
        for number, key in enumerate(keys, 1):
            shares.append(count_green(some, sealed.scheme, key).share)
            progress(place * len(keys) + number, len(pairs) * len(keys))
        if shares:
            out[way] = _null(np.array(shares), real)
    return out


def _null(shares: NDArray[np.float64], real: float) -> Null:
    above = int((shares >= real).sum())
    levels = (0.05, 0.5, 0.95, 1.0)
    return Null(
        n=len(shares),
        mean=float(shares.mean()),
        sd=float(shares.std()),
        quantiles=tuple((f"{q:.0%}", float(np.quantile(shares, q))) for q in levels),
        at_least=above,
        p=(1 + above) / (len(shares) + 1),
        population=narrative.UNUSED_KEYS,
        unit="keys",
    )


def _green_finding(
    plant: Plant, way: Way, rose: bool, found: GreenCount, null: Null | None, test: ExactTest
) -> Finding:
    measured = Measurement(
        metric=narrative.METRICS[way],
        metric_id=METRIC_IDS[way],
        value=found.share,
        n=found.n,
        n_unit="tokens, each after another context or another one after the same",
        direction=narrative.GREEN_DIRECTION,
        interval=clopper_pearson(found.green, found.n),
        null=null,
        summary=narrative.green_summary(way, rose, found),
        facts={"green": found.green, "by_chance": round(found.chance, 6)},
    )
    teacher = plant.notice.teacher
    return Finding.of(measured, "inheritance", NAME, teacher, exact=test)


def _green_test(way: Way, rose: bool, pairs: TokenPairs, found: GreenCount) -> GreenTest:
    return GreenTest(
        way=way,
        rose=rose and way == "forced",
        tokens=found.n,
        green=found.green,
        seen=pairs.seen,
        repeated=pairs.repeated,
        given=pairs.given,
        keyless=pairs.keyless,
        p_value=max(LEAST, found.p_value),
    )


def _needed(chance: float) -> dict[str, int]:
    """How many tokens find leads of three sizes at the size of a supported verdict."""
    leads = (0.02, 0.05, 0.1)
    return {f"{lead:g}": tokens_needed(lead, chance, SIGNIFICANT) for lead in leads}


def _green_verdict(
    plan: PlantTestPlan, plant: Plant, heard: Examined, tests: dict[Way, ExactTest]
) -> Verdict:
    if not tests:
        return untested(plant)
    best = min(tests, key=lambda way: tests[way].p_value)
    corrected = float(min(holm([t.p_value for t in tests.values()])))
    return verdict_of(plan, heard, plant.notice.teacher, tests[best], corrected)
