"""One suspect against one base: the tests of common origin in order, the least costly first.

Two exact tests (the order of hidden units, the order of residual coordinates), and where a disguise
may have broken both, one of agreement, whose error rate is measured. Nothing is decided here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from auditor.audits.lineage.basis import Basis, find_basis
from auditor.audits.lineage.likeness import DEEP, LayerLikeness, layer_likeness
from auditor.audits.lineage.repeats import together
from auditor.audits.lineage.sides import Side, sampled
from auditor.audits.lineage.units import Pairing, layer_map, looked_up, paired
from detectors.lineage.independence import fisher, overall, precise, sidak
from detectors.lineage.weight_alignment import UnitAgreement, agreement, pooled
from fingerprints.progress import SILENT, Told

SEEN = 1e-6
"""Below this p-value of unit order, the agreement is not looked up: a common origin is plain,
and so is which unit is which."""
SHARED = 0.5
"""From this share of agreeing units on, they say which unit is which."""


@dataclass(frozen=True)
class ComparedPair:
    """What the tests of one pair gave. ``layers`` says which of the base's layers each of the
    suspect's was held against; ``likeness`` is empty where no unit could be told to be another's.
    ``trend_p``: the smallest p-value of an order at large, which sorting by any property leaves
    too; ``unit_p`` and ``coordinate_p`` ask for the very places as well."""

    basis: Basis
    layers: tuple[int, ...]
    pairings: tuple[Pairing, ...]
    unit_p: float | None
    coordinate_p: float | None
    agreement: UnitAgreement | None
    likeness: tuple[LayerLikeness, ...]
    trend_p: float = 1.0

    @property
    def exact_p(self) -> float | None:
        """The exact tests together; they are independent under the null hypothesis. None where
        neither was made."""
        found = [p for p in (self.unit_p, self.coordinate_p) if p is not None]
        return sidak(found) if found else None

    @property
    def p(self) -> float:
        """All tests together."""
        return overall(self.exact_p, None if self.agreement is None else self.agreement.p)

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
    def placed(self) -> bool:
        """Whether it is known which unit is which: by order, or by agreement."""
        by_order = self.unit_p is not None and self.unit_p < SEEN
        return by_order or (self.agreement is not None and self.agreement.share >= SHARED)


def compare(one: Side, other: Side, progress: Told = SILENT) -> ComparedPair | None:
    """Compares two models' weights, a pair of layers at a time; None where their streams can't be
    laid over each other.

    Deterministic. ``progress`` is told layers done and all. Raises what reading the weights raises.
    """
    basis = find_basis(one, other)
    if basis is None:
        return None
    layers = layer_map(one, other, basis)
    pairings: list[Pairing] = []
    for layer, of in enumerate(layers):
        pairings += paired(one, other, basis, layer, of)
        progress(layer + 1, 2 * len(layers))
    units_p, coordinate_p, trend_p = _exact(one, other, basis, pairings)
    found = ComparedPair(
        basis, tuple(layers), tuple(pairings), units_p, coordinate_p, None, (), trend_p
    )
    deep = {int(i) for i in sampled(len(layers), DEEP)}
    # Of a layer's experts the first one stays.
    nearest = {p.layer: p.nearest for p in reversed(pairings)}
    if pairings and not found.placed:
        nearest = {
            layer: looked_up(one, other, basis, layer, layers[layer]) for layer in sorted(deep)
        }
        agreed = [
            agreement(n.by_first, n.by_up, other.mlps(layers[i])[0].units)
            for i, n in nearest.items()
        ]
        found = replace(found, agreement=pooled(agreed))
    if not found.placed:
        return found
    alike = []
    for layer, near in sorted(nearest.items()):
        alike.append(layer_likeness(one, other, basis, (layer, layers[layer]), near, layer in deep))
        progress(len(layers) + layer + 1, 2 * len(layers))
    return replace(found, likeness=tuple(alike))


def _exact(
    one: Side, other: Side, basis: Basis, pairings: list[Pairing]
) -> tuple[float | None, float | None, float]:
    """The p-values of both orders, each the larger of that of the order at large and that of the
    very places; and the smallest of an order at large."""
    trends, units_p, coordinate_p = list[float](), None, None
    if pairings:
        groups = together(one, other, pairings)
        # Pairings that depend on each other count once: their smallest p-value, raised for their
        # number.
        trends.append(fisher([min(1.0, len(g) * min(p.order.p for p in g)) for g in groups]))
        units_p = max(trends[-1], precise([g[0].order for g in groups]))
    if basis.coordinates is not None:
        trends.append(basis.coordinates.p)
        coordinate_p = max(trends[-1], precise([basis.coordinates]))
    return units_p, coordinate_p, min(trends, default=1.0)
