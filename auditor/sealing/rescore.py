"""rescored(folder, verification): judges again from the records beside a report, and compares with
what it says figure by figure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor.audits.report.bundle import PLAN, REPORT, load_bundle
from auditor.audits.report.places import one_place
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
TOLD_FROM_HERE = ("plan.", "store.name", "reproduce[")
"""Where else than in specs a report tells paths from the working folder of whoever made it."""
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
            beside = frozenset(entry.name for entry in folder.iterdir())
            moved = frozenset(against.changes())
            problems = tuple(_differing(report, again, moved, beside))
            # What was given was judged with, and its digest compared: it is at hand after all.
            left = tuple(u for u in found.unchecked if u.code not in moved)
            found = found.model_copy(update={"unchecked": left, "judged_again": not problems})
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


def _differing(
    was: Report, now: Report, moved: frozenset[str], beside: frozenset[str]
) -> Iterator[Problem]:
    """Every figure and word that comes out otherwise; ``moved``: entries of the plan for which
    another place was given, which then is no difference. ``beside``: the names of what lies beside
    the report. A path that is told from another working folder is no difference either."""
    left_out = NOT_JUDGED | (OF_THE_PLAN if moved else frozenset())
    # The commands that repeat an audit name the version.
    left_out |= frozenset() if was.tool == now.tool else {"reproduce"}
    leaves = _leaves("", *(_judged_alone(r, left_out, moved, beside) for r in (was, now)))
    told = [leaf for leaf in leaves if not _of_one_place(*leaf)]
    for place, before, after in told[:MOST_TOLD]:
        detail = f"{printable(str(before), 80)}, judged again {printable(str(after), 80)}"
        yield Problem(code="rescore_differs", file=REPORT, record=place, detail=detail)
    if len(told) > MOST_TOLD:
        more = f"{len(told) - MOST_TOLD:,} more figures"
        yield Problem(code="rescore_differs", file=REPORT, detail=more)


def _judged_alone(
    report: Report, left_out: frozenset[str], moved: frozenset[str], beside: frozenset[str]
) -> dict[str, Any]:
    """What a report says but for where things lay: a store is named by its folder, and compared by
    its digest; what lies beside the report is named by the report's folder, which whoever got it
    may call otherwise."""
    value = report.model_dump(mode="json", by_alias=True)
    out = {k: v for k, v in value.items() if k not in left_out}
    out["plan"] = {k: v for k, v in value["plan"].items() if k not in moved}
    if "reproduce" in out:
        out["reproduce"] = [_from_within(line, beside) for line in out["reproduce"]]
    if "store" in moved and value["store"] is not None:
        out["store"] = {k: v for k, v in value["store"].items() if k != "name"}
    return out


def _from_within(line: str, beside: frozenset[str]) -> list[str]:
    """The words of a command as it is written in the report's own folder: where all files that are
    named as those beside the report lie in one folder, that is the report's."""
    try:
        words = shlex.split(line)
    except ValueError:  # a forger's: no shell could read it
        return [line]
    folders = {Path(word).parent for word in words if Path(word).name in beside}
    if len(folders) != 1:
        return words
    return [Path(word).name if Path(word).name in beside else word for word in words]


def _of_one_place(place: str, was: Any, now: Any) -> bool:
    """Whether a difference is that of the working folders from which one path is told."""
    told = place.startswith(TOLD_FROM_HERE) or place.endswith(".spec")
    texts = isinstance(was, str) and isinstance(now, str)
    return told and texts and one_place(was, now, Path.cwd())


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
