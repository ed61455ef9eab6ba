"""What every step of a run found, as JSON lines, cut back to the checkpoint when it resumes.

One writer at a time. Knows the file; knows nothing of training.
"""

from __future__ import annotations

import os
from io import FileIO
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from pydantic import ValidationError

from fingerprints.durable import disk_problem
from fingerprints.errors import Locked, MalformedInput
from fingerprints.records import Record, canonical_json
from fingerprints.system import Closing, try_lock


class StepRow(Record):
    """One update of a run, counted from 1."""

    step: int


class LossRow(StepRow):
    """One update: the mean loss in nats a token, the gradient's norm before clipping, the rate."""

    loss: float
    gradient: float
    rate: float
    tokens: int


Row = TypeVar("Row", bound=StepRow)


def read_steps(path: Path, row: type[Row], what: str) -> list[Row]:
    """Every whole line of a journal, in order of step; a torn last line is left out.

    Raises MalformedInput for a file that can't be read or is not ``what`` it should be.
    """
    try:
        return [row.model_validate_json(line) for line in path.read_bytes().split(b"\n")[:-1]]
    except (OSError, ValidationError) as error:
        raise MalformedInput(
            f"not a {what}", where=path, next_step="remove it; the run then starts again"
        ) from error


def read_losses(path: Path) -> list[LossRow]:
    """Every whole line of a loss journal. Raises what `read_steps` raises."""
    return read_steps(path, LossRow, "loss journal")


class StepJournal(Closing, Generic[Row]):
    """Appends rows to a journal that it holds locked. Raises Locked while another process does."""

    row: ClassVar[type[StepRow]]
    what: ClassVar[str]

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: FileIO = path.open("ab", buffering=0)
        except OSError as error:
            raise disk_problem(error, path) from error
        if not try_lock(self._file.fileno()):
            self._file.close()
            raise Locked(
                "another process trains here",
                where=path.parent,
                next_step="wait for it, or train into another folder",
            )

    def cut(self, step: int) -> None:
        """Drops the rows after a step, which will be made again, and a torn last line.

        Raises MalformedInput when the rows up to that step are not all there.
        """
        rows = read_steps(self.path, self.row, self.what)
        if [row.step for row in rows[:step]] != list(range(1, step + 1)):
            raise MalformedInput(
                f"it lacks some of the first {step} steps",
                where=self.path,
                next_step="train into another folder",
            )
        lines = self.path.read_bytes().split(b"\n")[:step]
        self._file.truncate(sum(len(line) + 1 for line in lines))

    def sync(self) -> None:
        """Forces the rows onto the disk, as a checkpoint presumes. Raises ResourceLimit."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            raise disk_problem(error, self.path) from error

    def add(self, row: Row) -> None:
        """Appends one row, or none: raises ResourceLimit on a full disk."""
        data = canonical_json(row.model_dump(mode="json")) + b"\n"
        end = os.fstat(self._file.fileno()).st_size
        left = memoryview(data)
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            self._file.truncate(end)
            raise disk_problem(error, self.path) from error

    def close(self) -> None:
        """Releases the lock and closes the file."""
        self._file.close()


class LossJournal(StepJournal[LossRow]):
    """The journal ``losses.jsonl``."""

    row, what = LossRow, "loss journal"
