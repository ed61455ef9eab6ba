"""What the tests of one pair of models gave: p-values, and which part was held against which."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from auditor.audits.lineage.basis import Basis
from auditor.audits.lineage.heads import HeadPairs
from auditor.audits.lineage.likeness import LayerLikeness
from auditor.audits.lineage.units import Pairing
from detectors.lineage.independence import Order, overall, sidak
from detectors.lineage.weight_alignment import UnitAgreement

SEEN = 1e-6
"""Below this p-value of one kind of evidence, the costlier ones are not looked up: a common origin
is plain, and so is which part is which."""
SHARED = 0.5
"""From this share of agreeing units on, they say which unit is which."""
LOST_ORDER = 1e-3
"""Above this p-value of its own order a layer of a copy is looked for elsewhere."""
PLAIN_HEADS = 1e-4
"""The same of attention heads, which are few: a dozen of them can say no more than 2e-6."""
PLAIN_DIRECTIONS = 5e-6
"""The same of an embedding's directions: what tells a common origin by itself, unless another
chance of a false one is asked for."""
UNIT_SHARE, HEAD_SHARE, FREE_SHARE, DIMENSION_SHARE = 0.5, 0.15, 0.15, 0.15
DIRECTION_SHARE = 0.05
"""How the measured tests share the false alarms that are left for them."""


@dataclass(frozen=True)
class ComparedPair:
    """What the tests of one pair gave. ``layers`` says which of the base's layers each of the
    suspect's was held against; ``likeness`` is empty where no part could be told to be another's.
    ``trends``: the p-value of every order at large that was looked at, each once: sorting by any
    property leaves such an order too; the other tests ask for the very places as well.
    ``tried``: bases that were looked at. ``embedding``: the largest mean cosine of embeddings in
    any basis. ``pairs``: attention heads, where they were looked at; ``halves``: the agreement of
    their values' dimensions; ``directions``: what turned embeddings share beside what tokens
    mean; ``nearness``: how alike each layer is to its nearest one, where that was looked at."""

    basis: Basis
    layers: tuple[int, ...]
    pairings: tuple[Pairing, ...] = ()
    unit_p: float | None = None
    coordinate_p: float | None = None
    agreement: UnitAgreement | None = None
    likeness: tuple[LayerLikeness, ...] = ()
    trends: tuple[float, ...] = ()
    dimension_p: float | None = None
    dimensions: tuple[Order, ...] = ()
    heads: UnitAgreement | None = None
    free_heads: UnitAgreement | None = None
    halves: UnitAgreement | None = None
    tried: int = 1
    pairs: HeadPairs | None = None
    embedding: float | None = None
    directions: UnitAgreement | None = None
    nearness: tuple[float, ...] = ()

    @property
    def exact_p(self) -> float | None:
        """The exact tests together; they are independent under the null hypothesis. None where
        none was made."""
        made = (self.unit_p, self.coordinate_p, self.dimension_p)
        found = [p for p in made if p is not None]
        return sidak(found) if found else None

    @property
    def measured_p(self) -> float | None:
        """The tests of agreement together, each raised by its share; None where none was made."""
        made = (
            (self.agreement, UNIT_SHARE),
            (self.heads, HEAD_SHARE),
            (self.free_heads, FREE_SHARE),
            (self.halves, DIMENSION_SHARE),
            (self.directions, DIRECTION_SHARE),
        )
        found = [agreed.p / share for agreed, share in made if agreed is not None]
        return min(1.0, *found) if found else None

    @property
    def p(self) -> float:
        """All tests together."""
        return overall(self.exact_p, self.measured_p)

    @property
    def trend_p(self) -> float:
        """The smallest p-value of an order at large, raised once for how many were looked at
        (Bonferroni); 1 without any."""
        return min(1.0, len(self.trends) * min(self.trends)) if self.trends else 1.0

    @property
    def rho(self) -> float:
        """Mean rank correlation of unit order over layers."""
        return float(np.mean([p.order.rho for p in self.pairings])) if self.pairings else 0.0

    @property
    def kept(self) -> float | None:
        """The share of units whose nearest one stands at the same place, None where numbers of
        units differ."""
        shares = [p.order.kept for p in self.pairings if p.order.kept is not None]
        return float(np.mean(shares)) if shares else None

    @property
    def units(self) -> int:
        """How many units were looked at."""
        return sum(p.order.n for p in self.pairings)

    @property
    def by_order(self) -> bool:
        """Whether units stand in the base's order."""
        return self.unit_p is not None and self.unit_p < SEEN

    @property
    def by_coordinates(self) -> bool:
        """Whether residual coordinates stand in the base's order."""
        return self.coordinate_p is not None and self.coordinate_p < SEEN

    @property
    def by_directions(self) -> bool:
        """Whether a turned embedding shares more than what tokens mean."""
        return self.directions is not None and self.directions.p < PLAIN_DIRECTIONS

    @property
    def by_heads(self) -> bool:
        """Whether attention heads are plainly the base's."""
        agreed = (a.p for a in (self.heads, self.free_heads, self.halves) if a is not None)
        dimensions = 1.0 if self.dimension_p is None else self.dimension_p
        return min(dimensions, *agreed, 1.0) < PLAIN_HEADS

    @property
    def by_agreement(self) -> bool:
        """Whether units plainly agree."""
        return self.agreement is not None and self.agreement.p < SEEN

    @property
    def placed(self) -> bool:
        """Whether it is known which part is which: by order, or by agreement."""
        return self.by_order or self.by_agreement or self.by_heads
