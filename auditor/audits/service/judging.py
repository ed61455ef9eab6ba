"""From what was heard to a decision: different, no difference found at this size, or inconclusive.

Knows detectors and the share of alpha that each test may spend; asks nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from auditor.audits.frame import finding_of
from auditor.audits.service.asking import ServiceAnswers
from auditor.audits.service.plan import ServicePlan
from auditor.evidence.codes import ReasonCode
from auditor.evidence.records import Finding, Skipped
from detectors.base import Case, Measurement, NotMeasured, Teacher
from detectors.registry import load_detector
from detectors.service.repeated import asked_of_both, repeats
from detectors.stats.pvalues import holm
from fingerprints.adjustments import Adjustment
from fingerprints.collect import STOPPED
from fingerprints.transcript import Transcript

Decision = Literal["different", "no_difference_found", "inconclusive", "not_assessable"]
FIXED = ("model_equality", "rank_uniformity")
"""The tests of fixed size that decide; the bet decides beside them where one may stop early."""
DETECTORS = (
    "model_equality",
    "sequential_equality",
    "rank_uniformity",
    "token_counts",
    "answer_spread",
    "mid_run_change",
    "model_identification",
)
BET = "sequential_equality"
UNFIT_SHARE = 0.9
"""Below this share of fitting prompt lengths (its interval's upper end) the counts speak against
the claim."""


@dataclass(frozen=True)
class JudgedService:
    """Findings, what was not measured, and the decision with its p-value and reason, in words and
    as a code."""

    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...]
    decision: Decision
    p_value: float | None
    reason: str
    reason_code: ReasonCode | None = None

    def finding(self, detector: str) -> Finding | None:
        """What one detector found."""
        return next((f for f in self.findings if f.detector == detector), None)


def judge(plan: ServicePlan, heard: ServiceAnswers) -> JudgedService:
    """Measures and decides. Nothing is asked: the same records give the same answer."""
    found = [_examine(name, plan, heard) for name in DETECTORS]
    findings = tuple(f for f in found if isinstance(f, Finding))
    skipped = tuple(f for f in found if isinstance(f, Skipped))
    p = decisive_p(plan, findings, stopped(heard.endpoint))
    decision, code, reason = _decide(plan, heard, findings, p)
    return JudgedService(findings, skipped, decision, p, reason, code)


def stopped(endpoint: Transcript) -> bool:
    """Whether asking ended before all was asked, because it was enough."""
    return any(e.kind == STOPPED for e in endpoint.events)


def p_of(found: Finding | None) -> float | None:
    """A finding's p-value by itself; None where there is none."""
    return None if found is None or found.null is None else found.null.p


def decisive_p(plan: ServicePlan, findings: tuple[Finding, ...], early: bool) -> float | None:
    """The p-value that alpha is compared with; None where no test could measure.

    With ``--all`` the tests of fixed size, corrected for their number (Holm). Asking until it is
    enough splits alpha: half for the bet, half for these tests where all was asked; after an early
    stop their p-values hold no more, and only the bet's does.
    """
    held = {f.detector: f for f in findings}
    fixed = [p for p in (p_of(held.get(name)) for name in FIXED) if p is not None]
    p_fixed = float(holm(fixed).min()) if fixed else None
    if not plan.sequential:
        return p_fixed
    bet = held.get(BET)
    told = [] if bet is None else [10.0**-bet.value]
    told += [] if early or p_fixed is None else [p_fixed]
    return min(1.0, 2 * min(told)) if told else None


def _examine(name: str, plan: ServicePlan, heard: ServiceAnswers) -> Finding | Skipped:
    who = heard.reference.identity.name
    detector = load_detector(name)
    known = detector.get_params()
    detector.set_params(
        **{k: v for k, v in (("rounds", plan.rounds), ("seed", plan.seed)) if k in known}
    )
    result: Measurement | NotMeasured
    if name != "model_identification":
        result = detector.measure(
            Case(heard.endpoint, Teacher(who, "", "", heard.reference), scores=heard.scores)
        )
    elif heard.others is None:
        result = NotMeasured(
            reason="no store was named (--store) that could tell who else it may be",
            code="too_few_models",
        )
    else:
        others = heard.others
        result = detector.measure(
            Case(others.endpoint, Teacher(who, "", "", others.claimed), others.stored)
        )
    return finding_of(detector, who, result)


def _decide(
    plan: ServicePlan, heard: ServiceAnswers, findings: tuple[Finding, ...], p: float | None
) -> tuple[Decision, ReasonCode | None, str]:
    if p is None:
        return (
            "not_assessable",
            "too_few_prompts",
            "Too few prompts were answered often enough by both sides to compare them.",
        )
    unlike = _sampled_unlike(heard)
    if unlike:
        return "inconclusive", "sampled_unlike", unlike
    if repeats(asked_of_both(heard.endpoint, heard.reference)):
        return (
            "inconclusive",
            "greedy_answers",
            (
                "Greedy answers: they repeat word by word, so that other hardware or batches may"
                " change some of them every time alike. The shares of equal answers are told; a"
                " p-value needs temperature 1."
            ),
        )
    # After what makes answers differ whatever the model is: unlike sampling, greedy answers.
    if p <= plan.alpha:
        return "different", None, ""
    doubts = _doubts(plan, findings)
    if doubts:
        return (
            "inconclusive",
            "other_clues",
            f"The answers do not differ at this size, but {' and '.join(doubts)}.",
        )
    return "no_difference_found", "size_bounds", ""


def _doubts(plan: ServicePlan, findings: tuple[Finding, ...]) -> list[str]:
    """What speaks against the claim although the answers do not differ."""
    held = {f.detector: f for f in findings}
    out = []
    counts, p_change = held.get("token_counts"), p_of(held.get("mid_run_change"))
    # By its upper end: a few counts that differ are no clue.
    if counts is not None and counts.interval is not None and counts.interval[1] < UNFIT_SHARE:
        out.append("the token counts that it reports do not fit the claimed tokenizer")
    if p_change is not None and p_change <= plan.alpha:
        out.append("something changed while it was asked")
    return out


_REFUSED: dict[str, frozenset[Adjustment]] = {
    "temperature": frozenset({Adjustment.SERVER_TEMPERATURE}),
    "top-p": frozenset({Adjustment.SERVER_TOP_P}),
    "system prompt": frozenset({Adjustment.SYSTEM_IN_QUESTION, Adjustment.NO_EMPTY_SYSTEM}),
    "length of answers": frozenset({Adjustment.LONGER_ANSWER}),
}
"""What makes two sides unlike where an endpoint was not sent it as planned."""


def _adjusted(heard: ServiceAnswers) -> frozenset[Adjustment]:
    replies = (*heard.endpoint.replies, *heard.reference.replies)
    return frozenset(adjusted for reply in replies for adjusted in reply.adjusted)


def _sampled_unlike(heard: ServiceAnswers) -> str:
    """Where both sides say how they were sampled, and it was not alike: what differs; else
    empty."""
    ours, theirs = heard.endpoint.header, heard.reference.header
    refused = [n for n, a in _REFUSED.items() if a & _adjusted(heard)]
    if refused:
        return (
            f"The {' and the '.join(refused)} asked for was not sent as planned on one side at"
            " least, so that the two need not have been sampled alike: answers can then differ"
            " whatever the model."
        )
    if not (ours.probe_sets and theirs.probe_sets):
        return ""
    names = ("temperature", "top_p", "max_tokens")
    unlike = [n for n in names if getattr(ours.sampling, n) != getattr(theirs.sampling, n)]
    if not unlike:
        return ""
    told = ", ".join(
        f"{n} {getattr(ours.sampling, n)} and {getattr(theirs.sampling, n)}" for n in unlike
    )
    return (
        f"The two sides were sampled unlike ({told}), which makes answers differ whatever the"
        " model."
    )
