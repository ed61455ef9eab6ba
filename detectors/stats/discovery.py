"""Many tests at once: which of them stand when a bounded share of all that are called found may be
false.

Knows numbers; knows no suspect. Both procedures hold whatever the tests have to do with each other:
tests that share control models, teachers or questions are never independent.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.stats.grouping import finite

Array = NDArray[np.float64]


def benjamini_yekutieli(p_values: ArrayLike) -> Array:
    """The least false discovery rate at which each test is found, in the given order, at most 1.

    Whoever calls found what lies at or below q is wrong of a share of at most q of these, on
    average, whatever the dependence (Benjamini and Yekutieli 2001, *Annals of Statistics* 29(4),
    1165-1188): the procedure of Benjamini and Hochberg, its p-values raised by 1 + 1/2 + … + 1/m,
    since without that it needs tests that are independent or depend positively. Raises ValueError
    for no p-value, and for one outside [0, 1].

    >>> benjamini_yekutieli([0.001, 0.5]).round(4).tolist()
    [0.003, 0.75]
    """
    p = finite(p_values)
    if not len(p) or p.min() < 0 or p.max() > 1:
        raise ValueError("p-values lie between 0 and 1, and there is at least one")
    places = np.arange(1, len(p) + 1)
    return _from_the_last(p, len(p) * float((1 / places).sum()))


def e_benjamini_hochberg(log10_e: ArrayLike) -> Array:
    """The same of e-values, given as log10: e-BH (Wang and Ramdas 2022, *JRSS B* 84(3), 822-852),
    which needs no correction for dependence.

    Raises ValueError for no e-value and for one that is no number; minus infinity is an e-value of
    nothing.

    >>> e_benjamini_hochberg([3.0, 0.0]).round(4).tolist()
    [0.002, 1.0]
    """
    e = np.asarray(log10_e, dtype=np.float64)
    if not len(e) or np.isnan(e).any() or np.isposinf(e).any():
        raise ValueError("e-values are numbers, and there is at least one")
    with np.errstate(over="ignore"):  # an e-value of next to nothing: its bound is 1 anyway
        inverse = np.power(10.0, -e)
    return _from_the_last(inverse, float(len(e)))


def _from_the_last(ordered_by: Array, factor: float) -> Array:
    """min over all places j at or behind its own of factor·x_(j)/j, at most 1."""
    order = np.argsort(ordered_by, kind="stable")
    raised = factor * ordered_by[order] / np.arange(1, len(order) + 1)
    out = np.empty(len(order))
    out[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1.0)
    return out
