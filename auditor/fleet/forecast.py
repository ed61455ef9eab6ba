"""What a fleet will ask of whom, and roughly how long that takes: before anything is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import chdir
from pathlib import Path
from typing import Any

from auditor.audits.costs import cost_of
from auditor.audits.frame import open_store
from auditor.audits.plan import AskingOf
from auditor.calibration.case import NONE, SHIPPED
from auditor.calibration.record import read_calibration
from auditor.execution.tasks import again, succeeded
from auditor.fleet.cells import Cell
from auditor.fleet.tasks import AskTask
from auditor.fleet.tasks_of import FleetTasks, lane_of
from detectors.lineup import counted
from fingerprints.collect import answered_in
from fingerprints.errors import AuditError
from fingerprints.records import Record


class AskedWhat(Record):
    """What one subject will be asked for one purpose: all shared probe sets, or an audit that asks
    for itself; of shared ones what lies there already is left out, ``held`` answers. ``problem``
    says why that can't be told, ``unknown`` that it shows on the way; ``again``: why what was done
    is gone on with."""

    subject: str
    purpose: str
    lane: str
    done: bool = False
    questions: int = 0
    tokens_in: int = 0
    tokens_out_at_most: int = 0
    seconds: float = 0.0
    unknown: bool = False
    problem: str = ""
    held: int = 0
    again: str = ""


class FleetForecast(Record):
    """A fleet before it is run. ``seconds`` is that of the lane that takes longest, of what is not
    done yet; judging is not in it. ``unfit`` audits fit their suspect not; ``unread``: the stores
    and calibrations that can't be read, by the audit that names them, each with the reason."""

    suspects: int
    audits: int
    judged: int
    unfit: int
    unread: tuple[str, ...]
    asked: tuple[AskedWhat, ...]
    questions: int
    tokens_in: int
    tokens_out_at_most: int
    seconds: float

    def lines(self) -> Iterator[str]:
        """The forecast in words, a line each."""
        audits = f"{counted(self.suspects, 'suspect')}, {counted(self.audits, 'audit')}"
        yield f"{audits}; judged already: {self.judged}"
        if self.unfit:
            yield f"audits that do not fit their suspect: {self.unfit}"
        yield from self.unread
        for one in self.asked:
            yield f"{one.subject} ({one.purpose}): {_told(one)}"
        yield (
            f"in all {self.questions:,} questions, {self.tokens_in:,} tokens in and at most"
            f" {self.tokens_out_at_most:,} out; asking takes about {self.seconds:,.0f} s, with all"
            " lanes at once"
        )


def _told(one: AskedWhat) -> str:
    return f"{_told_cost(one)}; {one.again}" if one.again else _told_cost(one)


def _told_cost(one: AskedWhat) -> str:
    if one.problem:
        return one.problem
    if one.done:
        return "done already"
    if one.unknown:
        return "what it asks shows on the way"
    held = f" beside {counted(one.held, 'answer')} that it gave" if one.held else ""
    if not one.questions:
        return f"nothing is left to ask{held}" if held else "a recording is not asked anything"
    return (
        f"{one.questions:,} questions{held}, {one.tokens_in:,} tokens in, at most"
        f" {one.tokens_out_at_most:,} out, about {one.seconds:,.0f} s; {one.lane}"
    )


def forecast(cells: Sequence[Cell], tasks: FleetTasks, home: Path) -> FleetForecast:
    """What running these tasks will ask. Asks nobody. ``home`` is where relative paths begin."""
    with chdir(home):
        return _foreseen(cells, tasks)


def _foreseen(cells: Sequence[Cell], tasks: FleetTasks) -> FleetForecast:
    asked = [_shared(task) for task in tasks.tasks if isinstance(task, AskTask)]
    for number, task in tasks.of_cell.items():
        asked += _itself(cells[number], succeeded(task))
    left = [one for one in asked if not one.done]
    lanes: dict[str, float] = {}
    for one in left:
        lanes[one.lane] = lanes.get(one.lane, 0.0) + one.seconds
    return FleetForecast(
        suspects=len({cell.suspect.name for cell in cells}),
        audits=len(cells),
        judged=sum(succeeded(task) for task in tasks.of_cell.values()),
        unfit=sum(cell.plan is None for cell in cells),
        unread=tuple(_unread(cells)),
        asked=tuple(asked),
        questions=sum(one.questions for one in left),
        tokens_in=sum(one.tokens_in for one in left),
        tokens_out_at_most=sum(one.tokens_out_at_most for one in left),
        seconds=round(max(lanes.values(), default=0.0), 1),
    )


def _unread(cells: Sequence[Cell]) -> Iterator[str]:
    """Audits that will fail whoever is asked, since what they judge by isn't there."""
    judged_by = dict.fromkeys(
        (cell.audit.name, cell.store, cell.calibration)
        for cell in cells
        if cell.plan is not None and cell.kind.shares
    )
    told: set[tuple[str, str]] = set()
    for audit, store, calibration in judged_by:
        for name, read in ((store, _read_store), (calibration, _read_calibration)):
            problem = "" if name is None or (audit, name) in told else read(name)
            if name is not None and problem:
                told.add((audit, name))
                yield f"{audit}: {problem}"


def _read_store(name: str) -> str:
    """What is wrong with a store; nothing where it can be opened."""
    try:
        with open_store(name):
            return ""
    except AuditError as error:
        return error.line()


def _read_calibration(name: str) -> str:
    if name in (SHIPPED, NONE):
        return ""
    try:
        read_calibration(Path(name))
    except AuditError as error:
        return error.line()
    return ""


def _shared(task: AskTask) -> AskedWhat:
    """What is left to ask of what all audits of a subject share."""
    done, why = succeeded(task), again(task)
    found = AskedWhat(
        subject=task.id, purpose="for all of its audits", lane=task.lane, done=done, again=why
    )
    costs, held = [], 0
    try:
        for one in task.recordings:
            if one.choice is not None:
                there = frozenset() if done else answered_in(Path(task.out) / one.file)
                costs.append(cost_of(task.spec, [one.choice.load()], one.sampling, there))
                held += len(there)
    except AuditError as error:
        return found.model_copy(update={"problem": error.line()})
    return found.model_copy(update={**_sums(costs), "held": held})


def _itself(cell: Cell, done: bool) -> Iterator[AskedWhat]:
    """What a cell asks for itself: nothing where it shares."""
    if cell.plan is None or cell.kind.shares:
        return
    asking, purpose = cell.plan.asking(), f"for {cell.audit.name}"
    if asking is None:
        lane = lane_of(cell.spec)
        subject = cell.suspect.name
        yield AskedWhat(subject=subject, purpose=purpose, lane=lane, done=done, unknown=True)
        return
    for one in asking:
        who = cell.suspect.name if one.spec == cell.spec else one.spec
        yield _cost(who, purpose, lane_of(cell.spec), [one], done)


def _cost(
    subject: str, purpose: str, lane: str, asked: Sequence[AskingOf], done: bool
) -> AskedWhat:
    found = AskedWhat(subject=subject, purpose=purpose, lane=lane, done=done)
    try:
        costs = [cost_of(one.spec, one.sets, one.sampling) for one in asked]
    except AuditError as error:
        return found.model_copy(update={"problem": error.line()})
    return found.model_copy(update=_sums(costs))


def _sums(costs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    names = ("questions", "tokens_in", "tokens_out_at_most", "seconds")
    return {name: sum(cost.get(name, 0) for cost in costs) for name in names}
