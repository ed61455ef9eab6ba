"""What a fleet has done by others: a subject asked, or one cell judged; each a record that any
process on any machine with the same files can be given, and does once.

A task that is done leaves a record of how it ended; killed on the way, it goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import chdir
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from auditor.audits.frame import keep
from auditor.audits.plan import AuditPlan
from auditor.audits.report.bundle import ready_folder
from auditor.audits.run_by import run_by
from auditor.evidence.kinds import all_kinds, placed_at
from auditor.evidence.records import Report
from fingerprints.collect import collect, part_of, timestamp
from fingerprints.errors import AuditError, missing_library
from fingerprints.probes import ProbeChoice
from fingerprints.record_files import RecordFile, write_record
from fingerprints.records import Record, Sampling, sha256
from fingerprints.subjects import open_subject
from fingerprints.subjects.spec import parse_spec
from fingerprints.transcript import Transcript, load_transcript

BUG, OUT_OF_MEMORY = 70, 7


class Recording(Record):
    """One probe set, asked once: where its answers lie. A recorded subject has one of no set."""

    choice: ProbeChoice | None
    sampling: Sampling
    file: str


class AskTask(Record):
    """A subject to be asked, opened once for all of its probe sets.

    ``home`` is the folder in which relative paths begin, ``out`` the fleet's. ``lane``: tasks of
    one are done one after the other. ``key`` says what it was made for, ``needs`` which tasks must
    have succeeded.
    """

    type: Literal["ask"] = "ask"
    id: str
    key: str
    home: str
    out: str
    lane: str
    needs: tuple[str, ...] = ()
    spec: str
    recordings: tuple[Recording, ...]


class HeardFrom(Record):
    """Whose answers are not asked for again: the spec, and its recordings."""

    spec: str
    recordings: tuple[Recording, ...]


class JudgeTask(Record):
    """One audit of one suspect: its kind, its plan's fields, the folder of its report, and who was
    asked before. Without a ``lane`` it asks nobody, and waits for nobody's device. ``operator`` is
    who runs it, as given: of no account for what it was made for."""

    type: Literal["judge"] = "judge"
    id: str
    key: str
    home: str
    out: str
    lane: str
    needs: tuple[str, ...] = ()
    kind: str
    plan: dict[str, Any]
    folder: str
    heard: tuple[HeardFrom, ...] = ()
    operator: str = ""


FleetTask = Annotated[AskTask | JudgeTask, Field(discriminator="type")]


class TaskEnd(Record):
    """How a task ended: its exit code, as the same command by itself would have had, and what was
    wrong. ``key`` is the task's: of another one it says nothing."""

    id: str
    key: str
    exit_code: int = 0
    code: str = ""
    what: str = ""
    next_step: str | None = None
    seconds: float = 0.0


_TASK: TypeAdapter[AskTask | JudgeTask] = TypeAdapter(FleetTask)
END = RecordFile(TaskEnd, nothing="not how a task ended", next_step="delete it: it is done again")


def task_in(text: bytes | str) -> AskTask | JudgeTask:
    """The task in a line of JSON."""
    return _TASK.validate_json(text)


def end_file(out: Path, task_id: str) -> Path:
    """Where it stands how a task of a fleet ended."""
    return out / "ends" / f"{sha256(task_id)[:24]}.json"


def ended(task: AskTask | JudgeTask) -> TaskEnd | None:
    """How this very task ended; None where it did not yet, or under another key. Raises
    MalformedInput for a damaged file."""
    path = end_file(Path(task.out), task.id)
    found = END.read(path) if path.is_file() else None
    return found if found is not None and (found.id, found.key) == (task.id, task.key) else None


def perform(task: AskTask | JudgeTask) -> TaskEnd:
    """Does a task, here and now, and writes down how it ended; does nothing for one that succeeded
    before. Never raises what is the task's own fault, but that the disk is full."""
    before = ended(task)
    if before is not None and before.exit_code == 0:
        return before
    began = time.monotonic()
    with chdir(task.home):
        found = _tried(task)
    end = found.model_copy(update={"seconds": round(time.monotonic() - began, 3)})
    write_record(end_file(Path(task.out), task.id), end)
    return end


def _tried(task: AskTask | JudgeTask) -> TaskEnd:
    try:
        _ask(task) if isinstance(task, AskTask) else _judge(task)
    except AuditError as error:
        return failed(task, error)
    except ModuleNotFoundError as error:
        missing = missing_library(error)
        if missing is None:
            raise
        return failed(task, missing)
    return TaskEnd(id=task.id, key=task.key)


def failed(task: AskTask | JudgeTask, error: AuditError) -> TaskEnd:
    """How a task ended that an error of ours ended."""
    where = "" if error.where is None else f" ({error.where})"
    return TaskEnd(
        id=task.id,
        key=task.key,
        exit_code=error.exit_code,
        code=error.code,
        what=f"{error.what}{where}",
        next_step=error.next_step,
    )


def bug(task: AskTask | JudgeTask, what: str) -> TaskEnd:
    """How a task ended that met a bug of ours."""
    return TaskEnd(
        id=task.id,
        key=task.key,
        exit_code=BUG,
        code="E-INTERNAL",
        what=f"a bug of the toolkit: {what}",
        next_step="report it, with what stderr says",
    )


def _ask(task: AskTask) -> None:
    with open_subject(task.spec) as subject:
        for one in task.recordings:
            sets = [] if one.choice is None else [one.choice.load()]
            collect(subject, sets, one.sampling, Path(task.out) / one.file)


def _judge(task: JudgeTask) -> None:
    kind = next(k for k in all_kinds() if k.name == task.kind)
    made: type[AuditPlan] = placed_at(kind.plan)
    plan = made.make(task.plan)
    folder = Path(task.out) / task.folder
    ready_folder(folder)
    run: Callable[..., Report] = placed_at(kind.run)
    more = {"heard": _heard(task, plan)} if kind.shares else {}
    began = timestamp()
    keep(run_by(run(plan, folder, **more), task.operator, began), plan, folder)


def _heard(task: JudgeTask, plan: AuditPlan) -> Mapping[str, Transcript]:
    """Everybody's answers to the plan's questions, out of what they were asked for all audits."""
    sets = {one.spec: one for one in plan.asking() or ()}
    out = {}
    for one in task.heard:
        held = [load_transcript(Path(task.out) / r.file) for r in one.recordings]
        recorded = parse_spec(one.spec).kind.recorded
        asked = sets.get(one.spec)
        out[one.spec] = (
            held[0] if recorded or asked is None else part_of(held, asked.sets, asked.sampling)
        )
    return out
