"""compare(sources) → Comparison: shared prompts, distances, tree, supports. Reads no file and
draws nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from auditor.audits.compare.records import (
    ComparedModel,
    Comparison,
    LeftOut,
    Matrix,
    Method,
    ModelPair,
    Neighbour,
    Support,
)
from auditor.audits.compare.sources import ComparedSource, checked
from auditor.version import VERSION
from detectors.pairing import FEWEST, ProbeAnswer, style_answers
from detectors.stats.tree_forms import hung_at_midpoint, newick
from detectors.stats.trees import FEWEST_LEAVES, METHODS, Tree, supports
from detectors.style.distances import apart, mean_apart, resampled
from detectors.text.nearness import DIMENSION
from fingerprints.embed import HashedNgrams
from fingerprints.errors import MalformedInput, printable

Array = NDArray[np.float64]
RESAMPLES, DIGITS = 200, 6


def compare(
    sources: Sequence[ComparedSource],
    left_out: Sequence[LeftOut] = (),
    method: Method = "nj",
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Comparison:
    """Compares models on the prompts that all of them answered; the same answers and seed give the
    same record.

    Models are put in order of name. Raises what `checked` raises, and MalformedInput where fewer
    than 20 prompts are shared.
    """
    checked(sources)
    ordered = sorted(sources, key=lambda s: s.name)
    said = [style_answers(s.transcript) for s in ordered]
    shared = _shared(ordered, said)
    answers = [{i: by_sha[sha].text for i, sha in enumerate(shared)} for by_sha in said]
    clusters = [said[0][sha].probe.cluster for sha in shared]
    cube = apart(answers, len(shared))
    # Rounded as it is written down, so that the tree can be drawn again from the record.
    matrix, rounds = (
        np.round(mean_apart(cube), DIGITS),
        list(resampled(cube, clusters, resamples, seed)),
    )
    names, tree = [s.name for s in ordered], None
    share: dict[frozenset[int], float] = {}
    if len(ordered) >= FEWEST_LEAVES:
        tree = METHODS[method](matrix)
        share = supports(tree, (METHODS[method](d) for d in rounds))
    low, high = _bounds(rounds)
    return Comparison(
        tool=f"distillation-auditor {VERSION}",
        models=tuple(_model(s) for s in ordered),
        left_out=tuple(left_out),
        embedder=HashedNgrams(DIMENSION).id,
        n_prompts=len(shared),
        n_clusters=len(set(clusters)),
        method=method,
        resamples=resamples,
        seed=seed,
        matrix=_plain(matrix),
        low=None if low is None else _plain(low),
        high=None if high is None else _plain(high),
        order=tuple(range(len(names))) if tree is None else tuple(leaves_of(tree)),
        newick=None if tree is None else newick(tree, names, share),
        supports=tuple(
            Support(models=tuple(names[i] for i in sorted(s)), share=share[s])
            for s in sorted(share, key=sorted)
        ),
        nearest=tuple(_nearest(i, names, matrix, rounds, low, high) for i in range(len(names))),
        pairs=_pairs(names, matrix, low, high),
    )


def tree_of(found: Comparison) -> tuple[Tree, dict[frozenset[int], float]] | None:
    """The tree to be drawn, hung from its middle, and the supports of its splits; None for two
    models."""
    if found.newick is None:
        return None
    place = {m.name: i for i, m in enumerate(found.models)}
    share = {frozenset(place[name] for name in s.models): s.share for s in found.supports}
    return hung_at_midpoint(METHODS[found.method](found.matrix)), share


def leaves_of(tree: Tree) -> list[int]:
    """The leaves from top to bottom as the tree is drawn."""
    hung = hung_at_midpoint(tree)
    children, waiting, out = hung.children(), [hung.top], []
    while waiting:
        node = waiting.pop()
        waiting += reversed(children[node])
        if node < hung.n_leaves:
            out.append(node)
    return out


def _shared(
    sources: Sequence[ComparedSource], said: Sequence[Mapping[str, ProbeAnswer]]
) -> list[str]:
    shared = sorted(set.intersection(*(set(by_sha) for by_sha in said)))
    if len(shared) >= FEWEST:
        return shared
    everybody = set.union(*(set(by_sha) for by_sha in said))
    fewest = min(
        range(len(said)),
        key=lambda i: (sum(sha in by_sha for sha in said[i] for by_sha in said), len(said[i])),
    )
    raise MalformedInput(
        f"the {len(sources)} models share {len(shared) or 'no'}"
        f" prompt{'' if len(shared) == 1 else 's'}; {FEWEST} are needed",
        where=f"{printable(sources[fewest].name, 60)} shares the fewest of {len(everybody)}",
        next_step="leave it out, or ask all of them the same probe set",
    )


def _model(source: ComparedSource) -> ComparedModel:
    readable = sum(r.readable for r in source.transcript.replies)
    digest = source.transcript.digest()
    return ComparedModel(
        name=source.name,
        vendor=source.vendor,
        source=source.where,
        n_answers=readable,
        answers_sha256=digest,
    )


def _bounds(rounds: Sequence[Array]) -> tuple[Array, Array] | tuple[None, None]:
    if not rounds:
        return None, None
    low, high = np.quantile(np.stack(rounds), [0.025, 0.975], axis=0)
    return low, high


def _interval(i: int, j: int, low: Array | None, high: Array | None) -> tuple[float, float] | None:
    return (
        None
        if low is None or high is None
        else (round(float(low[i, j]), DIGITS), round(float(high[i, j]), DIGITS))
    )


def _nearest(
    i: int,
    names: Sequence[str],
    matrix: Array,
    rounds: Sequence[Array],
    low: Array | None,
    high: Array | None,
) -> Neighbour:
    j = _closest(matrix[i], i)
    again = None if not rounds else sum(_closest(d[i], i) == j for d in rounds) / len(rounds)
    return Neighbour(
        name=names[i],
        nearest=names[j],
        distance=round(float(matrix[i, j]), DIGITS),
        interval=_interval(i, j, low, high),
        again=again,
    )


def _closest(row: Array, own: int) -> int:
    others = row.copy()
    others[own] = np.inf
    return int(np.argmin(others))


def _pairs(
    names: Sequence[str], matrix: Array, low: Array | None, high: Array | None
) -> tuple[ModelPair, ...]:
    """Every model with its nearest, each pair once, the nearest first."""
    found = {(min(i, j), max(i, j)) for i in range(len(names)) for j in [_closest(matrix[i], i)]}
    return tuple(
        ModelPair(
            one=names[i],
            other=names[j],
            distance=round(float(matrix[i, j]), DIGITS),
            interval=_interval(i, j, low, high),
        )
        for i, j in sorted(found, key=lambda p: (matrix[p], p))
    )


def _plain(matrix: Array) -> Matrix:
    return tuple(tuple(round(float(v), DIGITS) for v in row) for row in matrix)
