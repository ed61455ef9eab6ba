"""What a harvest audit tells in words: its answer, limits, other explanations, the command that
repeats it.

Knows sentences; decides nothing.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from auditor.audits.harvest.document import COMPARED
from auditor.audits.harvest.gathering import Gathered
from auditor.audits.harvest.judging import JudgedHarvest
from auditor.audits.harvest.observing import ObservedSets
from auditor.audits.harvest.plan import HarvestPlan
from auditor.evidence.questions import ASKS, unexamined
from auditor.evidence.records import Answer, Verdict
from auditor.evidence.weight import exact_conclusion
from auditor.reporting.text import probability
from detectors.inheritance.served_or_twin import Mode

DOES_NOT_SAY = (
    "Who trained the suspect, how much of it comes from these answers, by which way they reached"
    " it, or whether any terms forbid it. Silence is no proof of innocence: a small share used, a"
    " paraphrase, or answers that hardly vary can leave nothing to be seen."
)


def answers(plan: HarvestPlan, mode: Mode, judged: JudgedHarvest) -> tuple[Answer, ...]:
    """The answer on inheritance, and that the others were not asked."""
    return (
        Answer(
            question="inheritance",
            asks=ASKS["inheritance"],
            answer=_answer(plan, mode, judged),
            does_not_say=DOES_NOT_SAY,
            conclusion=exact_conclusion(judged.verdicts),
        ),
        *unexamined("lineage", "service"),
    )


def _answer(plan: HarvestPlan, mode: Mode, judged: JudgedHarvest) -> str:
    verdicts = judged.verdicts
    supported = [v for v in verdicts if v.outcome == "supported"]
    if supported:
        told = "; ".join(_figures(v) for v in supported)
        return f"Supported: the suspect prefers the answers that were served to {told}."
    if judged.failed and not any(v.exact for v in verdicts):
        names = ", ".join(
            "an innocent model" if code == "innocent" else COMPARED.get(code, code)
            for code in judged.failed
        )
        return (
            "Not assessed: served and drawn answers can be told apart without the suspect"
            f" ({names}), so the design does not hold."
        )
    tested = [v for v in verdicts if v.exact is not None]
    if not tested:
        return f"Not assessed: {verdicts[0].reason}" if verdicts else "Not assessed."
    if all(v.outcome == "not_supported" for v in verdicts):
        dose = _dose(plan, mode, tested[0])
        return f"Not supported: no preference for what was served was found. {dose}"
    told = "; ".join(_figures(v) for v in tested)
    # A tiny p-value of a design that does not hold must not stand alone.
    open_ = next((v.reason for v in tested if v.exact is not None and not v.exact.by_design), "")
    return f"Inconclusive: no verdict follows from what was served to {told}. {open_}".rstrip()


def _figures(v: Verdict) -> str:
    if v.exact is None:
        return v.called
    return (
        f"{v.called} (exact p {probability(v.exact.p_value)}, corrected {probability(v.p_value)},"
        f" log10 e-value {v.exact.log10_e:+.2f}, {v.exact.n:,} prompts)"
    )


def _dose(plan: HarvestPlan, mode: Mode, v: Verdict) -> str:
    power = 0.0 if v.exact is None else v.exact.power or 0.0
    return (
        f"A training on {plan.used:.0%} of these answers that adds a score of"
        f" {plan.dose(mode):g} to each would have been found with a chance of {power:.2f}; a"
        " weaker one may have gone unseen."
    )


def headline(gathered: Gathered, judged: JudgedHarvest) -> tuple[str, ...]:
    """What stands before all else."""
    prompts = sum(g.prompts for g in judged.groups)
    return (
        f"One question alone: does the suspect prefer the {prompts:,} answers that were served,"
        f" each over {gathered.m} others that could as well have been?",
    )


def alternatives() -> tuple[str, ...]:
    """Other histories that would leave the same preference."""
    return (
        "The suspect learned from what somebody else copied, published or resold of these answers.",
        "The suspect learned from another model that had learned from them.",
        "The served answers came from a cache, or were themselves copied from a text that the"
        " suspect read elsewhere, while twins were drawn afresh.",
        "The owner of the log trained the suspect, or gave the log away: whoever holds log and"
        " twins must be believed about both, unless a coin was committed to.",
    )


def limits(plan: HarvestPlan, gathered: Gathered, observed: ObservedSets) -> Iterator[str]:
    """What this test can't show, and what was left out."""
    yield (
        "The test is of the answers that were kept: a log that was filtered by what it holds is no"
        " fair sample, unless twins were filtered by the same rule."
    )
    if gathered.design == "regenerated":
        yield (
            "Twins were drawn after the fact: the checks above would show much drift of model,"
            " sampling or cutting, not any."
        )
    if gathered.design == "coin":
        yield (
            "The coin is believed as far as its commitments reach somebody else on the day that"
            " they name; this report can't tell when they were given away."
        )
    if observed.mode == "text":
        yield ("Only words were compared: an open suspect's likelihoods show far weaker traces.")
    if observed.base is None:
        yield "No base was named: a suspect's own taste for some answers stays in the noise."
    if plan.accounts or plan.cluster:
        yield "The accounts were chosen before: choosing them by this result would void it."
    for name, why in observed.absent.items():
        yield f"{name} was named and not used: {why}."
    if plan.suspects == 1:
        yield (
            "Corrected for one suspect. Whoever examines several on one log must say so"
            " (--suspects), or the best of many looks like evidence."
        )


def command_of(plan: HarvestPlan) -> tuple[str, ...]:
    """The command that repeats the audit."""
    given: list[tuple[str, object]] = [
        ("--log", plan.log),
        ("--twins", plan.twins),
        ("--commitments", plan.commitments),
        ("--base", plan.base),
        ("--teacher", plan.teacher),
        *(("--innocent", spec) for spec in plan.innocents),
        *(("--account", name) for name in plan.accounts),
        ("--cluster", plan.cluster),
        ("--suspects", plan.suspects if plan.suspects > 1 else None),
        ("--d", plan.effect),
        ("--used", plan.used),
        ("--samples", plan.samples),
        ("--max-tokens", plan.max_tokens),
        ("--seed", plan.seed),
        ("--quote", plan.quote or None),
    ]
    flags = [f"{flag} {shlex.quote(str(value))}" for flag, value in given if value is not None]
    for flag, on in (
        ("--public-dataset", plan.public_dataset),
        ("--text-only", plan.text_only),
        ("--sequential", plan.sequential),
    ):
        flags += [flag] if on else []
    return (" ".join(["auditor harvest", shlex.quote(plan.suspect), *flags, "--out again/"]),)
