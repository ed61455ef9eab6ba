"""An embedding that is the base's in a turned stream, and nothing else is: looked for where all
other tests saw nothing and the embeddings are as alike as a copy's may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from auditor.audits.lineage.affinity import affinities
from auditor.audits.lineage.basis import Basis, learned_from
from auditor.audits.lineage.compared_pair import ComparedPair
from auditor.audits.lineage.sides import Side
from detectors.lineage.shared_directions import shared_directions

ALIKE = 0.8
"""Below this mean cosine of laid-over embeddings nothing is looked up: independent runs of the
weight zoo have 0.77 at most, published models of one maker and tokenizer 0.59."""
WIDEST = 4096
"""Coordinates up to which this is looked up: its cost grows with their third power."""


def by_turned_embedding(
    one: Side, other: Side, bases: Sequence[Basis], found: ComparedPair
) -> ComparedPair:
    """The same with the test of what embeddings share beside what tokens mean, and, where that is
    plain, in the basis that tokens tell. Raises what reading the weights raises."""
    basis = next((b for b in bases if b.by == "embedding"), None)
    wide = max(one.anatomy.hidden, other.anatomy.hidden) > WIDEST
    if basis is None or wide or (basis.embedding or 0.0) < ALIKE:
        return found
    (mine, theirs), told = learned_from(one, other)
    directions = shared_directions(one.embedding(mine), other.embedding(theirs), ~told)
    found = replace(found, directions=directions)
    if not found.by_directions:
        return found
    (table,) = affinities(one, other, [basis])
    near = table.nearness
    return replace(found, basis=basis, layers=table.layers, pairings=(), pairs=None, nearness=near)
