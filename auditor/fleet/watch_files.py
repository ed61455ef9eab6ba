"""What a watch keeps: of each endpoint how it was so far, and the look that is under way.

Knows files and what is in them; asks nobody and tests nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from auditor.fleet.names_in_turn import ServedNames
from auditor.fleet.plan import FleetSuspect
from auditor.fleet.tasks import end_file
from fingerprints.durable import disk_problem
from fingerprints.errors import AuditError, MalformedInput
from fingerprints.record_files import RecordFile, write_record
from fingerprints.records import Record, sha256

ToldOf = Literal["answers", "name", "spec", "turns", "repeats"]
NO_CHANGE: frozenset[ToldOf] = frozenset({"turns", "repeats"})
"""What is told and is no change: it says how far the others can be trusted."""


class WatchedChange(Record):
    """Something that is told of an endpoint at a ``look``: that its answers changed (``log10_e``:
    the capital of the bet; ``needed``: what it had to reach), the name that it answers under, or
    its spec in the plan. No change: it answers under several names in ``turns``; it ``repeats`` its
    answers word for word, so that they may come from a cache (of answers that changed: ``repeated``
    says that they had repeated before)."""

    what: ToldOf
    suspect: str
    look: int
    made: str
    log10_e: float | None = None
    needed: float | None = None
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    repeated: bool = False

    @property
    def is_change(self) -> bool:
        """Whether something is otherwise than before."""
        return self.what not in NO_CHANGE


class WatchState(Record):
    """What is known of one endpoint after its last whole look.

    ``looks`` were whole. ``test`` counts the tests so far; ``baseline`` is the look whose answers
    this one begins with and ``began`` the look behind which its own begin; ``p``: the p-values of
    each of these. ``told`` of the ``changes`` were sent on. ``at``: seconds since 1970. ``named``:
    the names that it answered under; ``repeats``: all answers of the baseline to one question were
    one. ``problem``: why it could not be asked, or, ``uncompared``, why its newest look can't be
    compared with earlier ones.
    """

    format: Literal["watch/1"] = "watch/1"
    suspect: str
    spec_sha256: str
    looks: Annotated[int, Field(ge=0)] = 0
    test: Annotated[int, Field(ge=1)] = 1
    baseline: int = 1
    began: int = 1
    p: tuple[tuple[float, ...], ...] = ()
    log10_e: float = 0.0
    names: tuple[str, ...] = ()
    named: ServedNames = ServedNames()
    repeats: bool = False
    changes: tuple[WatchedChange, ...] = ()
    told: int = 0
    at: float = 0.0
    problem: str = ""
    uncompared: bool = False
    exit_code: int = 0


class OpenLook(Record):
    """A look at all endpoints that has not been told yet: of each suspect, how many whole looks
    there were before it, and how many changes were known. ``damaged``: what became of a file that
    should have told so; told once, and not written down."""

    format: Literal["watch-look/1"] = "watch-look/1"
    looks: dict[str, int]
    known: dict[str, int]
    damaged: str = ""


STATE = RecordFile(
    WatchState,
    nothing="not the state of a watch",
    next_step="put it back, or move it away: its next look is then a new baseline",
)
OPEN = RecordFile(OpenLook, nothing="not a look of a watch", next_step="move it away")


def held_states(suspects: tuple[FleetSuspect, ...], out: Path) -> dict[str, WatchState]:
    """What earlier looks left, by endpoint; a damaged file is told by the look."""
    found = {}
    for suspect in suspects:
        file = state_file(out, suspect.name)
        with suppress(MalformedInput):
            if file.is_file():
                found[suspect.name] = STATE.read(file)
    return found


def trouble(problem: str, exit_code: int, uncompared: bool = False) -> dict[str, object]:
    """What of a state says that a look came to nothing, and why."""
    return {"problem": problem, "exit_code": exit_code, "uncompared": uncompared}


def kept(after: WatchState, before: WatchState, out: Path) -> WatchState:
    """The state after a look, written down; where it can't be, the one before with the reason: what
    was heard lies there, and the next look begins with it."""
    try:
        write_record(state_file(out, after.suspect), after)
    except AuditError as error:
        told = trouble(error.line(), error.exit_code, uncompared=True)
        return before.model_copy(update=told)
    return after


def state_of(suspect: FleetSuspect, out: Path, looks: int) -> WatchState:
    """What is known of an endpoint, whatever spec it had; where nothing is, its state behind so
    many looks, of which it remembers nothing. Raises MalformedInput for a damaged file."""
    path = state_file(out, suspect.name)
    if os.path.lexists(path):
        return STATE.read(path)
    begin = {"looks": looks, "baseline": looks + 1, "began": looks + 1}
    told = {"suspect": suspect.name, "spec_sha256": sha256(suspect.spec)}
    return WatchState.model_validate({**told, **begin})


@contextmanager
def open_look(suspects: tuple[FleetSuspect, ...], out: Path) -> Iterator[OpenLook]:
    """The look that is under way: one that was killed before its end, or a new one, which is
    written down. It ends with the block, so that whoever is killed in it goes on with it, and tells
    again what may not have been told.

    A damaged file is put aside and stops nobody: everybody is looked at anew, and what the last
    look of each changed counts as not told.
    """
    file = open_file(out)
    look, damaged = _under_way(file)
    if look is None:
        held = held_states(suspects, out)
        look = OpenLook(
            looks={s.name: _looks(s.name, held, out) for s in suspects},
            known={name: _known(state, bool(damaged)) for name, state in held.items()},
            damaged=damaged,
        )
        write_record(file, look, exclude={"damaged"})
    yield look
    file.unlink()


def _under_way(file: Path) -> tuple[OpenLook | None, str]:
    """The look that a file tells of, None where there is none; and what became of a damaged one."""
    if not os.path.lexists(file):
        return None, ""
    try:
        return OPEN.read(file), ""
    except MalformedInput as error:
        n = next(n for n in range(1, 1 << 30) if not os.path.lexists(_aside(file, n)))
        try:
            os.replace(file, _aside(file, n))
        except OSError as problem:
            raise disk_problem(problem, file) from problem
        return None, f"{error.what} ({file}); it is now {_aside(file, n).name}"


def _aside(file: Path, number: int) -> Path:
    return file.with_name(f"{file.stem}.damaged-{number}{file.suffix}")


def _looks(name: str, held: Mapping[str, WatchState], out: Path) -> int:
    """How many looks at an endpoint lie behind a new one. Where what is known of it was taken away
    its old looks are nobody's to take for new ones: those that were ended are counted."""
    if name in held:
        return held[name].looks
    numbers = (file.name.partition("-")[0] for file in looks_folder(out, name).glob("*.jsonl"))
    ended = (n for n in map(int, filter(str.isdecimal, numbers)) if _was_ended(out, name, n))
    return max(ended, default=0)


def _was_ended(out: Path, name: str, number: int) -> bool:
    return end_file(out, look_id(name, number)).is_file()


def _known(state: WatchState, last_too: bool) -> int:
    """How many changes of an endpoint were told; without those of its last look where that isn't
    sure."""
    return sum(change.look < state.looks or not last_too for change in state.changes)


def look_id(suspect: str, number: int) -> str:
    """What a look at an endpoint is called among all units of a fleet's folder."""
    return f"look/{suspect}/{number}"


def look_name(state: WatchState, number: int) -> str:
    """A look's file below the fleet's folder; another spec's has another name, so that no half look
    is gone on with by asking somebody else."""
    return f"watch/{state.suspect}/looks/{number:06d}-{state.spec_sha256[:10]}.jsonl"


def looks_folder(out: Path, suspect: str) -> Path:
    """Where the looks at an endpoint lie."""
    return out / "watch" / suspect / "looks"


def open_file(out: Path) -> Path:
    """Where the look lies that is under way; it is there for so long."""
    return out / "look.json"


def state_file(out: Path, suspect: str) -> Path:
    """Where the state of an endpoint lies."""
    return out / "watch" / suspect / "state.json"
