"""Does a report hang together: its page with its record, its transcript with its digest, and the
store and calibration, where they are at hand, with those that it names? No seal is needed for
it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from auditor.audits.frame import open_store
from auditor.audits.plan import BUNDLED
from auditor.audits.report.bundle import PAGE, PLAN, TRANSCRIPT
from auditor.audits.report.document import report_document
from auditor.calibration.case import NONE, calibrations
from auditor.evidence.records import Report
from auditor.reporting import html
from auditor.sealing.findings import Problem, Unchecked
from auditor.version import VERSION
from fingerprints.errors import AuditError
from fingerprints.plain_yaml import plain_yaml
from fingerprints.transcript import load_transcript

Told = Iterator[Problem | Unchecked]


def inner_problems(
    folder: Path, report: Report, same_code: bool = True, odd: Sequence[str] = ()
) -> Told:
    """What does not fit together, and what can't be told here. ``same_code``: the page was made by
    this very code, as far as is known; other code of the same version number may show a report
    otherwise. ``odd``: links, pipes and devices, which are not opened."""
    if PAGE not in odd:
        yield from _page(folder, report, same_code)
    if TRANSCRIPT not in odd:
        yield from _transcript(folder, report)
    plan = {} if PLAN in odd else _plan(folder)
    yield from _store(report, plan.get("store"))
    yield from _calibration(report, plan.get("calibration"))


def _page(folder: Path, report: Report, same_code: bool) -> Told:
    path = folder / PAGE
    if not path.is_file():
        return
    made_by = report.tool.rpartition(" ")[2]
    if not same_code or made_by != VERSION:
        other = "" if made_by == VERSION else f"{made_by}, and this is {VERSION}"
        yield Unchecked(code="page", detail=other)
    elif path.read_bytes() != html.render(report_document(report)).encode("utf-8"):
        yield Problem(code="page_differs", file=PAGE)


def _transcript(folder: Path, report: Report) -> Told:
    path = folder / TRANSCRIPT
    if report.transcript is None:
        return
    if not path.is_file():
        yield Unchecked(code="transcript")
        return
    try:
        found = load_transcript(path).digest()
    except AuditError as error:
        yield Problem(code="transcript_differs", file=TRANSCRIPT, detail=error.what)
        return
    if found != report.transcript.sha256:
        yield Problem(code="transcript_differs", file=TRANSCRIPT)


def _plan(folder: Path) -> dict[str, Any]:
    """The plan's values as they were given; none where there is no plan that can be read."""
    try:
        value = plain_yaml((folder / PLAN).read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _store(report: Report, place: object) -> Told:
    if report.store is None or not isinstance(place, str):
        return
    if place != BUNDLED and not Path(place).is_dir():
        yield Unchecked(code="store", detail=report.store.name)
        return
    try:
        with open_store(place) as store:
            found = store.digest()
    except AuditError as error:
        yield Problem(code="store_differs", file=report.store.name, detail=error.what)
        return
    if found == report.store.sha256:
        return
    # Another version may ship another store: only the one in a folder was swapped.
    if place == BUNDLED:
        yield Unchecked(code="store", detail="this version ships another")
    else:
        yield Problem(code="store_differs", file=report.store.name)


def _calibration(report: Report, place: object) -> Told:
    section = report.calibration
    if section is None or not isinstance(place, str) or place == NONE:
        return
    try:
        found = {c.digest() for c in calibrations(place)}
    except AuditError as error:
        yield Unchecked(code="calibration", detail=error.what)
        return
    if section.sha256 in found:
        return
    if Path(place).is_file():
        yield Problem(code="calibration_differs", file=section.name)
    else:
        yield Unchecked(code="calibration", detail="this version ships others")
