"""Which of another model's hidden units are nearest to some of one's: what a look at two layers
gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.lineage.independence import Indices
from detectors.lineage.weight_alignment import UnitAgreement, agreement


@dataclass(frozen=True)
class NearestUnits:
    """For each of the one model's units at ``places``: where its nearest one stands in the other,
    by all halves together, by its first half alone (gate, or down where there is none) and by up
    alone (where gate and up are alike, by what down has besides); and the cosine of the nearest, 0
    to 1. Of the nearest by all halves together, besides, the cosines of the first halves
    (``gated``: of what opens them) and of what they read, −1 to 1, and how many times as long the
    latter is, as a logarithm. ``told``: whether either half is near to anything at all, which a row
    of zeros is not."""

    places: Indices
    together: Indices
    by_first: Indices
    by_up: Indices
    cosine: NDArray[np.float32]
    first_cosine: NDArray[np.float32]
    up_cosine: NDArray[np.float32]
    stretched: NDArray[np.float32]
    gated: bool
    told: NDArray[np.bool_]

    @property
    def agreed(self) -> NDArray[np.bool_]:
        """Which units find one and the same by either half."""
        found: NDArray[np.bool_] = self.told & (self.by_first == self.by_up)
        return found

    def agreement(self, of: int) -> UnitAgreement:
        """How many of those that are near to anything do, of ``of`` candidates."""
        return agreement(self.by_first[self.told], self.by_up[self.told], of)

    def live(self, fewest: int) -> NearestUnits:
        """The same without units that are near to nothing, as pruning by a mask leaves them, which
        would all have one nearest; of all where fewer than so many would be left."""
        if self.told.sum() < fewest:
            return self
        live = self.told
        return NearestUnits(
            self.places[live],
            self.together[live],
            self.by_first[live],
            self.by_up[live],
            self.cosine[live],
            self.first_cosine[live],
            self.up_cosine[live],
            self.stretched[live],
            self.gated,
            live[live],
        )
