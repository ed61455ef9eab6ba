"""From the shadows' answers to weighed findings: one log10 likelihood ratio a candidate, calibrated
on the shadows themselves.

A pure function of records: nothing is asked, so the same records give the same findings.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from auditor.audits.frame import finding_of
from auditor.evidence.records import Finding, Skipped, Verdict
from auditor.evidence.weight import SAME, SCALE, Weight, outcome_of, weigh
from detectors.base import Case, Measurement, NotMeasured, Question, Shadow, Teacher
from detectors.inheritance.shadow_ratio import ShadowRatio, bare
from detectors.stats.log_lr import LogLikelihoodRatio
from detectors.stats.pvalues import holm
from detectors.style.shadow_panel import ShadowPanel
from fingerprints.transcript import Transcript

QUESTION: Question = "inheritance"
WEAKEST = SCALE[0][0]
UNWEIGHED = ("log10_lr", "cap", "words", "calibration")
"""What a finding has not where no calibration applies."""


@dataclass(frozen=True)
class JudgedShadows:
    """Findings and verdicts, one a candidate; the panel and the calibration they rest on (None
    where there is none)."""

    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...]
    verdicts: tuple[Verdict, ...]
    fitted: LogLikelihoodRatio | None = None
    panel: ShadowPanel | None = None


def judge(
    suspect: Transcript,
    base: Teacher,
    shadows: Sequence[Shadow],
    candidates: Sequence[str],
    calibration: str,
) -> JudgedShadows:
    """Weighs every candidate. ``calibration`` names the cohort that the ratios come from.

    The likelihood ratio is learned from every held-out score of a shadow on a candidate, taught by
    it or not; a shadow counts once for each. Its interval covers both other shadows of the same
    number and other prompts. p-values are Holm-corrected over the candidates that were measured.
    """
    detector, among = ShadowRatio(), tuple(shadows)
    # A candidate is known by its students alone: of its own answers none is read.
    nobody = Transcript(base.transcript.header, {}, ())
    cases = {
        name: Case(suspect, Teacher(name, "", "", nobody), (), base, among) for name in candidates
    }
    measured = {name: detector.measure(case) for name, case in cases.items()}
    panel = detector.panel(next(iter(cases.values()))) if cases else None
    return _judged(panel, measured, calibration)


def judge_panel(panel: ShadowPanel | None, candidates: Sequence[str]) -> tuple[Verdict, ...]:
    """The verdicts that `judge` gives on such a panel, with nothing that is shown and with no
    calibration's name."""
    measured = {name: bare(panel, name) for name in candidates}
    return _judged(panel, measured, "").verdicts


def _judged(
    panel: ShadowPanel | None,
    measured: Mapping[str, Measurement | NotMeasured],
    calibration: str,
) -> JudgedShadows:
    detector = ShadowRatio()
    found = {name: m for name, m in measured.items() if isinstance(m, Measurement)}
    told = [finding_of(detector, name, m) for name, m in measured.items()]
    skipped = tuple(f for f in told if isinstance(f, Skipped))
    # One map for all candidates: each has a handful of students, too few for a map of its own.
    fitted, problem = (None, "nothing was measured") if panel is None else calibrate(panel)
    corrected = corrected_p(found)
    weighed = {name: None if fitted is None else weight_of(fitted, m) for name, m in found.items()}
    findings = tuple(
        _finding(detector.name, name, m, weighed[name], calibration) for name, m in found.items()
    )
    reasons = {s.candidate: s.reason for s in skipped}
    verdicts = tuple(
        _verdict(
            name,
            found.get(name),
            weighed.get(name),
            corrected.get(name),
            reasons.get(name, problem),
            calibration,
        )
        for name in measured
    )
    return JudgedShadows(findings, skipped, verdicts, fitted, panel)


def without_itself(judged: JudgedShadows, itself: Collection[str]) -> JudgedShadows:
    """The same without a ratio for the candidates (``itself``) whose very weights the suspect has:
    it is no student of itself, whatever its answers are like."""
    findings = tuple(
        f.model_copy(update=dict.fromkeys(UNWEIGHED)) if f.candidate in itself else f
        for f in judged.findings
    )
    verdicts = tuple(_same(v) if v.candidate in itself else v for v in judged.verdicts)
    return replace(judged, findings=findings, verdicts=verdicts)


def _same(verdict: Verdict) -> Verdict:
    return Verdict(
        question=verdict.question,
        candidate=verdict.candidate,
        outcome="not_assessable",
        n_controls=verdict.n_controls,
        reason=SAME,
        reason_code="same_weights",
    )


def calibrate(panel: ShadowPanel) -> tuple[LogLikelihoodRatio | None, str]:
    """The map from score to log10 LR, fitted on the shadows' held-out scores; or None and the
    reason."""
    rows = panel.held_out
    labels = [int(h.taught) for h in rows]
    names = [panel.shadows[h.shadow].name for h in rows]
    students = len({name for name, label in zip(names, labels, strict=True) if label})
    others = len({name for name, label in zip(names, labels, strict=True) if not label})
    if min(students, others) < 2:
        return (
            None,
            (
                f"only {students} students and {others} others could be held out, and a calibration"
                " needs two of either; train shadows with more seeds"
            ),
        )
    return LogLikelihoodRatio().fit([h.value for h in rows], labels, names), ""


def weight_of(fitted: LogLikelihoodRatio, found: Measurement) -> Weight:
    """The capped ratio of a measurement; its interval spans the calibration's own and that of
    the measured value."""
    ends = [found.value, *(found.interval or ())]
    spans = np.vstack(
        [fitted.interval([found.value]), fitted.uncapped(ends).min() * np.ones((1, 2))]
    )
    spans = np.append(spans.ravel(), fitted.uncapped(ends).max())
    interval = (float(spans.min()), float(spans.max()))
    return weigh(float(fitted.uncapped([found.value])[0]), fitted.numbers_.bounds, interval)


def corrected_p(found: dict[str, Measurement]) -> dict[str, float]:
    """The candidates' p-values, Holm-corrected over those that have one."""
    raw = {
        name: m.null.p for name, m in found.items() if m.null is not None and m.null.p is not None
    }
    return dict(zip(raw, map(float, holm(list(raw.values()))), strict=True)) if raw else {}


def _finding(
    detector: str, name: str, found: Measurement, weight: Weight | None, calibration: str
) -> Finding:
    if weight is None:
        return Finding.of(found, QUESTION, detector, name)
    return Finding.of(
        found,
        QUESTION,
        detector,
        name,
        log10_lr=weight.log10_lr,
        cap=weight.cap,
        words=weight.words,
        calibration=calibration,
    )


def _weighed(name: str, weight: Weight) -> str:
    told = (
        f"Weighed: a student of {name}, made as its shadows were, against a model made as the other"
        " shadows were."
    )
    low, high = weight.interval or (weight.log10_lr, weight.log10_lr)
    wide = abs(weight.log10_lr) >= WEAKEST and low <= 0 <= high
    return (
        f"{told} The interval holds even odds: other shadows, or other prompts, could have"
        " turned it."
        if wide
        else told
    )


def _verdict(
    name: str,
    found: Measurement | None,
    weight: Weight | None,
    p: float | None,
    reason: str,
    calibration: str,
) -> Verdict:
    controls = found.null.n if found is not None and found.null is not None else 0
    if found is None or weight is None:
        return Verdict(
            question=QUESTION,
            candidate=name,
            outcome="not_assessable",
            p_value=p,
            n_controls=controls,
            reason=reason,
            reason_code="not_measured" if found is None else "too_few_shadows",
        )
    return Verdict(
        question=QUESTION,
        candidate=name,
        outcome=outcome_of(weight),
        log10_lr=weight.log10_lr,
        interval=weight.interval,
        cap=weight.cap,
        words=weight.words,
        p_value=p,
        p_single=found.null.p if found.null is not None else None,
        n_controls=controls,
        calibration=calibration,
        prompts=found.n,
        reason=_weighed(name, weight),
        reason_code="made_like_shadows",
    )
