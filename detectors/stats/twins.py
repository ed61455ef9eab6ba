"""Does a model prefer the answers that were served to their twins, which could as well have been?

The statistics of `served_or_twin`: adjusted scores, an exact p-value, an e-value that may be looked
at after every prompt. Knows tables of numbers; knows no model and no text. Nothing here but the
last step knows that column 0 was served.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp, ndtr, ndtri

from detectors.stats.exact_sum import ExactSum, exact_sum

Array = NDArray[np.float64]
BETS = (0.03, 0.1, 0.3, 1.0)
"""Fixed λ of the e-value, of scores scaled to a root mean square of one: one λ alone bets too much
for weak effects or too little for strong ones."""


@dataclass(frozen=True)
class ServedOrTwin:
    """What the test came to, over units of ``m`` twins each.

    ``test`` holds the exact p-value and its floor, ``log10_path`` the e-value after each unit,
    (n,). ``served`` has the adjusted scores of the served answers, (n,), in root mean squares of
    all; ``effect``, their mean, is what planning calls f·d.
    """

    m: int
    test: ExactSum
    log10_path: Array
    served: Array

    @property
    def n(self) -> int:
        """How many units."""
        return len(self.served)

    @property
    def effect(self) -> float:
        """The mean adjusted score of the served answers."""
        return float(self.served.mean())

    @property
    def spread(self) -> float:
        """Their standard deviation."""
        return float(self.served.std())

    @property
    def log10_best(self) -> float:
        """log10 of the largest e-value that was reached: of one over it an anytime p-value."""
        return float(self.log10_path.max())

    @property
    def p_value(self) -> float:
        """The exact p-value, at least 1e-300."""
        return self.test.p_value

    @property
    def log10_e(self) -> float:
        """log10 of the e-value after the last unit."""
        return float(self.log10_path[-1])


def served_or_twin(
    scores: ArrayLike,
    covariates: Sequence[ArrayLike] = (),
    looks: Sequence[int] | None = None,
) -> ServedOrTwin:
    """The test of a suspect's ``scores`` (n, m + 1) of answers to n prompts, column 0 served, the
    rest twins in any order; high scores count.

    Exact where, had nobody learned from what was served, the columns of a row could have changed
    places, and rows are independent given that. ``covariates`` are tables of the same shape that
    are known of every answer alike (the base's and the teacher's log-likelihood, the length).
    ``looks`` are numbers of rows after which somebody looked and might have stopped: every row is
    then adjusted by what was seen at the first look that had it, as any look before the end saw it,
    so that the e-value holds wherever one stops.

    Deterministic. Raises ValueError for what is not finite, not a table, or of another shape, and
    for looks outside of it.

    >>> rng = np.random.default_rng(0)
    >>> s = rng.normal(size=(200, 4)); s[:, 0] += 1
    >>> found = served_or_twin(s, [rng.normal(size=s.shape)])
    >>> found.p_value < 1e-20, found.log10_e > 15
    (True, True)
    """
    table = _table(scores)
    known = [_table(c) for c in covariates]
    if any(c.shape != table.shape for c in known):
        raise ValueError("covariates need the shape of the scores")
    whole = scaled(adjusted(table, known))
    bets = whole if looks is None else _as_seen(table, known, looks)
    path = log10_e_path(bets)
    return ServedOrTwin(table.shape[1] - 1, exact_sum(whole), path, whole[:, 0])


def adjusted(table: Array, covariates: Sequence[Array]) -> Array:
    """The scores centred within each row, less what a regression through the origin on the centred
    covariates explains, all answers pooled: it can't know which column was served."""
    own = _centred(table)
    columns = [_centred(c).ravel() for c in covariates]
    if not columns:
        return own
    # Each in its own spread: bits and bytes differ by orders of magnitude.
    design = np.stack([c / (float(np.std(c)) or 1.0) for c in columns], axis=1)
    fitted, *_ = np.linalg.lstsq(design, own.ravel(), rcond=1e-10)
    return _centred(own - (design @ fitted).reshape(own.shape))


def scaled(table: Array) -> Array:
    """The scores in root mean squares of all of them; as they are where all are zero."""
    spread = float(np.sqrt((table**2).mean()))
    # What is left of rounding where the covariates explain all is no spread.
    return table / spread if spread > 1e-12 else np.zeros_like(table)


def log10_e_path(table: Array) -> Array:
    """log10 of the mean over λ of Π exp(λ·s_i0)/mean_j exp(λ·s_ij) after each row, (n,): under the
    null a martingale whose mean is one, whenever one stops."""
    bets = np.array(BETS)[:, None]
    means = logsumexp(bets[:, :, None] * table, axis=2) - np.log(table.shape[1])
    won = np.cumsum(bets * table[:, 0] - means, axis=1)
    return np.asarray((logsumexp(won, axis=0) - np.log(len(BETS))) / np.log(10))


def _as_seen(table: Array, known: Sequence[Array], looks: Sequence[int]) -> Array:
    """Every row adjusted and scaled by the fit of its own time: of all rows up to the first look
    that had it, without their labels."""
    ends = sorted({*looks, len(table)})
    if ends[0] < 1 or ends[-1] > len(table):
        raise ValueError("a look is after one row of the table or more, and not beyond the last")
    out = np.empty_like(table)
    start = 0
    for end in ends:
        seen = scaled(adjusted(table[:end], [c[:end] for c in known]))
        out[start:end] = seen[start:end]
        start = end
    return out


def units_needed(effect: float, used: float, p: float = 1e-6, power: float = 0.9) -> int:
    """How many prompts a test needs: ((z_p + z_power)/(f·d))², rounded up.

    ``effect`` d is what learning an answer adds to its adjusted score, centred among its twins, in
    root mean squares of all (0.5 weak to 2.5 strong); ``used`` f the share of the logged answers
    that were learned from.

    >>> units_needed(0.5, 0.1)
    14569
    """
    if not (effect > 0 and 0 < used <= 1 and 0 < p < 1 and 0 < power < 1):
        raise ValueError("effect and shares must be above zero, and shares at most one")
    # −z of a small p keeps digits that 1 − p has lost.
    return int(np.ceil(((ndtri(power) - ndtri(p)) / (effect * used)) ** 2))


def power_at(units: int, effect: float, used: float, p: float = 0.001) -> float:
    """The chance that so many prompts give a p-value of at most ``p``, in [0, 1]."""
    return float(ndtr(effect * used * np.sqrt(units) + ndtri(p)))


def _centred(table: Array) -> Array:
    return np.asarray(table - table.mean(axis=1, keepdims=True))


def _table(values: ArrayLike) -> Array:
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or len(table) < 1 or table.shape[1] < 2:
        raise ValueError("a table needs a row a prompt, and the served answer beside a twin")
    if not np.isfinite(table).all():
        raise ValueError("a score that is not finite can't be compared")
    return table
