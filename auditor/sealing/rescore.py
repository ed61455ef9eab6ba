"""rescored(folder, verification): judges again from the records beside a report, and compares with
what it says figure by figure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor.audits.report.bundle import PLAN, REPORT, load_bundle
from auditor.errors import AuditError
from auditor.evidence.kinds import placed_at
from auditor.evidence.records import Report
from auditor.sealing.findings import Problem, Unchecked, Verification
from auditor.sealing.plans import plan_kind
from fingerprints.errors import printable

NOT_JUDGED = frozenset({"created", "environment", "tool", "custody"})
"""Fields of a report that tell when, where and by whom it was made, which a later judgement can't
repeat."""
OF_THE_PLAN = frozenset({"id", "reproduce"})
"""Fields that say where the store and the calibration lay."""
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
    unsafe = next((p.file for p in found.problems if p.code == "file_unsafe"), None)
    if unsafe is not None:
        # A judge would follow it.
        untold = Unchecked(code="rescore", detail=f"{unsafe} is no plain file")
        return found.model_copy(update={"unchecked": (*found.unchecked, untold)})
    try:
        report = load_bundle(folder)
        judge, plan = _judge(folder, against)
        if judge is None:
            unchecked = (Unchecked(code="rescore", detail="this kind of audit has no way to"),)
        else:
            again = judge(plan, folder, report)
            problems = tuple(_differing(report, again, frozenset(against.changes())))
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
    kind, made = plan_kind(folder / PLAN)
    if not kind.rescored:
        return None, None
    return placed_at(kind.rescored), made.read(folder / PLAN, against.changes())


def _differing(was: Report, now: Report, moved: frozenset[str]) -> Iterator[Problem]:
    """Every figure and word that comes out otherwise; ``moved``: entries of the plan for which
    another place was given, which then is no difference."""
    left_out = NOT_JUDGED | (OF_THE_PLAN if moved else frozenset())
    # The commands that repeat an audit name the version.
    left_out |= frozenset() if was.tool == now.tool else {"reproduce"}
    told = list(_leaves("", *(_judged_alone(r, left_out, moved) for r in (was, now))))
    for place, before, after in told[:MOST_TOLD]:
        detail = f"{printable(str(before), 80)}, judged again {printable(str(after), 80)}"
        yield Problem(code="rescore_differs", file=REPORT, record=place, detail=detail)
    if len(told) > MOST_TOLD:
        more = f"{len(told) - MOST_TOLD:,} more figures"
        yield Problem(code="rescore_differs", file=REPORT, detail=more)


def _judged_alone(
    report: Report, left_out: frozenset[str], moved: frozenset[str]
) -> dict[str, Any]:
    """What a report says but for where things lay: a store is named by its folder, and compared by
    its digest."""
    value = report.model_dump(mode="json", by_alias=True)
    out = {k: v for k, v in value.items() if k not in left_out}
    out["plan"] = {k: v for k, v in value["plan"].items() if k not in moved}
    if "store" in moved and value["store"] is not None:
        out["store"] = {k: v for k, v in value["store"].items() if k != "name"}
    return out


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
