"""How often would two models give the same wrong answer by chance? Expectation from others' errors
and own letter habits.

A wrong answer to an item is drawn from what others wrongly say there, tilted by the model's own
liking for letters: the odds of wrong option w on item i for model m are usual_i(w) · liking_m(w).
Knows arrays; knows no text.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.int64]
NONE = -1
PSEUDO_MODELS = 2.0
PSEUDO_ITEMS = 0.5
_ROUNDS = 100
_CLOSE = 1e-6


@dataclass(frozen=True)
class Sheet:
    """Chosen options, (models, items), -1 where none was named; the right option and the number
    of options of each item."""

    chosen: Places
    right: Places
    sizes: Places

    @property
    def wrong(self) -> Flags:
        """Where a model named an option that is not the right one, (models, items)."""
        return np.asarray((self.chosen != NONE) & (self.chosen != self.right[None, :]))

    @property
    def possible(self) -> Flags:
        """The wrong options that each item has, (items, options)."""
        options = np.arange(int(self.sizes.max(initial=2)))
        return np.asarray(
            (options[None, :] < self.sizes[:, None]) & (options[None, :] != self.right[:, None])
        )

    def errors(self) -> Array:
        """One where a model wrongly chose an option, (models, items, options)."""
        options = np.arange(self.possible.shape[1])
        return np.asarray(
            (self.chosen[:, :, None] == options) & self.wrong[:, :, None], dtype=np.float64
        )


def usual_errors(errors: Array, possible: Flags, reference: Flags) -> Array:
    """How wrong answers to each item spread in the reference models, (items, options); rows sum to
    one.

    Smoothed by two pseudo-models that choose any wrong option alike: without references all wrong
    options are alike.
    """
    even = possible / possible.sum(axis=1, keepdims=True)
    counts = errors[reference].sum(axis=0) + PSEUDO_MODELS * even
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def own_errors(usual: Array, errors: Array) -> Array:
    """The distribution of one model's wrong answers on each item, (items, options), given how it
    likes the letters.

    ``errors`` (items, options) are the model's own. The likings are fitted so that the expected
    number of each letter among its wrong answers is the number it gave (iterative scaling, Deming
    and Stephan 1940, *Annals of Mathematical Statistics* 11; the maximum-likelihood fit), with half
    an item on which it gave each letter alike. Deterministic.
    """
    at = errors.sum(axis=1) > 0
    rows, seen = usual[at], errors.sum(axis=0)
    liking = np.ones(usual.shape[1])
    for _ in range(_ROUNDS):
        tilted = rows * liking
        expected = (tilted / tilted.sum(axis=1, keepdims=True)).sum(
            axis=0
        ) + PSEUDO_ITEMS * liking / liking.sum()
        factor = (seen + PSEUDO_ITEMS / len(liking)) / expected
        liking = liking * factor / (liking * factor).sum()
        if np.abs(factor - 1).max() < _CLOSE:
            break
    tilted = usual * liking
    return np.asarray(tilted / tilted.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class WrongAgreement:
    """Shared wrong answers of two models on the items that both had wrong: by cluster, observed and
    expected agreement.

    ``items`` (n,) are their numbers, ``same`` (n,) whether both gave the same wrong option,
    ``expected`` (n,) how likely that was by chance.
    """

    items: Places
    same: Array
    expected: Array

    @property
    def information(self) -> float:
        """How many of the items two unrelated models would be expected to answer differently."""
        return float((1 - self.expected).sum())

    @property
    def kappa(self) -> float:
        """(observed − expected)/(1 − expected), at most 1; NaN where agreement was certain by
        chance or nothing is shared."""
        if self.information > 0:
            return float((self.same - self.expected).sum() / self.information)
        return float("nan")

    @property
    def z(self) -> float:
        """The same excess in standard deviations of independent items; comparable between models
        of unlike letter habits."""
        spread = float((self.expected * (1 - self.expected)).sum())
        if spread > 0:
            return float((self.same - self.expected).sum() / np.sqrt(spread))
        return float("nan")

    def kappas(self, clusters: Places, rounds: int, seed: int) -> Array:
        """kappa under resampling of clusters, (rounds,); ``clusters`` (all items,) numbers the
        question of each item."""
        _, of = np.unique(clusters[self.items], return_inverse=True)
        n = int(of.max()) + 1
        excess = np.bincount(of, self.same - self.expected, minlength=n)
        room = np.bincount(of, 1 - self.expected, minlength=n)
        drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=rounds)
        return np.asarray((drawn @ excess) / np.maximum(drawn @ room, 1e-12))


def agreement(one: Array, other: Array, usual: Array) -> WrongAgreement:
    """The shared wrong answers of two models; both ``errors`` and ``usual`` are (items,
    options)."""
    both = np.flatnonzero((one.sum(axis=1) > 0) & (other.sum(axis=1) > 0))
    chance = (own_errors(usual, one)[both] * own_errors(usual, other)[both]).sum(axis=1)
    return WrongAgreement(both.astype(np.int64), (one[both] * other[both]).sum(axis=1), chance)
