"""What changed between two runs of one fleet: cells, answers, what stands, and what suspects
say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from auditor.evidence.questions import QUESTIONS
from auditor.fleet.records import FleetCell, FleetChange, FleetTest


def changes(before: Sequence[FleetCell], after: Sequence[FleetCell]) -> tuple[FleetChange, ...]:
    """Every difference that a reader would want to know, in the order of the newer cells; what is
    gone comes last. Dates, ids and seconds are none."""
    earlier = {cell.where: cell for cell in before}
    later = {cell.where for cell in after}
    found = [change for cell in after for change in _of_cell(earlier.get(cell.where), cell)]
    gone = [cell for cell in before if cell.where not in later]
    return (*found, *(_change("gone", cell, before=cell.state) for cell in gone))


def _of_cell(before: FleetCell | None, after: FleetCell) -> Iterator[FleetChange]:
    if before is None:
        yield _change("new", after, after=after.state)
        return
    if (before.state, before.exit_code) != (after.state, after.exit_code):
        yield _change("state", after, before=before.state, after=after.state)
    if "done" not in (before.state, after.state) or before.state != after.state:
        return
    for question in QUESTIONS:
        was, now = before.statuses.get(question, ""), after.statuses.get(question, "")
        if was != now:
            yield _change("status", after, before=was, after=now, question=question)
    if before.says != after.says:
        yield _change("says", after, before=before.says, after=after.says)
    yield from _standing(before, after)


def _standing(before: FleetCell, after: FleetCell) -> Iterator[FleetChange]:
    """Verdicts that stand now and did not, and the other way round."""
    was, now = _by_whom(before.tests), _by_whom(after.tests)
    for key in dict.fromkeys((*now, *was)):
        stood, stands = key in was and was[key].stands, key in now and now[key].stands
        if stood != stands:
            test = now.get(key) or was[key]
            told = {"before": str(stood).lower(), "after": str(stands).lower()}
            change = _change("stands", after, **told)
            whom = {"candidate": test.candidate, "title": test.title}
            yield change.model_copy(update={"question": test.question, **whom})


def _by_whom(tests: Sequence[FleetTest]) -> dict[tuple[str, str | None, int], FleetTest]:
    """Tests by their question and whom they are about, whatever it is called; a further one about
    the same by its number."""
    seen: Counter[tuple[str, str | None]] = Counter()
    out: dict[tuple[str, str | None, int], FleetTest] = {}
    for test in tests:
        about = (test.question, test.candidate)
        out[(*about, seen[about])] = test
        seen[about] += 1
    return out


def _change(kind: str, cell: FleetCell, **told: str) -> FleetChange:
    return FleetChange.model_validate(
        {
            "kind": kind,
            "suspect": cell.suspect,
            "audit": cell.audit,
            "store": cell.store,
            "calibration": cell.calibration,
            **told,
        }
    )
