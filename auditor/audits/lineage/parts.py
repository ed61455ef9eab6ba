"""Which parts of a suspect come from one base: the embedding, the output layer, and attention, MLP,
experts and norms of every layer.

Describes pairs whose common origin was found by tests; a part that is not seen to come from a base
may have been changed beyond recognition. Weighs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from auditor.audits.lineage.compared_pair import LOST_ORDER, SEEN, ComparedPair
from auditor.audits.lineage.doubted_parts import (
    SecondLook,
    second_look_at_attention,
    second_look_at_mlps,
)
from auditor.audits.lineage.likeness import LayerLikeness
from auditor.audits.lineage.norm_parts import norm_parts
from auditor.audits.lineage.origins import place_of
from auditor.audits.lineage.records import KeptPart, PartName, PartState
from auditor.audits.lineage.sides import Side
from auditor.audits.lineage.token_parts import token_parts
from detectors.lineage.independence import precise
from detectors.lineage.weight_alignment import CONVERGED

KEPT_UNITS, KEPT_ROWS = 0.3, 0.5
"""From this share of agreeing units an MLP, from this likeness of values an attention counts as
kept."""
OTHER_ROWS = 0.25
"""Up to this likeness of values an attention counts as another's; between the two it is open. That
of unrelated ones after heads were matched stands in the benchmarks."""
ATTENTION, MLP = ("query", "key", "value", "output"), ("gate", "up", "down")
OF_LAYERS: tuple[PartName, ...] = ("attention", "mlp", "expert")
"""Parts by which a model counts as derived in part; norms follow what stands around them."""


def kept_parts(one: Side, other: Side, found: ComparedPair) -> tuple[KeptPart, ...]:
    """Every part with what was seen of it; empty where layers were not described. What the first
    look did not see is looked for elsewhere before it counts as another's. Raises what reading the
    weights raises."""
    if not found.likeness:
        return ()
    return (
        *token_parts(one, other, found),
        *_attention(one, other, found),
        *_mlps(one, other, found),
        *norm_parts(one, other, found),
    )


def _attention(one: Side, other: Side, found: ComparedPair) -> Iterator[KeptPart]:
    doubted = [
        x.layer
        for x in found.likeness
        if one.anatomy.layers[x.layer].value is not None and _rows(x) != "kept"
    ]
    looks = second_look_at_attention(one, other, found, doubted)
    for x in found.likeness:
        if one.anatomy.layers[x.layer].value is None:
            continue
        first, look = _rows(x), looks.get(x.layer)
        state = first if first == "kept" else _heads(look)
        seen = _mean(x, ATTENTION) if first == "kept" or look is None else look.likeness
        of = x.attention_of if first == "kept" or look is None else look.of
        yield KeptPart(
            part="attention",
            layer=x.layer,
            of=of if state == "kept" else None,
            state=state,
            likeness=seen,
        )


def _rows(x: LayerLikeness) -> PartState:
    """What values show at the first look, at the places where they were matched."""
    value = x.cosines["value"]
    if value is None or OTHER_ROWS < value < KEPT_ROWS:
        return "open"
    return "kept" if value >= KEPT_ROWS else "other"


def _heads(look: SecondLook | None) -> PartState:
    if look is None:
        return "open"
    if look.products >= KEPT_ROWS or (look.agreeing >= KEPT_UNITS and not look.strange):
        return "kept"
    return "other" if look.products <= OTHER_ROWS and look.strange else "open"


def _mlps(one: Side, other: Side, found: ComparedPair) -> Iterator[KeptPart]:
    at = {x.layer: x for x in found.likeness}
    first = {(layer, 0): _units(x, found) for layer, x in at.items()}
    doubted = [
        (layer, i)
        for layer in at
        for i in range(len(one.mlps(layer)))
        if first.get((layer, i)) != "kept"
    ]
    looks = second_look_at_mlps(one, other, found, doubted)
    for layer, x in at.items():
        for i, mlp in enumerate(one.mlps(layer)):
            look = looks.get((layer, i))
            state = "kept" if look is None else _again(look, first.get((layer, i)), other)
            of, seen = (x.of, _mean(x, MLP)) if look is None else (look.of, look.likeness)
            part, _, number = place_of(mlp, layer)
            yield KeptPart(
                part=part,
                layer=layer,
                number=number,
                of=of if state == "kept" else None,
                state=state,
                likeness=seen,
            )


def _units(x: LayerLikeness, found: ComparedPair) -> PartState:
    """What the first MLP of a layer shows at the first look: an order at large that is none of the
    very places is what sorting leaves."""
    orders = [max(p.order.p, precise([p.order])) for p in found.pairings if p.layer == x.layer]
    order = min(orders, default=1.0)
    if (x.agreeing >= KEPT_UNITS and not x.strange) or order < SEEN:
        return "kept"
    return "other" if x.agreeing <= CONVERGED and order > LOST_ORDER else "open"


def _again(look: SecondLook, first: PartState | None, other: Side) -> PartState:
    if look.agreeing >= KEPT_UNITS and not look.strange:
        return "kept"
    # Experts of the base that nobody looked at may be where it comes from.
    seen = first in (None, "other") and not other.mlps_left
    return "other" if seen and look.strange else "open"


def _mean(x: LayerLikeness, kinds: Sequence[str]) -> float | None:
    found = [c for c in (x.cosines[k] for k in kinds) if c is not None]
    return float(np.mean(found)) if found else None


def in_part(parts: Sequence[KeptPart]) -> bool:
    """Whether some of the layers' parts are kept, and others are plainly not."""
    states = {p.state for p in parts if p.part in OF_LAYERS}
    return {"kept", "other"} <= states


def of_kept(one: Side, found: ComparedPair, parts: Sequence[KeptPart]) -> ComparedPair:
    """The same with the likeness of kept parts alone, by which a derivation is described; where the
    first look saw nothing, its likeness is of no matching rows."""
    state = {p.place: p.state for p in parts}
    alike = []
    for x in found.likeness:
        place = place_of(one.mlps(x.layer)[0], x.layer)
        no_mlp = _lost(_units(x, found), state.get(place))
        no_heads = _lost(_rows(x), state.get(("attention", x.layer, None)))
        lost = (ATTENTION if no_heads else ()) + (MLP if no_mlp else ())
        kept = replace(x, cosines={k: None if k in lost else v for k, v in x.cosines.items()})
        alike.append(replace(kept, rescaled=1.0, turned_signs=0.0) if no_mlp else kept)
    return replace(found, likeness=tuple(alike))


def _lost(first: PartState, last: PartState | None) -> bool:
    return last == "other" or (last == "kept" and first != "kept")


def origins_of_layers(layers: Sequence[int], parts: Sequence[KeptPart]) -> tuple[int | None, ...]:
    """Which of the base's layers each of the suspect's comes from, its MLP before its attention;
    None where neither is the base's. ``layers``: those that it was held against, which stand where
    a part is open, or nothing was told by part.

    >>> other = [KeptPart(part=p, layer=1, state="other") for p in ("attention", "mlp")]
    >>> origins_of_layers((2, 1), [KeptPart(part="mlp", layer=0, of=2, state="kept"), *other])
    (2, None)
    """
    return tuple(_origin(at, [p for p in parts if p.layer == i]) for i, at in enumerate(layers))


def _origin(held_against: int, parts: Sequence[KeptPart]) -> int | None:
    mine = sorted((p for p in parts if p.part in OF_LAYERS), key=lambda p: p.part == "attention")
    kept = [p.of for p in mine if p.state == "kept" and p.of is not None]
    lost = bool(mine) and all(p.state == "other" for p in mine)
    return kept[0] if kept else None if lost else held_against


PART_WORDS: dict[PartName, str] = {"attention": "attention", "mlp": "MLPs", "expert": "experts"}


def parts_told(parts: Sequence[KeptPart]) -> str:
    """What was kept, in words: "attention of layers 0 to 3, MLPs of layer 1"."""
    kept = [p for p in parts if p.state == "kept"]
    out = [
        word
        for part, word in (("embedding", "the embedding"), ("head", "the output layer"))
        if any(p.part == part for p in kept)
    ]
    for part, word in PART_WORDS.items():
        layers = sorted({p.layer for p in kept if p.part == part and p.layer is not None})
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
