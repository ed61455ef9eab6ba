"""How far a ladder or a population is: which piece was done, what came of it, and how long the rest
will take. Knows folders and seconds; trains nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from auditor.controls.cohort import TRANSCRIPT
from auditor.controls.lineage import LINEAGE
from fingerprints.progress import Progress
from fingerprints.transcript import is_transcript, load_transcript

THERE = "already there"
"""The group of pieces that an earlier run finished: passed by in moments, they say nothing of the
others."""


@dataclass(frozen=True)
class PieceDone:
    """One piece that was done: how many are, of how many, which, of which group, its seconds and
    those left (None: unknown)."""

    done: int
    total: int
    name: str
    group: str
    folder: Path
    seconds: float
    left: float | None

    def line(self) -> str:
        """All of it on one line, with what its card says where it has one."""
        told = f"{self.done} of {self.total}: {self.name}"
        if self.group == THERE:
            told += f": {THERE}"
        else:
            told += f": {_came_of_it(self.folder) or f'{self.group}, '}{duration(self.seconds)}"
        if self.left is None or self.done == self.total:
            return told
        return f"{told}; about {duration(self.left)} left"

    def tell(self, progress: Progress) -> None:
        """Tells it as the progress of the whole."""
        progress.step("rungs", whole=True)(self.done, self.total, self.left)
        progress.note(self.line())


@dataclass(frozen=True)
class Pace:
    """What finished pieces took, by their group. ``known``: of which share of the open pieces the
    group must be known before the rest is guessed."""

    known: float
    took: dict[str, list[float]] = field(default_factory=dict)

    def add(self, group: str, seconds: float) -> None:
        """A piece of a group was finished."""
        self.took.setdefault(group, []).append(seconds)

    def left(self, groups: Sequence[str], jobs: int = 1) -> float | None:
        """Seconds left for open pieces of these groups, each as long as its group's mean (where
        none was finished: as those of known groups); None while too few groups are known."""
        means = {group: sum(values) / len(values) for group, values in self.took.items()}
        known = [means[group] for group in groups if group in means]
        if len(known) < self.known * len(groups):
            return None
        return sum(known) * len(groups) / max(1, len(known)) / jobs


def _came_of_it(folder: Path) -> str:
    # Read here: a worker process that does pieces needs no cards.
    from auditor.controls.cards.card import CARD, read_card
    from auditor.controls.cards.card_view import headline
    from auditor.reporting.plots import bounded
    from auditor.reporting.text import number

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


def is_there(folder: Path, probes: bool) -> bool:
    """Whether a rung is finished: it has its lineage and, where it is asked ``probes``, a whole
    transcript."""
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
