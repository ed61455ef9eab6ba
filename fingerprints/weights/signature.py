"""A model's weights in a few hundred kilobytes: what of them is left by a rotation of the residual
stream, unit by unit.

For each hidden unit with gate row g, up row u (both times the gain of the norm before) and down
column d: |cos(g, u)|, cos(u, d), log |u||d| and log |g|. Rotating the residual stream changes none
of them, nor does a joint change of the signs of u and d, nor moving the norm's gain into the
matrices. Units keep their order. Deterministic; knows no verdict.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fingerprints.errors import MalformedInput, ResourceLimit, printable
from fingerprints.records import Record
from fingerprints.subjects.cache import file_sha256
from fingerprints.subjects.digests import adapter_sha256, files_sha256, weight_files
from fingerprints.weights.anatomy import anatomy_of
from fingerprints.weights.card import DeclaredLineage, declared_lineage
from fingerprints.weights.decode import Indices, Matrix
from fingerprints.weights.likeness import TokenizerEvidence
from fingerprints.weights.parts import Anatomy, Layer, Mlp, Norm
from fingerprints.weights.roles import unknown
from fingerprints.weights.tokenizer import tokenizer_of
from fingerprints.weights.view import Weights

Half = NDArray[np.float16]

VERSION: Literal["weight-signature/1"] = "weight-signature/1"
UNITS = 1024
"""Units of a layer that are kept at most."""
MLPS = 8
"""MLPs of a layer that are read at most: of experts the first ones."""
# So many of each: a signature stays small whatever the model's size.
SPACE_LAYERS = 8
TOKENS = 1024
ANCHORS = 512
QUANTILES = 32
SEARCH_DEPTHS, SEARCH_QUANTILES = 16, 8
VALUES = 4
_SMALLEST = 1e-30
"""Units that were pruned away have a length of 0, which has no logarithm."""
LARGEST = 65504.0
"""The largest number that float16 holds."""


class SignatureFacts(Record):
    """What a signature says in words and numbers of its model.

    ``units``: hidden units of each layer, over all MLPs that were read. ``kept``: how many of them
    are in the signature, by an even stride that depends on ``units`` alone (`unit_indices`).
    ``space_layers``: the layers whose coordinates are described. ``weights_sha256``,
    ``adapter_sha256``: as in `Identity`, None where left out or without an adapter.
    """

    schema_version: Literal["weight-signature/1"] = VERSION
    name: str
    family: str
    format: str
    quantisation: dict[str, float]
    layers: int
    hidden: int
    vocabulary: int
    heads: int
    groups: int
    head_width: int
    gated: bool
    tied: bool
    mlps: tuple[int, ...]
    units: tuple[int, ...]
    kept: tuple[int, ...]
    space_layers: tuple[int, ...]
    bytes_total: int
    weights_sha256: str | None = None
    adapter_sha256: str | None = None
    tokenizer_sha256: str | None = None
    template_sha256: str | None = None
    declared: DeclaredLineage = DeclaredLineage()


@dataclass(frozen=True)
class WeightSignature:
    """A compact description of a model's weights, to compare with others.

    ``units`` (4, sum of kept) float16: |cos(g, u)|, cos(u, d), log |u||d| less its layer's median,
    log |g| less its layer's median, layer after layer; not gated: g is d in the first, and u in the
    last. ``quantiles`` (layers, 4, 32) float16: of the same. ``embedding`` (hidden,): log norm of
    each coordinate over sampled tokens. ``ups`` and ``gains`` (space layers, hidden): log norm of
    each coordinate over the sampled units' up rows, without gain, and the gain of the norm before
    the MLP. ``last_gain`` (hidden,). ``anchors`` (n,) uint64, ascending, and ``anchor_norms`` (n,)
    float32: up to 512 tokens chosen by their hash, and the log norm of their embedding rows.
    ``search`` (2, 512) float32: what candidates are looked for by.
    """

    facts: SignatureFacts
    units: Half
    quantiles: Half
    embedding: Half
    ups: Half
    gains: Half
    last_gain: Half
    anchors: NDArray[np.uint64]
    anchor_norms: Matrix
    search: Matrix

    def layer(self, index: int) -> Half:
        """The values of one layer's kept units, (4, kept)."""
        start = sum(self.facts.kept[:index])
        return self.units[:, start : start + self.facts.kept[index]]


def unit_indices(units: int) -> Indices:
    """At most 1,024 of a layer's units, evenly: equal widths keep the same ones."""
    kept = min(UNITS, units)
    return np.arange(kept, dtype=np.int64) * units // max(1, kept)


def weight_signature(
    weights: Weights, name: str, *, digest: bool = True, words: bool = True
) -> WeightSignature:
    """Reads what a signature needs: sampled rows, and each down matrix once, for its columns.

    ``digest=False`` leaves out the digest of the weight files, which takes an hour for the largest
    models; ``words=False`` the tokenizer and the anchors, which a suspect that is looked up and not
    kept does without. Deterministic. Raises MalformedInput for an anatomy that is not understood
    and, naming the tensor, for NaN or infinity.
    """
    anatomy = anatomy_of(weights)
    if anatomy.guessed:
        raise unknown(
            "a signature needs the roles of tensors, and they could only be guessed from shapes",
            weights,
        )
    found = [_layer_values(weights, anatomy, layer) for layer in anatomy.layers]
    evenly = np.linspace(0, len(found) - 1, min(SPACE_LAYERS, len(found)))
    space = np.unique(evenly.round().astype(int)).tolist()
    tokenizer = _tokenizer(weights) if words else None
    anchors, norms = _anchors(weights, anatomy, tokenizer)
    evenly = np.linspace(0, anatomy.vocabulary - 1, min(TOKENS, anatomy.vocabulary))
    sample = np.unique(evenly.astype(np.int64))
    rows = _finite(weights.part_rows(anatomy.embedding, sample), anatomy.embedding.tensor, weights)
    norms_read = (*(anatomy.layers[i].mlp_norm for i in space), anatomy.last_norm)
    *gains, last = (_gain(weights, norm, anatomy.hidden) for norm in norms_read)
    return WeightSignature(
        facts=_facts(weights, anatomy, name, found, tuple(space), tokenizer, digest),
        units=np.concatenate([f.values for f in found], axis=1).astype(np.float16),
        quantiles=np.stack([_quantiles(f.values, QUANTILES) for f in found]).astype(np.float16),
        embedding=_log_columns(rows),
        ups=np.stack([found[i].ups for i in space]),
        gains=np.clip(np.stack(gains), -LARGEST, LARGEST).astype(np.float16),
        last_gain=np.clip(last, -LARGEST, LARGEST).astype(np.float16),
        anchors=anchors,
        anchor_norms=norms,
        search=search_vectors([f.values for f in found]),
    )


def search_vectors(layers: Sequence[NDArray[np.floating[Any]]]) -> Matrix:
    """What candidates are looked for by, (2, 512) float32, from the values of each layer's units,
    (4, n).

    The first line is 8 quantiles of each value at 16 relative depths: it outlives another order of
    the units, and little training. The second is 8 random projections of the values' ranks, unit by
    unit, at the same depths: it outlives much training, and no other order. Depths make models of
    unequal depth comparable.
    """
    depth = np.linspace(0, len(layers) - 1, SEARCH_DEPTHS)
    low = np.floor(depth).astype(int)
    high, share = np.minimum(low + 1, len(layers) - 1), (depth - low)[:, None, None]
    wide = np.stack([_quantiles(values, SEARCH_QUANTILES) for values in layers]).astype(np.float64)
    shape = wide[low] * (1 - share) + wide[high] * share
    order = np.stack([_sketch(layers[i]) for i in depth.round().astype(int)])
    return np.stack([shape.reshape(-1), order.reshape(-1)]).astype(np.float32)


def _sketch(values: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Standardised ranks (4, n) times 8 lines of signs that depend on n alone: (4, 8), of
    variance near 1."""
    ranks = np.stack([_midranks(row) for row in values])
    ranks -= ranks.mean(axis=1, keepdims=True)
    ranks /= np.maximum(ranks.std(axis=1, keepdims=True), _SMALLEST)
    n = values.shape[1]
    # Signs from a digest: the same in every version of every library, as stored signatures need.
    bits = np.unpackbits(
        np.frombuffer(hashlib.shake_256(f"units {n}".encode()).digest(n), dtype=np.uint8)
    )
    return np.asarray(ranks @ (bits.reshape(n, 8) * 2.0 - 1) / np.sqrt(n))


def _midranks(values: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Ranks from 1, equal values sharing the middle of theirs, as scipy.stats.rankdata gives
    them: its library takes a second to load."""
    order = np.argsort(values, kind="stable")
    sorted_ = values[order]
    starts = np.flatnonzero(np.concatenate([[True], sorted_[1:] != sorted_[:-1]]))
    counts = np.diff(np.append(starts, len(values)))
    ranks = np.empty(len(values))
    ranks[order] = np.repeat(starts + (counts + 1) / 2, counts)
    return ranks


@dataclass(frozen=True)
class _LayerValues:
    values: Matrix
    ups: Half
    units: int


def _layer_values(weights: Weights, anatomy: Anatomy, layer: Layer) -> _LayerValues:
    mlps = layer.mlps[:MLPS]
    gain = _gain(weights, layer.mlp_norm, anatomy.hidden)
    total = sum(m.units for m in mlps)
    chosen = unit_indices(total)
    parts: list[Matrix] = []
    squares = np.zeros(anatomy.hidden)
    for mlp, some in _shares(mlps, chosen):
        raw = _finite(weights.part_rows(mlp.up, some), mlp.up.tensor, weights)
        squares += np.einsum("ij,ij->j", raw, raw, dtype=np.float64)
        down = _finite(weights.part_columns(mlp.down, some), mlp.down.tensor, weights)
        gate = None
        if mlp.gate is not None:
            gate = _finite(weights.part_rows(mlp.gate, some), mlp.gate.tensor, weights) * gain
        parts.append(unit_values(gate, raw * gain, down))
    values = np.concatenate(parts, axis=1)
    # These are logarithms: a layer that was rescaled as a whole keeps its units' values.
    values[2:] -= np.median(values[2:], axis=1, keepdims=True)
    ups = 0.5 * np.log(np.maximum(squares / max(1, len(chosen)), _SMALLEST))
    return _LayerValues(values, ups.astype(np.float16), total)


def _shares(mlps: tuple[Mlp, ...], chosen: Indices) -> Iterator[tuple[Mlp, Indices]]:
    first = 0
    for mlp in mlps:
        some = chosen[(chosen >= first) & (chosen < first + mlp.units)] - first
        if len(some):
            yield mlp, some
        first += mlp.units


def unit_values(gate: Matrix | None, up: Matrix, down: Matrix) -> Matrix:
    """|cos(g, u)|, cos(u, d), log |u||d| and log |g| of units, (4, n) float32.

    Rows of ``gate``, ``up``, ``down`` are (n, hidden). A unit of zeros has cosines of 0.
    Without a gate, g is d in the first and u in the last.
    """
    reads, writes = up.astype(np.float64), down.astype(np.float64)
    other = writes if gate is None else gate.astype(np.float64)
    long_up, long_down, long_other = (np.sqrt(np.vecdot(m, m)) for m in (reads, writes, other))
    first = np.abs(_cosines(other, reads, long_other * long_up))
    second = _cosines(reads, writes, long_up * long_down)
    third = np.log(np.maximum(long_up * long_down, _SMALLEST))
    fourth = np.log(np.maximum(long_up if gate is None else long_other, _SMALLEST))
    return np.stack([first, second, third, fourth]).astype(np.float32)


def _cosines(
    one: NDArray[np.float64], other: NDArray[np.float64], lengths: NDArray[np.float64]
) -> NDArray[np.float64]:
    products = np.vecdot(one, other)
    return np.asarray(
        np.divide(products, lengths, out=np.zeros_like(products), where=lengths > _SMALLEST)
    )


def _quantiles(values: NDArray[np.floating[Any]], n: int) -> Matrix:
    return np.asarray(np.quantile(values, np.linspace(0, 1, n), axis=1).T, dtype=np.float32)


def _log_columns(rows: Matrix) -> Half:
    squares = np.einsum("ij,ij->j", rows, rows, dtype=np.float64) / max(1, len(rows))
    return np.asarray(0.5 * np.log(np.maximum(squares, _SMALLEST)), dtype=np.float16)


def _finite(block: Matrix, tensor: str, weights: Weights) -> Matrix:
    if not np.isfinite(block).all():
        raise MalformedInput(
            f"tensor {printable(tensor, 80)!r} holds NaN or infinity",
            where=weights.path,
            next_step="no comparison of such weights says anything: get an undamaged copy",
        )
    return block


def _gain(weights: Weights, norm: Norm | None, width: int) -> Matrix:
    gain = weights.gain(norm, width)
    return gain if norm is None else _finite(gain, norm.tensor, weights)


def _tokenizer(weights: Weights) -> TokenizerEvidence | None:
    """The tokenizer where it can be read: weights have a signature without one."""
    try:
        return tokenizer_of(weights)
    except (MalformedInput, ResourceLimit):
        return None


def _anchors(
    weights: Weights, anatomy: Anatomy, tokenizer: TokenizerEvidence | None
) -> tuple[NDArray[np.uint64], Matrix]:
    """The tokens with the smallest hashes: whoever shares tokens shares anchors."""
    known = {} if tokenizer is None else tokenizer.vocabulary
    hashes: dict[int, int] = {}
    for token, number in known.items():
        if 0 <= number < anatomy.vocabulary:
            digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
            hashes[int.from_bytes(digest[:8], "big")] = number
    chosen = sorted(hashes)[:ANCHORS]
    part, numbers = anatomy.embedding, np.array([hashes[h] for h in chosen], dtype=np.int64)
    rows = _finite(weights.part_rows(part, numbers), part.tensor, weights)
    norms = np.log(np.maximum(np.linalg.norm(rows.astype(np.float64), axis=1), _SMALLEST))
    return np.array(chosen, dtype=np.uint64), norms.astype(np.float32)


def _facts(
    weights: Weights,
    anatomy: Anatomy,
    name: str,
    found: list[_LayerValues],
    space: tuple[int, ...],
    tokenizer: TokenizerEvidence | None,
    digest: bool,
) -> SignatureFacts:
    return SignatureFacts(
        name=name,
        family=printable(anatomy.family, 60),
        format=weights.format,
        quantisation=weights.quantisation,
        layers=len(anatomy.layers),
        hidden=anatomy.hidden,
        vocabulary=anatomy.vocabulary,
        heads=anatomy.heads,
        groups=anatomy.groups,
        head_width=anatomy.head_width,
        gated=anatomy.gated,
        tied=anatomy.head is None,
        mlps=tuple(len(layer.mlps) for layer in anatomy.layers),
        units=tuple(f.units for f in found),
        kept=tuple(f.values.shape[1] for f in found),
        space_layers=space,
        bytes_total=weights.bytes_total,
        weights_sha256=weights_sha256(weights) if digest else None,
        adapter_sha256=(
            adapter_sha256(weights.adapter) if digest and weights.adapter is not None else None
        ),
        tokenizer_sha256=None if tokenizer is None else tokenizer.digest(),
        template_sha256=None if tokenizer is None else tokenizer.template_digest(),
        declared=declared_lineage(weights),
    )


def weights_sha256(weights: Weights) -> str | None:
    """The digest of the weight files as `Identity.weights_sha256` has it; for an adapter that of
    its base's. Reads them all."""
    if weights.format == "gguf":
        files = {info.file for info in weights.tensors.values()}
        return file_sha256(weights.path) if len(files) < 2 else files_sha256(files)
    return files_sha256(weight_files(weights.path) if weights.path.is_dir() else [weights.path])
