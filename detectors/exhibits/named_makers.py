"""In how many answers which maker is named, and how counts are listed in a sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from detectors.text.identity_evidence import Heard

MOST_NAMED = 4


@dataclass(frozen=True)
class MakerCount:
    """In how many answers a maker is named; of them, where the user had named it before, where
    another may speak, and where the user had named it only to compare (which leads to nothing)."""

    maker: str
    answers: int
    suggested: int = 0
    played: int = 0
    compared: int = 0

    @property
    def unasked_for(self) -> int:
        """Answers in which it is named of the model's own accord."""
        return self.answers - self.suggested - self.played


def makers_named(heard: Iterable[Heard]) -> tuple[MakerCount, ...]:
    """The makers that answers name of themselves, the most named first."""
    said: Counter[str] = Counter()
    led: Counter[str] = Counter()
    played: Counter[str] = Counter()
    compared: Counter[str] = Counter()
    for h in heard:
        said.update(h.named)
        led.update(h.agrees)
        played.update(h.named & h.played)
        compared.update(h.named & h.compared)
    counts = (MakerCount(m, n, led[m], played[m], compared[m]) for m, n in said.items())
    return tuple(sorted(counts, key=lambda c: (-c.answers, c.maker)))


def plural(n: int, word: str) -> str:
    """A word that takes an s where there is not one of it."""
    return word if n == 1 else f"{word}s"


def listed(parts: Iterable[str]) -> str:
    """The first four parts, and how many more there are."""
    told = list(parts)
    more = len(told) - MOST_NAMED
    return ", ".join(told[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
