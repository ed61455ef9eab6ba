"""One unit of work: a record that any process on any machine with the same files can be given, and
does once. And how it ended.

A unit that is done leaves a record of how it ended; killed on the way, it goes on where it was.
Knows nothing of what a unit is for.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import chdir
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Literal

from fingerprints.errors import AuditError, MalformedInput, missing_library
from fingerprints.progress import SILENT, Progress
from fingerprints.record_files import RecordFile, write_record
from fingerprints.records import Record
from fingerprints.system import peak_memory

BUG, OUT_OF_MEMORY = 70, 7


class WorkTask(Record):
    """A unit of work, which a subclass knows how to `do`.

    ``home`` is the folder in which relative paths begin, ``ends`` the file that says that it was
    done. ``key`` says what it was made for: an end under another key says nothing of it.
    ``needs``: which must have succeeded before; ``lane``: units of one are done one after the
    other. It takes ``threads`` of a processor and, where there is a CUDA device, a ``share`` of
    one's memory, a ``whole`` one, or none. ``MENDS``: doing it again makes whole what it left.
    """

    MENDS: ClassVar[bool] = True

    id: str
    key: str
    home: str
    ends: str
    lane: str = ""
    needs: tuple[str, ...] = ()
    threads: int = 1
    device: Literal["none", "share", "whole"] = "none"

    def do(self, progress: Progress = SILENT) -> None:
        """Does what isn't done of it. Raises AuditError for what is its own fault."""
        raise NotImplementedError

    def leaves(self) -> tuple[Path, ...]:
        """The files without which its end counts for nothing: who takes them away has it done
        again, as has who cuts one short of a unit that ``MENDS`` it."""
        return ()


class TaskEnd(Record):
    """How a task ended: its exit code, as the same command by itself would have had, and what was
    wrong. ``key`` is the task's: of another one it says nothing. ``peak_bytes``: the most main
    memory that the process which did it ever held; ``device_bytes``: the most that was reserved on
    its CUDA device meanwhile, 0 where it had none. ``left``: the sizes in bytes of the files that
    it leaves, in their order; none from older versions, which tell nothing of whether one was cut.
    ``again``: why it was done although it may have been done before; told once, and not written
    down."""

    id: str
    key: str
    exit_code: int = 0
    code: str = ""
    what: str = ""
    next_step: str | None = None
    seconds: float = 0.0
    peak_bytes: int = 0
    device_bytes: int = 0
    left: tuple[int, ...] = ()
    again: str = ""


def _older(value: Any) -> Any:
    """What ladders wrote before units of all kinds ended alike."""
    if isinstance(value, dict) and "task_sha256" in value:
        return {"id": "", "key": value["task_sha256"], "seconds": value.get("seconds", 0.0)}
    return value


END = RecordFile(
    TaskEnd,
    nothing="not how a task ended",
    next_step="delete it: it is done again",
    migrate=_older,
)


def line_of(task: WorkTask) -> str:
    """A task as a line of JSON."""
    kind = type(task)
    told = {"kind": f"{kind.__module__}:{kind.__qualname__}", "task": task.model_dump(mode="json")}
    return json.dumps(told)


def task_in(line: bytes | str) -> WorkTask:
    """The task in a line of JSON, which names its class. Raises MalformedInput for anything that is
    no task."""
    told = json.loads(line)
    module, _, name = str(told["kind"]).partition(":")
    kind = getattr(import_module(module), name, None)
    if not (isinstance(kind, type) and issubclass(kind, WorkTask)):
        raise MalformedInput("no task of ours", where="stdin", next_step="report it")
    return kind.model_validate(told["task"])


def end_in(path: Path) -> TaskEnd | None:
    """How it ended by a file; None where there is none, or a damaged one: whose end can't be read
    is done again, which asks for nothing that lies there and stops nobody else."""
    try:
        return END.read(path) if path.is_file() else None
    except MalformedInput:
        return None


def ended(task: WorkTask) -> TaskEnd | None:
    """How this very task ended; None where it did not yet, or under another key, or where what it
    left was taken away or cut short since, or where its end is damaged."""
    found = end_in(Path(task.ends))
    if found is None or found.key != task.key:
        return None
    return None if _lacking(task, found) else found


def lacking(task: WorkTask) -> str:
    """What is missing of what this very task left when it ended; nothing where all of it lies
    there, and where no end tells that it left anything."""
    found = end_in(Path(task.ends))
    return "" if found is None or found.key != task.key else _lacking(task, found)


def again(task: WorkTask) -> str:
    """Why a task that was done is to be done again: its end is damaged, or what it left was taken
    away or cut short. Nothing where it was not done, or needs no doing."""
    path = Path(task.ends)
    try:
        found = END.read(path) if path.is_file() else None
    except MalformedInput as error:
        return f"done again: {error.what} ({path})"
    told = "" if found is None or found.key != task.key else _lacking(task, found)
    return f"done again: {told}" if told else ""


def _lacking(task: WorkTask, end: TaskEnd) -> str:
    """What is missing of what a task left when it ended; nothing where all of it lies there."""
    files = task.leaves()
    gone = next((file for file in files if not file.is_file()), None)
    if gone is not None:
        return f"what it left is gone ({gone})"
    if not (task.MENDS and len(end.left) == len(files)):
        return ""
    for file, was in zip(files, end.left, strict=True):
        now = file.stat().st_size
        if now < was:
            return f"what it left was cut short since, from {was:,} to {now:,} bytes ({file})"
    return ""


def succeeded(task: WorkTask) -> bool:
    """Whether this very task was done."""
    end = ended(task)
    return end is not None and end.exit_code == 0


def perform(task: WorkTask, progress: Progress = SILENT) -> TaskEnd:
    """Does a task, here and now, and writes down that it was done; does nothing for one that was
    done before. What failed is told and not written down: it is tried again.

    Never raises what is the task's own fault. One whose end can't be written is not done.
    """
    before = ended(task)
    if before is not None and before.exit_code == 0:
        return before
    why, began = again(task), time.monotonic()
    _forget_device_peak()
    with chdir(task.home):
        found = _tried(task, progress)
    told = {
        "seconds": round(time.monotonic() - began, 3),
        "peak_bytes": peak_memory(),
        "device_bytes": _device_peak(),
    }
    end = found.model_copy(update=told)
    if not end.exit_code:
        end = end.model_copy(update={"left": _sizes(task)})
        try:
            write_record(Path(task.ends), end, exclude={"again"})
        except AuditError as error:
            end = failed(task, error).model_copy(update=told)
    return end.model_copy(update={"again": why})


def _sizes(task: WorkTask) -> tuple[int, ...]:
    """How large the files are that it left; none where it left one less than it says."""
    files = task.leaves()
    return tuple(f.stat().st_size for f in files) if all(f.is_file() for f in files) else ()


def _tried(task: WorkTask, progress: Progress) -> TaskEnd:
    try:
        task.do(progress)
    except AuditError as error:
        return failed(task, error)
    except ModuleNotFoundError as error:
        missing = missing_library(error)
        if missing is None:
            raise
        return failed(task, missing)
    return TaskEnd(id=task.id, key=task.key)


def _torch_with_devices() -> Any:
    """torch where the work loaded it and it sees a CUDA device; nothing is loaded for asking."""
    torch = sys.modules.get("torch")
    return torch if torch is not None and torch.cuda.is_available() else None


def _forget_device_peak() -> None:
    torch = _torch_with_devices()
    if torch is not None:
        torch.cuda.reset_peak_memory_stats()


def _device_peak() -> int:
    torch = _torch_with_devices()
    return 0 if torch is None else int(torch.cuda.max_memory_reserved())


def failed(task: WorkTask, error: AuditError) -> TaskEnd:
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


def lost(task: WorkTask, what: str, next_step: str) -> TaskEnd:
    """How a task ended whose process or machine was lost: out of memory, killed, cut off."""
    return TaskEnd(
        id=task.id,
        key=task.key,
        exit_code=OUT_OF_MEMORY,
        code="E-LIMIT",
        what=what,
        next_step=next_step,
    )


def bug(task: WorkTask, what: str) -> TaskEnd:
    """How a task ended that met a bug of ours."""
    return TaskEnd(
        id=task.id,
        key=task.key,
        exit_code=BUG,
        code="E-INTERNAL",
        what=f"a bug of the toolkit: {what}",
        next_step="report it, with what stderr says",
    )
