"""Two residual streams laid over each other by nothing but what MLPs, or what attention heads, read
and write: for a copy of which the embedding was not kept.

MLPs are laid by the rows of up and down, heads by those of query and key: gates, values and outputs
are left for the tests, which find units and heads in that basis or don't. No order of units or of
heads plays a part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from auditor.audits.lineage.basis import Basis
from auditor.audits.lineage.heads import heads_of, known_layers
from auditor.audits.lineage.nearest_units import NearestUnits
from auditor.audits.lineage.sides import Side, sampled
from detectors.lineage.independence import Array, Indices, units
from detectors.lineage.turning import Turn, ascended, laid_over, sums
from detectors.lineage.weight_alignment import rotation

WIDEST = 1024
"""Coordinates up to which this is tried: its cost grows with their third power."""
LOOKED_AT = 8
"""Layers of the suspect by which it is tried."""


def in_reach(one: Side, other: Side) -> bool:
    """Whether two streams can be laid over each other here: of one width, and no wider than is
    tried."""
    return one.anatomy.hidden == other.anatomy.hidden <= WIDEST


def laid_by_units(one: Side, other: Side) -> Basis | None:
    """The basis in which the ups and downs of the one model's layers best lie over the other's;
    which way it points is told by the gates. None out of reach, and where there are no gates, since
    both halves of a unit would then be used up. Raises what reading the weights raises."""
    if not in_reach(one, other) or not (_gated(one) and _gated(other)):
        return None
    looked = [int(i) for i in sampled(one.layers, LOOKED_AT)]
    everywhere = list(range(other.layers))
    turn = laid_over(*_sums("units", (one, looked), (other, everywhere)))
    basis = _basis(turn, "units", (looked, everywhere))
    opened = sum(
        float(basis.laid(_opening(one, i)) @ basis.beside(_opening(other, of)))
        for i, of in zip(looked, turn.layers, strict=True)
    )
    return _turned_about(basis) if opened < 0 else basis


def laid_by_looks(one: Side, other: Side) -> Basis | None:
    """The basis in which where heads look is most alike. None out of reach, and where either has no
    attention that is known head by head. Raises what reading the weights raises."""
    layers, everywhere = known_layers(one), known_layers(other)
    if not in_reach(one, other) or not layers or not everywhere:
        return None
    looked = [layers[int(i)] for i in sampled(len(layers), LOOKED_AT)]
    turn = laid_over(*_sums("looks", (one, looked), (other, everywhere)))
    return _basis(turn, "looks", (looked, everywhere))


def relaid(
    one: Side, other: Side, basis: Basis, looked: Mapping[int, NearestUnits], of: tuple[int, ...]
) -> Basis:
    """The basis once more by the gates of units whose halves agree in it, which tell it better than
    sums do: for the description, when tests are done. By sums where they are too few."""
    mine, theirs = list[Array](), list[Array]()
    for layer, near in looked.items():
        agreed = near.agreed
        gates = (
            one.gate(layer, one.mlps(layer)[0], near.places[agreed]),
            other.gate(of[layer], other.mlps(of[layer])[0], near.by_up[agreed]),
        )
        if gates[0] is not None and gates[1] is not None:
            mine.append(gates[0])
            theirs.append(gates[1])
    if sum(map(len, mine)) < one.anatomy.hidden:
        return completed(one, other, basis)
    turn = rotation(np.concatenate(mine), np.concatenate(theirs), centred=False)
    return replace(basis, turn=turn)


def completed(one: Side, other: Side, basis: Basis) -> Basis:
    """A basis of some directions as one of the whole stream, by the layers that it was learned
    from: for the description, since all is more alike in the directions that are used most."""
    if basis.turn is None or not basis.learned or len(basis.turn[0].T) == one.anatomy.hidden:
        return basis
    of, width = _SUMS[basis.by], one.anatomy.hidden
    pairs = [(of(one, i), of(other, j)) for i, j in basis.learned]
    return replace(basis, turn=ascended(pairs, basis.turn, width))


def _sums(by: str, *models: tuple[Side, Sequence[int]]) -> list[list[Array]]:
    """The sums of these layers of models."""
    return [[_SUMS[by](side, layer) for layer in layers] for side, layers in models]


def _basis(turn: Turn, by: str, layers: tuple[Sequence[int], Sequence[int]]) -> Basis:
    """``known``: no token's text is needed for it."""
    learned = tuple((layers[0][i], layers[1][turn.layers[i]]) for i in turn.kept)
    maps = (turn.one, turn.other)
    return Basis(maps, "rotation", None, 0, None, known=True, by=by, learned=learned)


def _turned_about(basis: Basis) -> Basis:
    if basis.turn is None:
        return basis
    return replace(basis, turn=(-basis.turn[0], basis.turn[1]))


def _gated(side: Side) -> bool:
    return all(side.mlps(i)[0].gate is not None for i in range(side.layers))


def _all(side: Side, layer: int) -> Indices:
    return np.arange(side.mlps(layer)[0].units, dtype=np.intp)


def _unit_sums(side: Side, layer: int) -> Array:
    mlp, places = side.mlps(layer)[0], _all(side, layer)
    # Rows of length one: what a unit reads can be scaled against what it writes.
    return sums(units(side.up(layer, mlp, places)), units(side.down(mlp, places)))


def _opening(side: Side, layer: int) -> Array:
    """What opens the units of a layer on average: the one thing that has a sign."""
    rows = side.gate(layer, side.mlps(layer)[0], _all(side, layer))
    if rows is None:
        raise ValueError(f"layer {layer} has no gates")
    mean: Array = units(rows).mean(axis=0)
    return mean


def _look_sums(side: Side, layer: int) -> Array:
    queries, keys = list[Array](), list[Array]()
    for head in heads_of(side, layer, range(side.anatomy.heads)):
        # A query can be scaled against its key.
        size = [max(float(np.linalg.norm(m)), 1e-30) for m in (head.query, head.key)]
        balance = np.float32(np.sqrt(size[1] / size[0]))
        queries.append(head.query * balance)
        keys.append(head.key / balance)
    return sums(np.concatenate(queries), np.concatenate(keys))


_SUMS: Mapping[str, Callable[[Side, int], Array]] = {"units": _unit_sums, "looks": _look_sums}
