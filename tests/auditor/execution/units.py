"""Units of work that are quickly done: they write a word, look at what they were given, or fail."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from auditor.execution.tasks import TaskEnd, WorkTask
from fingerprints.errors import MalformedInput
from fingerprints.progress import SILENT, Progress
from fingerprints.records import sha256

SEEN = ("OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES")


class Writing(WorkTask):
    """Appends a line to its file, and what it saw of its surroundings."""

    folder: str

    @classmethod
    def make(cls, folder: Path, name: str, **more: Any) -> Writing:
        """A unit of this name, whose files lie in ``folder``."""
        home = {"home": str(folder), "folder": str(folder), "ends": str(folder / f"{name}.end")}
        return cls.model_validate({"id": name, "key": sha256(name), **home, **more})

    def do(self, progress: Progress = SILENT) -> None:
        """Writes, so that whoever does it twice is found out."""
        saw = {name: os.environ.get(name) for name in SEEN}
        with (Path(self.folder) / f"{self.id}.txt").open("a", encoding="utf-8") as file:
            file.write(json.dumps(saw) + "\n")


class Failing(Writing):
    """Fails by its own fault until the file ``mended`` is there."""

    def do(self, progress: Progress = SILENT) -> None:
        """Fails, or writes."""
        if not (Path(self.folder) / "mended").exists():
            raise MalformedInput("a damaged file", where=self.id, next_step="mend it")
        super().do(progress)


class Mistaken(Writing):
    """Has a bug."""

    def do(self, progress: Progress = SILENT) -> None:
        """Raises what is no error of ours."""
        raise ValueError("a bug")


def lines(folder: Path, name: str) -> list[dict[str, Any]]:
    """What a unit wrote: one line each time that it was done."""
    path = folder / f"{name}.txt"
    return (
        [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    )


class Heard:
    """Keeps who ended, in order."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.counts: list[int] = []

    def __call__(self, task: WorkTask, end: TaskEnd, done: int) -> None:
        """One ended."""
        self.ids.append(task.id)
        self.counts.append(done)
