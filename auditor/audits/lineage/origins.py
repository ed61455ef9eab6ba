"""Which base each part of a suspect comes from, of all those that it was compared with.

Knows what was told of each pair, and which parts a model has; reads no weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditor.audits.lineage.records import (
    KeptPart,
    PartOrigin,
    PartState,
    Place,
    WeightComparison,
)
from fingerprints.weights import Anatomy, Mlp

PLAINLY, LEAST = 0.5, 2e-6
"""Of two bases that both have a part, the one it comes from is told where what it lacks of a
likeness of one is at most this share of what the other lacks, and the difference is no rounding. A
copy lacks more of its parent's sibling than of its parent: by as much as the two siblings lack of
each other."""

Whose = tuple[WeightComparison, KeptPart]


def origins(
    comparisons: Sequence[WeightComparison], places: Sequence[Place] = ()
) -> tuple[PartOrigin, ...]:
    """Each part of the suspect (``places``, and what was told besides) with the base that it comes
    from: of several that have it, the one that is plainly most alike, else all that may be it. A
    part is nobody's where no base that was compared leaves room for it, and open else. Empty where
    no base was compared by weights."""
    compared = [
        one for one in comparisons if one.relation != "not_compared" and not one.by_signature
    ]
    told: dict[Place, list[Whose]] = {place: [] for place in places} if compared else {}
    for one in compared:
        for part in one.parts:
            told.setdefault(part.place, []).append((one, part))
    return tuple(_origin(place, found, _unsaid(compared, found)) for place, found in told.items())


def places_of(anatomy: Anatomy, layers: Sequence[Sequence[Mlp]]) -> Iterator[Place]:
    """All parts of a model, ``layers`` having the MLPs of each that are compared."""
    yield "embedding", None, None
    for i, (block, mlps) in enumerate(zip(anatomy.layers, layers, strict=True)):
        if block.attention_norm is not None:
            yield "attention_norm", i, None
        if block.value is not None:
            yield "attention", i, None
        if block.mlp_norm is not None:
            yield "mlp_norm", i, None
        for mlp in mlps:
            yield place_of(mlp, i)
    if anatomy.head is not None:
        yield "head", None, None


def place_of(mlp: Mlp, layer: int) -> Place:
    """Which part an MLP of a layer is."""
    return ("expert", layer, mlp.number) if mlp.kind == "expert" else ("mlp", layer, None)


def _unsaid(compared: Sequence[WeightComparison], told: Sequence[Whose]) -> bool:
    """Whether a base that was compared may have a part, and nothing was told of that: all but those
    of which the weights are independent."""
    names = {one.base for one, _ in told}
    return any(one.relation != "independent" and one.base not in names for one in compared)


def _origin(place: Place, found: Sequence[Whose], unsaid: bool) -> PartOrigin:
    part, layer, number = place
    kept = sorted(
        (one for one in found if one[1].state == "kept"), key=lambda one: -(one[1].likeness or 0.0)
    )
    if not kept:
        open_ = unsaid or any(p.state == "open" for _, p in found)
        state: PartState = "open" if open_ else "other"
        return PartOrigin(part=part, layer=layer, number=number, state=state)
    best = kept[0][1]
    also = tuple(other[0].base for other in kept[1:] if not _plainly(kept[0], other))
    return PartOrigin(
        part=part,
        layer=layer,
        number=number,
        state="kept",
        base=kept[0][0].base,
        also=also,
        of=None if also else best.of,
        likeness=best.likeness,
    )


def _plainly(best: Whose, other: Whose) -> bool:
    """Whether a part is plainly more like the one than like the other. Not where a stream was laid
    by shared parts: the less a base shares the worse it lies, whoever the parent is."""
    alike = best[1].likeness, other[1].likeness
    if alike[0] is None or alike[1] is None or best[0].laid_by_parts or other[0].laid_by_parts:
        return False
    lacks, theirs = 1.0 - alike[0], 1.0 - alike[1]
    return theirs - lacks > LEAST and lacks <= PLAINLY * theirs
