"""How rare a value is among models known to be unrelated, and what is left of that after asking
about many candidates.

Knows numbers; knows no candidate. A p-value here is a rate of false alarms, never the probability
that a proposition holds.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.stats.grouping import finite

Array = NDArray[np.float64]


def conformal_p(value: float, null: ArrayLike, groups: Sequence[Hashable] | None = None) -> float:
    """(1 + how many of n null models reach ``value``) / (n + 1), in [1/(n + 1), 1]; small means
    rare, high values count.

    Under exchangeability of the suspect with the null models it falls at or below α at most a share
    α of the time (Vovk, Gammerman and Shafer 2005, *Algorithmic Learning in a Random World*). With
    ``groups``, n counts groups and each one contributes the share of its values that reach
    ``value``, which stays valid for a suspect from a new group (Lee, Barber and Willett 2023, arXiv
    2306.06342). Without a null model it is 1. Raises ValueError for values that are not finite.

    >>> conformal_p(3.0, [1.0, 2.0, 3.0, 0.5])
    0.4
    """
    others = finite(null)
    reached = np.asarray(others >= finite([value])[0], dtype=np.float64)
    if groups is None:
        return float((1 + reached.sum()) / (len(others) + 1))
    if len(groups) != len(others):
        raise ValueError("null values and groups need the same length")
    shares: dict[Hashable, list[float]] = {}
    for group, hit in zip(groups, reached, strict=True):
        shares.setdefault(group, []).append(float(hit))
    return float((1 + sum(np.mean(hits) for hits in shares.values())) / (len(shares) + 1))


def holm(p_values: ArrayLike) -> Array:
    """p-values raised so that the chance of any false alarm among all of them is bounded, in the
    given order, at most 1.

    For accusations. Valid whatever the dependence (Holm 1979, *Scandinavian Journal of Statistics*
    6, 65-70): the smallest is multiplied by m, the next by m − 1, and none becomes smaller than one
    before it.

    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    p = _probabilities(p_values)
    order = np.argsort(p, kind="stable")
    out = np.empty_like(p)
    out[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1.0)
    return out


def _probabilities(p_values: ArrayLike) -> Array:
    p = finite(p_values)
    if not len(p) or p.min() < 0 or p.max() > 1:
        raise ValueError("p-values lie between 0 and 1, and there is at least one")
    return p
