"""One pair of models whose common origin is plain, described: which layer is held against which,
and how alike the matrices are. Tests nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from auditor.audits.lineage.affinity import affinities
from auditor.audits.lineage.compared_pair import (
    LOST_ORDER,
    PLAIN_HEADS,
    SEEN,
    SHARED,
    ComparedPair,
)
from auditor.audits.lineage.heads import HeadPairs, head_pairs
from auditor.audits.lineage.likeness import DEEP, LOST, LayerLikeness, layer_likeness
from auditor.audits.lineage.nearest_units import NearestUnits
from auditor.audits.lineage.sides import Side, looked_into
from auditor.audits.lineage.units import looked_up, paired
from detectors.lineage.independence import precise


def pairs_in(one: Side, other: Side, found: ComparedPair) -> HeadPairs | None:
    """The heads in the basis of what was found, looked at unless they were before."""
    pairs = found.pairs
    if pairs is None or pairs.basis is not found.basis:
        pairs = head_pairs(one, other, [found.basis], found.nearness)
    return pairs


def _attention_layers(found: ComparedPair, pairs: HeadPairs | None) -> tuple[int, ...]:
    """Which of the base's layers each layer's attention is held against: where most of its heads
    agree, and else where its MLP is."""
    layers = list(found.layers)
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


def deep_layers(one: Side, found: ComparedPair) -> set[int]:
    """The layers in which more is looked at."""
    return {int(i) for i in looked_into(one.layers, DEEP, found.nearness)}


def looked_up_in(
    one: Side, other: Side, found: ComparedPair, layers: Sequence[int]
) -> dict[int, NearestUnits]:
    """Some units of layers among all of those that they are held against, by layer."""
    return {
        layer: looked_up(one, other, found.basis, layer, found.layers[layer]) for layer in layers
    }


def in_place(one: Side, other: Side, found: ComparedPair) -> bool:
    """Whether coordinates plainly stand in one order and the units of every layer are those of the
    layer that it was held against, in whatever order: then none is looked for elsewhere."""
    return found.by_coordinates and all(
        agreed.share >= SHARED and not agreed.strange
        for agreed in (
            looked_up(one, other, found.basis, layer, of).agreement(other.mlps(of)[0].units)
            for layer, of in enumerate(found.layers)
        )
    )


def described(one: Side, other: Side, found: ComparedPair) -> ComparedPair:
    """How alike the matrices of every layer are, parts laid over each other as they were found."""
    if found.by_order:
        found = _moved_layers(one, other, found)
    # Of a layer's experts the first one stays.
    nearest = {p.layer: p.nearest for p in reversed(found.pairings)}
    if not found.by_order:
        nearest = looked_up_in(one, other, found, range(one.layers))
    first = _likeness(one, other, found, nearest, found.layers)
    if all(x.cosines["value"] is None or x.cosines["value"] >= LOST for x in first):
        return replace(found, likeness=first)
    # Kept: parts that were not seen are looked for among them once more.
    found = replace(found, pairs=pairs_in(one, other, found))
    attention = _attention_layers(found, found.pairs)
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
    deep = deep_layers(one, found)
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
            if new.mlp == 0 and max(new.order.p, precise([new.order])) < SEEN:
                layers[layer] = of
                pairings[pairings.index(old)] = new
    return replace(found, layers=tuple(layers), pairings=tuple(pairings))
