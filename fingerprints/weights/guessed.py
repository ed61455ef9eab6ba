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

from fingerprints.errors import MalformedInput
from fingerprints.weights.hf_names import HeadSizes, head_sizes, text_config
from fingerprints.weights.layouts import keys
from fingerprints.weights.numbered import by_expert, by_layer
from fingerprints.weights.parts import Anatomy, Layer, Mlp, MlpKind, Norm, TensorPart
from fingerprints.weights.roles import number
from fingerprints.weights.tensors import TensorInfo
from fingerprints.weights.view import Weights

Shape = tuple[int, ...]
Member = tuple[TensorPart, ...]
"""The matrices of one role in one layer: one, or one for each expert."""
PLAIN = frozenset({"F64", "F32", "F16", "BF16"})
MOST_LAYERS = 2000
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
class Reading:
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


def readings(weights: Weights, head_width: int = 0) -> tuple[Reading, ...]:
    """All ways in which a model's shapes can be read. ``head_width``: of whom it is compared with,
    used where the config tells none. Raises MalformedInput where there is none, or more than one
    place for the MLP."""
    shapes = _matrices(weights)
    told = number(text_config(weights.config), *keys("layers"))
    numbered = by_layer(list(shapes), min(told, MOST_LAYERS))
    found = None
    if numbered is not None and len(numbered.outside) <= _OUTSIDE:
        found = _sorted(weights, [dict(x) for x in numbered.layers], numbered.outside, True)
    if found is None:
        found = _unsorted(weights, told)
    if text_config(weights.config).get("tie_word_embeddings") is False and len(found.tables) < 2:
        raise _no("the config tells of an output layer beside the embedding", weights)
    if found.norms and not found.last:
        raise _no("the last norm is missing", weights)
    return tuple(_laid_out(weights, found, head_width))


_OUTSIDE = 12
"""Tensors that may stand outside of layers whose names count them."""


@dataclass(frozen=True)
class _Sorted:
    """Tensors by layer: series of matrices by shape, vectors as wide as the stream, the rest."""

    hidden: int
    matrices: dict[Shape, list[tuple[tuple[str, ...], ...]]]
    norms: list[tuple[str, ...]]
    tables: list[str]
    last: list[str]
    numbered: bool


def _matrices(weights: Weights) -> dict[str, TensorInfo]:
    for info in weights.tensors.values():
        if info.dtype not in PLAIN and not weights.is_packed(info.name):
            raise _no("its numbers are packed, which names would have to tell", weights)
        if 0 in info.shape:
            raise _no("a tensor holds nothing", weights)
    return dict(weights.tensors)


def _sorted(
    weights: Weights, layers: list[dict[str, str]], outside: Sequence[str], numbered: bool
) -> _Sorted:
    """What names count, as series; experts of one layer together."""
    tables = [n for n in outside if len(weights.tensors[n].shape) == 2]
    hidden = _width(weights, tables)
    matrices = dict[Shape, list[tuple[tuple[str, ...], ...]]]()
    norms = list[tuple[str, ...]]()
    plain = dict[str, Shape]()
    for key in layers[0]:
        infos = [weights.tensors[layer[key]] for layer in layers]
        if any(i.shape != infos[0].shape for i in infos):
            raise _no("its layers differ in shape", weights)
        if infos[0].shape == (hidden,):
            norms.append(tuple(i.name for i in infos))
        elif len(infos[0].shape) > 1:
            plain[key] = infos[0].shape
    for some in _together(plain):
        series = tuple(tuple(layer[key] for key in some) for layer in layers)
        matrices.setdefault(plain[some[0]], []).append(series)
    last = [n for n in outside if weights.tensors[n].shape == (hidden,)]
    return _Sorted(hidden, matrices, norms, _vocabulary(weights, tables, hidden), last, numbered)


def _together(shapes: Mapping[str, Shape]) -> Iterator[tuple[str, ...]]:
    """Keys of experts of one layer together, where they are alike and more than query, key, value
    and output could be."""
    for some in by_expert(shapes).values():
        if len({shapes[k] for k in some}) == 1 and len(some) > _ATTENTION:
            yield some
        else:
            yield from ((k,) for k in some)


_ATTENTION = 4


def _unsorted(weights: Weights, told: int) -> _Sorted:
    """Names that count nothing: how often each shape comes tells how many layers there are."""
    shapes = dict[Shape, list[str]]()
    for info in weights.tensors.values():
        shapes.setdefault(info.shape, []).append(info.name)
    rare = [s for s, some in shapes.items() if len(s) == 2 and len(some) <= 2]
    often = [len(some) for s, some in shapes.items() if len(s) == 2 and len(some) > 2]
    count = told or min(often, default=0)
    if count < _FEWEST_UNNAMED or any(n % count for n in often):
        raise _no("no shape comes as often as there are layers", weights)
    tables = [n for s in rare for n in shapes[s]]
    hidden = _width(weights, tables)
    matrices: dict[Shape, list[tuple[tuple[str, ...], ...]]] = {
        s: [tuple((n,) for n in some[i::of]) for of in [len(some) // count] for i in range(of)]
        for s, some in shapes.items()
        if len(s) > 1 and s not in rare
    }
    vectors = shapes.get((hidden,), [])
    each = len(vectors) // count
    norms = [tuple(vectors[i * count : (i + 1) * count]) for i in range(each)]
    known = _vocabulary(weights, tables, hidden)
    last = vectors if len(vectors) % count else []
    return _Sorted(hidden, matrices, norms, known, last, False)


_FEWEST_UNNAMED = 3
"""Layers of a model whose names count nothing: of fewer, a shape that comes as often tells
nothing."""


def _width(weights: Weights, tables: Sequence[str]) -> int:
    """The width of the residual stream: that of the largest matrix of no layer."""
    if not tables:
        raise _no("no embedding stands outside of its layers", weights)
    return max((weights.tensors[n] for n in tables), key=lambda i: i.elements).shape[1]


def _vocabulary(weights: Weights, tables: Sequence[str], hidden: int) -> list[str]:
    """The embedding and the output layer, by the config's number of tokens where several matrices
    of no layer differ."""
    found = [weights.tensors[n] for n in tables if weights.tensors[n].shape[1] == hidden]
    told = number(text_config(weights.config), "vocab_size", "padded_vocab_size")
    fit = [i for i in found if i.rows == told] or found
    if len({i.shape for i in fit}) != 1 or len(fit) > 2:
        raise _no("which matrix is the embedding is open", weights)
    return sorted(i.name for i in fit)


def _laid_out(weights: Weights, found: _Sorted, head_width: int) -> Iterator[Reading]:
    """The readings of the only sizes that fit."""
    told = _heads(weights, found.hidden, head_width)
    fit = _by_config(list(dict.fromkeys(_fitting(found))), told)
    if not fit:
        raise _no("its shapes fit no layout of attention and MLP that is known here", weights)
    if len({s._replace(turned=False) for s in fit}) > 1:
        raise _no("its shapes fit more than one layout of attention and MLP", weights)
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


def _fitting(found: _Sorted) -> Iterator[Sizes]:
    """The sizes of attention and MLP that use every matrix of a layer."""
    h, counts = found.hidden, _counted(found)
    if any(len(s) != 2 or h not in s for s in counts):
        return
    for turned in (False, True):
        plain = Counter({(s[::-1] if turned else s): n for s, n in counts.items()})
        for units in sorted({s[1] for s in plain if s[0] == h and s[1] != h}):
            for mlp, gated, one in _blocks(units, h):
                if all(plain[s] >= n for s, n in mlp.items()):
                    for query, key, fused in _attention(plain - mlp, h):
                        yield Sizes(query, key, units, fused, gated, one, turned)


def _counted(found: _Sorted) -> Counter[Shape]:
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
    weights: Weights, found: _Sorted, sizes: Sizes, heads: HeadSizes
) -> Iterator[Reading]:
    width, told = heads.head_width, HeadSizes(0, 0, 0)
    if width and sizes.query % width == sizes.key % width == 0:
        told = HeadSizes(sizes.query // width, sizes.key // width, width)
    infos = [weights.tensors[n] for n in found.tables]
    tables = tuple(TensorPart(i.name, i.rows, found.hidden) for i in infos)
    mlps = _mlp_groups(found, sizes)
    experts = _experts(weights, mlps)
    for attention in _attention_groups(found, sizes, told):
        for mlp in mlps:
            yield Reading(
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
        raise _no("gates, ups and downs are not as many", weights)
    return counts != {1}


def _mlp_groups(found: _Sorted, sizes: Sizes) -> list[tuple[RoleGroup, ...]]:
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


def _attention_groups(found: _Sorted, sizes: Sizes, told: HeadSizes) -> list[tuple[RoleGroup, ...]]:
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


def _parts(found: _Sorted, shape: tuple[int, int], turned: bool) -> tuple[tuple[Member, ...], ...]:
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


def default_roles(reading: Reading) -> dict[str, tuple[Member, ...]]:
    """Roles in the order of names."""
    return {
        role: series
        for group in reading.groups
        for role, series in zip(group.roles, group.series, strict=True)
    }


def read(weights: Weights, reading: Reading) -> Anatomy:
    """The anatomy with roles in the order of names, and without norms: which is which is open."""
    return assembled(weights, reading, default_roles(reading), {}, reading.tables, None)


def assembled(
    weights: Weights,
    reading: Reading,
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


def _no(reason: str, weights: Weights) -> MalformedInput:
    return MalformedInput(
        f"nor could roles be guessed from shapes, since {reason}",
        where=weights.path,
        next_step="compare answers instead of weights",
    )
