"""What decided an audit, as its own report tells it: whether the deviations that it lists are those
from its registration. Opens no store; a file of probes must be at hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from auditor.audits.plan import AuditPlan
from auditor.calibration.case import NONE, SHIPPED
from auditor.evidence.custody import Deviation
from auditor.evidence.records import Report
from auditor.sealing.register import (
    Registered,
    calibrations_of,
    deviations,
    fixed,
    probe_set_sha256,
)
from fingerprints.errors import AuditError
from fingerprints.probes import ProbeChoice, bundled_probe_sets

Untold = Literal["store", "calibrations", "probe_sets", "code", "thresholds"]
"""What a report may leave untold: then nothing is said of it."""


def listed_again(
    made: Registered, plan: AuditPlan, report: Report
) -> tuple[tuple[Deviation, ...], tuple[Untold, ...]]:
    """Every deviation that can be told from the report alone, and the names of what can't be."""
    told = plan.told()
    code = report.custody.code if report.custody is not None else {}
    parts: dict[str, Any] = {"plan": told}
    found: dict[Untold, Any] = {
        "code": code or UNKNOWN,
        # Other code may have other thresholds.
        "thresholds": fixed()["thresholds"] if code == fixed()["code"] else UNKNOWN,
        "store": _store(told, report),
        "calibrations": _calibrations(told, report),
        "probe_sets": _probe_sets(told, report),
    }
    untold = tuple(name for name, value in found.items() if value is UNKNOWN)
    parts |= {name: value for name, value in found.items() if value is not UNKNOWN}
    return tuple(deviations(made, parts)), untold


def of_parts(listed: Sequence[Deviation], untold: Sequence[Untold]) -> tuple[Deviation, ...]:
    """Those of a list that are not about what could not be told."""
    return tuple(d for d in listed if d.field.partition(".")[0] not in untold)


UNKNOWN = object()


def _store(told: Mapping[str, Any], report: Report) -> Any:
    """The digest of the store that the audit ran with: the report's, not today's."""
    if not isinstance(told.get("store"), str):
        return None
    return UNKNOWN if report.store is None else report.store.sha256


def _calibrations(told: Mapping[str, Any], report: Report) -> Any:
    choice = told.get("calibration")
    if choice in (None, NONE, SHIPPED):
        return calibrations_of(choice)
    # A file's own digest, where it weighed anything.
    return UNKNOWN if report.calibration is None else [report.calibration.sha256]


def _probe_sets(told: Mapping[str, Any], report: Report) -> Any:
    """The digests of what was asked: as the transcript names them, of recorded answers as they are
    bundled."""
    try:
        return dict(_probe_rows(told, report))
    except (AuditError, LookupError):
        return UNKNOWN


def _probe_rows(told: Mapping[str, Any], report: Report) -> Iterator[tuple[str, str]]:
    asked = report.subject.identity.kind != "recording" and report.transcript is not None
    refs = report.transcript.probe_sets if report.transcript is not None and asked else ()
    names = {ref.name: ref.sha256 for ref in refs}
    for value in told.get("probes") or ():
        choice = ProbeChoice.model_validate(value)
        if choice.set not in bundled_probe_sets() and not asked:
            raise LookupError(choice.set)  # a file that may be another one by now
        name, sha256 = probe_set_sha256(choice)
        yield name, names.get(name, sha256)
