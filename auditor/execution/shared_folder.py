"""Whether every machine sees the same folder: a file with a word of its own, read back by each.

Knows files; knows nothing of clusters.
"""

from __future__ import annotations

import secrets
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from fingerprints.durable import replacing
from fingerprints.errors import UsageProblem, printable

WORD = ".seen-by-all"


@dataclass(frozen=True)
class SharedFolder:
    """A folder that all machines must see under its name, and the word that lies in it."""

    path: str
    word: str

    @classmethod
    def marked(cls, folder: Path) -> Self:
        """Writes a new word into the folder, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        word = secrets.token_hex(16)
        with replacing(folder / WORD) as file:
            file.write(word.encode("ascii"))
        return cls(str(folder), word)

    def check(self) -> None:
        """Raises UsageProblem on a machine that does not see the folder."""
        try:
            found = (Path(self.path) / WORD).read_text("ascii", "replace")
        except OSError:
            found = ""
        if found != self.word:
            raise UsageProblem(
                f"the machine {printable(socket.gethostname(), 80)} does not see the folder that"
                " the others see",
                where=printable(self.path, 200),
                next_step="mount it there under the same name, or take the machine out",
            )

    def unmark(self) -> None:
        """Takes the word away."""
        (Path(self.path) / WORD).unlink(missing_ok=True)
