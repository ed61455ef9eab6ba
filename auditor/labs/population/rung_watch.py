"""How far a ladder is: which rung was done, what came of it, and how long the rest will take.

Rungs that were there already are passed by in moments; they count apart, so that the time left
stays right when a ladder is resumed. Knows folders and clocks; trains nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from auditor.controls.cards.card import CARD, read_card
from auditor.controls.cards.card_view import headline
from auditor.controls.cohort import TRANSCRIPT
from auditor.controls.lineage import LINEAGE
from auditor.reporting.plots import bounded
from auditor.reporting.text import number
from fingerprints.transcript import is_transcript, load_transcript


@dataclass(frozen=True)
class RungDone:
    """One rung that was done: its place, whether it was there, its seconds and those left."""

    done: int
    total: int
    name: str
    folder: Path
    there: bool
    seconds: float
    left: float | None

    def line(self) -> str:
        """All of it on one line, with what its card says where it has one."""
        told = f"{self.done} of {self.total}: {self.name}"
        if self.there:
            told += ": already there"
        else:
            told += f": {_came_of_it(self.folder)}{duration(self.seconds)}"
        if self.left is None or self.done == self.total:
            return told
        return f"{told}; about {duration(self.left)} left"


def _came_of_it(folder: Path) -> str:
    if not (folder / CARD).is_file():
        return ""
    card = read_card(folder)
    bits, _, _ = headline(card)
    parts = [card.lineage.role, f"dose {100 * card.recipe.dose:g} %"]
    if card.first_loss is not None:
        parts.append(f"loss {number(card.first_loss)} to {number(card.last_loss)}")
    if bits is not None:
        parts.append(f"bits per byte {bounded(bits, sign=True)}")
    return "".join(f"{part}, " for part in parts)


@dataclass
class RungWatch:
    """Told before every rung and at the end, as `auditor.labs.population.ladder.climb` tells its
    ``rungs``; tells `RungDone`.

    Make it before the climb: what is finished then counts as there already. ``probes``: whether a
    finished rung has a whole transcript. ``now``: a clock in seconds.
    """

    names: Sequence[str]
    out: Path
    probes: bool
    tell: Callable[[RungDone], None]
    now: Callable[[], float] = time.monotonic
    _there: frozenset[str] = field(init=False)
    _began: float = field(init=False)
    _took: dict[str, float] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._there = frozenset(
            name for name in self.names if _finished(self.out / name, self.probes)
        )
        self._began = self.now()

    def __call__(self, done: int, total: int) -> None:
        """Ends the rung before, if any, and starts the next. Reads the ended one's card."""
        ended = self.now()
        if done > 0:
            name = self.names[done - 1]
            self._took[name] = ended - self._began
            took, there = self._took[name], name in self._there
            self.tell(RungDone(done, total, name, self.out / name, there, took, self.left(done)))
        self._began = self.now()

    def left(self, done: int) -> float | None:
        """Seconds for the rungs after the first ``done``, each the mean of its kind (there, made).

        None while rungs are to be made and none was yet.
        """
        rest = self.names[done:]
        kinds = [name in self._there for name in rest]
        means = {there: self._mean(there) for there in (True, False)}
        if means[False] is None and not all(kinds):
            return None
        return sum(means[kind] or 0.0 for kind in kinds)

    def _mean(self, there: bool) -> float | None:
        took = [seconds for name, seconds in self._took.items() if (name in self._there) is there]
        return sum(took) / len(took) if took else None


def _finished(folder: Path, probes: bool) -> bool:
    if not (folder / LINEAGE).is_file():
        return False
    path = folder / TRANSCRIPT
    return not probes or (is_transcript(path) and load_transcript(path).complete)


def duration(seconds: float) -> str:
    """A time in words.

    >>> duration(42), duration(576), duration(4800)
    ('42 s', '9 min 36 s', '1 h 20 min')
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
