"""A disk that forgets: what a folder may look like after the power went, where files that nobody
synced were lost, kept or torn, and names that nobody synced are the old ones or the new ones.

Watches `os.fsync` and what changes names; before each of these it builds such folders. What a
process wrote and synced must be there, in any of them. SQLite syncs by itself and is tested for
this by its makers: its files are taken as they are.
"""

from __future__ import annotations

import os
import random
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMING = ("replace", "rename", "link", "unlink", "mkdir", "rmdir")
LOST, NAMED, MIXED = "what was not synced is lost", "names are new, contents lost", "mixed"


class ForgetfulDisk:
    """A folder with what of it is surely on the disk. ``kept`` are names that sync themselves."""

    def __init__(self, root: Path, kept: Callable[[str], bool] = lambda name: False) -> None:
        self.root, self.kept = root, kept
        self._held: dict[int, int] = {}
        self._contents = {node: self._read(node) for node in self._entries().values()}
        self._names = self._entries()

    def _entries(self) -> dict[Path, int]:
        """Every name below the folder with its file; each file is held open, so that its number is
        given to no other one."""
        found: dict[Path, int] = {}
        for path in sorted(self.root.rglob("*")):
            node = path.lstat().st_ino
            if node not in self._held and not self.kept(path.name):
                self._held[node] = os.open(path, os.O_RDONLY)
            found[path.relative_to(self.root)] = node
        return found

    def _read(self, node: int) -> bytes | None:
        """What is in a file now; None for a folder."""
        file = self._held.get(node)
        if file is None or stat.S_ISDIR(os.fstat(file).st_mode):
            return None
        return os.pread(file, os.fstat(file).st_size, 0)

    def synced(self, file: int) -> None:
        """Notes that a file's contents, or a folder's names, are on the disk."""
        node, now = os.fstat(file).st_ino, self._entries()
        if not stat.S_ISDIR(os.fstat(file).st_mode):
            self._contents[node] = self._read(node)
            return
        folder = next((p for p, n in now.items() if n == node), Path())
        old = {p: n for p, n in self._names.items() if p.parent != folder or p == folder}
        new = {p: n for p, n in now.items() if p.parent == folder and p != folder}
        self._names = old | new

    def after(self, how: str, chance: random.Random, to: Path) -> Path:
        """A folder as it may be found afterwards, at ``to``."""
        now = self._entries()
        to.mkdir(parents=True)
        for name in sorted({*now, *self._names}):
            states = (self._names.get(name), now.get(name))
            if self.kept(name.name):
                node = states[1]
            else:
                node = {LOST: states[0], NAMED: states[1]}.get(how, chance.choice(states))
            if node is not None and (to / name).parent.is_dir():
                self._put(node, name, how, chance, to / name)
        return to

    def _put(self, node: int, name: Path, how: str, chance: random.Random, place: Path) -> None:
        if self.kept(name.name):
            place.write_bytes((self.root / name).read_bytes())
            return
        if stat.S_ISDIR(os.fstat(self._held[node]).st_mode):
            place.mkdir()
            return
        held, new = self._contents.get(node) or b"", self._read(node) or b""
        torn = new[: chance.randrange(len(new) + 1)]
        unsure = how == MIXED and held != new
        place.write_bytes(chance.choice((held, new, torn)) if unsure else held)

    def close(self) -> None:
        """Lets the files go."""
        for file in self._held.values():
            os.close(file)


@contextmanager
def watched(
    disk: ForgetfulDisk, patch: pytest.MonkeyPatch, cut: Callable[[], None]
) -> Iterator[None]:
    """Calls ``cut`` before every sync and every change of a name in this process, and keeps the
    disk's books."""
    sync = os.fsync

    def fsync(file: int) -> None:
        cut()
        sync(file)
        disk.synced(file)

    def naming(real: Callable[..., Any]) -> Callable[..., Any]:
        def named(*args: Any, **kwargs: Any) -> Any:
            cut()
            return real(*args, **kwargs)

        return named

    with patch.context() as here:
        here.setattr(os, "fsync", fsync)
        for name in NAMING:
            here.setattr(os, name, naming(getattr(os, name)))
        yield
