"""Long lists told shortly: verdicts that all say the same, detectors that measured nothing,
findings by detector.

Knows which rows belong together and in which order; knows no format. Nothing is left out of
report.json.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from auditor.evidence.records import VENDOR, Candidate, Finding, Outcome, Skipped, Verdict
from detectors.measurement import Question

NAMED = 3
ALONE = "the suspect alone"


@dataclass(frozen=True)
class Unmeasured:
    """One reason why a detector did not measure, and for whom: ``names`` without the suspect
    alone, ``alone`` for it."""

    question: Question
    detector: str
    reason: str
    names: tuple[str, ...]
    alone: bool

    @property
    def who(self) -> str:
        """For whom; empty where the reason is about the suspect alone and no candidate."""
        return " and ".join(
            filter(None, (who(self.names), ALONE if self.alone and self.names else ""))
        )


@dataclass(frozen=True)
class FindingGroup:
    """The findings of one detector by one metric, about candidates or about the suspect alone,
    best rank first."""

    detector: str
    metric: str
    alone: bool
    findings: tuple[Finding, ...]


def who(names: Sequence[str], what: str = "candidates") -> str:
    """Up to three names whole; of more their count, and the first three.

    >>> who(("a", "b")), who(tuple("abcde"))
    ('a and b', '5 candidates (a, b, c and 2 more)')
    """
    if len(names) > NAMED:
        return f"{len(names)} {what} ({', '.join(names[:NAMED])} and {len(names) - NAMED} more)"
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def unmeasured(skipped: Iterable[Skipped]) -> tuple[Unmeasured, ...]:
    """What was not measured, each question, detector and reason once, in order of appearance."""
    grouped: dict[tuple[Question, str, str], list[str | None]] = {}
    for s in skipped:
        grouped.setdefault((s.question, s.detector, s.reason), []).append(s.candidate)
    return tuple(
        Unmeasured(*key, names=tuple(n for n in names if n is not None), alone=None in names)
        for key, names in grouped.items()
    )


def is_vendor(verdict: Verdict) -> bool:
    """Whether the verdict is about a vendor as a whole."""
    return (verdict.candidate or "").startswith(VENDOR)


def weightiest(verdict: Verdict, place: Mapping[str, int]) -> tuple[object, ...]:
    """Sort key of a verdict: the suspect alone, vendors by their ratio, then models in the order
    ``place``."""
    name = verdict.candidate
    if name is None:
        return (0, 0.0, "")
    if is_vendor(verdict):
        return (1, -(verdict.log10_lr or 0.0), name)
    return (2, place.get(name, len(place)), name)


def unanimous(verdicts: Sequence[Verdict]) -> Outcome | None:
    """The outcome that all verdicts share, where it carries no likelihood ratio: a table of it
    would say one thing often."""
    outcomes = {v.outcome for v in verdicts}
    plain = all(v.log10_lr is None and v.words is None for v in verdicts)
    return next(iter(outcomes)) if len(outcomes) == 1 and plain else None


def reasons(verdicts: Sequence[Verdict], brief: bool = False) -> tuple[str, ...]:
    """Why there is no stronger outcome, each reason once; with the names of those it holds for
    unless it holds for all.

    ``brief`` tells three names and counts the others.
    """
    grouped: dict[str, list[str]] = {}
    for verdict in verdicts:
        if verdict.reason:
            grouped.setdefault(verdict.reason, []).append(verdict.candidate or ALONE)
    tell = who if brief else ", ".join
    return tuple(
        reason if len(names) == len(verdicts) else f"{tell(names)}: {reason}"
        for reason, names in grouped.items()
    )


def ranks(findings: Iterable[Finding]) -> tuple[float, ...]:
    """The ranks of findings, best first: compared with another's, the better best rank decides,
    then the next best."""
    return (*sorted(f.rank.position for f in findings if f.rank is not None), math.inf)


def precedence(about: Candidate | None, findings: Sequence[Finding]) -> tuple[object, ...]:
    """Sort key of a candidate: same weights first, then by the ranks of its findings; those
    never measured last."""
    return (not (about is not None and about.same_weights), ranks(findings))


def by_detector(findings: Iterable[Finding]) -> tuple[FindingGroup, ...]:
    """The findings in groups: those about the suspect alone first, then by detector; within one
    by rank, then by value."""
    grouped: dict[tuple[bool, str, str], list[Finding]] = {}
    for f in sorted(findings, key=lambda f: f.candidate is not None):
        # Reports of before there were ids, and plug-ins that give none, have the label alone.
        key = f.candidate is None, f.detector, f.metric_id or f.metric
        grouped.setdefault(key, []).append(f)
    return tuple(
        FindingGroup(
            detector,
            found[0].metric,
            alone,
            tuple(sorted(found, key=lambda f: (ranks([f]), -f.value))),
        )
        for (alone, detector, _), found in grouped.items()
    )
