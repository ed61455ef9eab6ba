"""A folder that a long run works in: known again by its first file, held by one process, gone on
with after a kill.

Knows files; knows nothing of what is made there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fingerprints.durable import WriteLock, disk_problem, replacing, strangers
from fingerprints.errors import Locked, MalformedInput

LOCK = ".lock"


@dataclass(frozen=True)
class WorkFolder:
    """Where a long run works. ``busy`` is what whoever finds it held is told.

    ``mark`` is the file that is written first and says whose work the folder holds; a folder
    without one (None) is only held.
    """

    path: Path
    busy: str
    mark: str | None = None

    @contextmanager
    def held(
        self, recognise: Callable[[Path], None] = lambda mark: None, text: str | None = None
    ) -> Iterator[None]:
        """The folder, made or recognised, for this process alone while the block lasts.

        ``recognise`` is given the mark where it stands, and raises where it is of other work;
        ``text`` is written as the mark. Raises MalformedInput for a folder that holds other files,
        Locked while another process works there.
        """
        self._make(recognise)
        try:
            lock = WriteLock(self.path / LOCK)
        except Locked as error:
            raise Locked(self.busy, where=self.path, next_step="wait for it") from error
        try:
            if self.mark is not None and text is not None:
                with replacing(self.path / self.mark) as file:
                    file.write(text.encode("utf-8"))
            yield
        finally:
            lock.close(remove=True)

    def _make(self, recognise: Callable[[Path], None]) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            foreign = [] if self.mark is None else strangers(self.path, self.mark)
        except OSError as error:
            file = next((p for p in (self.path, *self.path.parents) if p.is_file()), None)
            if file is None:
                raise disk_problem(error, self.path) from error
            raise MalformedInput(
                "a file, where a folder is needed",
                where=file,
                next_step="move it away, or give another folder with --out",
            ) from error
        if self.mark is not None and (self.path / self.mark).exists():
            recognise(self.path / self.mark)
        elif foreign:
            raise MalformedInput(
                "the folder holds other files",
                where=self.path / foreign[0],
                next_step="give a new folder with --out",
            )
