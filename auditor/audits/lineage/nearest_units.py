"""Which of another model's hidden units are nearest to some of one's: what a look at two layers
gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.lineage.independence import Indices


@dataclass(frozen=True)
class NearestUnits:
    """For each of the one model's units at ``places``: where its nearest one stands in the other,
    by all halves together, by its first half alone (gate, or down where there is none) and by up
    alone; and the cosine of the nearest, 0 to 1. Of the nearest by all halves together, besides,
    the cosines of the first halves (``gated``: of what opens them) and of what they read, −1 to 1,
    and how many times as long the latter is, as a logarithm."""

    places: Indices
    together: Indices
    by_first: Indices
    by_up: Indices
    cosine: NDArray[np.float32]
    first_cosine: NDArray[np.float32]
    up_cosine: NDArray[np.float32]
    stretched: NDArray[np.float32]
    gated: bool
