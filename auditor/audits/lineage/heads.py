"""Attention heads of two models against each other: which is most like which, and whether their
values' dimensions stand in one order.

Reads the heads of some layers of the suspect and of all of the base's, a layer at a time; of each
only a sketch stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from auditor.audits.lineage.basis import Basis
from auditor.audits.lineage.sides import Side, looked_into, sampled
from detectors.lineage.head_alignment import (
    HeadParts,
    HeadProducts,
    distinct,
    free_values,
    heads_agree,
    joined,
    matched,
    nearest_heads,
    products,
    sketcher,
)
from detectors.lineage.independence import FEWEST, Array, Indices, Order, likeness, order, units
from detectors.lineage.weight_alignment import (
    UnitAgreement,
    agreement,
    apart,
    pooled,
    rotation,
)

SMALL, LARGE = 1e-9, 1e9
"""Between these, products of heads' matrices are what float32 can hold."""
LOOKED_AT, OF_LAYER = 8, 16
"""Layers of the suspect whose heads are looked at, and heads of each."""
TESTED = 64
"""Heads whose dimensions' order is tested."""


@dataclass(frozen=True)
class HeadPairs:
    """The heads of some of the suspect's layers against all of the base's, in one basis: where each
    stands (layer and number), and what is kept of them."""

    basis: Basis
    mine: tuple[tuple[int, int], ...]
    theirs: tuple[tuple[int, int], ...]
    one: HeadProducts
    other: HeadProducts

    @property
    def agreement(self) -> UnitAgreement:
        """How many heads agree in this basis."""
        return heads_agree(self.one, self.other, free=False)

    @property
    def free_agreement(self) -> UnitAgreement | None:
        """How many agree by singular values alone; None where heads differ in width."""
        if self.one.looks_free.shape[1] != self.other.looks_free.shape[1]:
            return None
        return heads_agree(self.one, self.other, free=True)

    @cached_property
    def nearest(self) -> tuple[Indices, NDArray[np.float32]]:
        """Each head's nearest one, and how alike the two are."""
        return matched(self.one, self.other)

    def only(self, chosen: Sequence[int]) -> HeadPairs:
        """The same of some of the suspect's heads alone, by their places among those looked at."""
        some = np.asarray(chosen, dtype=np.intp)
        return replace(self, mine=tuple(self.mine[i] for i in chosen), one=self.one.only(some))

    def agreeing(self, *, free: bool = False) -> list[tuple[tuple[int, int], tuple[int, int]]]:
        """The heads that find one and the same, with it."""
        looks, carries = nearest_heads(self.one, self.other, free=free)
        return [
            (self.mine[i], self.theirs[int(looks[i])]) for i in np.flatnonzero(looks == carries)
        ]


def head_pairs(
    one: Side, other: Side, bases: Sequence[Basis], nearness: Sequence[float] = ()
) -> HeadPairs | None:
    """The heads of both models in that of several bases in which they are most alike, which does
    not depend on their order; None where one of them has no attention that is known here. Of the
    suspect some layers are looked at, evenly spread ones and, where ``nearness`` is known, those
    that are most like any of the base's. Raises what reading the weights raises."""
    mine, theirs = known_layers(one), known_layers(other)
    if not mine or not theirs:
        return None
    near = [nearness[i] for i in mine] if len(nearness) == one.layers else ()
    looked = [mine[int(i)] for i in looked_into(len(mine), LOOKED_AT, near)]
    maps = [_maps(one, other, basis) for basis in bases]
    a, at = _kept(one, looked, [m[0] for m in maps], OF_LAYER)
    b, there = _kept(other, theirs, [m[1] for m in maps], other.anatomy.heads)
    found = [
        HeadPairs(basis, tuple(at), tuple(there), *both)
        for basis, both in zip(bases, zip(a, b, strict=True), strict=True)
    ]
    return max(found, key=lambda pairs: float(pairs.nearest[1].mean()))


def more_pairs(one: Side, other: Side, pairs: HeadPairs, layers: Sequence[int]) -> HeadPairs:
    """The heads of these layers of the suspect, which must be known, against those of the base,
    which were looked at before; those of the suspect that were too are not read again."""
    have = {layer for layer, _ in pairs.mine}
    missing = [layer for layer in layers if layer not in have]
    if not missing:
        return pairs
    maps, _ = _maps(one, other, pairs.basis)
    (found,), places = _kept(one, missing, [maps], OF_LAYER)
    return replace(pairs, mine=(*pairs.mine, *places), one=joined([pairs.one, found]))


Maps = tuple[Array, Array]


def _maps(one: Side, other: Side, basis: Basis) -> tuple[Maps, Maps]:
    """The sketch's maps in either model's own stream."""
    laid = basis.laid(np.eye(one.anatomy.hidden, dtype=np.float32))
    beside = basis.beside(np.eye(other.anatomy.hidden, dtype=np.float32))
    left, right = sketcher(laid.shape[1])
    return (laid @ left, laid @ right), (beside @ left, beside @ right)


def known_layers(side: Side) -> list[int]:
    """Layers whose attention is known head by head."""
    a = side.anatomy
    if not (a.heads and a.groups and a.head_width) or a.heads % a.groups:
        return []
    widths = {"query": a.heads, "key": a.groups, "value": a.groups, "output": a.heads}
    return [
        i
        for i in range(side.layers)
        if all(side.attention_width(i, r) == n * a.head_width for r, n in widths.items())
    ]


def whole(side: Side) -> bool:
    """Whether the attention of every layer of a model is known head by head: where one is of
    another kind or size, or stands in a layer that is left out, a copy of it is not seen."""
    return not side.anatomy.left_out and len(known_layers(side)) == side.layers


def _kept(
    side: Side, layers: Sequence[int], maps: Sequence[Maps], most: int
) -> tuple[list[HeadProducts], list[tuple[int, int]]]:
    """What is kept of at most ``most`` heads of each layer, for every pair of maps, and where each
    stands."""
    found: list[list[HeadProducts]] = [[] for _ in maps]
    places = list[tuple[int, int]]()
    for layer in layers:
        numbers = [int(h) for h in sampled(side.anatomy.heads, most)]
        heads = heads_of(side, layer, numbers)
        free = free_values(heads)
        for kept, pair in zip(found, maps, strict=True):
            kept.append(products(heads, [layer] * len(numbers), pair, free))
        places += [(layer, h) for h in numbers]
    return [joined(kept) for kept in found], places


def laid_by_heads(one: Side, other: Side, pairs: HeadPairs, *, free: bool = True) -> Basis | None:
    """The basis in which heads that agree by singular values alone (``free``), or in the basis of
    ``pairs``, lie over each other: what is left to lay two streams by where the embedding was made
    anew. None where too few agree, or heads are of other widths.

    It knows nothing of hidden units, so that tests of these stay what they are.
    """
    told = pairs.agreeing(free=free) if not free or pairs.free_agreement is not None else []
    width = one.anatomy.head_width
    rows = len(told) * 4 * width
    if width != other.anatomy.head_width or rows < max(one.anatomy.hidden, other.anatomy.hidden):
        return None
    mine = [_rows_of(one, m) for m, _ in told]
    theirs = [_rows_of(other, t) for _, t in told]
    turn = rotation(np.concatenate(mine), np.concatenate(theirs), centred=False)
    return replace(pairs.basis, turn=turn, kind="rotation", embedding=None, by="heads")


def _rows_of(side: Side, place: tuple[int, int]) -> Array:
    (head,) = heads_of(side, place[0], [place[1]])
    return np.concatenate([head.query, head.key, head.value, head.output])


def heads_of(side: Side, layer: int, numbers: Iterable[int]) -> list[HeadParts]:
    """Some heads of a layer, each with the key and value of its group: of heads of one group these
    are the same arrays."""
    heads = list(numbers)
    each = side.anatomy.heads // side.anatomy.groups
    of_group = [h // each for h in heads]
    query, output = (_attention(side, layer, role, heads) for role in ("query", "output"))
    key, value = (_attention(side, layer, role, of_group) for role in ("key", "value"))
    return [
        HeadParts(query[h], key[group], value[group], output[h])
        for h, group in zip(heads, of_group, strict=True)
    ]


def _attention(side: Side, layer: int, role: str, numbers: Sequence[int]) -> dict[int, Array]:
    """What these heads, or groups, have of one role, (width, d) each; nothing else is read."""
    wanted, width = sorted(set(numbers)), side.anatomy.head_width
    places = (np.array(wanted, dtype=np.intp)[:, None] * width + np.arange(width)).reshape(-1)
    rows = side.attention(layer, role, places)
    if rows is None:
        raise ValueError(f"layer {layer} has no {role}")
    # Products of very large or very small numbers leave what float32 can hold; no test of heads
    # knows their size.
    peak = max(rows.max(initial=0), -rows.min(initial=0))
    rows = rows if SMALL < peak < LARGE or not peak else rows / peak
    return {n: rows[i * width : (i + 1) * width] for i, n in enumerate(wanted)}


def dimension_orders(one: Side, other: Side, pairs: HeadPairs) -> list[Order]:
    """The test of the values' dimensions' order, one a head: nearest dimensions by what they
    read, within the head that is most alike.

    Training treats a head's value dimensions all alike (no position is told to them, as to those of
    query and key), so that each test is exact; heads were chosen without regard to that order. Each
    group of key and value enters once, and no head that is a copy of an earlier one.
    """
    best, cosine = pairs.nearest
    ranked = np.argsort(-cosine, kind="stable")
    tested = (
        _dimensions((one, *pairs.mine[i]), (other, *pairs.theirs[int(best[i])]), pairs.basis)
        for i in _once(one, pairs, ranked)
    )
    return [found for found in tested if found is not None]


def dimension_agreement(one: Side, other: Side, pairs: HeadPairs) -> UnitAgreement | None:
    """How many dimensions of values find one and the same by what they read and by what they
    write, within the head that is most alike by where it looks; None where they are too few.

    A dimension has two halves as a hidden unit has, and where a head looks knows neither.
    """
    if min(one.anatomy.head_width, other.anatomy.head_width) < FEWEST:
        return None
    looks, _ = nearest_heads(pairs.one, pairs.other, free=False)
    tested = _once(one, pairs, np.arange(len(pairs.mine), dtype=np.intp))
    found = list[UnitAgreement]()
    # A layer of the suspect at a time, since what dimensions write is read through all of a matrix.
    for layer in sorted({pairs.mine[i][0] for i in tested}):
        some = [i for i in tested if pairs.mine[i][0] == layer]
        there = [pairs.theirs[int(looks[i])] for i in some]
        mine, theirs = _halves(one, [pairs.mine[i] for i in some]), _halves(other, there)
        for i, place in zip(some, there, strict=True):
            read, written = (units(pairs.basis.laid(half)) for half in mine[pairs.mine[i]])
            reads, writes = (
                likeness(a, pairs.basis.beside(b), signed=False)
                for a, b in zip((read, apart(read, written)), theirs[place], strict=True)
            )
            # A row of zeros is near to nothing.
            told = (reads.max(axis=1) > 0) & (writes.max(axis=1) > 0)
            by = reads[told].argmax(axis=1), writes[told].argmax(axis=1)
            found.append(agreement(*by, other.anatomy.head_width))
    return pooled(found) if found else None


def _once(one: Side, pairs: HeadPairs, ranked: Indices) -> list[int]:
    """The heads whose dimensions are tested, in this order: one of each group of key and value, and
    no copy of an earlier one."""
    fresh, seen, out = distinct(pairs.one), set[tuple[int, int]](), list[int]()
    for i in ranked:
        layer, head = pairs.mine[i]
        group = (layer, head * one.anatomy.groups // one.anatomy.heads)
        if fresh[i] and group not in seen and len(out) < TESTED:
            seen.add(group)
            out.append(int(i))
    return out


def _halves(
    side: Side, places: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], tuple[Array, Array]]:
    """What each dimension of heads' values reads, and what it writes, (width, d) each; every layer
    is read once."""
    width, out = side.anatomy.head_width, dict[tuple[int, int], tuple[Array, Array]]()
    for layer in sorted({layer for layer, _ in places}):
        heads = sorted({head for at, head in places if at == layer})
        rows = np.array(heads, dtype=np.intp)[:, None] * width + np.arange(width)
        output = side.attention(layer, "output", rows.reshape(-1))
        if output is None:
            raise ValueError(f"layer {layer} has no output")
        for i, head in enumerate(heads):
            written = output[i * width : (i + 1) * width]
            out[layer, head] = _values(side, layer, head), written
    return out


def _dimensions(
    one: tuple[Side, int, int], other: tuple[Side, int, int], basis: Basis
) -> Order | None:
    mine, theirs = (_values(*place) for place in (one, other))
    if len(mine) < FEWEST or len(theirs) < FEWEST:
        return None
    alike = likeness(basis.laid(mine), basis.beside(theirs), signed=False)
    same = len(mine) == len(theirs)
    among = np.arange(len(theirs), dtype=np.intp)
    return order(alike.argmax(axis=1), None, len(theirs) if same else None, among)


def _values(side: Side, layer: int, head: int) -> Array:
    """What each dimension of a head's values reads, (width, d)."""
    a = side.anatomy
    first = head * a.groups // a.heads * a.head_width
    rows = side.attention(layer, "value", np.arange(first, first + a.head_width, dtype=np.intp))
    if rows is None:
        raise ValueError(f"layer {layer} has no value")
    return rows
