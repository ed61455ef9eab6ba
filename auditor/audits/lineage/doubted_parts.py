"""A second look at MLPs, experts and attention of which the first one saw nothing: held against
whatever of the base is most alike, in whatever order.

A part that stands elsewhere, or whose units, heads or dimensions alone were put in another order,
would else be taken for another model's. Describes pairs whose common origin was found by tests;
weighs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from auditor.audits.lineage.affinity import affinities
from auditor.audits.lineage.compared_pair import ComparedPair
from auditor.audits.lineage.described import pairs_in
from auditor.audits.lineage.heads import (
    HeadPairs,
    dimension_agreement,
    known_layers,
    more_pairs,
)
from auditor.audits.lineage.nearest_units import NearestUnits
from auditor.audits.lineage.sides import Side, runs
from auditor.audits.lineage.units import MATCHED, nearest
from detectors.lineage.independence import Indices
from detectors.lineage.weight_alignment import UnitAgreement


@dataclass(frozen=True)
class SecondLook:
    """What a second look at one part gave: how many of its units, or of its values' dimensions,
    have halves that find one and the same (None: too few to say); how alike it is to what it was
    found in; and the base's layer. ``products``: of attention, the lesser mean cosine of where its
    heads look and of what they carry."""

    agreed: UnitAgreement | None
    likeness: float
    of: int
    products: float = 0.0

    @property
    def agreeing(self) -> float:
        """The share that agree, 0 to 1."""
        return 0.0 if self.agreed is None else self.agreed.share

    @property
    def strange(self) -> bool:
        """Whether no more agree than among strangers."""
        return self.agreed is None or self.agreed.strange


def second_look_at_mlps(
    one: Side, other: Side, found: ComparedPair, wanted: Sequence[tuple[int, int]]
) -> Mapping[tuple[int, int], SecondLook]:
    """The MLPs (layer, number among those compared) against all of the base's layer of the same
    number, of that which they were held against, and of that which is most alike. Raises what
    reading the weights raises."""
    if not wanted:
        return {}
    (table,) = affinities(one, other, [found.basis])
    out = {}
    for layer, number in wanted:
        layers = {found.layers[layer], table.layers[layer], min(layer, other.layers - 1)}
        tried = (_units(one, other, found, (layer, number), of) for of in sorted(layers))
        looks = [look for some in tried for look in some]
        out[layer, number] = max(looks, key=lambda look: look.agreeing)
    return out


def _units(
    one: Side, other: Side, found: ComparedPair, mine: tuple[int, int], of: int
) -> Iterable[SecondLook]:
    layer, number = mine
    mlp = one.mlps(layer)[number]
    for theirs in other.mlps(of):
        among: Indices = np.arange(theirs.units, dtype=np.intp)
        near = nearest(
            (one, layer, mlp), (other, of, theirs), found.basis, runs(mlp.units, MATCHED), among
        )
        yield SecondLook(near.agreement(theirs.units), _alike(near), of)


def _alike(near: NearestUnits) -> float:
    return float(np.mean([near.first_cosine.mean(), np.abs(near.up_cosine).mean()]))


def second_look_at_attention(
    one: Side, other: Side, found: ComparedPair, wanted: Sequence[int]
) -> Mapping[int, SecondLook]:
    """The attention of layers against all of the base's heads; layers whose attention is not known
    head by head are left out. Raises what reading the weights raises."""
    known = set(known_layers(one))
    looked = [layer for layer in wanted if layer in known]
    pairs = pairs_in(one, other, found) if looked else None
    if pairs is None:
        return {}
    pairs = more_pairs(one, other, pairs, looked)
    return {layer: _heads(one, other, _of_layer(pairs, layer)) for layer in looked}


def _of_layer(pairs: HeadPairs, layer: int) -> HeadPairs:
    return pairs.only([i for i, (at, _) in enumerate(pairs.mine) if at == layer])


def _heads(one: Side, other: Side, pairs: HeadPairs) -> SecondLook:
    best, cosine = pairs.nearest
    either = (
        float(np.mean(np.sum(mine * theirs[best], axis=1)))
        for mine, theirs in (
            (pairs.one.looks, pairs.other.looks),
            (pairs.one.carries, pairs.other.carries),
        )
    )
    layers = [pairs.theirs[int(i)][0] for i in best]
    of = max(sorted(set(layers)), key=layers.count)
    agreed = dimension_agreement(one, other, pairs)
    return SecondLook(agreed, float(cosine.mean()), of, min(either))
