"""Which parts of a suspect come from which base: the embedding, and attention and MLP of every
layer.

Describes pairs whose common origin was found by tests; a part that is not seen to come from a base
may have been changed beyond recognition. Weighs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from auditor.audits.lineage.basis import CERTAIN
from auditor.audits.lineage.compared_pair import LOST_ORDER, PLAIN_HEADS, SEEN, ComparedPair
from auditor.audits.lineage.likeness import LayerLikeness
from auditor.audits.lineage.records import KeptPart, PartOrigin, PartState, WeightComparison
from detectors.lineage.weight_alignment import CONVERGED

KEPT_UNITS, KEPT_ROWS = 0.3, 0.5
"""From this share of agreeing units an MLP, from this likeness of values an attention counts as
kept."""
OTHER_ROWS = 0.25
"""Up to this likeness of values an attention counts as another's; between the two it is open. That
of unrelated ones after heads were matched stands in the benchmarks."""
ATTENTION, MLP = ("query", "key", "value", "output"), ("gate", "up", "down")


def kept_parts(found: ComparedPair) -> tuple[KeptPart, ...]:
    """Every part with what was seen of it; empty where no part could be told to be the base's."""
    if not found.likeness:
        return ()
    return (_embedding(found), *(part for x in found.likeness for part in _layer(x, found)))


def _embedding(found: ComparedPair) -> KeptPart:
    state: PartState = "open"
    if found.coordinate_p is not None and found.coordinate_p < CERTAIN:
        state = "kept"
    elif found.basis.turn is not None and found.basis.by == "embedding":
        # A map that was learned from unrelated embeddings places no unit and no head.
        in_basis = found.by_order or found.by_agreement
        in_basis |= found.heads is not None and found.heads.p < PLAIN_HEADS
        state = "kept" if in_basis else "open"
    elif found.basis.known and (found.by_order or found.by_agreement):
        state = "other"
    return KeptPart(part="embedding", state=state, likeness=found.basis.embedding)


def _layer(x: LayerLikeness, found: ComparedPair) -> Iterator[KeptPart]:
    value = x.cosines["value"]
    if value is not None:
        state: PartState = "open"
        if value >= KEPT_ROWS:
            state = "kept"
        elif value <= OTHER_ROWS:
            state = "other"
        yield KeptPart(
            part="attention",
            layer=x.layer,
            of=x.attention_of if state == "kept" else None,
            state=state,
            likeness=_mean(x, ATTENTION),
        )
    state = _mlp(x, found)
    yield KeptPart(
        part="mlp",
        layer=x.layer,
        of=x.of if state == "kept" else None,
        state=state,
        likeness=_mean(x, MLP),
    )


def _mlp(x: LayerLikeness, found: ComparedPair) -> PartState:
    order = min((p.order.p for p in found.pairings if p.layer == x.layer), default=1.0)
    if x.agreeing >= KEPT_UNITS or order < SEEN:
        return "kept"
    return "other" if x.agreeing <= CONVERGED and order > LOST_ORDER else "open"


def _mean(x: LayerLikeness, kinds: Sequence[str]) -> float | None:
    found = [c for c in (x.cosines[k] for k in kinds) if c is not None]
    return float(np.mean(found)) if found else None


def in_part(parts: Sequence[KeptPart]) -> bool:
    """Whether some of the layers' parts are kept, and others are plainly not."""
    states = {p.state for p in parts if p.layer is not None}
    return {"kept", "other"} <= states


def of_kept(found: ComparedPair, parts: Sequence[KeptPart]) -> ComparedPair:
    """The same with the likeness of kept parts alone, by which a derivation is described."""
    gone = {(p.layer, p.part) for p in parts if p.state == "other"}
    alike = []
    for x in found.likeness:
        no_mlp = (x.layer, "mlp") in gone
        lost = (ATTENTION if (x.layer, "attention") in gone else ()) + (MLP if no_mlp else ())
        kept = replace(x, cosines={k: None if k in lost else v for k, v in x.cosines.items()})
        alike.append(replace(kept, rescaled=1.0, turned_signs=0.0) if no_mlp else kept)
    return replace(found, likeness=tuple(alike))


def parts_told(parts: Sequence[KeptPart]) -> str:
    """What was kept, in words: "attention of layers 0 to 3, MLPs of layer 1"."""
    out = (
        ["the embedding"] if any(p.part == "embedding" and p.state == "kept" for p in parts) else []
    )
    for part, word in (("attention", "attention"), ("mlp", "MLPs")):
        layers = sorted(
            p.layer for p in parts if p.part == part and p.state == "kept" and p.layer is not None
        )
        if layers:
            out.append(f"{word} of {layers_told(layers)}")
    return ", ".join(out)


def layers_told(layers: Sequence[int]) -> str:
    """Numbers of layers in words, runs of them as such; ascending.

    >>> layers_told([0, 1, 2, 5])
    'layers 0 to 2, 5'
    """
    runs: list[list[int]] = []
    for n in layers:
        if runs and n == runs[-1][-1] + 1:
            runs[-1].append(n)
        else:
            runs.append([n])
    told = [f"{r[0]} to {r[-1]}" if len(r) > 2 else ", ".join(map(str, r)) for r in runs]
    return f"layer{'s' if len(layers) > 1 else ''} {', '.join(told)}"


def origins(comparisons: Sequence[WeightComparison]) -> tuple[PartOrigin, ...]:
    """Each part of the suspect with the base that it comes from: of several that keep it, the one
    that is most alike; None where none of them does. Empty where no base's parts were told."""
    told: dict[tuple[str, int | None], list[tuple[str, KeptPart]]] = {}
    for one in comparisons:
        for part in one.parts:
            told.setdefault((part.part, part.layer), []).append((one.base, part))
    return tuple(_origin(found) for found in told.values())


def _origin(found: Sequence[tuple[str, KeptPart]]) -> PartOrigin:
    kept = [(base, p) for base, p in found if p.state == "kept"]
    part = found[0][1]
    if not kept:
        open_ = any(p.state == "open" for _, p in found)
        return PartOrigin(part=part.part, layer=part.layer, state="open" if open_ else "other")
    base, best = max(kept, key=lambda one: one[1].likeness or 0.0)
    return PartOrigin(
        part=best.part,
        layer=best.layer,
        state="kept",
        base=base,
        of=best.of,
        likeness=best.likeness,
    )
