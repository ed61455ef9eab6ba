"""A case's measurements, weighed: findings with their ratios, a verdict for every stored model and
every vendor.

Knows findings and a calibration; measures nothing. A verdict is a weight of evidence between two
propositions, with its cap and its reasons; it is never the probability that a model was taught.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from auditor.calibration.record import Calibration, Fitted
from auditor.calibration.rows import Level, mean_by_vendor, vendor_name
from auditor.calibration.weigher import Weigher
from auditor.evidence.records import VENDOR, Candidate, Finding, Part, ReasonCode, Verdict
from auditor.evidence.weight import outcome_of, weigh, words
from detectors.stats.pvalues import conformal_p, holm

UNRELATED = "The suspect has this stored model's weights: it is that model, not its student."
BEYOND = "Beyond all values that were calibrated on: {}."
NOT_MEASURED = (
    "No detector that the calibration knows measured this candidate in the calibrated way."
)
TOO_FEW = "The calibration begins at {size} prompts; this comparison rests on {n}."
FEW_VENDORS = (
    "The store holds models of {found} vendors, too few for a calibration that was fitted against"
    " {known}."
)
VERSIONS: dict[ReasonCode, str] = {
    "other_versions": (
        "Versions of one vendor are hard to tell apart: read the vendor's verdict first."
    ),
    "others_not_weighed": (
        "Versions of one vendor are hard to tell apart, and this vendor's other stored models were"
        " not weighed."
    ),
}
"""What a model's verdict says of the vendor's other versions."""


@dataclass(frozen=True)
class Weighed:
    """Findings with their weights, the verdicts, and which calibrated fits were used."""

    findings: tuple[Finding, ...]
    verdicts: tuple[Verdict, ...]
    used: tuple[Fitted, ...]


@dataclass(frozen=True)
class _Evidence:
    """What was measured of one candidate: a value and its metric's id by detector, and on how many
    prompts."""

    candidate: str
    level: Level
    values: dict[str, float]
    metric_ids: dict[str, str]
    n: int


def weighed(
    findings: Sequence[Finding],
    candidates: Sequence[Candidate],
    calibration: Calibration,
    stored: Mapping[str, str] | None = None,
    guests: Collection[str] = (),
    passed_over: int = 0,
) -> Weighed:
    """Every finding and candidate under one calibration. Deterministic; p-values are Holm-corrected
    within each level.

    ``stored`` gives the vendor of every stored model where only some of them are candidates: a
    vendor is weighed only where all its models are. ``guests`` were chosen for their likeness to
    the suspect and count for no vendor; ``passed_over`` models were tested by that choice, and Holm
    counts them.
    """
    known = {d for f in calibration.fitted for d in f.detectors}
    about = [f for f in findings if f.detector in known]
    makers = vendors_of(candidates) if stored is None else stored
    members = [c for c in candidates if c.name not in guests]
    at_home = {name: vendor for name, vendor in makers.items() if name not in guests}
    evidence = [*_of_models(about, candidates), *_of_vendors(about, members, at_home)]
    few = _too_few_vendors(makers, calibration)
    fits = {e.candidate: None if few else calibration.at(e.level, e.n) for e in evidence}
    notes = _notes(evidence, makers)
    raw = {
        e.candidate: _verdict(e, fits[e.candidate], calibration, few, notes.get(e.candidate))
        for e in evidence
    }
    verdicts = [
        *(_same_weights(c) for c in candidates if c.same_weights),
        *_corrected(list(raw.values()), passed_over),
    ]
    used = {
        (f.level, f.size): f
        for e in evidence
        if (f := fits[e.candidate]) and raw[e.candidate].log10_lr is not None
    }
    told = tuple(_finding(f, fits, calibration) for f in findings)
    return Weighed(told, tuple(verdicts), tuple(used.values()))


def vendors_of(candidates: Sequence[Candidate]) -> dict[str, str]:
    """The vendor of every candidate, by name."""
    return {c.name: c.vendor for c in candidates}


def _too_few_vendors(makers: Mapping[str, str], calibration: Calibration) -> str:
    """Why the store is too unlike that of the calibration, empty where it is not: values are
    contrasts with other vendors."""
    found, known = len({v.casefold() for v in makers.values() if v}), calibration.population.vendors
    return FEW_VENDORS.format(found=found, known=known) if 2 * found < known else ""


def _notes(evidence: Sequence[_Evidence], makers: Mapping[str, str]) -> dict[str, ReasonCode]:
    """What a model's verdict says of other versions: to read its vendor's, where there is one;
    that they were not weighed."""
    names, out = {e.candidate for e in evidence}, dict[str, ReasonCode]()
    for model in (e.candidate for e in evidence if e.level == "model"):
        vendor = makers.get(model, "").casefold()
        others = any(v.casefold() == vendor for name, v in makers.items() if name != model)
        if vendor and vendor_name(vendor) in names:
            out[model] = "other_versions"
        elif vendor and others:
            out[model] = "others_not_weighed"
    return out


def _of_models(findings: Sequence[Finding], candidates: Sequence[Candidate]) -> list[_Evidence]:
    others = [c.name for c in candidates if not c.same_weights]
    return [_evidence(n, "model", [f for f in findings if f.candidate == n]) for n in others]


def _of_vendors(
    findings: Sequence[Finding], candidates: Sequence[Candidate], makers: Mapping[str, str]
) -> list[_Evidence]:
    """A vendor's value is the mean of all its models' values, as it was in the calibration."""
    asked = {c.name for c in candidates}
    partly = {v.casefold() for name, v in makers.items() if name not in asked}
    whole = [c for c in candidates if c.vendor and c.vendor.casefold() not in partly]
    models = {c.name: c.vendor for c in whole if not c.same_weights}
    about = [f for f in findings if f.candidate in models]
    values: dict[str, dict[str, float]] = {}
    for detector in dict.fromkeys(f.detector for f in about):
        pairs = [(models[f.candidate or ""], f.value) for f in about if f.detector == detector]
        for vendor, value in mean_by_vendor(pairs).items():
            values.setdefault(vendor, {})[detector] = value
    out = []
    for vendor in dict.fromkeys(vendor_name(v) for v in models.values()):
        mine = [f for f in about if vendor_name(models[f.candidate or ""]) == vendor]
        found = _evidence(vendor, "vendor", mine)
        out.append(_Evidence(vendor, "vendor", values.get(vendor, {}), found.metric_ids, found.n))
    return out


def _evidence(candidate: str, level: Level, found: Sequence[Finding]) -> _Evidence:
    prompts = [f.n for f in found if f.counts_prompts]
    return _Evidence(
        candidate,
        level,
        {f.detector: f.value for f in found},
        {f.detector: f.metric_id for f in found},
        max(prompts, default=0),
    )


def weigher_of(fit: Fitted) -> Weigher:
    """The estimator that a fit's numbers stand for."""
    return Weigher.from_numbers(fit.detectors, fit.norms, fit.maps, fit.fusion)


def _row(evidence: _Evidence, fit: Fitted) -> list[float]:
    """The values that the fit knows, in its order; NaN for a detector that was silent or
    measured something else."""
    return [
        evidence.values[d] if evidence.metric_ids.get(d) == fit.metric_ids[d] else float("nan")
        for d in fit.detectors
    ]


def _verdict(
    evidence: _Evidence,
    fit: Fitted | None,
    calibration: Calibration,
    few: str,
    note: ReasonCode | None,
) -> Verdict:
    if fit is None:
        return _unweighed(evidence, calibration, few)
    row = [_row(evidence, fit)]
    if not np.isfinite(row).any():
        return _blank(evidence, calibration, NOT_MEASURED, "not_measured")
    weigher, whom = weigher_of(fit), [evidence.candidate]
    raw, (low, high) = (
        float(weigher.uncapped(row, whom)[0]),
        weigher.interval(row, whom)[0].tolist(),
    )
    weight = weigh(raw, fit.fusion.bounds, (low, high))
    nulls, groups = zip(*fit.null, strict=True)
    outside = zip(weigher.used_, weigher.outside(row, whom)[0], strict=True)
    beyond = tuple(detector for detector, out in outside if out == 1)
    told = BEYOND.format(", ".join(beyond)) if beyond else "" if note is None else VERSIONS[note]
    return Verdict(
        question="inheritance",
        candidate=evidence.candidate,
        outcome=outcome_of(weight),
        log10_lr=round(weight.log10_lr, 4),
        interval=(round(low, 4), round(high, 4)),
        cap=round(weight.cap, 4),
        words=weight.words,
        p_value=conformal_p(raw, nulls, groups),
        n_controls=fit.fusion.bounds.n_h2,
        calibration=calibration.name,
        prompts=evidence.n,
        parts=_parts(weigher, row, fit, evidence),
        outside=beyond,
        reason=told,
        reason_code="outside_support" if beyond else note,
    )


def _unweighed(evidence: _Evidence, calibration: Calibration, few: str) -> Verdict:
    """The verdict where nothing was fitted that applies: too few vendors, prompts, or no
    measurement."""
    if few:
        return _blank(evidence, calibration, few, "too_few_vendors")
    sizes = [f.size for f in calibration.fitted if f.level == evidence.level]
    if not (sizes and evidence.n):
        return _blank(evidence, calibration, NOT_MEASURED, "not_measured")
    told = TOO_FEW.format(size=min(sizes), n=evidence.n)
    return _blank(evidence, calibration, told, "too_few_prompts")


def _blank(evidence: _Evidence, calibration: Calibration, reason: str, code: ReasonCode) -> Verdict:
    return Verdict(
        question="inheritance",
        candidate=evidence.candidate,
        outcome="not_assessable",
        calibration=calibration.name,
        reason=reason,
        reason_code=code,
    )


def _parts(
    weigher: Weigher, row: list[list[float]], fit: Fitted, evidence: _Evidence
) -> tuple[Part, ...]:
    alone = weigher.parts(row, [evidence.candidate])[0].tolist()
    return tuple(
        Part(
            detector=d,
            value=round(evidence.values[d], 4),
            log10_lr=round(lr, 4),
            weight=round(w, 4),
        )
        for d, lr, w in zip(fit.detectors, alone, fit.fusion.weights, strict=True)
        if np.isfinite(lr)
    )


def _corrected(verdicts: list[Verdict], passed_over: int) -> list[Verdict]:
    """Holm over the assessed candidates of each level, then the third-source rule over vendors.

    A model that was passed over counts as one with a p-value of 1.
    """
    out = list(verdicts)
    for vendors in (False, True):
        tested = {i: v.p_value for i, v in enumerate(out) if v.of_vendor == vendors}
        single = {i: p for i, p in tested.items() if p is not None}
        if single:
            more = 0 if vendors else passed_over
            adjusted = holm([*single.values(), *[1.0] * more])
            for (i, p), corrected in zip(single.items(), adjusted.tolist(), strict=False):
                told = {"p_value": round(corrected, 5), "p_single": round(p, 5)}
                out[i] = out[i].model_copy(update=told)
    return third_source(out)


def third_source(verdicts: list[Verdict]) -> list[Verdict]:
    """Where several vendors are supported, none is by itself: a common third source would look just
    so.

    The strongest stays supported where its ratio is ten times that of the next one.
    """
    supported = sorted(
        (v for v in verdicts if v.of_vendor and v.outcome == "supported"),
        key=lambda v: -(v.log10_lr or 0),
    )
    if len(supported) < 2:
        return verdicts
    clear = (supported[0].log10_lr or 0) - (supported[1].log10_lr or 0) >= 1.0
    kept = {supported[0].candidate} if clear else set()
    names = ", ".join(str(v.candidate).removeprefix(VENDOR) for v in supported)
    reason = (
        f"Common third source, or several teachers: {names} are supported together, and nothing"
        " here tells them apart."
    )
    lowered = {v.candidate for v in supported} - kept
    changed = {
        "outcome": "inconclusive",
        "reason": reason,
        "reason_code": "third_source",
        "third_source": True,
    }
    return [v.model_copy(update=changed) if v.candidate in lowered else v for v in verdicts]


def _same_weights(candidate: Candidate) -> Verdict:
    return Verdict(
        question="inheritance",
        candidate=candidate.name,
        outcome="not_assessable",
        reason=UNRELATED,
        reason_code="same_weights",
    )


def _finding(finding: Finding, fits: dict[str, Fitted | None], calibration: Calibration) -> Finding:
    """The finding with its own ratio, where the calibration knows its detector and metric."""
    fit = fits.get(finding.candidate or "")
    if fit is None or fit.metric_ids.get(finding.detector) != finding.metric_id:
        return finding
    row = [[finding.value if d == finding.detector else float("nan") for d in fit.detectors]]
    place = fit.detectors.index(finding.detector)
    ratio = float(weigher_of(fit).parts(row, [finding.candidate or ""])[0, place])
    limits = fit.maps[finding.detector].bounds
    return finding.model_copy(
        update={
            "log10_lr": round(ratio, 4),
            "cap": round(limits.high if ratio > 0 else -limits.low, 4),
            "words": words(ratio),
            "calibration": calibration.name,
        }
    )
