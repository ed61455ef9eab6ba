"""In words, how one model's weights were changed into another's, once their common origin was
found.

Descriptions for people, from sampled rows: they weigh nothing, and say nothing of who came first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from auditor.audits.lineage.coarseness import coarseness, rounded_base
from auditor.audits.lineage.compared_pair import SEEN, SHARED, ComparedPair
from auditor.audits.lineage.likeness import KINDS as ROLES
from auditor.audits.lineage.likeness import least
from auditor.audits.lineage.parts import in_part, origins_of_layers
from auditor.audits.lineage.records import KeptPart
from auditor.audits.lineage.sides import Side, runs, sampled
from detectors.lineage.derivation import Grid, Mixture, difference_rank, grids, mixture
from detectors.lineage.independence import HUGE, TINY, Array, Indices
from fingerprints.weights import TensorPart

ROWS, GRID_ROWS = 256, 16
"""Rows of a matrix by which a difference is described, and by which a grid is recognised: a grid
shows in every block of every row."""
ROUNDING = {
    "F64": 2.0**-53,
    "F32": 2.0**-24,
    "F16": 2.0**-11,
    "BF16": 2.0**-8,
    "F8_E4M3": 2.0**-4,
    "F8_E5M2": 2.0**-3,
}
"""Half a step of each number format, relative to the number."""
TUNED, UNCHANGED = 0.9, 0.999
"""From this likeness on, training after the copy is called fine-tuning; below it, continued
training."""
RESCALED, TURNED = 1.2, 0.05
READ_WHOLE = 8 << 30
"""Bytes up to which equality of all sampled numbers is followed by reading both models whole."""


@dataclass(frozen=True)
class WeightChange:
    """One kind of matrix in one layer: relative difference (root mean square), the grid that the
    suspect is on and that of the base (neither where it is one), and whether rounding to a number
    format is all. ``of`` is the base's layer."""

    role: str
    layer: int
    of: int
    distance: float
    grid: Grid | None
    their_grid: Grid | None
    rounded_only: bool


def kinds_of(
    one: Side, other: Side, found: ComparedPair, parts: Sequence[KeptPart]
) -> tuple[str, ...]:
    """The changes from the base to the suspect in words, the largest first. ``parts``: what is the
    base's, by which layers are told from another's. Raises what reading the weights raises."""
    swapped = [] if in_part(parts) else _swapped(parts)
    out = [*swapped, *_shape(one, other, found, parts), *_disguise(found)]
    changes = changed(one, other, found)
    if changes:
        told = _numbers(one, other, changes, found, disguised=bool(out))
        whole = not out and told == [EQUAL]
        told = [f"otherwise {EQUAL}"] if swapped and told == [EQUAL] else told
        return (
            ("exact copy: every byte of every tensor is equal",)
            if whole and _same_bytes(one, other)
            else (*out, *told)
        )
    alike = least(list(found.likeness))
    # What could not be compared number by number is never called equal, nor changed without need.
    return (*out, *([] if alike is None else [_trained(alike, disguised=True)]))


EQUAL = "equal in every number that was looked at"


def _swapped(parts: Sequence[KeptPart]) -> list[str]:
    """The embedding, or the output layer, where it is plainly none of the base's: all else that is
    told here is told of layers."""
    lost = [p.part for p in parts if p.state == "other"]
    words = (("embedding", "another embedding"), ("head", "another output layer"))
    return [word for part, word in words if part in lost]


def changed(one: Side, other: Side, found: ComparedPair) -> list[WeightChange]:
    """How matching rows differ, in the layers that were looked at deeply; empty where rows can't
    be told to be the same."""
    if found.basis.turn is not None or found.unit_p is None or found.unit_p >= SEEN:
        return []
    out = []
    for layer in (x for x in found.likeness if x.cosines["down"] is not None):
        for role in (r for r in ROLES if layer.cosines[r] is not None):
            of = layer.attention_of if role in ROLES[:4] else layer.of
            rows = _rows(one, other, found, role, layer.layer, of)
            if rows is not None and not (layer.heads_moved and role in ROLES[:4]):
                roundings = _rounding(one, role, layer.layer), _rounding(other, role, of)
                out.append(_change(role, layer.layer, of, *rows, *roundings))
    return out


def _low_rank(
    one: Side, other: Side, found: ComparedPair, moved: Sequence[WeightChange]
) -> int | None:
    """The highest rank of the differences where all of them are of low rank, else None: the
    first that is not ends it."""
    ranks = []
    for change in moved:
        rows = _rows(one, other, found, change.role, change.layer, change.of)
        if rows is None:
            return None
        coarse = max(
            _rounding(one, change.role, change.layer), _rounding(other, change.role, change.of)
        )
        rank = difference_rank(*rows, coarse)
        if not rank.low:
            return None
        ranks.append(rank.rank)
    return max(ranks, default=None)


def _rows(
    one: Side, other: Side, found: ComparedPair, role: str, layer: int, of: int
) -> tuple[Array, Array] | None:
    """Rows of one kind of matrix in both models, the same ones: by number, or by nearest units
    where their numbers differ."""
    mine, theirs = _part(one, layer, role), _part(other, of, role)
    if mine is None or theirs is None or (mine.inputs != theirs.inputs and role != "down"):
        return None
    pairing = next(p for p in found.pairings if p.layer == layer)
    if mine.outputs == theirs.outputs and mine.inputs == theirs.inputs:
        same = runs(mine.outputs, ROWS)
        return one.rows(mine, same), other.rows(theirs, same)
    if role in ("gate", "up"):
        some = runs(len(pairing.nearest.places), ROWS)
        places, there = pairing.nearest.places[some], pairing.nearest.together[some]
        return one.rows(mine, places), other.rows(theirs, there)
    return None


def _part(side: Side, layer: int, role: str) -> TensorPart | None:
    block = side.anatomy.layers[layer]
    part: TensorPart | None = getattr(block, role)
    return part


def _rounding(side: Side, role: str, layer: int) -> float:
    part = _part(side, layer, role)
    return (
        ROUNDING.get(side.weights.info(part.tensor).dtype, 2.0**-24)
        if part is not None
        else 2.0**-24
    )


def _change(
    role: str,
    layer: int,
    of: int,
    mine: Array,
    theirs: Array,
    rounding: float,
    their_rounding: float,
) -> WeightChange:
    # In float32, which is exact where it matters: of numbers within a factor of two of each other.
    with np.errstate(over="ignore", invalid="ignore"):
        off = mine - theirs
        most = np.maximum(np.abs(theirs), np.abs(mine))
        most *= np.float32(1.01 * max(rounding, their_rounding))
        most += np.float32(1e-30)
        only = bool(np.all(np.abs(off) <= most))
    size = _size(theirs) or 1.0
    own = base = None
    if not only:
        # A grid that both lie on explains no difference.
        held = set(grids(theirs[:GRID_ROWS], their_rounding))
        lies = list(grids(mine[:GRID_ROWS], rounding))
        own = next((g for g in lies if g not in held), None)
        base = min(held.difference(lies), key=lambda g: (g.bits, g.block), default=None)
    return WeightChange(role, layer, of, _size(off) / size, own, base, only)


def _size(values: Array) -> float:
    """Root mean square; in float64 where squares leave what float32 can hold."""
    flat = values.reshape(-1)
    with np.errstate(over="ignore", invalid="ignore"):
        squares = float(np.dot(flat, flat))
    if not TINY < squares < HUGE:
        wide = flat.astype(np.float64)
        squares = float(np.dot(wide, wide))
    return float(np.sqrt(squares / max(1, len(flat))))


def _shape(one: Side, other: Side, found: ComparedPair, parts: Sequence[KeptPart]) -> list[str]:
    out, a, b = [], one.anatomy, other.anatomy
    layers = origins_of_layers(found.layers, parts)
    if a.embedding.outputs != b.embedding.outputs:
        more = a.embedding.outputs - b.embedding.outputs
        out.append(
            f"vocabulary extended by {more:,}" if more > 0 else f"vocabulary cut by {-more:,}"
        )
    if one.layers != other.layers:
        out.append(_depth(layers, other.layers))
    elif _moved(found):
        told = ", ".join("none of it" if of is None else f"{of}" for of in layers[:12])
        out.append(f"layers in another order: {told}{', and so on' if len(layers) > 12 else ''}")
    if set(a.units) != set(b.units):
        mine, theirs = float(np.mean(a.units)), float(np.mean(b.units))
        word = "width-pruned" if mine < theirs else "width-grown"
        out.append(f"{word}: {mine / theirs:.0%} of the MLPs' units")
    mlps, of = (max(len(layer.mlps) for layer in x.layers) for x in (a, b))
    if mlps != of:
        out.append(f"mixture of experts: {mlps} MLPs in a layer instead of {of}")
    if a.hidden != b.hidden:
        out.append(f"residual stream of {a.hidden:,} coordinates instead of {b.hidden:,}")
    return out


def _moved(found: ComparedPair) -> bool:
    """Whether layers whose units or heads were placed stand elsewhere in the base."""
    kept = (x for x in found.likeness if x.agreeing >= SHARED and not x.strange)
    return any(x.layer != x.of for x in kept)


def _depth(layers: Sequence[int | None], of: int) -> str:
    """How many layers were left or added; those that are none of the base's are told apart."""
    held = [k for k in layers if k is not None]
    missing = sorted(set(range(of)) - set(held))
    twice = sorted({k for k in held if held.count(k) > 1})
    others, pruned = len(layers) - len(held), len(layers) < of
    out = [
        f"depth-pruned: {len(set(held))} of {of} layers"
        if pruned
        else f"depth-grown: {len(layers)} layers of {of}"
    ]
    if pruned and missing:
        out.append(f"without {_listed(missing)}")
    if twice:
        out.append(f"with {_listed(twice)} more than once")
    if others:
        are = "is" if others == 1 else "are"
        out.append(f"{'besides ' if pruned else ''}{others} that {are} none of it")
    return ", ".join(out)


def _listed(numbers: Sequence[int]) -> str:
    shown = ", ".join(str(n) for n in numbers[:8])
    return f"layer{'s' if len(numbers) > 1 else ''} {shown}" + (
        f" and {len(numbers) - 8} more" if len(numbers) > 8 else ""
    )


def _disguise(found: ComparedPair) -> list[str]:
    """Changes that leave what the model computes as it was."""
    out = []
    words = {
        "rotation": "residual stream rotated",
        "permutation": "residual stream in another order",
        "signed permutation": "residual stream in another order, signs turned",
        "signs": "signs of the residual stream turned",
    }
    turn = found.basis.turn
    # Streams of two widths are always laid over each other: that says nothing of a rotation.
    if turn is not None and len(turn[0]) == len(turn[1]) and found.basis.kind in words:
        out.append(words[found.basis.kind])
    if found.by_agreement and not found.by_order:
        out.append("hidden units in another order")
    if any(x.heads_moved for x in found.likeness):
        out.append("attention heads in another order")
    if found.likeness and np.median([x.rescaled for x in found.likeness]) >= RESCALED:
        out.append("hidden units rescaled")
    if found.likeness and np.mean([x.turned_signs for x in found.likeness]) >= TURNED:
        out.append("signs of hidden units turned")
    return out


def _numbers(
    one: Side, other: Side, changes: list[WeightChange], found: ComparedPair, *, disguised: bool
) -> list[str]:
    """What was done to the numbers: nothing, rounding, something of low rank, or training."""
    if all(c.distance == 0 for c in changes):
        return [EQUAL]
    formats = " and ".join(list(one.weights.quantisation)[:2])
    if all(c.rounded_only for c in changes):
        return [f"copy in another number format ({formats})"]
    formats_of = one.weights.quantisation, other.weights.quantisation
    mine = coarseness(*formats_of, [c.grid for c in changes])
    theirs = coarseness(*formats_of[::-1], [c.their_grid for c in changes])
    bits, merged = None if mine is None else mine.bits, one.weights.adapter is None
    distance = float(np.median([c.distance for c in changes if c.distance]))
    if mine is not None and merged and distance <= mine.near:
        return [f"quantised copy: about {bits} bits ({formats})"]
    out = [f"quantised: about {bits} bits ({formats})"] if bits is not None else []
    moved = [c for c in changes if not c.rounded_only]
    rank = _low_rank(one, other, found, moved) if bits is None or not merged else None
    if rank is not None:
        roles = ", ".join(r for r in ROLES if r in {c.role for c in moved})
        word = "LoRA merged" if merged else "LoRA adapter"
        return [f"{word}: rank about {rank}, in {roles}"]
    if theirs is not None and merged and rounded_base(distance, mine, theirs):
        most = f"moved no further than the base's own rounding to {theirs.bits} bits leaves"
        return [*out, f"{most}, by that or by training"]
    alike = least(list(found.likeness))
    return [*out, *([] if alike is None else [_trained(alike, disguised)])]


def _trained(alike: float, disguised: bool = False) -> str:
    if disguised and alike >= UNCHANGED:
        return f"otherwise unchanged, as far as can be seen (least likeness {alike:.3f})"
    if alike >= TUNED:
        return f"fine-tuned (least likeness {alike:.2f})"
    return f"trained at length, or mixed, since a common start (least likeness {alike:.2f})"


def _same_bytes(one: Side, other: Side) -> bool:
    """Whether every tensor is stored in the same bytes; False where that was too much to read."""
    if (
        one.weights.tensors.keys() != other.weights.tensors.keys()
        or one.weights.bytes_total > READ_WHOLE
    ):
        return False
    # A little of each first: a model of which some layers are another's need not be read to there.
    return all(
        one.weights.same_stored(other.weights, name, whole)
        for whole in (False, True)
        for name in one.weights.tensors
    )


@dataclass(frozen=True)
class FoundMerge:
    """A mixture of several bases, as a whole, and how its weights vary over layers (the smallest
    and largest of each)."""

    whole: Mixture
    ranges: tuple[tuple[float, float], ...]


def merge_of(
    one: Side, parents: Sequence[Side], found: Sequence[ComparedPair]
) -> FoundMerge | None:
    """The mixture of bases that the suspect is, from sampled rows of its MLPs and values; None
    where it is none.

    Only for bases of the same shape in the suspect's own basis: others can't be added up.
    """
    if len(parents) < 2 or any(
        f.basis.turn is not None or f.layers != tuple(range(one.layers)) for f in found
    ):
        return None
    if any(p.anatomy.units != one.anatomy.units or p.layers != one.layers for p in parents):
        return None
    mixed = []
    for layer in sampled(one.layers, 8):
        sides = [_flat(side, int(layer)) for side in (one, *parents)]
        if len({len(s) for s in sides}) > 1:
            return None
        mixed.append(sides)
    whole = mixture(*_stacked(mixed))
    if not whole.is_one:
        return None
    each = [mixture(sides[0], sides[1:]).weights for sides in mixed]
    return FoundMerge(whole, tuple((min(w), max(w)) for w in zip(*each, strict=True)))


def _stacked(mixed: list[list[Array]]) -> tuple[Array, list[Array]]:
    joined = [np.concatenate([sides[i] for sides in mixed]) for i in range(len(mixed[0]))]
    return joined[0], joined[1:]


def _flat(side: Side, layer: int) -> Array:
    parts = [
        p for p in (_part(side, layer, role) for role in ("gate", "up", "value")) if p is not None
    ]
    picked: list[Indices] = [runs(p.outputs, 64) for p in parts]
    return np.concatenate(
        [side.rows(p, rows).reshape(-1) for p, rows in zip(parts, picked, strict=True)]
    )
