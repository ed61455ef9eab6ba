"""rescored(folder, verification): judges again from the records beside a report, and compares with
what it says figure by figure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor.audits.report.bundle import PLAN, REPORT, load_bundle
from auditor.errors import AuditError
from auditor.evidence.kinds import Kind, all_kinds, placed_at
from auditor.evidence.records import Report
from auditor.sealing.findings import Problem, Unchecked, Verification
from fingerprints.errors import printable
from fingerprints.record_files import RecordFile

NOT_JUDGED = frozenset({"created", "environment", "tool", "reproduce", "custody", "plan"})
"""Fields of a report that tell when, where and how it was made, which a later judgement can't
repeat."""
MOST_TOLD = 200


@dataclass(frozen=True)
class RescoreAgainst:
    """Where the store and the calibration lie now, where they don't lie as the plan says."""

    store: str | None = None
    calibration: str | None = None

    def changes(self) -> dict[str, str]:
        """What it changes of a plan."""
        told = {"store": self.store, "calibration": self.calibration}
        return {key: value for key, value in told.items() if value is not None}


def rescored(folder: Path, found: Verification, against: RescoreAgainst) -> Verification:
    """The verification with what differs when the records are judged again; as unchecked where they
    can't be."""
    problems: tuple[Problem, ...] = ()
    unchecked: tuple[Unchecked, ...] = ()
    try:
        report = load_bundle(folder)
        judge, plan = _judge(folder, against)
        if judge is None:
            unchecked = (Unchecked(code="rescore", detail="this kind of audit has no way to"),)
        else:
            problems = tuple(_differing(report, judge(plan, folder, report)))
    except AuditError as error:
        unchecked = (Unchecked(code="rescore", detail=error.line()),)
    return found.model_copy(
        update={
            "intact": found.intact and not problems,
            "problems": (*found.problems, *problems),
            "unchecked": (*found.unchecked, *unchecked),
        }
    )


def _judge(folder: Path, against: RescoreAgainst) -> tuple[Any, Any]:
    """Who judges this kind of report again (None: nobody), and the plan."""
    value = _PLANS.read(folder / PLAN)
    kind = next((k for k in all_kinds() if _made_by(k, value)), None)
    if kind is None or not kind.rescored:
        return None, None
    plan = placed_at(kind.plan).read(folder / PLAN, against.changes())
    return placed_at(kind.rescored), plan


_PLANS = RecordFile(
    dict[str, Any], nothing="not a plan", next_step="use the untouched plan.yaml", form="yaml"
)


def _made_by(kind: Kind, value: dict[str, Any]) -> bool:
    made: dict[str, Any] = placed_at(kind.plan).model_fields
    return "format" in made and made["format"].default == value.get("format")


def _differing(was: Report, now: Report) -> Iterator[Problem]:
    sides = (r.model_dump(mode="json", by_alias=True) for r in (was, now))
    told = list(_leaves("", *({k: v for k, v in s.items() if k not in NOT_JUDGED} for s in sides)))
    for place, before, after in told[:MOST_TOLD]:
        detail = f"{printable(str(before), 80)}, judged again {printable(str(after), 80)}"
        yield Problem(code="rescore_differs", file=REPORT, record=place, detail=detail)
    if len(told) > MOST_TOLD:
        more = f"{len(told) - MOST_TOLD:,} more figures"
        yield Problem(code="rescore_differs", file=REPORT, detail=more)


def _leaves(place: str, was: Any, now: Any) -> Iterator[tuple[str, Any, Any]]:
    """Every value that differs, with its place: 1 and 1.0 are one figure, in JSON too."""
    if isinstance(was, dict) and isinstance(now, dict):
        for key in sorted(was.keys() | now.keys()):
            inner = f"{place}.{key}" if place else key
            yield from _leaves(inner, was.get(key), now.get(key))
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for i, (one, two) in enumerate(zip(was, now, strict=True)):
            yield from _leaves(f"{place}[{i}]", one, two)
    elif was != now:
        counted = isinstance(was, list) and isinstance(now, list)
        yield (
            (place, f"{len(was)} entries", f"{len(now)} entries") if counted else (place, was, now)
        )
