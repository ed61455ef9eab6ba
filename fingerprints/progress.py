"""How far a long run is, for whoever wants to be told. Knows nothing of bars and terminals."""

from __future__ import annotations

from collections.abc import Callable


class Progress:
    """Whom a long run tells how far it is; this one tells nobody.

    A run of several steps takes one for the whole and asks it for a `step` by name.
    """

    def __call__(self, done: int, total: int, left: float | None = None) -> None:
        """So many are done, of how many; ``left``: seconds until the end, where they are known."""

    def step(self, label: str, whole: bool = False) -> Progress:
        """Whom a step tells. The ``whole`` is above all others: it stays while they take turns."""
        return self

    def say(self, line: str) -> None:
        """A line of talk on the way."""

    def note(self, line: str) -> None:
        """A line for where no figure is shown, such as a log."""


SILENT = Progress()
Told = Callable[[int, int], None]
"""What one step tells how much is done, and of how much: a `Progress`, or any such function."""
