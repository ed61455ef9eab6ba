"""What was measured of a group of candidates, and what a calibration's fit knows of it.

A group's value is the mean of its models'. Knows findings and fits; gives no verdict.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import fmean

from auditor.calibration.record import Fitted
from auditor.calibration.weigher import Weigher
from auditor.evidence.groups import CandidateGroup
from auditor.evidence.records import VENDOR, Candidate, Finding
from detectors.prompts_shared import PromptsShared
from detectors.text.model_names import maker_key


@dataclass(frozen=True)
class GroupEvidence:
    """What was measured of a group: a value and its metric's id by detector, and on how many
    prompts; ``chosen``: all its models were looked at for their likeness. ``shared`` is how many
    prompts it shares with the suspect (None: nobody counted), ``nearly`` how many more it would but
    for a system turn."""

    candidate: str
    values: dict[str, float]
    metric_ids: dict[str, str]
    n: int
    chosen: bool
    shared: int | None = None
    nearly: int = 0


def gathered(
    group: CandidateGroup,
    findings: Sequence[Finding],
    candidates: Sequence[Candidate],
    guests: Collection[str],
    shared: PromptsShared,
) -> GroupEvidence:
    """A group's value is the mean of its models' values, as it was in the calibration: the best of
    many versions is near to anybody."""
    twins = {c.name for c in candidates if c.same_weights}
    others = [m for m in group.members if m not in twins]
    members = [m for m in others if m not in guests] or others
    found = [f for f in findings if f.candidate in members]
    values: dict[str, list[float]] = {}
    metric_ids: dict[str, set[str]] = {}
    for f in found:
        values.setdefault(f.detector, []).append(f.value)
        metric_ids.setdefault(f.detector, set()).add(f.metric_id)
    return GroupEvidence(
        group.name,
        {d: fmean(v) for d, v in values.items()},
        # Values of different numbers have no mean.
        {d: next(iter(ids)) for d, ids in metric_ids.items() if len(ids) == 1},
        max((f.n for f in found if f.counts_prompts), default=0),
        bool(members) and all(m in guests for m in members),
        max((n for m in members if (n := shared.with_(m)) is not None), default=None),
        max(map(shared.nearly, members), default=0),
    )


def weigher_of(fit: Fitted) -> Weigher:
    """The estimator that a fit's numbers stand for."""
    return Weigher.from_numbers(fit.detectors, fit.norms, fit.maps, fit.fusion)


def knows(fit: Fitted, candidate: str) -> bool:
    """Whether a fit knows what strangers get against this candidate; one without scales needs not
    know it."""
    scales = [norm.known for norm in fit.norms.values()]
    return not scales or any(known_as(fit, candidate) in known for known in scales)


def known_as(fit: Fitted, candidate: str) -> str:
    """The name under which a fit knows a candidate, however its maker is spelled; as it is where
    the fit doesn't know it."""
    names = {name for norm in fit.norms.values() for name in norm.known}
    if candidate in names or not candidate.startswith(VENDOR):
        return candidate
    key = maker_key(candidate.removeprefix(VENDOR))
    return next((n for n in sorted(names) if maker_key(n.removeprefix(VENDOR)) == key), candidate)


def row_of(evidence: GroupEvidence, fit: Fitted) -> list[float]:
    """The values that the fit knows, in its order; NaN for a detector that was silent or
    measured something else."""
    return [
        evidence.values[d] if evidence.metric_ids.get(d) == fit.metric_ids[d] else float("nan")
        for d in fit.detectors
    ]
