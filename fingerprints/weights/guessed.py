"""What tensors may be to a model when their names are nobody's: guessed from shapes, from how often
each comes, and from numbers in the names.

A shape tells a kind (what units read, what heads read, what is written), and seldom which of a kind
is which: gate or up, query or output. So a guess is a set of readings, each with its groups of like
tensors; another model's weights tell which is which (`auditor.audits.lineage.read_against`). Only
the shapes of one way to lay out attention and MLP may fit, else nothing is guessed. Knows no
values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from fingerprints.weights.by_shape import Shape, TensorsByShape, by_shape, no_guess
from fingerprints.weights.hf_names import HeadSizes, head_sizes, text_config
from fingerprints.weights.parts import Anatomy, Layer, Mlp, MlpKind, Norm, TensorPart
from fingerprints.weights.view import Weights

MOST_MATRICES = 7
"""Matrices of a layer in any layout that is known here: gate, up, down, query, key, value, output.
A stranger's layers may hold thousands of shapes, and all ways to read them are tried."""
Member = tuple[TensorPart, ...]
"""The matrices of one role in one layer: one, or one for each expert."""
NOTE = (
    "the tensors have names that nobody published: their roles were guessed from shapes and from"
    " what each is most alike in the other model"
)


@dataclass(frozen=True)
class RoleGroup:
    """Tensors of one kind and the roles that they may have in any order; ``series[k]`` has one
    tensor (or its experts) for each layer. Where names count no layers, which of them belong to one
    layer is open too."""

    roles: tuple[str, ...]
    series: tuple[tuple[Member, ...], ...]


@dataclass(frozen=True)
class ShapeReading:
    """One way to read a model's shapes. ``tables``: the embedding and, where there are two, the
    output layer, in any order. ``norms``: vectors as wide as the stream, a series each; ``last``:
    those of no layer. ``numbered``: whether names count the layers."""

    hidden: int
    groups: tuple[RoleGroup, ...]
    norms: tuple[tuple[str, ...], ...]
    tables: tuple[TensorPart, ...]
    last: tuple[str, ...]
    numbered: bool
    heads: int
    groups_told: int
    head_width: int
    experts: bool

    @property
    def layers(self) -> int:
        """How many layers."""
        return len(self.groups[0].series[0])


class Sizes(NamedTuple):
    """The sizes of one way to read shapes: rows of queries, of keys, units; whether query, key and
    value, or gate and up, are one matrix; whether there is a gate; whether inputs come first."""

    query: int
    key: int
    units: int
    fused: bool
    gated: bool
    gate_in_up: bool
    turned: bool


def guessed_anatomy(weights: Weights) -> Anatomy:
    """The roles as the first reading has them, in the order of names. Raises MalformedInput where
    shapes fit no layout, or more than one."""
    return read(weights, readings(weights)[0])


def readings(weights: Weights, head_width: int = 0) -> tuple[ShapeReading, ...]:
    """All ways in which a model's shapes can be read. ``head_width``: of whom it is compared with,
    used where the config tells none. Raises MalformedInput where there is none, or more than one
    place for the MLP."""
    found = by_shape(weights)
    return tuple(_laid_out(weights, found, head_width))


def _laid_out(weights: Weights, found: TensorsByShape, head_width: int) -> Iterator[ShapeReading]:
    """The readings of the only sizes that fit."""
    told = _heads(weights, found.hidden, head_width)
    fit = _by_config(list(dict.fromkeys(_fitting(found))), told)
    if not fit:
        raise no_guess("its shapes fit no layout of attention and MLP that is known here", weights)
    if len({s._replace(turned=False) for s in fit}) > 1:
        raise no_guess("its shapes fit more than one layout of attention and MLP", weights)
    for sizes in fit:
        yield from _readings(weights, found, sizes, told)


def _heads(weights: Weights, hidden: int, head_width: int) -> HeadSizes:
    """Heads, groups and their width, as the config tells them, or of that width."""
    told = head_sizes(text_config(weights.config), hidden)
    return told if told.head_width else told._replace(head_width=head_width)


def _by_config(fit: list[Sizes], told: HeadSizes) -> list[Sizes]:
    """Of several ways the ones that fit the config's heads: a config that fits none tells
    nothing."""
    queries = [s for s in fit if s.query == told.heads * told.head_width] or fit
    return [s for s in queries if s.key == told.groups * told.head_width] or queries


def _fitting(found: TensorsByShape) -> Iterator[Sizes]:
    """The sizes of attention and MLP that use every matrix of a layer."""
    h, counts = found.hidden, _counted(found)
    if sum(counts.values()) > MOST_MATRICES or any(len(s) != 2 or h not in s for s in counts):
        return
    for turned in (False, True):
        plain = Counter({(s[::-1] if turned else s): n for s, n in counts.items()})
        for units in sorted({s[1] for s in plain if s[0] == h and s[1] != h}):
            for mlp, gated, one in _blocks(units, h):
                if all(plain[s] >= n for s, n in mlp.items()):
                    for query, key, fused in _attention(plain - mlp, h):
                        yield Sizes(query, key, units, fused, gated, one, turned)


def _counted(found: TensorsByShape) -> Counter[Shape]:
    """How many series there are of each shape; a router, which has a row for each expert, is left
    out."""
    experts = {len(s[0]) for some in found.matrices.values() for s in some if len(s[0]) > 1}
    router = (max(experts, default=0), found.hidden)
    return Counter(
        {s: len(some) for s, some in found.matrices.items() if s != router or len(some) > 1}
    )


def _blocks(units: int, h: int) -> Iterator[tuple[Counter[Shape], bool, bool]]:
    """The matrices of an MLP: with a gate, without, with both in one; whether there is a gate, and
    whether it is one with up."""
    yield Counter({(units, h): 2, (h, units): 1}), True, False
    yield Counter({(units, h): 1, (h, units): 1}), False, False
    yield Counter({(2 * units, h): 1, (h, units): 1}), True, True


def _attention(left: Counter[Shape], h: int) -> Iterator[tuple[int, int, bool]]:
    """The sizes of an attention that uses exactly these matrices, and whether query, key and value
    are one."""
    for query in sorted({s[1] for s in left if s[0] == h}):
        rest = left - Counter({(h, query): 1})
        for rows in sorted({s[0] for s in rest if s[1] == h}):
            key = (rows - query) // 2
            fused = rows > query and rows == query + 2 * key and query % key == 0
            if fused and rest == Counter({(rows, h): 1}):
                yield query, key, True
            apart = Counter({(query, h): 1}) + Counter({(rows, h): 2})
            if query % rows == 0 and rest == apart:
                yield query, rows, False


def _readings(
    weights: Weights, found: TensorsByShape, sizes: Sizes, heads: HeadSizes
) -> Iterator[ShapeReading]:
    width, told = heads.head_width, HeadSizes(0, 0, 0)
    if width and sizes.query % width == sizes.key % width == 0:
        told = HeadSizes(sizes.query // width, sizes.key // width, width)
    infos = [weights.tensors[n] for n in found.tables]
    tables = tuple(TensorPart(i.name, i.rows, found.hidden) for i in infos)
    mlps = _mlp_groups(found, sizes)
    experts = _experts(weights, mlps)
    for attention in _attention_groups(found, sizes, told):
        if any(len(series[0]) > 1 for group in attention for series in group.series):
            raise no_guess("there is more than one attention in a layer", weights)
        for mlp in mlps:
            if any(len(group.series) != len(group.roles) for group in (*mlp, *attention)):
                raise no_guess("matrices of its attention have the shape of the MLP's", weights)
            yield ShapeReading(
                found.hidden,
                (*mlp, *attention),
                tuple(found.norms),
                tables,
                tuple(found.last),
                found.numbered,
                *told,
                experts,
            )


def _experts(weights: Weights, mlps: Sequence[tuple[RoleGroup, ...]]) -> bool:
    """Whether a layer has several MLPs. Raises MalformedInput where its roles have not as many."""
    counts = {len(s[0]) for some in mlps for group in some for s in group.series}
    if len(counts) != 1:
        raise no_guess("gates, ups and downs are not as many", weights)
    return counts != {1}


def _mlp_groups(found: TensorsByShape, sizes: Sizes) -> list[tuple[RoleGroup, ...]]:
    h, n = found.hidden, sizes.units
    down = RoleGroup(("down",), _parts(found, (h, n), sizes.turned)[:1])
    if not sizes.gate_in_up:
        roles = ("gate", "up") if sizes.gated else ("up",)
        return [(RoleGroup(roles, _parts(found, (n, h), sizes.turned)[: len(roles)]), down)]
    (whole,) = _parts(found, (2 * n, h), sizes.turned)
    out = list[tuple[RoleGroup, ...]]()
    for first, group, stride in ((n, 0, 0), (1, 1, 2)):
        halves = tuple(
            _cut(whole, replace(whole[0][0], outputs=n, start=at, group=group, stride=stride))
            for at in (0, first)
        )
        out.append((RoleGroup(("gate", "up"), halves), down))
    return out


def _attention_groups(
    found: TensorsByShape, sizes: Sizes, told: HeadSizes
) -> list[tuple[RoleGroup, ...]]:
    h, q, k = found.hidden, sizes.query, sizes.key
    if not sizes.fused:
        asked = [("query", (q, h)), ("key", (k, h)), ("value", (k, h)), ("output", (h, q))]
        shapes = dict.fromkeys(shape for _, shape in asked)
        groups = (
            RoleGroup(tuple(r for r, s in asked if s == shape), _parts(found, shape, sizes.turned))
            for shape in shapes
        )
        return [tuple(groups)]
    output = RoleGroup(("output",), _parts(found, (h, q), sizes.turned))
    (whole,) = _parts(found, (q + 2 * k, h), sizes.turned)
    return [
        (
            *(
                RoleGroup((role,), (_cut(whole, part),))
                for role, part in zip(("query", "key", "value"), parts, strict=True)
            ),
            output,
        )
        for parts in _fused(whole[0][0], q, k, told)
    ]


def _fused(
    whole: TensorPart, q: int, k: int, told: HeadSizes
) -> Iterator[tuple[TensorPart, TensorPart, TensorPart]]:
    """Query, key and value in a matrix of all three: one behind the other, by heads, by groups."""
    query = replace(whole, outputs=q)
    yield query, replace(whole, outputs=k, start=q), replace(whole, outputs=k, start=q + k)
    heads, groups, width = told
    if width and heads and groups and heads % groups == 0:
        each = heads // groups
        stride = (each + 2) * width
        key = replace(whole, outputs=k, start=each * width, group=width, stride=stride)
        query = replace(query, group=each * width, stride=stride)
        yield query, key, replace(key, start=(each + 1) * width)


def _parts(
    found: TensorsByShape, shape: tuple[int, int], turned: bool
) -> tuple[tuple[Member, ...], ...]:
    """The series of matrices of one shape (outputs, inputs)."""
    stored = shape[::-1] if turned else shape
    return tuple(
        tuple(tuple(TensorPart(n, *shape, transposed=turned) for n in some) for some in series)
        for series in found.matrices.get(stored, ())
    )


def _cut(series: Sequence[Member], part: TensorPart) -> tuple[Member, ...]:
    """The same part of every matrix of a series."""
    return tuple(tuple(replace(part, tensor=p.tensor) for p in some) for some in series)


Roles = Mapping[str, Sequence[Member]]


def default_roles(reading: ShapeReading) -> dict[str, tuple[Member, ...]]:
    """Roles in the order of names."""
    return {
        role: series
        for group in reading.groups
        for role, series in zip(group.roles, group.series, strict=True)
    }


def read(weights: Weights, reading: ShapeReading) -> Anatomy:
    """The anatomy with roles in the order of names, and without norms: which is which is open."""
    return assembled(weights, reading, default_roles(reading), {}, reading.tables, None)


def assembled(
    weights: Weights,
    reading: ShapeReading,
    roles: Roles,
    norms: Mapping[str, Sequence[Norm | None]],
    tables: Sequence[TensorPart],
    last: Norm | None,
) -> Anatomy:
    """The anatomy with these roles: a member, and a norm, for each layer."""
    none: list[Norm | None] = [None] * reading.layers
    before, within = (norms.get(r, none) for r in ("attention_norm", "mlp_norm"))
    return Anatomy(
        family=str(weights.config.get("model_type", "unknown")),
        hidden=reading.hidden,
        vocabulary=tables[0].outputs,
        embedding=tables[0],
        head=tables[1] if len(tables) > 1 else None,
        last_norm=last,
        layers=tuple(
            _layer(i, {r: s[i] for r, s in roles.items()}, before[i], within[i], reading.experts)
            for i in range(len(roles["up"]))
        ),
        heads=reading.heads,
        groups=reading.groups_told,
        head_width=reading.head_width,
        notes=(NOTE,),
        guessed=True,
    )


def _layer(
    index: int, parts: Mapping[str, Member], before: Norm | None, norm: Norm | None, many: bool
) -> Layer:
    kind: MlpKind = "expert" if many else "dense"
    gates = parts.get("gate", (None,) * len(parts["up"]))
    mlps = tuple(
        Mlp(up, down, gate, kind, i)
        for i, (up, down, gate) in enumerate(zip(parts["up"], parts["down"], gates, strict=True))
    )
    attention = (parts[r][0] for r in ("query", "key", "value", "output"))
    return Layer(index, mlps, before, norm, *attention)
