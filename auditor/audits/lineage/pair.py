"""One suspect against one base: the tests of common origin in order, the least costly first.

Exact tests (the order of hidden units, of residual coordinates, and of the dimensions of heads'
values), and where a disguise may have broken them, tests of agreement, whose error rate is
measured. Layers are held against each other by number, and by what is most alike. Nothing is
decided here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from auditor.audits.lineage.affinity import Affinity, affinities, told_by
from auditor.audits.lineage.basis import Basis, candidate_bases
from auditor.audits.lineage.heads import HeadPairs, dimension_orders, head_pairs, laid_by_heads
from auditor.audits.lineage.likeness import DEEP, LOST, LayerLikeness, layer_likeness
from auditor.audits.lineage.repeats import together
from auditor.audits.lineage.sides import Side, sampled
from auditor.audits.lineage.unit_basis import laid_by_units
from auditor.audits.lineage.units import NearestUnits, Pairing, looked_up, paired
from detectors.lineage.independence import Order, fisher, overall, precise, sidak
from detectors.lineage.weight_alignment import UnitAgreement, agreement, pooled
from fingerprints.progress import SILENT, Told

SEEN = 1e-6
"""Below this p-value of one kind of evidence, the costlier ones are not looked up: a common origin
is plain, and so is which part is which."""
SHARED = 0.5
"""From this share of agreeing units on, they say which unit is which."""
LOST_ORDER = 1e-3
"""Above this p-value of its own order a layer of a copy is looked for elsewhere."""
PLAIN_HEADS = 1e-4
"""The same of attention heads, which are few: a dozen of them can say no more than 2e-6."""
UNIT_SHARE, HEAD_SHARE, FREE_SHARE = 0.5, 0.25, 0.25
"""How the measured tests share the false alarms that are left for them."""


@dataclass(frozen=True)
class ComparedPair:
    """What the tests of one pair gave. ``layers`` says which of the base's layers each of the
    suspect's was held against; ``likeness`` is empty where no part could be told to be another's.
    ``trend_p``: the smallest p-value of an order at large, which sorting by any property leaves
    too; the others ask for the very places as well. ``tried``: bases that were looked at.
    ``embedding``: the largest mean cosine of embeddings in any basis. ``pairs``: attention heads,
    where they were looked at."""

    basis: Basis
    layers: tuple[int, ...]
    pairings: tuple[Pairing, ...] = ()
    unit_p: float | None = None
    coordinate_p: float | None = None
    agreement: UnitAgreement | None = None
    likeness: tuple[LayerLikeness, ...] = ()
    trend_p: float = 1.0
    dimension_p: float | None = None
    dimensions: tuple[Order, ...] = ()
    heads: UnitAgreement | None = None
    free_heads: UnitAgreement | None = None
    tried: int = 1
    pairs: HeadPairs | None = None
    embedding: float | None = None

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
        )
        found = [agreed.p / share for agreed, share in made if agreed is not None]
        return min(1.0, *found) if found else None

    @property
    def p(self) -> float:
        """All tests together."""
        return overall(self.exact_p, self.measured_p)

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
    def by_heads(self) -> bool:
        """Whether attention heads are plainly the base's."""
        agreed = (a.p for a in (self.heads, self.free_heads) if a is not None)
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


def compare(one: Side, other: Side, progress: Told = SILENT) -> ComparedPair | None:
    """Compares two models' weights, a pair of layers at a time; None where their streams can't be
    laid over each other.

    Deterministic. ``progress`` is told layers done and all. Raises what reading the weights raises.
    """
    found = examined(one, other, progress)
    if found is None:
        return None
    if not found.by_agreement and not found.by_order and found.by_heads:
        found = _where_heads_are(one, other, found)
    found = _alike(one, other, found) if found.placed else found
    progress(2 * one.layers, 2 * one.layers)
    return found


def examined(one: Side, other: Side, progress: Told = SILENT) -> ComparedPair | None:
    """The tests alone, as `compare` makes them: without how alike the matrices are."""
    bases = candidate_bases(one, other)
    if not bases:
        return None
    found = _in_order(one, other, bases, progress)
    if not found.by_order:
        found = _in_any_order(one, other, bases, found)
        if not found.by_agreement:
            found = _in_another_basis(one, other, found)
    return found


def _in_order(one: Side, other: Side, bases: Sequence[Basis], progress: Told) -> ComparedPair:
    """The exact tests of units and coordinates: layers by number where both have as many, and by
    what is most alike where that shows nothing."""
    basis, found, tables = bases[0], None, list[Affinity]()
    by_number = one.layers == other.layers
    if len(bases) > 1 or not by_number:
        tables = affinities(one, other, bases)
        basis = max(tables, key=lambda t: t.height).basis
    if by_number:
        found = _tested(one, other, basis, tuple(range(one.layers)), bool(tables), progress)
    if found is None or not found.by_order:
        tables = tables or affinities(one, other, bases)
        layers = next(t.layers for t in tables if t.basis is basis)
        if found is None or layers != found.layers:
            moved = _tested(one, other, basis, layers, True, progress)
            found = moved if found is None else _either(found, moved)
    alike = [b.embedding for b in bases if b.embedding is not None and b.by != "output_layer"]
    return replace(found, tried=len(bases), embedding=max(alike, default=None))


def _either(by_number: ComparedPair, moved: ComparedPair) -> ComparedPair:
    """The better of two looks at the order of units, raised for having looked twice. Where neither
    shows anything, layers stay as they are most alike."""
    p = (by_number.unit_p, moved.unit_p)
    if p[0] is None or p[1] is None:
        return moved
    better = by_number if p[0] < min(p[1], SEEN) else moved
    return replace(
        better,
        unit_p=min(1.0, 2 * min(p[0], p[1])),
        trend_p=min(1.0, 2 * min(by_number.trend_p, moved.trend_p)),
    )


def _tested(
    one: Side,
    other: Side,
    basis: Basis,
    layers: tuple[int, ...],
    chosen: bool,
    progress: Told,
) -> ComparedPair:
    """The tests of order for one map of layers; ``chosen``: by units that are then left out."""
    pairings: list[Pairing] = []
    for layer, of in enumerate(layers):
        without = told_by(one, layer) if chosen or _guessed(one, other) else None
        pairings += paired(one, other, basis, layer, of, without)
        progress(layer + 1, 2 * len(layers))
    units_p, coordinate_p, trend_p = _exact(one, other, basis, pairings)
    return ComparedPair(basis, layers, tuple(pairings), units_p, coordinate_p, trend_p=trend_p)


def _guessed(one: Side, other: Side) -> bool:
    """Whether the roles of either were guessed, by the units that layers are told by."""
    return one.anatomy.guessed or other.anatomy.guessed


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


def _in_any_order(
    one: Side, other: Side, bases: Sequence[Basis], found: ComparedPair
) -> ComparedPair:
    """The tests that see through another order of units and heads, and through another basis."""
    if found.pairings:
        found = replace(found, agreement=_agreement(one, other, found))
    pairs = head_pairs(one, other, bases)
    if pairs is None:
        return found
    # A guess may take what has an order of its own, as queries have, for values.
    orders = [] if _guessed(one, other) else dimension_orders(one, other, pairs)
    dimension_p, trend = None, found.trend_p
    if orders:
        at_large = fisher([o.p for o in orders])
        dimension_p, trend = max(at_large, precise(orders)), min(trend, at_large)
    return replace(
        found,
        dimension_p=dimension_p,
        dimensions=tuple(orders),
        trend_p=trend,
        heads=pairs.agreement,
        free_heads=pairs.free_agreement,
        pairs=pairs,
    )


def _agreement(one: Side, other: Side, found: ComparedPair) -> UnitAgreement:
    looked = _looked_up(one, other, found, sorted(_deep(one)))
    return pooled(
        [
            agreement(n.by_first, n.by_up, other.mlps(found.layers[i])[0].units)
            for i, n in looked.items()
        ]
    )


def _in_another_basis(one: Side, other: Side, found: ComparedPair) -> ComparedPair:
    """The tests of units once more in a basis that neither coordinates nor tokens tell: laid over
    by attention heads, or by what opens the units. The p-values are raised for a second look."""
    bases = [] if found.pairs is None else [laid_by_heads(one, other, found.pairs)]
    bases.append(laid_by_units(one, other))
    tables = affinities(one, other, [b for b in bases if b is not None])
    if not tables or not found.pairings:
        return found
    best = max(tables, key=lambda t: t.height)
    again = _tested(one, other, best.basis, best.layers, True, SILENT)
    again = replace(again, coordinate_p=found.coordinate_p)
    again = replace(again, agreement=_agreement(one, other, again))
    return _better(found, again)


def _where_heads_are(one: Side, other: Side, found: ComparedPair) -> ComparedPair:
    """The same in the basis in which attention heads alone are the base's."""
    pairs = found.pairs
    if pairs is None:
        return found
    if pairs.agreement.p < PLAIN_HEADS or (found.dimension_p or 1.0) < PLAIN_HEADS:
        return replace(found, basis=pairs.basis)
    basis = laid_by_heads(one, other, pairs)
    return found if basis is None else replace(found, basis=basis, pairs=None)


def _better(found: ComparedPair, again: ComparedPair) -> ComparedPair:
    """Of two looks at the units, in two bases, the one that shows more, raised for both."""
    looks = [c.agreement for c in (found, again) if c.agreement is not None]
    if len(looks) < 2:
        return found
    p = min(1.0 if c.unit_p is None else c.unit_p for c in (found, again))
    least = min(looks, key=lambda a: a.p)
    told = replace(found, unit_p=min(1.0, 2 * p), agreement=replace(least, p=min(1.0, 2 * least.p)))
    if not (again.by_agreement or again.by_order):
        return told
    return replace(told, basis=again.basis, layers=again.layers, pairings=again.pairings)


def _attention_layers(one: Side, other: Side, found: ComparedPair) -> tuple[int, ...]:
    """Which of the base's layers each layer's attention is held against: where most of its heads
    agree, and else where its MLP is."""
    layers = list(found.layers)
    pairs = found.pairs
    if pairs is None or pairs.basis is not found.basis:
        pairs = head_pairs(one, other, [found.basis])
    if pairs is None or pairs.agreement.p >= PLAIN_HEADS:
        return found.layers
    votes: dict[int, list[int]] = {}
    for mine, theirs in pairs.agreeing():
        votes.setdefault(mine[0], []).append(theirs[0])
    looked = [layer for layer, _ in pairs.mine]
    for layer, told in votes.items():
        chosen = max(sorted(set(told)), key=told.count)
        if 2 * told.count(chosen) > looked.count(layer):
            layers[layer] = chosen
    return tuple(layers)


def _deep(one: Side) -> set[int]:
    return {int(i) for i in sampled(one.layers, DEEP)}


def _looked_up(
    one: Side, other: Side, found: ComparedPair, layers: Sequence[int]
) -> dict[int, NearestUnits]:
    return {
        layer: looked_up(one, other, found.basis, layer, found.layers[layer]) for layer in layers
    }


def _alike(one: Side, other: Side, found: ComparedPair) -> ComparedPair:
    """How alike the matrices of every layer are, parts laid over each other as they were found."""
    if found.by_order:
        found = _moved_layers(one, other, found)
    # Of a layer's experts the first one stays.
    nearest = {p.layer: p.nearest for p in reversed(found.pairings)}
    if not found.by_order:
        nearest = _looked_up(one, other, found, range(one.layers))
    first = _likeness(one, other, found, nearest, found.layers)
    if all(x.cosines["value"] is None or x.cosines["value"] >= LOST for x in first):
        return replace(found, likeness=first)
    attention = _attention_layers(one, other, found)
    if attention != found.layers:
        first = _likeness(one, other, found, nearest, attention)
    return replace(found, likeness=first)


def _likeness(
    one: Side,
    other: Side,
    found: ComparedPair,
    nearest: dict[int, NearestUnits],
    attention: tuple[int, ...],
) -> tuple[LayerLikeness, ...]:
    deep = _deep(one)
    return tuple(
        layer_likeness(
            one,
            other,
            found.basis,
            (layer, found.layers[layer], attention[layer]),
            near,
            layer in deep,
        )
        for layer, near in sorted(nearest.items())
    )


def _moved_layers(one: Side, other: Side, found: ComparedPair) -> ComparedPair:
    """The same with layers that show no order where they stand held against those of the base that
    are most alike: for the description, once a common origin is plain."""
    lost = [p for p in found.pairings if p.mlp == 0 and p.order.p > LOST_ORDER]
    if not lost:
        return found
    (table,) = affinities(one, other, [found.basis])
    layers, pairings = list(found.layers), list(found.pairings)
    for old in lost:
        layer, of = old.layer, table.layers[old.layer]
        for new in paired(one, other, found.basis, layer, of) if of != old.of else ():
            if new.mlp == 0 and new.order.p < SEEN:
                layers[layer] = of
                pairings[pairings.index(old)] = new
    return replace(found, layers=tuple(layers), pairings=tuple(pairings))
