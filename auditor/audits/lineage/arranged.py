"""Whether an order that two models share may have been put there.

Units and coordinates can be put into whatever order without changing what a model computes: into
that in which they are most like another model's, as tools do before they merge two models, and as
somebody could who wants his model to look like another's origin. The tests of order then see one,
and no unit is more like its counterpart than the nearest of many strangers is. So an order is told
as a common origin only where the parts themselves are alike, by something that no order changes.
"""

from __future__ import annotations

import numpy as np

from auditor.audits.lineage.basis import FEW_TOKENS
from auditor.audits.lineage.compared_pair import PLAIN_HEADS, ComparedPair
from auditor.audits.lineage.described import pairs_in
from auditor.audits.lineage.heads import dimension_agreement
from auditor.audits.lineage.sides import Side, runs, shared_tokens
from auditor.audits.lineage.units import MATCHED, Pairing, nearest
from detectors.lineage.independence import FEWEST
from detectors.lineage.weight_alignment import (
    STRANGE,
    UnitAgreement,
    at_least,
    coordinates_alike,
    pooled,
)

ALIKE = 0.7
"""From this mean cosine of what units of a layer read on, they are alike beyond what any order of
strangers gives: those of six pairs of the weight zoo that were put in one order have 0.27."""
BY_ORDER = 0.05
"""What share of unit halves, over all layers together, may agree in strangers that were put in one
order: 0.043 at most agreed in 90 pairs of independent runs, and an order changes nothing of it."""
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
    """Whether more unit halves agree than in strangers: over all layers together, or in any one,
    which may be all that is shared, beyond what is allowed to converge."""
    plainest = sorted(found.pairings, key=lambda p: p.order.p)[:LOOKED_AT]
    agreed = [_agreement(one, other, found, pair) for pair in plainest]
    if not agreed:
        return False
    least = min(a.p for a in agreed) * len(agreed)
    return 2 * min(least, _beyond(pooled(agreed))) < STRANGE


def _agreement(one: Side, other: Side, found: ComparedPair, pair: Pairing) -> UnitAgreement:
    """How many units of a layer find one and the same of the other's by either half, of all."""
    mine, theirs = one.mlps(pair.layer)[pair.mlp], other.mlps(pair.of)[pair.theirs]
    among = np.arange(theirs.units, dtype=np.intp)
    held = (one, pair.layer, mine), (other, pair.of, theirs)
    return nearest(*held, found.basis, runs(mine.units, MATCHED), among).agreement(len(among))


def _beyond(agreed: UnitAgreement) -> float:
    """How likely so many agree in strangers that were put in one order."""
    distinct = agreed.agreeing if agreed.distinct is None else agreed.distinct
    allowed = max(BY_ORDER, agreed.chance / max(1, agreed.n))
    return at_least(distinct, agreed.n, min(1.0, allowed))


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
