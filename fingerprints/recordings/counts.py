"""What became of everything that a recording holds, in figures and in a line of words; and when
that is too little to go on.

Knows counts; knows nothing of files.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from fingerprints.errors import MalformedInput, printable
from fingerprints.recordings.rows import AsideReason, RecordedRow
from fingerprints.records import Status

MOST_UNREADABLE = 0.1
"""The share of a recording that may be unreadable."""
TOLD_ASIDE = {
    AsideReason.NO_ANSWER: "hold no answer",
    AsideReason.UNSEEN: "answer an image, a sound or a file",
    AsideReason.CALL: "call a tool without a word",
    AsideReason.LIKELIHOOD: "are likelihoods of given texts",
}


@dataclass
class ReadingCounts:
    """How much of a recording was read: ``items`` of it were understood, which gave ``answers``
    (some ``empty``, some ``failed``) and what was set ``aside``; ``unreadable`` ones were not.

    ``cut`` says why nothing behind some place could be read. ``hint``: a ``--map`` that may help.
    """

    items: int = 0
    answers: int = 0
    empty: int = 0
    failed: int = 0
    unreadable: int = 0
    aside: Counter[AsideReason] = field(default_factory=Counter)
    first_bad: str = ""
    first_failure: str = ""
    cut: str = ""
    hint: str = ""

    @property
    def usable(self) -> int:
        """Answers that say something."""
        return self.answers - self.empty - self.failed

    @property
    def poor(self) -> bool:
        """Whether more was unreadable than may be."""
        of = self.items + self.unreadable
        return bool(self.cut) or self.unreadable > MOST_UNREADABLE * of

    def take(self, row: RecordedRow) -> None:
        """Counts one answer."""
        self.answers += 1
        status = row.status
        self.empty += status is Status.EMPTY
        self.failed += status is Status.ERROR
        self.first_failure = self.first_failure or row.error or ""

    def bad(self, where: str, reason: str, n: int = 1, hint: str = "") -> None:
        """Counts what can't be read."""
        self.unreadable += n
        self.first_bad = self.first_bad or f"{where}: {reason}"
        self.hint = self.hint or hint

    def add(self, other: ReadingCounts) -> None:
        """Adds those of another file."""
        for name in ("items", "answers", "empty", "failed", "unreadable"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.aside.update(other.aside)
        self.first_bad, self.cut = self.first_bad or other.first_bad, self.cut or other.cut

    def lost(self) -> str:
        """What can't be read, in words; empty for nothing."""
        parts = []
        if self.unreadable:
            of = self.items + self.unreadable
            parts.append(f"{self.unreadable} of {of} can't be read ({self.first_bad})")
        if self.cut:
            parts.append(f"nothing can be read from there on: {self.cut}")
        return "; ".join(parts)

    def set_aside(self) -> str:
        """What was set aside, in words; empty for nothing."""
        return "; ".join(f"{n} {TOLD_ASIDE[r]}" for r, n in sorted(self.aside.items()) if n)

    def line(self) -> str:
        """Everything in a line: read, empty, failed, skipped, unreadable."""
        told = [f"{self.usable} answers read"]
        told += [f"{self.empty} empty"] if self.empty else []
        told += [f"{self.failed} failed"] if self.failed else []
        told += [f"skipped: {self.set_aside()}"] if self.set_aside() else []
        told += [self.lost()] if self.lost() else []
        return "; ".join(told)


def refuse_poor(path: Path, counts: ReadingCounts, allow_partial: bool) -> None:
    """Raises MalformedInput where nothing was read, and, unless that is allowed, where over a tenth
    can't be read."""
    if not counts.usable:
        raise MalformedInput(
            _nothing(counts),
            where=path,
            next_step=counts.hint or "docs/formats.md lists what is read",
        )
    if counts.poor and not allow_partial:
        raise MalformedInput(
            printable(counts.lost(), 240),
            where=path,
            next_step="mend the file, or go on with what was read: --allow-partial",
        )


def _nothing(counts: ReadingCounts) -> str:
    why = [f"{counts.empty} answers are empty"] if counts.empty else []
    first = printable(counts.first_failure, 120)
    why += [f"{counts.failed} failed, the first with {first!r}"] if counts.failed else []
    why += [counts.set_aside()] if counts.set_aside() else []
    why += [counts.lost()] if counts.lost() else []
    return printable(f"no answer was read: {'; '.join(why)}" if why else "it holds no answer", 280)
