"""One suspect's way from its base: the value of every stored model, its rivals, interval and p.

Built once for a suspect and read for every candidate. Knows arrays and names; writes no report.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from detectors.lineup import Lineup, Ranking
from detectors.pairing import AnswerBook
from detectors.style.moves import Array, Flags, Moves, Pairs, Way, flipped_p, resampled, strength


@dataclass(frozen=True)
class Journey:
    """One suspect and base against a book of stored models: the moves by way of reading."""

    pairs: Pairs
    book: AnswerBook
    shared: bool
    ways: tuple[Way, ...]
    moves: tuple[Moves, ...]
    start: Flags
    seed: int
    lineup: Lineup = field(repr=False)

    def rivals(self, model: int) -> Flags:
        """Whom a model is compared with: those of other vendors (siblings where there are none),
        the base never."""
        others = self.lineup.strangers(model) & ~self.start
        return np.asarray(
            others if others.any() else (np.arange(len(others)) != model) & ~self.start, dtype=bool
        )

    def ranking(self, model: int) -> Ranking:
        """The stored models by value, one of them the candidate."""
        return Ranking(self.lineup, self.scores, model)

    def contrasts(self, model: int) -> list[Array]:
        """The contrasts toward a model by way of reading."""
        return [m.contrast(model, self.rivals(model)) for m in self.moves]

    def weaker(self, model: int) -> Array:
        """Strengths toward a model by way of reading."""
        return np.array([float(strength(c)) for c in self.contrasts(model)])

    @cached_property
    def scores(self) -> Array:
        """The value of every stored model, (models,); NaN for the base and for one without a
        rival."""
        able = [
            not self.start[i] and bool(self.rivals(i).any()) for i in range(len(self.book.names))
        ]
        return np.array([self.weaker(i).min() if ok else np.nan for i, ok in enumerate(able)])

    def interval(self, model: int) -> tuple[float, float]:
        """95 % percentile interval of a model's value, bootstrap over questions."""
        low, high = np.quantile(resampled(self.contrasts(model), self.seed), [0.025, 0.975])
        return float(low), float(high)

    def p(self, model: int) -> float:
        """p of no movement at all: the greater of those of the ways."""
        return max(flipped_p(c, self.seed) for c in self.contrasts(model))
