"""Whether an order that two models share may have been put there.

Units and coordinates can be put into whatever order without changing what a model computes: into
that in which they are most like another model's, as tools do before they merge two models, and as
somebody could who wants his model to look like another's origin. The tests of order then see one,
and no unit is more like its counterpart than the nearest of many strangers is. So an order is told
as a common origin only where the parts themselves are alike, by something that no order changes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from auditor.audits.lineage.basis import FEW_TOKENS
from auditor.audits.lineage.compared_pair import PLAIN_HEADS, ComparedPair
from auditor.audits.lineage.described import pairs_in
from auditor.audits.lineage.heads import dimension_agreement
from auditor.audits.lineage.sides import Side, runs, shared_tokens
from auditor.audits.lineage.units import MATCHED, Pairing, nearest
from detectors.lineage.independence import FEWEST
from detectors.lineage.weight_alignment import STRANGE, at_least, coordinates_alike

ALIKE = 0.7
"""From this mean cosine of what units of a layer read on, they are alike beyond what any order of
strangers gives: those of six pairs of the weight zoo that were put in one order have 0.27."""
BY_ORDER = 0.05
"""What share of unit halves may agree in strangers that were put in one order: 0.043 at most agreed
in 90 pairs of independent runs, and an order changes nothing of it."""
COORDINATES = 0.7
"""From this likeness of coordinates over tokens on (the middle one's), they are alike beyond what
an order gives: strangers of the zoo that were put in one order have 0.65, published ones 0.12."""
LOOKED_AT = 8
"""Layers whose units are looked at: those that show an order most plainly."""


def arranged(one: Side, other: Side, found: ComparedPair) -> bool:
    """Whether nothing but an order is shared: neither units, nor heads, nor coordinates are more
    alike than an order makes those of strangers. Raises what reading the weights raises."""
    return not (
        found.by_agreement
        or found.by_directions
        or _rows_alike(found)
        or _heads_agree(one, other, found)
        or _units_agree(one, other, found)
        or _coordinates_alike(one, other, found)
    )


def _rows_alike(found: ComparedPair) -> bool:
    """Whether the units of any layer are alike, by what opens them and what they read."""
    each = ([x.cosines["gate"], x.cosines["up"]] for x in found.likeness)
    known = ([c for c in some if c is not None] for some in each)
    return any(some and min(some) >= ALIKE for some in known)


def _units_agree(one: Side, other: Side, found: ComparedPair) -> bool:
    plainest = sorted(found.pairings, key=lambda p: p.order.p)[:LOOKED_AT]
    p_values = list(_agreements(one, other, found, plainest))
    return bool(p_values) and len(p_values) * min(p_values) < STRANGE


def _agreements(
    one: Side, other: Side, found: ComparedPair, pairings: list[Pairing]
) -> Iterator[float]:
    """How likely as many units agree as do, were the two strangers in one order, layer by layer."""
    for pair in pairings:
        mine, theirs = one.mlps(pair.layer)[pair.mlp], other.mlps(pair.of)[pair.theirs]
        among = np.arange(theirs.units, dtype=np.intp)
        held = (one, pair.layer, mine), (other, pair.of, theirs)
        agreed = nearest(*held, found.basis, runs(mine.units, MATCHED), among).agreement(len(among))
        allowed = max(BY_ORDER, agreed.chance / max(1, agreed.n))
        distinct = agreed.agreeing if agreed.distinct is None else agreed.distinct
        yield at_least(distinct, agreed.n, min(1.0, allowed))


def _heads_agree(one: Side, other: Side, found: ComparedPair) -> bool:
    """Whether heads, or the halves of their values' dimensions, agree: looked at only where no unit
    tells anything."""
    told = [a for a in (found.heads, found.free_heads, found.halves) if a is not None]
    if not told and not found.by_order:
        pairs = pairs_in(one, other, found)
        more = () if pairs is None else (pairs.agreement, dimension_agreement(one, other, pairs))
        told = [a for a in more if a is not None]
    return min((a.p for a in told), default=1.0) < PLAIN_HEADS


def _coordinates_alike(one: Side, other: Side, found: ComparedPair) -> bool:
    if not found.by_coordinates or one.anatomy.hidden != other.anatomy.hidden:
        return False
    mine, theirs = shared_tokens(one, other, FEW_TOKENS)
    if len(mine) < FEWEST:
        return False
    alike = coordinates_alike(one.embedding(mine), other.embedding(theirs))
    return bool(len(alike)) and float(np.median(alike)) >= COORDINATES
