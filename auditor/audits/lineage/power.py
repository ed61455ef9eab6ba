"""How the tests of lineage do on a simulated copy: what "nothing found" is worth for this very pair
of models.

The copy is never written: its rows are made as they are read. It comes from the wider model of the
two and is cut to the other one's sizes, moved by noise, its residual stream turned and its units
put into another order; it has only the tokens that both models share. Its attention is left out, so
that it has to be found by its MLPs and its embedding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from auditor.audits.lineage.pair import examined
from auditor.audits.lineage.records import SimulatedPower
from auditor.audits.lineage.sides import Side, sampled
from detectors.lineage.independence import Array, Indices
from fingerprints.weights import Anatomy, Layer, Mlp, TensorPart

LIKENESS = 0.9
"""Mean cosine of the copy's rows to their source's: fine-tuned copies of the weight zoo have 0.96
and more, continued pretraining 0.73 and more."""
LAYERS = 2
"""Layers that the copy keeps: more only make it easier to find."""
MIRRORS = 3
"""Reflections after which every coordinate of the stream is a mixture."""


@dataclass(frozen=True)
class SimulatedCopy(Side):
    """A copy of ``weights`` as the tests read one. ``kept`` are its source's layers, ``units`` says
    which unit of the source each of its own is, ``width`` how many coordinates it has."""

    kept: Indices = field(default_factory=lambda: np.zeros(0, dtype=np.intp))
    width: int = 0
    source: Side | None = None

    def embedding(self, tokens: Indices) -> Array:
        """Noisy and turned embeddings of tokens."""
        return self._changed(self._from.embedding(tokens), tokens, 0)

    def written_tokens(self, tokens: Indices) -> Array:
        """The same of the output layer."""
        return self._changed(self._from.written_tokens(tokens), tokens, 1)

    def gate(self, layer: int, mlp: Mlp, units: Indices) -> Array | None:
        """What opens each unit."""
        at, of = int(self.kept[layer]), self._units(layer, mlp, units)
        rows = self._from.gate(at, self._mlp(layer, mlp), of)
        return None if rows is None else self._changed(rows, of, 10 * at + 2)

    def up(self, layer: int, mlp: Mlp, units: Indices) -> Array:
        """What each unit reads."""
        at, of = int(self.kept[layer]), self._units(layer, mlp, units)
        return self._changed(self._from.up(at, self._mlp(layer, mlp), of), of, 10 * at + 3)

    def down(self, mlp: Mlp, units: Indices) -> Array:
        """What each unit writes."""
        layer = next(i for i in range(self.layers) if mlp in self.mlps(i))
        of = self._units(layer, mlp, units)
        return self._changed(self._from.down(self._mlp(layer, mlp), of), of, 10 * layer + 4)

    def attention(self, layer: int, role: str, rows: Indices) -> Array | None:
        """Nothing: it is left out."""
        return None

    def attention_width(self, layer: int, role: str) -> int:
        """No rows."""
        return 0

    @property
    def _from(self) -> Side:
        if self.source is None:
            raise ValueError("a simulated copy has a source")
        return self.source

    def _mlp(self, layer: int, mlp: Mlp) -> Mlp:
        return self._from.mlps(int(self.kept[layer]))[self.mlps(layer).index(mlp)]

    def _units(self, layer: int, mlp: Mlp, units: Indices) -> Indices:
        """Which units of the source the copy's are: another order, some left out."""
        whole = self._mlp(layer, mlp).units
        order = np.random.default_rng([layer, whole]).permutation(whole)[: mlp.units]
        found: Indices = order[units]
        return found

    def _changed(self, rows: Array, places: Indices, salt: int) -> Array:
        """Rows cut to the copy's width, with noise in proportion to each one's size, and turned."""
        random = np.random.default_rng([salt, len(places), int(places[0]) if len(places) else 0])
        sizes: Array = np.sqrt(np.mean(rows**2, axis=1, keepdims=True))
        noise = sizes * np.float32(np.sqrt(1 / LIKENESS**2 - 1))
        moved = rows + noise * random.standard_normal(rows.shape, dtype=np.float32)
        return _turned(moved[:, _coordinates(rows.shape[1], self.width)])


def _coordinates(of: int, width: int) -> Indices:
    """The coordinates that the copy keeps, in its own order."""
    found: Indices = np.random.default_rng([of, width]).permutation(of)[:width]
    return found


def _turned(rows: Array) -> Array:
    """Rows in a turned stream: signs, and reflections that mix all coordinates."""
    random = np.random.default_rng(rows.shape[1])
    out: Array = rows * random.choice(np.array([-1, 1], dtype=np.float32), rows.shape[1])
    for _ in range(MIRRORS):
        mirror = np.asarray(random.standard_normal(rows.shape[1], dtype=np.float32))
        mirror /= np.linalg.norm(mirror)
        out = out - 2 * np.outer(out @ mirror, mirror)
    return out


def simulated_copy(source: Side, like: Side) -> SimulatedCopy:
    """A copy of one model in the sizes of another that is no wider."""
    kept = sampled(source.layers, LAYERS)
    width = min(source.anatomy.hidden, like.anatomy.hidden)
    units = min(m.units for side in (source, like) for m in side.anatomy.mlps())
    layers = tuple(_cut(source.anatomy.layers[int(i)], units) for i in kept)
    anatomy: Anatomy = replace(
        source.anatomy, layers=layers, hidden=width, heads=0, groups=0, head_width=0
    )
    words: Mapping[str, int] = {
        token: i for token, i in source.vocabulary.items() if token in like.vocabulary
    }
    return SimulatedCopy(
        source.name, source.weights, anatomy, words, kept=kept, width=width, source=source
    )


def _cut(layer: Layer, units: int) -> Layer:
    mlps = tuple(replace(m, up=_rows(m.up, min(units, m.units))) for m in layer.mlps)
    return replace(layer, mlps=mlps)


def _rows(part: TensorPart, n: int) -> TensorPart:
    return replace(part, outputs=n)


def simulated_power(one: Side, other: Side, alpha: float, bases: int) -> SimulatedPower:
    """What the tests give on a simulated copy of the wider of two models, in the other's sizes,
    corrected for as many ``bases``. Deterministic. Raises what reading the weights raises."""
    source, like = (other, one) if other.anatomy.hidden >= one.anatomy.hidden else (one, other)
    found = examined(simulated_copy(source, like), source)
    p = 1.0 if found is None else found.p
    return SimulatedPower(likeness=LIKENESS, p=p, found=p * max(1, bases) < alpha)
