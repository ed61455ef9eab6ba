"""Which CUDA device each process of this machine is given, and how many share one: as many as were
said, or as the memory that one took allows.

Knows names and bytes; loads no library of models.
"""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

MOST_A_DEVICE = 64
FILLED = 0.9
"""How much of a device's free memory is given away: what a framework itself takes on a device is
some hundred megabytes a process, and peaks differ a little from unit to unit."""
FREE_MEMORY = ("nvidia-smi", "--query-gpu=index,uuid,memory.free", "--format=csv,noheader,nounits")
MEBIBYTE = 1 << 20


def share_of(free: int, each: int) -> int:
    """How many units of ``each`` bytes share a device with so many bytes free: one at least, also
    where nothing is known of either.

    >>> share_of(80 << 30, 9 << 30), share_of(8 << 30, 9 << 30), share_of(0, 1), share_of(1, 0)
    (8, 1, 1, 1)
    """
    if free <= 0 or each <= 0:
        return 1
    return min(MOST_A_DEVICE, max(1, int(FILLED * free) // each))


def seen_devices(environment: Mapping[str, str] = os.environ) -> dict[str, int]:
    """The CUDA devices that a process of this machine sees, as ``CUDA_VISIBLE_DEVICES`` names them,
    with their free bytes (0: not known); none where there is no driver."""
    free = _free_bytes()
    chosen = environment.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        return {name: found for name, found in free.items() if name.isdigit()}
    names = [name.strip() for name in chosen.split(",")]
    # CUDA itself sees none from the first name on that is none.
    stop = next((i for i, name in enumerate(names) if not name or name == "-1"), len(names))
    return {name: free.get(name, 0) for name in names[:stop]} if free else {}


def _free_bytes() -> dict[str, int]:
    """Free bytes by number and by UUID."""
    try:
        # A program of the driver, by its plain name; nothing of a stranger's is in the command.
        told = subprocess.run(  # noqa: S603  (as said above)
            FREE_MEMORY, capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    rows = [[part.strip() for part in line.split(",")] for line in told.stdout.splitlines()]
    return {
        name: int(row[2]) * MEBIBYTE
        for row in rows
        if len(row) == 3 and row[2].isdigit()
        for name in row[:2]
    }


class Devices:
    """The devices of one machine, handed out by shares.

    ``a_device``: how many share one; None: one at first, and then as many as the memory of the
    dearest unit so far allows. Safe for threads.
    """

    def __init__(self, free: Mapping[str, int], a_device: int | None = None) -> None:
        self._free, self._a_device = dict(free), a_device
        self._used = dict.fromkeys(free, 0)
        self._dearest = 0
        self._change = threading.Condition()

    def __len__(self) -> int:
        return len(self._free)

    def room(self, name: str) -> int:
        """How many units share this device."""
        return self._a_device or share_of(self._free[name], self._dearest)

    @property
    def places(self) -> int:
        """How many units all devices hold together."""
        return sum(self.room(name) for name in self._free)

    def learn(self, taken: int) -> None:
        """A unit took so many bytes of its device at most."""
        with self._change:
            self._dearest = max(self._dearest, taken)
            self._change.notify_all()

    @contextmanager
    def taken(self, wanted: Literal["none", "share", "whole"]) -> Iterator[str | None]:
        """The name of a device with room, waited for, and given back at the end of the block; None
        where none is wanted or there is none."""
        if wanted == "none" or not self._free:
            yield None
            return
        whole = wanted == "whole"
        with self._change:
            while (name := self._with_room(whole)) is None:
                self._change.wait()
            # A whole one is full for everybody else.
            weight = MOST_A_DEVICE if whole else 1
            self._used[name] += weight
        try:
            yield name
        finally:
            with self._change:
                self._used[name] -= weight
                self._change.notify_all()

    def _with_room(self, whole: bool) -> str | None:
        """The emptiest device that has room."""
        name = min(self._used, key=lambda n: self._used[n] / self.room(n))
        used = self._used[name]
        fits = used == 0 if whole else used < self.room(name)
        return name if fits else None
