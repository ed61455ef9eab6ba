"""Lineage inside an ordinary audit: where the suspect's weights and candidate bases are at hand,
they are compared by the way.

Knows specs of files; a suspect whose weights can't be read is told, not raised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
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
from fingerprints.weights.card import DeclaredLineage, declared_lineage

UNREADABLE = (MalformedInput, UnsafeInput, UsageProblem, Incomplete, ResourceLimit)

SECOND_STORE = (
    "one store of signatures is looked through, and another one was given first: give this one to"
    " `auditor lineage --store`"
)


@dataclass(frozen=True)
class Within:
    """What comparing weights gave an audit: everything that was found, and why a base, or all,
    could not be compared; and what the suspect's own files say of its descent."""

    found: Lineages | None = None
    reasons: tuple[Skipped, ...] = ()
    declared: DeclaredLineage = field(default_factory=DeclaredLineage)

    @property
    def base(self) -> str | None:
        """The spec of the one base that the suspect's weights are derived from, the most alike
        of several; else None."""
        if self.found is None:
            return None
        derived = [j.told for j in self.found.judged if j.told.relation == "derived"]
        nearest = max(derived, key=lambda t: t.likeness or 0.0, default=None)
        return None if nearest is None else nearest.spec

    @property
    def answer(self) -> Answer | None:
        """The answer on lineage, where weights were compared."""
        return None if self.found is None else telling.lineage_answer(self.found)

    @property
    def section(self) -> LineageSection | None:
        """What was compared, as the report keeps it."""
        return None if self.found is None else section(self.found)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings on weights and tokenizers."""
        return () if self.found is None else findings.findings(self.found)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdicts on lineage."""
        return () if self.found is None else findings.verdicts(self.found)

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What was not compared, and why."""
        return (
            self.reasons if self.found is None else (*self.reasons, *findings.skipped(self.found))
        )

    @property
    def limits(self) -> tuple[str, ...]:
        """What comparing weights can't show."""
        return () if self.found is None else telling.limits(self.found)


def lineage_within(suspect: str, candidates: Sequence[str], reading: Progress = SILENT) -> Within:
    """Compares the suspect's weights with those of candidate bases (specs, or folders of
    signatures), where both are files, and reads what it declares; asks nobody.

    A suspect or base whose files can't be read this way gives a reason, and the other bases are
    compared. Raises what a damaged store of signatures raises.
    """
    stores = list(dict.fromkeys(Path(c) for c in candidates if (Path(c) / CATALOGUE).exists()))
    bases = [spec for spec in candidates if Path(spec) not in stores and _has_weights(spec)]
    declared = _declared(suspect)
    if not _has_weights(suspect) or not (bases or stores):
        return Within(declared=declared)
    told = {spec: _unreadable(spec) for spec in bases}
    reasons = tuple(dict.fromkeys(r for r in told.values() if r is not None))
    reasons += tuple(findings.not_compared(str(path), SECOND_STORE) for path in stores[1:])
    whole = [spec for spec, reason in told.items() if reason is None]
    if not whole and not stores:
        return Within(None, reasons, declared)
    # Not hashed here: who the suspect is was told when it was opened to be asked.
    try:
        found = lineages(
            suspect, whole, store=stores[0] if stores else None, digest=False, reading=reading
        )
    except UNREADABLE as error:
        return Within(None, (*reasons, findings.not_compared(None, error.what)), declared)
    # They were asked about: nobody else's result clears them.
    unopened = tuple((r.candidate, r.reason) for r in told.values() if r and r.candidate)
    return Within(replace(found, unopened=unopened), reasons, declared)


def _declared(spec: str) -> DeclaredLineage:
    """What a model's files say of its descent; nothing where it has none that can be read."""
    if not _has_weights(spec):
        return DeclaredLineage()
    try:
        with open_weights(spec) as weights:
            return declared_lineage(weights)
    except UNREADABLE as error:
        return DeclaredLineage(notes=(error.what,))


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
