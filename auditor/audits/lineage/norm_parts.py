"""Whether the norms of a suspect's layers are a base's: by how their gains go together, coordinate
by coordinate.

Training begins with gains that are all one, so that what tells norms apart is how they differ from
their mean. Where the stream was turned they were folded into other matrices, and nothing is left to
tell them by. Describes pairs whose common origin was found by tests; weighs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import special

from auditor.audits.lineage.compared_pair import ComparedPair
from auditor.audits.lineage.records import KeptPart, PartState
from auditor.audits.lineage.sides import Side
from auditor.audits.lineage.token_parts import laid_right
from detectors.lineage.independence import FEWEST, Indices

KEPT = 0.8
"""From this correlation of gains norms count as kept: fine-tuned copies of the weight zoo have 0.88
and more, continued pretraining 0.51 and more, runs from one initialisation 0.76 at most."""
APART, MOST_APART = 0.05, 0.3
"""Norms count as another's where the largest of their correlations is one that unrelated norms
exceed so often, and no larger than this."""
VARIED = 0.01
"""Gains that vary by less, relative to their mean, tell nothing: all norms begin alike."""
MOVED = 0.9
"""From this share of another coordinate on, one was moved there and not mixed."""
NEARLY = 0.02
"""By so much less another layer's norm may fit, and the layer still counts as the one."""

Gains = NDArray[np.float32]
Shape = NDArray[np.float64]


def norm_parts(one: Side, other: Side, found: ComparedPair) -> Iterator[KeptPart]:
    """The norms before every layer's attention and MLP, where there are any. Raises what reading
    the weights raises."""
    moved = _places(one, other, found)
    for mlp in (False, True):
        theirs = [_gain(other, i, mlp=mlp) for i in range(other.layers)]
        known = [None if gains is None else _shape(gains) for gains in theirs]
        for layer in range(one.layers):
            mine = _gain(one, layer, mlp=mlp)
            if mine is None:
                continue
            fits = _fits(mine, known, moved, found.layers[layer])
            state = "open" if fits is None else _state(fits[0], one, other)
            yield KeptPart(
                part="mlp_norm" if mlp else "attention_norm",
                layer=layer,
                of=None if fits is None or state != "kept" else fits[1],
                state=state,
                likeness=None if fits is None else fits[0],
            )


def _gain(side: Side, layer: int, *, mlp: bool) -> Gains | None:
    block = side.anatomy.layers[layer]
    has = (block.mlp_norm if mlp else block.attention_norm) is not None
    return side.gain(layer, mlp=mlp) if has else None


def _state(fits: float, one: Side, other: Side) -> PartState:
    if fits >= KEPT:
        return "kept"
    # The largest of as many correlations as the base has layers, of gains that share nothing.
    largest = -float(special.ndtri(APART / other.layers)) / np.sqrt(one.anatomy.hidden)
    return "other" if fits <= min(largest, MOST_APART) else "open"


def _places(one: Side, other: Side, found: ComparedPair) -> Indices | None:
    """Which of the base's coordinates each of the suspect's is; None where they were mixed, or
    where nothing says that the basis is right."""
    width = one.anatomy.hidden
    if width != other.anatomy.hidden or width < FEWEST or not laid_right(found):
        return None
    if found.basis.turn is None:
        return np.arange(width, dtype=np.intp)
    laid, beside = found.basis.turn
    shares = np.abs(laid @ beside.T)
    nearest: Indices = shares.argmax(axis=1)
    whole = len(np.unique(nearest)) == width and float(np.median(shares.max(axis=1))) >= MOVED
    return nearest if whole else None


def _fits(
    mine: Gains, theirs: Sequence[Shape | None], moved: Indices | None, expected: int
) -> tuple[float, int] | None:
    """The largest correlation with any layer's norm, and which layer that is: the expected one
    where it fits nearly as well. None where nothing can be told."""
    shape = _shape(mine)
    if moved is None or shape is None:
        return None
    each = [-np.inf if gains is None else min(1.0, float(shape @ gains[moved])) for gains in theirs]
    best = int(np.argmax(each))
    if not np.isfinite(each[best]):
        return None
    near = expected < len(each) and each[expected] >= each[best] - NEARLY
    return each[best], expected if near else best


def _shape(gains: Gains) -> Shape | None:
    """How gains differ from their mean, of length one: products of two are their correlation. None
    where they vary too little to tell anything."""
    if float(gains.std()) < VARIED * abs(float(gains.mean())):
        return None
    around = gains.astype(np.float64)
    around -= around.mean()
    length = float(np.linalg.norm(around))
    return around / length if length > 0 else None
