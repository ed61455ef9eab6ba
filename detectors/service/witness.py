"""What tells an endpoint's answer from a reference's, learned from the pairs seen before: the
witness of a betting test.

Each pair is one answer of either side to one prompt. The payoff of a pair changes its sign when its
two answers change places, and is fixed before the pair is seen; so it is fair wherever both sides
answer from one distribution. Knows texts and arrays.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.service.repeated import Asked, said
from detectors.stats.char_kernel import hamming, same_beginning
from fingerprints.records import Reply, Status

Array = NDArray[np.float64]
PRIOR = 1.0
"""Precision of the logistic regression's prior on standardised features."""
MOST_PAIRS = 16
NEWTON_STEPS = 6
"""Each fit begins where the last one ended, one prompt away; a fit that stops short costs the bet
winnings, never its validity, since a payoff is fixed before its pair is seen."""
_SMALL = 1e-9
"""Below it a feature was the same in all pairs and has no size to be divided by."""
_SURFACE = 11
"""How many numbers `surface` gives."""


def pair_features(asked: Asked, most: int) -> Array:
    """Features of up to ``most`` pairs of one prompt, endpoint's less reference's, (pairs,
    features).

    How alike each answer of the pair is to the reference's other answers and to the endpoint's
    earlier ones (by position, by common beginning), then surface features. Of later pairs the
    reference's answers count, the endpoint's don't: a pair's features use no endpoint's answer that
    comes after it, and of the reference's those that are in no pair or an earlier one.
    """
    n, m = asked.sizes
    pairs = min(n, m, most)
    texts = asked.texts
    kernels = (hamming(texts), same_beginning(texts))
    surfaces = np.array([surface(r) for r in (*asked.endpoint, *asked.reference)])
    rows = []
    for j in range(pairs):
        free = [n + k for k in (*range(j), *range(pairs, m))]
        past = list(range(j))
        mine, theirs = j, n + j
        alike = [
            _mean(k[mine, who]) - _mean(k[theirs, who]) for k in kernels for who in (free, past)
        ]
        rows.append([*alike, *(surfaces[mine] - surfaces[theirs])])
    return np.array(rows).reshape(pairs, 4 + _SURFACE)


def surface(reply: Reply) -> Array:
    """An answer's outside, (11,): length, whether it ended by itself, and shares of kinds of
    characters and words."""
    text = said(reply)
    size = max(1, len(text))
    words = text.split()
    return np.array(
        [
            np.log1p(len(text)),
            float(reply.status is Status.TRUNCATED),
            float(text[:1].isupper()),
            float(text[:1] in "\"'“«*#-1"),
            sum(c in ".,;:!?。，" for c in text) / size,
            text.count("\n") / size,
            sum(c.isdigit() for c in text) / size,
            sum(c.isupper() for c in text) / size,
            sum(not c.isascii() for c in text) / size,
            float(np.mean([len(w) for w in words])) if words else 0.0,
            len(set(words)) / max(1, len(words)),
        ]
    )


class Witness:
    """A logistic regression through the origin on differences of pairs, fitted again after every
    prompt.

    `payoffs` is tanh(θ·Δ/2), the probability that the first of the two is the endpoint's, stretched
    to (−1, 1).
    """

    def __init__(self, features: int = 4 + _SURFACE) -> None:
        self._seen: list[Array] = []
        self.theta = np.zeros(features)
        self.scale = np.ones(features)

    def payoffs(self, differences: Array) -> Array:
        """The payoff of each pair by what was learned before, (pairs,), in [−1, 1]; 0 before
        anything was."""
        return np.asarray(np.tanh(differences / self.scale @ self.theta / 2))

    def learn(self, differences: Array) -> None:
        """Adds a prompt's pairs, and fits again."""
        self._seen.append(differences)
        x = np.concatenate(self._seen)
        root = np.sqrt((x**2).mean(axis=0))
        self.scale = np.where(root > _SMALL, root, 1.0)
        self.theta = _fit(x / self.scale, self.theta)


def _fit(x: Array, theta: Array) -> Array:
    """Maximum a posteriori of Σ log σ(θ·x) under a normal prior, by Newton's method."""
    for _ in range(NEWTON_STEPS):
        p = 1 / (1 + np.exp(-np.clip(x @ theta, -30, 30)))
        gradient = x.T @ (1 - p) - PRIOR * theta
        curvature = (x * (p * (1 - p))[:, None]).T @ x + PRIOR * np.eye(len(theta))
        step = np.linalg.solve(curvature, gradient)
        theta = theta + step
        if np.abs(step).max() < 1e-6:
            break
    return theta


def payoffs_of(asked: Sequence[Asked], most: int = MOST_PAIRS) -> list[Array]:
    """The payoffs of every prompt's pairs in asking order, each by what the prompts before it
    taught."""
    witness, out = Witness(), []
    for one in asked:
        differences = pair_features(one, most)
        out.append(witness.payoffs(differences))
        witness.learn(differences)
    return out


def _mean(values: Array) -> float:
    return float(values.mean()) if len(values) else 0.0
