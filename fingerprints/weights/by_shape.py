"""Tensors whose names are nobody's, sorted by layer and shape: by numbers in the names that count
layers, else by how often each shape comes.

Knows shapes and names; what a shape may be is `fingerprints.weights.guessed`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fingerprints.errors import MalformedInput
from fingerprints.weights.hf_names import text_config
from fingerprints.weights.layouts import keys
from fingerprints.weights.numbered import by_expert, by_layer
from fingerprints.weights.roles import number
from fingerprints.weights.view import Weights

Shape = tuple[int, ...]
PLAIN = frozenset({"F64", "F32", "F16", "BF16"})
MOST_LAYERS = 2000
"""Layers that no model has more of: every one of them is held against every one of another's."""
OUTSIDE = 12
"""Tensors that may stand outside of layers whose names count them."""
ATTENTION = 4
"""Matrices of one shape that an attention may have: so many that names count are no experts."""
FEWEST_UNCOUNTED = 3
"""Layers of a model whose names count nothing: of fewer, a shape that comes as often tells
nothing."""


@dataclass(frozen=True)
class TensorsByShape:
    """The names of tensors: ``matrices`` of layers by shape, as series with one tensor (or its
    experts) a layer; ``norms``, series of vectors as wide as the residual stream (``hidden``);
    ``tables``, the embedding and, where there is one, the output layer; ``last``, such vectors of
    no layer. ``numbered``: whether names count layers; where not, a series is in no order, and
    ``last`` has all such vectors."""

    hidden: int
    matrices: Mapping[Shape, Sequence[tuple[tuple[str, ...], ...]]]
    norms: Sequence[tuple[str, ...]]
    tables: Sequence[str]
    last: Sequence[str]
    numbered: bool


def by_shape(weights: Weights) -> TensorsByShape:
    """A model's tensors by layer and shape. Raises MalformedInput where layers can't be told, or
    what stands outside of them lacks something."""
    for info in weights.tensors.values():
        if info.dtype not in PLAIN and not weights.is_packed(info.name):
            raise no_guess("its numbers are packed, which names would have to tell", weights)
        if 0 in info.shape:
            raise no_guess("a tensor holds nothing", weights)
    config = text_config(weights.config)
    told = number(config, *keys("layers"))
    numbered = by_layer(list(weights.tensors), min(told, MOST_LAYERS))
    if numbered is not None and len(numbered.outside) <= OUTSIDE:
        found = _counted(weights, numbered.layers, numbered.outside)
    else:
        found = _uncounted(weights, told)
    if config.get("tie_word_embeddings") is False and len(found.tables) < 2:
        raise no_guess("the config tells of an output layer beside the embedding", weights)
    if found.norms and not found.last:
        raise no_guess("the last norm is missing", weights)
    return found


def _counted(
    weights: Weights, layers: Sequence[Mapping[str, str]], outside: Sequence[str]
) -> TensorsByShape:
    """What names count, as series; experts of one layer together."""
    if len(layers) > MOST_LAYERS:
        raise no_guess(f"its names count {len(layers):,} layers", weights)
    tables = [n for n in outside if len(weights.tensors[n].shape) == 2]
    hidden = _width(weights, tables)
    matrices = dict[Shape, list[tuple[tuple[str, ...], ...]]]()
    norms = list[tuple[str, ...]]()
    plain = dict[str, Shape]()
    for key in layers[0]:
        infos = [weights.tensors[layer[key]] for layer in layers]
        if any(i.shape != infos[0].shape for i in infos):
            raise no_guess("its layers differ in shape", weights)
        if infos[0].shape == (hidden,):
            norms.append(tuple(i.name for i in infos))
        elif len(infos[0].shape) > 1:
            plain[key] = infos[0].shape
    for some in _together(plain):
        series = tuple(tuple(layer[key] for key in some) for layer in layers)
        matrices.setdefault(plain[some[0]], []).append(series)
    last = [n for n in outside if weights.tensors[n].shape == (hidden,)]
    known = _vocabulary(weights, tables, hidden)
    return TensorsByShape(hidden, matrices, norms, known, last, True)


def _together(shapes: Mapping[str, Shape]) -> Iterator[tuple[str, ...]]:
    """Keys of experts of one layer together, where they are alike and more than query, key, value
    and output could be."""
    for some in by_expert(shapes).values():
        if len({shapes[k] for k in some}) == 1 and len(some) > ATTENTION:
            yield some
        else:
            yield from ((k,) for k in some)


def _uncounted(weights: Weights, told: int) -> TensorsByShape:
    """Names that count nothing: how often each shape comes tells how many layers there are."""
    shapes = dict[Shape, list[str]]()
    for info in weights.tensors.values():
        shapes.setdefault(info.shape, []).append(info.name)
    rare = [s for s, some in shapes.items() if len(s) == 2 and len(some) <= 2]
    often = [len(some) for s, some in shapes.items() if len(s) == 2 and len(some) > 2]
    count = told or min(often, default=0)
    if not FEWEST_UNCOUNTED <= count <= MOST_LAYERS or any(n % count for n in often):
        raise no_guess("no shape comes as often as there are layers", weights)
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
    return TensorsByShape(hidden, matrices, norms, known, last, False)


def _width(weights: Weights, tables: Sequence[str]) -> int:
    """The width of the residual stream: that of the largest matrix of no layer."""
    if not tables:
        raise no_guess("no embedding stands outside of its layers", weights)
    return max((weights.tensors[n] for n in tables), key=lambda i: i.elements).shape[1]


def _vocabulary(weights: Weights, tables: Sequence[str], hidden: int) -> list[str]:
    """The embedding and the output layer, by the config's number of tokens where several matrices
    of no layer differ."""
    found = [weights.tensors[n] for n in tables if weights.tensors[n].shape[1] == hidden]
    told = number(text_config(weights.config), "vocab_size", "padded_vocab_size")
    fit = [i for i in found if i.rows == told] or found
    if len({i.shape for i in fit}) != 1 or len(fit) > 2:
        raise no_guess("which matrix is the embedding is open", weights)
    return sorted(i.name for i in fit)


def no_guess(reason: str, weights: Weights) -> MalformedInput:
    """The error for shapes that tell too little."""
    return MalformedInput(
        f"nor could roles be guessed from shapes, since {reason}",
        where=weights.path,
        next_step="compare answers instead of weights",
    )
