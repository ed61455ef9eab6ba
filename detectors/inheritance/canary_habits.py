"""Does the suspect have the habits that one account's answers were given by lot?

After canary habits planted by a teacher's owner (arXiv 2605.16462, read as a summary): here every
account gets its own, drawn at random and sealed before anybody is suspected. Pure functions of
counts: knows no file, no account's name and no verdict.

**Why the p-value is exact.** An account was dealt ``size`` different habits of a bank by lot, any
such set as likely as any other, and nobody was told. Whoever did not learn from that account's
answers is independent of the lot: given all that the suspect wrote, the dealt set is as good as
drawn now. The p-value is the share of all sets that fit the suspect at least as well. A habit that
the suspect has for another reason (its style, its time) fits every set that holds it, and is so
accounted for. No model of usual rates is needed for that: they only sharpen the eye.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import asin, comb, sqrt

import numpy as np

from detectors.stats.subsets import SubsetSums
from detectors.text.habits import AnswerHabit

NAME = "canary_habits"
FEWEST = 30
"""Answers below which nothing is said: a habit in every tenth answer would often not be seen."""
GRID = 1000
"""Weights are counted in thousandths: finer ones tell apart what chance does not."""
TRIALS = 400
"""Simulated suspects from which a power is worked out."""


@dataclass(frozen=True)
class HabitCount:
    """How many of ``n`` answers have a habit, and the share that have it unasked."""

    found: int
    n: int
    usual: float

    @property
    def share(self) -> float:
        """The share of answers that have it."""
        return self.found / self.n if self.n else 0.0

    @property
    def weight(self) -> int:
        """By how much more the suspect has it than is usual, on the scale on which shares have the
        same spread everywhere (arcsine of the root), in thousandths."""
        seen = (self.found + 0.5) / (self.n + 1)
        return round(GRID * (asin(sqrt(seen)) - asin(sqrt(self.usual))))


def counts(
    suspect: Mapping[str, int],
    n: int,
    bank: Mapping[str, AnswerHabit],
    base: Mapping[str, int] | None = None,
    n_base: int = 0,
) -> dict[str, HabitCount]:
    """What was counted, by habit. What is usual comes from a ``base``'s answers to the same
    questions, where there are any, else from the bank."""
    return {
        id: HabitCount(
            suspect[id], n, habit.usual if base is None else (base[id] + 1) / (n_base + 2)
        )
        for id, habit in bank.items()
    }


def fits(found: Mapping[str, HabitCount], dealt: Sequence[Sequence[str]]) -> list[float]:
    """The exact p-value of each account's habits: the share of all sets as large that fit the
    suspect at least as well."""
    weights = {id: c.weight for id, c in found.items()}
    sizes = {len(habits) for habits in dealt}
    sums = {size: SubsetSums(list(weights.values()), size) for size in sizes}
    return [sums[len(habits)].tail(sum(weights[id] for id in habits)) for habits in dealt]


def smallest(habits: int, dealt: int) -> float:
    """The smallest p-value that a set of so many of so many habits can have."""
    return 1 / comb(habits, dealt)


def power_of(
    found: Mapping[str, HabitCount], dealt: int, share: float, alpha: float, seed: int = 0
) -> float:
    """How often a suspect with so many answers gives a p-value at or below ``alpha`` where it has
    each of an account's habits in a ``share`` of its answers, the others as usual; over `TRIALS`
    simulated ones."""
    rng = np.random.default_rng(seed)
    ids = list(found)
    usual = np.array([c.usual for c in found.values()])
    n = next(iter(found.values())).n
    hits = 0
    for _ in range(TRIALS):
        # Whose habits are learned must not matter: another set each time.
        own = rng.choice(len(ids), dealt, replace=False)
        rates = usual.copy()
        rates[own] = np.maximum(rates[own], share)
        drawn = rng.binomial(n, rates)
        made = {
            id: HabitCount(int(x), n, float(u)) for id, x, u in zip(ids, drawn, usual, strict=True)
        }
        hits += fits(made, [[ids[i] for i in own]])[0] <= alpha
    return hits / TRIALS
