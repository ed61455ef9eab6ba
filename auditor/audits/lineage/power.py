"""How the tests of lineage do on simulated copies: what "nothing found" is worth for this very pair
of models.

A copy is never written: its rows are made as they are read. It comes from the wider model of the
two and is cut to the other one's sizes, moved by noise as far as continued pretraining moves
weights, its residual stream turned, its units, its heads and the dimensions within them put into
another order; it has only the tokens that both models share. A whole copy's attention is left out,
so that it has to be found by its MLPs and its embedding. Of MLPs alone, and of attention alone,
neither the embedding nor the other part helps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from auditor.audits.lineage.heads import known_layers
from auditor.audits.lineage.pair import attention_alone, examined, units_alone
from auditor.audits.lineage.records import PartPower, SimulatedPower
from auditor.audits.lineage.sides import Side, sampled
from auditor.audits.lineage.turned_basis import in_reach
from detectors.lineage.independence import Array, Indices
from fingerprints.weights import Anatomy, Layer, Mlp, TensorPart

LIKENESS = 0.73
"""Mean cosine of the copy's rows to their source's: that of the weight zoo's continued pretraining
is 0.73 and more, of fine-tuned copies 0.96 and more."""
LAYERS, PART_LAYERS = 2, 4
"""Layers that a whole copy, and a copy of a part alone, keeps: more only make it easier to find."""
MIRRORS = 3
"""Reflections after which every coordinate of the stream is a mixture."""


@dataclass(frozen=True)
class SimulatedCopy(Side):
    """A copy of ``weights`` as the tests read one. ``kept`` are its source's layers, ``units`` says
    which unit of the source each of its own is, ``width`` how many coordinates it has."""

    kept: Indices = field(default_factory=lambda: np.zeros(0, dtype=np.intp))
    width: int = 0
    source: Side | None = None
    attends: bool = False

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
        """Rows of attention, heads and the dimensions within them in another order; nothing where
        it is left out."""
        at, of = int(self.kept[layer]), self._dimensions(layer, role)[rows]
        found = self._from.attention(at, role, of) if self.attends else None
        salt = 10 * at + 5 + ("query", "key", "value", "output").index(role)
        return None if found is None else self._changed(found, of, salt)

    def attention_width(self, layer: int, role: str) -> int:
        """How many rows `attention` gives."""
        return self._from.attention_width(int(self.kept[layer]), role) if self.attends else 0

    def _dimensions(self, layer: int, role: str) -> Indices:
        """Which row of the source each row of a role is: groups of heads, the heads of each, and
        the dimensions of a group's values (of queries with their keys) in another order."""
        a, random = self.anatomy, np.random.default_rng([layer, 7])
        groups, heads = random.permutation(a.groups), random.permutation(a.heads // a.groups)
        inner = random.permuted(np.tile(np.arange(a.head_width), (2, a.groups, 1)), axis=2)[
            int(role in ("value", "output"))
        ]
        each = np.arange(1) if role in ("key", "value") else heads
        rows: Indices = (
            (groups[:, None, None] * len(each) + each[:, None]) * a.head_width + inner[:, None, :]
        ).reshape(-1)
        return rows

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


def simulated_copy(
    source: Side, like: Side, layers: int = LAYERS, *, attends: bool = False
) -> SimulatedCopy:
    """A copy of one model in the sizes of another that is no wider. One that ``attends`` has the
    source's heads."""
    kept = sampled(source.layers, min(layers, like.layers))
    width = min(source.anatomy.hidden, like.anatomy.hidden)
    units = min(m.units for side in (source, like) for m in side.anatomy.mlps())
    made = tuple(_cut(source.anatomy.layers[int(i)], units) for i in kept)
    anatomy: Anatomy = replace(source.anatomy, layers=made, hidden=width)
    if not attends:
        anatomy = replace(anatomy, heads=0, groups=0, head_width=0)
    words: Mapping[str, int] = {
        token: i for token, i in source.vocabulary.items() if token in like.vocabulary
    }
    return SimulatedCopy(
        source.name,
        source.weights,
        anatomy,
        words,
        kept=kept,
        width=width,
        source=source,
        attends=attends,
    )


def _cut(layer: Layer, units: int) -> Layer:
    mlps = tuple(replace(m, up=_rows(m.up, min(units, m.units))) for m in layer.mlps)
    return replace(layer, mlps=mlps)


def _rows(part: TensorPart, n: int) -> TensorPart:
    return replace(part, outputs=n)


def simulated_power(one: Side, other: Side, alpha: float, bases: int) -> SimulatedPower:
    """What the tests give on simulated copies of the wider of two models, in the other's sizes,
    corrected for as many ``bases``. Deterministic. Raises what reading the weights raises."""
    source, like = (other, one) if other.anatomy.hidden >= one.anatomy.hidden else (one, other)
    found = examined(simulated_copy(source, like), source)
    p = 1.0 if found is None else found.p
    level = alpha / max(1, bases)
    parts = tuple(_parts(source, like, level)) if p < level else ()
    return SimulatedPower(likeness=LIKENESS, p=p, found=p < level, parts=parts)


def _parts(source: Side, like: Side, level: float) -> Iterator[PartPower]:
    """The same of MLPs alone and of attention alone, of models that are in reach of the tests that
    need no embedding; not tried in others."""
    if in_reach(source, like):
        mlps = units_alone(simulated_copy(source, like, PART_LAYERS), source)
        if mlps is not None:
            yield PartPower(part="mlp", p=mlps, found=mlps < level)
        # The copy has the source's heads: a model with fewer or narrower ones would show less.
        a, b = source.anatomy, like.anatomy
        attends = simulated_copy(source, like, PART_LAYERS, attends=True)
        as_many = b.heads >= a.heads and b.groups >= a.groups and b.head_width >= a.head_width
        heads = attention_alone(attends, source) if as_many and known_layers(attends) else None
        if heads is not None:
            yield PartPower(part="attention", p=heads, found=heads < level)
