"""A case's measurements, weighed: findings with their ratios, and one verdict for every group of
candidates.

Knows findings and a calibration; measures nothing. A verdict is a weight of evidence between two
propositions, with its cap and its reasons; it is never the probability that a model was taught.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from auditor.calibration.familiar import unlike_all
from auditor.calibration.gathered import (
    GroupEvidence,
    gathered,
    known_as,
    knows,
    row_of,
    weigher_of,
)
from auditor.calibration.members import members_told
from auditor.calibration.record import Calibration, Fitted
from auditor.calibration.rows import Level
from auditor.calibration.together import together
from auditor.calibration.weigher import Weigher
from auditor.evidence.codes import Kinship, ReasonCode
from auditor.evidence.groups import CandidateGroup, groups_of
from auditor.evidence.kinship import Kin, Tie, not_separable
from auditor.evidence.records import VENDOR, Candidate, Finding, Part, Verdict
from auditor.evidence.weight import SAME, UNCALIBRATED, outcome_of, weigh, words
from detectors.prompts_shared import PromptsShared
from detectors.stats.pvalues import conformal_p
from detectors.text.model_names import maker_key

LEVEL: Level = "vendor"
"""The fit that every verdict is weighed by, a lone model's too: values are contrasts with other
makers. Fits of single models are in calibrations of before there was one verdict a maker."""

REFUSALS = ("no_use", "unlike_all_known")
"""Why a calibration that fits says nothing all the same: another one, less near, is no help."""

BEYOND = "Beyond all values that were calibrated on: {}."
NOT_MEASURED = (
    "No detector that the calibration knows measured this candidate in the calibrated way."
)
TOO_FEW_SHARED = (
    "Too few prompts are shared with the suspect: {shared}, and {size} are needed, where the"
    " calibration {name} begins."
)
BUT_FOR_SYSTEM = (
    " {n} more are the same but for a recorded system prompt, under which a model writes otherwise:"
    " they are not compared."
)
TOO_FEW = "The calibration begins at {size} prompts; this comparison rests on {n}."
NO_FIT = "The calibration was fitted for single models, not for makers: fit it anew."
NO_MAKER = (
    "Its maker is not known, and the calibration was fitted on makers: name it (`--vendor` of"
    " `auditor store add`, `--metadata` of `auditor store import`)."
)
NO_USE = (
    "On left-out models like these the ratios at {size} prompts cost {cost:.2f} bits (Cllr), no"
    " less than saying nothing: nothing is weighed."
)
NAMELESS = (
    "Of {n} stored models {lone} have no maker named, and values are contrasts of makers: name them"
    " (`--vendor` of `auditor store add`, `--metadata` of `auditor store import`)."
)
MOST_NAMELESS = 0.2
"""The share of stored models without a maker up to which contrasts are taken for what they were in
the calibration: there it was none."""
FEW_VENDORS = (
    "The store holds models of {found} vendors, too few for a calibration that was fitted against"
    " {known}."
)
SAME_AS = "the suspect has the weights of {} (equal SHA-256)"
OPEN = "{unknown}: kinship with this candidate would look the same."


@dataclass(frozen=True)
class Weighed:
    """Findings with their weights, the verdicts, and which calibrated fits were used."""

    findings: tuple[Finding, ...]
    verdicts: tuple[Verdict, ...]
    used: tuple[Fitted, ...]


def weighed(
    findings: Sequence[Finding],
    candidates: Sequence[Candidate],
    calibration: Calibration,
    stored: Mapping[str, str] | None = None,
    guests: Collection[str] = (),
    passed_over: int = 0,
    kin: Kin | None = None,
    named: Collection[str] = (),
    shared: PromptsShared | None = None,
) -> Weighed:
    """One verdict a group of candidates (`groups_of`) under one calibration. Deterministic;
    p-values are Holm-corrected over the groups.

    ``stored`` gives the vendor of every stored model that says what is usual, where candidates are
    only some of them. ``guests`` were chosen for their likeness to the suspect: they count for a
    group only where it has nobody else, which is then never supported, and Holm counts the
    ``passed_over`` models that the choice tested. Whoever is known to be kin (``kin``) is not
    assessed; ``named`` members are marked. ``shared`` counts the prompts that may be compared.
    """
    known = {d for f in calibration.fitted for d in f.detectors}
    about = [f for f in findings if f.detector in known]
    groups, kin = groups_of(candidates), kin or Kin()
    makers = vendors_of(candidates) if stored is None else stored
    few = _too_few_vendors(makers, calibration)
    evidence = [gathered(g, about, candidates, guests, shared or PromptsShared()) for g in groups]
    fits = [None if few else calibration.at(LEVEL, e.n) for e in evidence]
    unlike = unlike_all(calibration, findings, groups, guests)
    raw = [
        _verdict(e, fit, calibration, few, unlike).model_copy(update={"title": g.maker})
        for e, fit, g in zip(evidence, fits, groups, strict=True)
    ]
    used = {
        (f.level, f.size): f
        for v, f in zip(raw, fits, strict=True)
        if f and (v.assessed or v.reason_code in REFUSALS)
    }
    apart = [_apart(v, g, candidates, kin) for v, g in zip(raw, groups, strict=True)]
    chosen = frozenset(e.candidate for e in evidence if e.chosen)
    related = [v for v, left in zip(raw, apart, strict=True) if left.kinship]
    verdicts = tuple(
        _told(v, g, findings, kin, named)
        for v, g in zip(together(apart, related, chosen, passed_over), groups, strict=True)
    )
    fit_of = {m: fit for g, fit in zip(groups, fits, strict=True) for m in g.members}
    alone = {g.members[0]: v for g, v in zip(groups, apart, strict=True) if len(g.members) == 1}
    told = tuple(_finding(f, fit_of, alone, calibration) for f in findings)
    return Weighed(told, verdicts, tuple(used.values()))


def vendors_of(candidates: Sequence[Candidate]) -> dict[str, str]:
    """The vendor of every candidate, by name."""
    return {c.name: c.vendor for c in candidates}


def unweighed(
    candidates: Sequence[Candidate],
    findings: Sequence[Finding],
    kin: Kin | None = None,
    named: Collection[str] = (),
    why: str = "",
) -> tuple[Verdict, ...]:
    """One verdict a group where no calibration applies: not assessable, with the reason; ``why``
    where it is that none was fitted on models like the suspect."""
    out = []
    for group in groups_of(candidates):
        nulls = [f.null.n for f in findings if f.candidate in group.members and f.null is not None]
        plain = Verdict(
            question="inheritance",
            candidate=group.name,
            title=group.maker,
            outcome="not_assessable",
            n_controls=max(nulls, default=0),
            reason=why or UNCALIBRATED,
            reason_code="no_population" if why else "uncalibrated",
        )
        apart = _apart(plain, group, candidates, kin or Kin())
        out.append(_told(apart, group, findings, kin or Kin(), named))
    return tuple(out)


def _too_few_vendors(makers: Mapping[str, str], calibration: Calibration) -> str:
    """Why the store is too unlike that of the calibration, empty where it is not: values are
    contrasts with other makers, of whom there must be enough, and who must be known."""
    found, known = len({maker_key(v) for v in makers.values() if v}), calibration.population.vendors
    if 2 * found < known:
        return FEW_VENDORS.format(found=found, known=known)
    lone = [
        n for n, v in makers.items() if not v and not any(knows(f, n) for f in calibration.fitted)
    ]
    if len(lone) > MOST_NAMELESS * len(makers):
        return NAMELESS.format(n=len(makers), lone=len(lone))
    return ""


def unknown_makers(found: Weighed) -> tuple[str, ...]:
    """The assessed makers of which the calibration doesn't know what strangers get, as they are
    called."""
    told = (v for v in found.verdicts if v.assessed)
    fits = found.used
    return tuple(v.called for v in told if not any(knows(f, v.candidate or "") for f in fits))


def _verdict(
    evidence: GroupEvidence, fit: Fitted | None, calibration: Calibration, few: str, unlike: str
) -> Verdict:
    silent = _too_few_shared(evidence, calibration)
    if silent is not None or fit is None:
        return silent or _not_fitted(evidence, calibration, few)
    if unlike:
        return _blank(evidence, calibration, unlike, "unlike_all_known")
    cost = calibration.cost(fit)
    if cost is not None and cost >= 1:
        told = NO_USE.format(size=fit.size, cost=cost)
        return _blank(evidence, calibration, told, "no_use")
    if not evidence.candidate.startswith(VENDOR) and not knows(fit, evidence.candidate):
        return _blank(evidence, calibration, NO_MAKER, "maker_unknown")
    row = [row_of(evidence, fit)]
    if not np.isfinite(row).any():
        return _blank(evidence, calibration, NOT_MEASURED, "not_measured")
    weigher, whom = weigher_of(fit), [known_as(fit, evidence.candidate)]
    raw, (low, high) = (
        float(weigher.uncapped(row, whom)[0]),
        weigher.interval(row, whom)[0].tolist(),
    )
    weight = weigh(raw, fit.fusion.bounds, (low, high))
    outside = zip(weigher.used_, weigher.outside(row, whom)[0], strict=True)
    beyond = tuple(detector for detector, out in outside if out == 1)
    return Verdict(
        question="inheritance",
        candidate=evidence.candidate,
        outcome=outcome_of(weight),
        log10_lr=round(weight.log10_lr, 4),
        interval=(round(low, 4), round(high, 4)),
        cap=round(weight.cap, 4),
        words=weight.words,
        p_value=_rarity(raw, fit),
        n_controls=fit.fusion.bounds.n_h2,
        calibration=calibration.name,
        prompts=evidence.n,
        parts=_parts(weigher, row, fit, evidence),
        outside=beyond,
        reason=BEYOND.format(", ".join(beyond)) if beyond else "",
        reason_code="outside_support" if beyond else None,
    )


def _rarity(raw: float, fit: Fitted) -> float | None:
    """The conformal p-value among the fit's held-out ratios; None where it holds none."""
    if not fit.null:
        return None
    nulls, groups = zip(*fit.null, strict=True)
    return conformal_p(raw, nulls, groups)


def _too_few_shared(evidence: GroupEvidence, calibration: Calibration) -> Verdict | None:
    """The verdict where nothing was measured since too few prompts are shared; None elsewhere. It
    comes before what else is missing: no other store and no other maker would help."""
    size = min((f.size for f in calibration.fitted if f.level == LEVEL), default=0)
    shared, nearly = evidence.shared, evidence.nearly
    if evidence.values or shared is None or shared >= size:
        return None
    told = TOO_FEW_SHARED.format(shared=shared, size=size, name=calibration.name)
    code: ReasonCode = "too_few_prompts"
    if nearly:
        told += BUT_FOR_SYSTEM.format(n=nearly)
        code = "other_system_prompt" if shared + nearly >= size else code
    return _blank(evidence, calibration, told, code)


def _not_fitted(evidence: GroupEvidence, calibration: Calibration, few: str) -> Verdict:
    """The verdict where nothing was fitted that applies: too few vendors, prompts, or no
    measurement."""
    if few:
        return _blank(evidence, calibration, few, "too_few_vendors")
    sizes = [f.size for f in calibration.fitted if f.level == LEVEL]
    if not sizes:
        return _blank(evidence, calibration, NO_FIT, "not_fitted_for_makers")
    if not evidence.n:
        return _blank(evidence, calibration, NOT_MEASURED, "not_measured")
    told = TOO_FEW.format(size=min(sizes), n=evidence.n)
    return _blank(evidence, calibration, told, "too_few_prompts")


def _blank(
    evidence: GroupEvidence, calibration: Calibration, reason: str, code: ReasonCode
) -> Verdict:
    return Verdict(
        question="inheritance",
        candidate=evidence.candidate,
        outcome="not_assessable",
        calibration=calibration.name,
        reason=reason,
        reason_code=code,
    )


def _parts(
    weigher: Weigher, row: list[list[float]], fit: Fitted, evidence: GroupEvidence
) -> tuple[Part, ...]:
    alone = weigher.parts(row, [known_as(fit, evidence.candidate)])[0].tolist()
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


def _apart(
    verdict: Verdict, group: CandidateGroup, candidates: Sequence[Candidate], kin: Kin
) -> Verdict:
    """The verdict, or why there is none: the suspect is known to be kin of the group."""
    twins = [c.name for c in candidates if c.same_weights and c.name in group.members]
    ties = kin.of(group.name)
    itself = all(t.kinship == "same_weights" for t in ties)
    if twins and len(twins) == len(group.members) and itself:
        return _blank_of(verdict, SAME, "same_weights", ("same_weights",))
    if twins and not any(t.kinship == "same_weights" for t in ties):
        ties = (Tie("same_weights", SAME_AS.format(", ".join(twins))), *ties)
    if not ties:
        return verdict
    codes = tuple(dict.fromkeys(t.kinship for t in ties))
    return _blank_of(verdict, not_separable(ties), "not_separable_from_lineage", codes)


def _blank_of(
    verdict: Verdict, reason: str, code: ReasonCode, kinship: tuple[Kinship, ...]
) -> Verdict:
    return Verdict(
        question=verdict.question,
        candidate=verdict.candidate,
        title=verdict.title,
        outcome="not_assessable",
        n_controls=verdict.n_controls if not verdict.assessed else 0,
        calibration=verdict.calibration,
        kinship=kinship,
        reason=reason,
        reason_code=code,
    )


def _told(
    verdict: Verdict,
    group: CandidateGroup,
    findings: Sequence[Finding],
    kin: Kin,
    named: Collection[str],
) -> Verdict:
    """The verdict with its members; a supported one with the alternative that is open."""
    update = members_told(group, findings, named)
    if verdict.outcome == "supported" and kin.open:
        update["reason"] = " ".join(
            filter(None, (OPEN.format(unknown=kin.unknown), verdict.reason))
        )
        update["reason_code"] = verdict.reason_code or "lineage_unknown"
    return verdict.model_copy(update=update)


def _finding(
    finding: Finding,
    fits: Mapping[str, Fitted | None],
    alone: Mapping[str, Verdict],
    calibration: Calibration,
) -> Finding:
    """The finding with its own ratio, where the calibration knows its detector and metric.

    Only where its candidate is all that a verdict is about: a model among others of its maker has
    no ratio of its own, as it has no verdict; `Verdict.parts` has the maker's.
    """
    name = finding.candidate or ""
    fit = fits.get(name)
    if fit is None or fit.metric_ids.get(finding.detector) != finding.metric_id:
        return finding
    weight: dict[str, object] = {"calibration": calibration.name}
    verdict = alone.get(name)
    if verdict is not None and not verdict.kinship:
        row = [[finding.value if d == finding.detector else float("nan") for d in fit.detectors]]
        place = weigher_of(fit).used_.index(finding.detector)
        ratio = float(weigher_of(fit).parts(row, [str(verdict.candidate)])[0, place])
        limits = fit.maps[finding.detector].bounds
        cap = limits.high if ratio > 0 else -limits.low
        weight |= {"log10_lr": round(ratio, 4), "cap": round(cap, 4), "words": words(ratio)}
    return finding.model_copy(update=weight)
