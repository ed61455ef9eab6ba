"""Every suspect by every audit, store and calibration: the cells of a fleet, each with the plan of
its audit or the reason why there is none.

Knows kinds of audit by their table; asks nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from auditor.audits.lineage.run import is_closed
from auditor.audits.plan import AuditPlan
from auditor.evidence.kinds import Kind, all_kinds, placed_at
from auditor.fleet.plan import FLEET, FleetAudit, FleetPlan, FleetSuspect
from fingerprints.errors import AuditError, printable
from fingerprints.record_files import first_problem
from fingerprints.subjects.spec import parse_spec

Unfit = Literal["", "field_missing", "weights_out_of_sight"]
"""Why an audit doesn't fit a suspect: something that its plan needs is not known of it; it reads
weights, which are out of sight."""
READS_WEIGHTS = "lineage"


@dataclass(frozen=True)
class Cell:
    """One audit of one suspect. ``plan`` is None where the audit doesn't fit it (``unfit``;
    ``missing`` names the field)."""

    suspect: FleetSuspect
    spec: str
    audit: FleetAudit
    kind: Kind
    store: str | None
    calibration: str | None
    plan: AuditPlan | None
    unfit: Unfit = ""
    missing: str = ""


def cells_of(fleet: FleetPlan, path: Path) -> tuple[Cell, ...]:
    """All cells, by suspect and then in the order of the audits. ``path`` is the fleet's file, for
    what is wrong with it.

    Raises MalformedInput, with the field, for a kind that there is not, options that its plan
    refuses, and an audit that fits nobody.
    """
    places = {suspect.name: _placed(suspect, path, i) for i, suspect in enumerate(fleet.suspects)}
    cells = tuple(
        cell
        for suspect in fleet.suspects
        for i, audit in enumerate(fleet.audits)
        for cell in _cells(suspect, places[suspect.name], audit, path, f"audits.{i}")
    )
    fitting = {cell.audit.name for cell in cells if cell.plan is not None}
    for i, audit in enumerate(fleet.audits):
        if audit.name not in fitting:
            why = next(c for c in cells if c.audit.name == audit.name)
            told = (
                f"no suspect says its {why.missing}"
                if why.missing
                else "it reads weights, and those of every suspect are out of sight"
            )
            raise FLEET.malformed(f"audits.{i}: {audit.name} fits nobody: {told}", path)
    return cells


def _placed(suspect: FleetSuspect, path: Path, number: int) -> str:
    """The suspect's spec with its device written into it. Raises MalformedInput where its kind runs
    nowhere."""
    if suspect.device is None:
        return suspect.spec
    try:
        parsed = parse_spec(suspect.spec)
    except AuditError:
        return suspect.spec  # told of when it is opened, with the same words
    if "device" not in parsed.kind.options:
        said = f"suspects.{number}.device: is for models that run here"
        raise FLEET.malformed(f"{said}, not for {parsed.scheme}: subjects", path)
    return str(parsed.having({"device": suspect.device}))


def _cells(
    suspect: FleetSuspect, spec: str, audit: FleetAudit, path: Path, place: str
) -> Iterator[Cell]:
    if audit.only is not None and suspect.name not in audit.only:
        return
    kind, made = _kind_of(audit, path, place)
    _check_choices(audit, kind, made, path, place)
    for store in audit.stores or (None,):
        for calibration in audit.calibrations or (None,):
            cell = Cell(suspect, spec, audit, kind, store, calibration, None)
            yield _with_plan(cell, made, path, place)


def _kind_of(audit: FleetAudit, path: Path, place: str) -> tuple[Kind, type[AuditPlan]]:
    known = {kind.name: kind for kind in all_kinds() if kind.run}
    if audit.kind not in known:
        told = f"no audit of a fleet is of the kind {printable(audit.kind, 40)!r}"
        raise FLEET.malformed(f"{place}.kind: {told}; there are {', '.join(sorted(known))}", path)
    kind = known[audit.kind]
    made: type[AuditPlan] = placed_at(kind.plan)
    return kind, made


def _check_choices(
    audit: FleetAudit, kind: Kind, made: type[AuditPlan], path: Path, place: str
) -> None:
    """Raises MalformedInput for choices that mean nothing to the kind, or would be made twice."""
    given = {"store": audit.stores, "calibration": audit.calibrations}
    for field, values in given.items():
        if values is None:
            continue
        if field not in made.model_fields or field in audit.options:
            told = "are given already" if field in audit.options else "mean nothing to this kind"
            raise FLEET.malformed(f"{place}.{field}s: {told}", path)
        if len(set(values)) < len(values):
            raise FLEET.malformed(f"{place}.{field}s: one is named twice", path)
        if len(values) > 1 and not kind.shares and kind.name != READS_WEIGHTS:
            told = "this kind would ask every suspect again for each: name one"
            raise FLEET.malformed(f"{place}.{field}s: {told}", path)
    if kind.shares and audit.options.get("sequential") is not None:
        told = "a fleet asks every suspect once for all of its audits: leave it out"
        raise FLEET.malformed(f"{place}.with.sequential: {told}", path)
    taken = next((f for f in (kind.examined, "format") if f in audit.options), None)
    if taken is not None:
        raise FLEET.malformed(f"{place}.with.{taken}: is said by the fleet", path)


def _with_plan(cell: Cell, made: type[AuditPlan], path: Path, place: str) -> Cell:
    """The cell with its plan, or with why there is none."""
    unfit = _unfit(cell, made)
    if unfit is not None:
        return unfit
    try:
        plan = made.model_validate(_values(cell, made))
    except ValidationError as error:
        raise FLEET.malformed(f"{place}.with: {first_problem(error)}", path) from error
    try:
        plan.check()
    except AuditError as error:
        raise FLEET.malformed(f"{place}.with: {error.what}", path) from error
    return replace(cell, plan=plan)


def _unfit(cell: Cell, made: type[AuditPlan]) -> Cell | None:
    given = _values(cell, made)
    lacking = [n for n, f in made.model_fields.items() if f.is_required() and n not in given]
    if lacking:
        return replace(cell, unfit="field_missing", missing=lacking[0])
    if cell.kind.name == READS_WEIGHTS and is_closed(cell.spec):
        return replace(cell, unfit="weights_out_of_sight")
    return None


def _values(cell: Cell, made: type[AuditPlan]) -> dict[str, Any]:
    """The plan's fields: what the audit says, what is known of the suspect, and whom it is
    about."""
    chosen = {"store": cell.store, "calibration": cell.calibration}
    known = {n: v for n, v in cell.suspect.known().items() if n in made.model_fields}
    told = {name: value for name, value in chosen.items() if value is not None}
    return {**cell.audit.options, **told, **known, cell.kind.examined: cell.spec}
