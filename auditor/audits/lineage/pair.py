"""One suspect against one base: the tests of common origin in order, the least costly first.

Exact tests (the order of hidden units, of residual coordinates, and of the dimensions of heads'
values), and where a disguise may have broken them, tests of agreement, whose error rate is
measured. Layers are held against each other by number, and by what is most alike. Nothing is
decided here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from auditor.audits.lineage.affinity import Affinity, affinities, told_by
from auditor.audits.lineage.basis import Basis, candidate_bases
from auditor.audits.lineage.compared_pair import PLAIN_HEADS, SEEN, ComparedPair
from auditor.audits.lineage.described import deep_layers, described, in_place, looked_up_in
from auditor.audits.lineage.heads import (
    HeadPairs,
    dimension_agreement,
    dimension_orders,
    head_pairs,
    laid_by_heads,
)
from auditor.audits.lineage.repeats import together
from auditor.audits.lineage.sides import Side
from auditor.audits.lineage.turned_basis import completed, laid_by_looks, laid_by_units, relaid
from auditor.audits.lineage.turned_embedding import by_turned_embedding
from auditor.audits.lineage.units import Pairing, paired
from detectors.lineage.independence import fisher, precise
from detectors.lineage.weight_alignment import UnitAgreement, pooled
from fingerprints.progress import SILENT, Told


def compare(one: Side, other: Side, progress: Told = SILENT) -> ComparedPair | None:
    """Compares two models' weights, a pair of layers at a time; None where their streams can't be
    laid over each other.

    Deterministic. ``progress`` is told layers done and all. Raises what reading the weights raises.
    """
    found = examined(one, other, progress)
    if found is None:
        return None
    if found.basis.by == "units" and found.by_agreement:
        looked = looked_up_in(one, other, found, sorted(deep_layers(one, found)))
        found = replace(found, basis=relaid(one, other, found.basis, looked, found.layers))
    elif not found.by_agreement and not found.by_order and found.by_heads:
        found = _where_heads_are(one, other, found)
    if found.placed or found.by_coordinates or found.by_directions:
        found = described(one, other, found)
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
        if not (found.by_agreement or found.by_order or found.by_heads):
            found = _by_where_they_look(one, other, found)
        if not (found.placed or found.by_coordinates):
            found = by_turned_embedding(one, other, bases, found)
    return found


def units_alone(one: Side, other: Side) -> float | None:
    """What `compare` gives where the hidden units are all that could be the base's, in another
    order and in a stream that no token tells: their agreement in the basis of what they read and
    write. None where that is not tried."""
    basis = laid_by_units(one, other)
    if basis is None:
        return None
    (table,) = affinities(one, other, [basis])
    found = _tested(one, other, basis, table.layers, True, SILENT)
    found = replace(found, nearness=table.nearness)
    if not found.pairings:
        return None
    return _among_others(agreement=_raised(None, _agreement(one, other, found), looks=2))


def attention_alone(one: Side, other: Side) -> float | None:
    """The same of attention heads. None where that is not tried."""
    basis = laid_by_looks(one, other)
    pairs = None if basis is None else head_pairs(one, other, [basis])
    if basis is None or pairs is None:
        return None
    found = _heads_tested(one, other, ComparedPair(basis, ()), pairs)
    orders = found.dimension_p
    return _among_others(
        dimension_p=None if orders is None else min(1.0, 2 * orders),
        heads=_raised(None, found.heads, looks=2),
        halves=_raised(None, found.halves, looks=2),
        free_heads=found.free_heads,
    )


def _among_others(
    agreement: UnitAgreement | None = None,
    dimension_p: float | None = None,
    heads: UnitAgreement | None = None,
    halves: UnitAgreement | None = None,
    free_heads: UnitAgreement | None = None,
) -> float:
    """The p-value of a whole comparison whose orders of units and coordinates show nothing."""
    nothing = Basis(None, "identity", None, 0, None)
    return ComparedPair(
        nothing,
        (),
        unit_p=1.0,
        coordinate_p=1.0,
        agreement=agreement,
        dimension_p=dimension_p,
        heads=heads,
        halves=halves,
        free_heads=free_heads,
    ).p


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
    if found is None or not (found.by_order or in_place(one, other, found)):
        tables = tables or affinities(one, other, bases)
        layers = next(t.layers for t in tables if t.basis is basis)
        if found is None or layers != found.layers:
            moved = _tested(one, other, basis, layers, True, progress)
            found = moved if found is None else _either(found, moved)
    alike = [b.embedding for b in bases if b.embedding is not None and b.by != "output_layer"]
    trends = found.trends if basis.coordinates is None else (*found.trends, basis.coordinates.p)
    near = next((t.nearness for t in tables if t.basis is basis), ())
    embedding = max(alike, default=None)
    return replace(found, tried=len(bases), embedding=embedding, trends=trends, nearness=near)


def _either(by_number: ComparedPair, moved: ComparedPair) -> ComparedPair:
    """The better of two looks at the order of units, raised for having looked twice. Where neither
    shows anything, layers stay as they are most alike."""
    p = (by_number.unit_p, moved.unit_p)
    if p[0] is None or p[1] is None:
        return moved
    better = by_number if p[0] < min(p[1], SEEN) else moved
    trends = by_number.trends + moved.trends
    return replace(better, unit_p=min(1.0, 2 * min(p[0], p[1])), trends=trends)


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
    at_large, unit_p = _unit_order(one, other, pairings) if pairings else (None, None)
    return ComparedPair(
        basis,
        layers,
        tuple(pairings),
        unit_p,
        _coordinate_p(basis),
        trends=() if at_large is None else (at_large,),
    )


def _guessed(one: Side, other: Side) -> bool:
    """Whether the roles of either were guessed, by the units that layers are told by."""
    return one.anatomy.guessed or other.anatomy.guessed


def _coordinate_p(basis: Basis) -> float | None:
    """The same of the residual coordinates' order; None where that was not looked at."""
    order = basis.coordinates
    return None if order is None else max(order.p, precise([order]))


def _unit_order(one: Side, other: Side, pairings: list[Pairing]) -> tuple[float, float]:
    """The p-value of the units' order at large, and the larger of it and that of the very
    places."""
    groups = together(one, other, pairings)
    # Pairings that depend on each other count once: their smallest p-value, raised for their
    # number.
    at_large = fisher([min(1.0, len(g) * min(p.order.p for p in g)) for g in groups])
    return at_large, max(at_large, precise([g[0].order for g in groups]))


def _in_any_order(
    one: Side, other: Side, bases: Sequence[Basis], found: ComparedPair
) -> ComparedPair:
    """The tests that see through another order of units and heads, and through another basis."""
    if found.pairings:
        found = replace(found, agreement=_agreement(one, other, found))
    if found.by_coordinates and found.by_agreement:
        return found  # plain, and so is which part is which
    pairs = head_pairs(one, other, bases, found.nearness)
    return found if pairs is None else _heads_tested(one, other, found, pairs)


def _heads_tested(one: Side, other: Side, found: ComparedPair, pairs: HeadPairs) -> ComparedPair:
    """With all tests of attention heads, in the basis of ``pairs``."""
    # A guess may take what has an order of its own, as queries have, for values.
    orders = [] if _guessed(one, other) else dimension_orders(one, other, pairs)
    dimension_p, trends = None, found.trends
    if orders:
        trends += (fisher([o.p for o in orders]),)
        dimension_p = max(trends[-1], precise(orders))
    return replace(
        found,
        dimension_p=dimension_p,
        dimensions=tuple(orders),
        trends=trends,
        heads=pairs.agreement,
        free_heads=pairs.free_agreement,
        halves=dimension_agreement(one, other, pairs),
        pairs=pairs,
    )


def _by_where_they_look(one: Side, other: Side, found: ComparedPair) -> ComparedPair:
    """The tests of heads once more, in the basis in which where heads look is most alike; p-values
    are raised for a second look. Where coordinates stand in one order, nothing was turned."""
    plain = found.coordinate_p is not None and found.coordinate_p < SEEN
    basis = None if plain or found.pairs is None else laid_by_looks(one, other)
    pairs = None if basis is None else head_pairs(one, other, [basis], found.nearness)
    if pairs is None:
        return found
    again = _heads_tested(one, other, found, pairs)
    better = again if again.by_heads else found
    orders = (found.dimension_p, again.dimension_p)
    known = [p for p in orders if p is not None]
    return replace(
        better,
        dimension_p=min(1.0, 2 * min(known)) if known else None,
        heads=_raised(found.heads, again.heads),
        halves=_raised(found.halves, again.halves),
        trends=again.trends,  # the first look's, and its own
    )


def _raised(
    one: UnitAgreement | None, again: UnitAgreement | None, looks: int = 0
) -> UnitAgreement | None:
    """Of two looks at an agreement the one that shows more, raised for as many ``looks``, those
    that were made unless told."""
    made = [a for a in (one, again) if a is not None]
    least = min(made, key=lambda a: a.p, default=None)
    return None if least is None else replace(least, p=min(1.0, (looks or len(made)) * least.p))


def _agreement(one: Side, other: Side, found: ComparedPair) -> UnitAgreement:
    looked = looked_up_in(one, other, found, sorted(deep_layers(one, found)))
    return pooled([n.agreement(other.mlps(found.layers[i])[0].units) for i, n in looked.items()])


def _in_another_basis(one: Side, other: Side, found: ComparedPair) -> ComparedPair:
    """The tests of units once more in a basis that neither coordinates nor tokens tell: laid over
    by attention heads, or by what units read and write. The p-values are raised for a second
    look."""
    bases = [] if found.pairs is None else [laid_by_heads(one, other, found.pairs)]
    bases.append(laid_by_units(one, other))
    tables = affinities(one, other, [b for b in bases if b is not None])
    if not tables or not found.pairings:
        return found
    best = max(tables, key=lambda t: t.height)
    again = _tested(one, other, best.basis, best.layers, True, SILENT)
    again = replace(again, coordinate_p=found.coordinate_p, nearness=best.nearness)
    again = replace(again, agreement=_agreement(one, other, again))
    return _better(found, again)


def _where_heads_are(one: Side, other: Side, found: ComparedPair) -> ComparedPair:
    """The same in the basis in which attention heads alone are the base's."""
    pairs = found.pairs
    if pairs is None:
        return found
    orders = 1.0 if found.dimension_p is None else found.dimension_p
    halves = 1.0 if found.halves is None else found.halves.p
    if min(pairs.agreement.p, orders, halves) < PLAIN_HEADS:
        # Rows of heads lie over each other where their dimensions stand in one order alone.
        better = laid_by_heads(one, other, pairs, free=False) if orders < PLAIN_HEADS else None
        better = completed(one, other, pairs.basis) if better is None else better
        return replace(found, basis=better)
    basis = laid_by_heads(one, other, pairs)
    return found if basis is None else replace(found, basis=basis, pairs=None)


def _better(found: ComparedPair, again: ComparedPair) -> ComparedPair:
    """Of two looks at the units, in two bases, the one that shows more, raised for both."""
    if found.agreement is None or again.agreement is None:
        return found
    p = min(1.0 if c.unit_p is None else c.unit_p for c in (found, again))
    agreed = _raised(found.agreement, again.agreement)
    told = replace(found, unit_p=min(1.0, 2 * p), agreement=agreed)
    if not (again.by_agreement or again.by_order):
        return told
    return replace(
        told,
        basis=again.basis,
        layers=again.layers,
        pairings=again.pairings,
        nearness=again.nearness,
    )
