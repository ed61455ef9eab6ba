"""Lineage inside an ordinary audit: where the suspect's weights and candidate bases are at hand,
they are compared by the way.

Knows specs of files; a suspect whose weights can't be read is told, not raised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from auditor.audits.lineage import findings
from auditor.audits.lineage import narrative as telling
from auditor.audits.lineage.records import LineageSection
from auditor.audits.lineage.report import section
from auditor.audits.lineage.run import Lineages, lineages, named
from auditor.evidence.records import Answer, Finding, Skipped, Verdict
from fingerprints.errors import (
    AuditError,
    Incomplete,
    MalformedInput,
    ResourceLimit,
    UnsafeInput,
    UsageProblem,
)
from fingerprints.progress import SILENT, Progress
from fingerprints.subjects.spec import parse_spec
from fingerprints.weights import open_weights
from fingerprints.weights.bases import CATALOGUE

UNREADABLE = (MalformedInput, UnsafeInput, UsageProblem, Incomplete, ResourceLimit)

SECOND_STORE = (
    "one store of signatures is looked through, and another one was given first: give this one to"
    " `auditor lineage --store`"
)


@dataclass(frozen=True)
class Within:
    """What comparing weights gave an audit: everything that was found (None: nothing was compared)
    as the parts of a report, and ``skipped``, why a base, or all, could not be compared.

    ``base`` is the spec of the one base that the suspect's weights are derived from, the most alike
    of several.
    """

    found: Lineages | None = None
    skipped: tuple[Skipped, ...] = ()
    base: str | None = None
    answer: Answer | None = None
    section: LineageSection | None = None
    findings: tuple[Finding, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    limits: tuple[str, ...] = ()


def _told(found: Lineages, reasons: tuple[Skipped, ...]) -> Within:
    derived = [j.told for j in found.judged if j.told.relation == "derived"]
    nearest = max(derived, key=lambda t: t.likeness or 0.0, default=None)
    return Within(
        found,
        (*reasons, *findings.skipped(found)),
        None if nearest is None else nearest.spec,
        telling.lineage_answer(found),
        section(found),
        findings.findings(found),
        findings.verdicts(found),
        telling.limits(found),
    )


def lineage_within(suspect: str, candidates: Sequence[str], reading: Progress = SILENT) -> Within:
    """Compares the suspect's weights with those of candidate bases (specs, or folders of
    signatures), where both are files; asks nobody.

    A suspect or base whose files can't be read this way gives a reason, and the other bases are
    compared. Raises what a damaged store of signatures raises.
    """
    stores = list(dict.fromkeys(Path(c) for c in candidates if (Path(c) / CATALOGUE).exists()))
    bases = [spec for spec in candidates if Path(spec) not in stores and _has_weights(spec)]
    if not _has_weights(suspect) or not (bases or stores):
        return Within()
    told = {spec: _unreadable(spec) for spec in bases}
    reasons = tuple(dict.fromkeys(r for r in told.values() if r is not None))
    reasons += tuple(findings.not_compared(str(path), SECOND_STORE) for path in stores[1:])
    whole = [spec for spec, reason in told.items() if reason is None]
    if not whole and not stores:
        return Within(None, reasons)
    # Not hashed here: who the suspect is was told when it was opened to be asked.
    try:
        found = lineages(
            suspect, whole, store=stores[0] if stores else None, digest=False, reading=reading
        )
    except UNREADABLE as error:
        return Within(None, (*reasons, findings.not_compared(None, error.what)))
    return _told(found, reasons)


def _unreadable(spec: str) -> Skipped | None:
    """Why a base can't be opened; None where it can."""
    name, where = named(spec)
    try:
        open_weights(where).close()
    except UNREADABLE as error:
        return findings.not_compared(name, error.what)
    return None


def _has_weights(spec: str) -> bool:
    """Whether a spec names a subject whose weights are in sight."""
    try:
        return parse_spec(named(spec)[1]).kind.weights is not None
    except AuditError:
        return False
