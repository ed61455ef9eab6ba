"""How rare a value is among a large benign crowd, and which of many rare ones may be told together.

For screening, where a bounded share of false finds is asked for, not the absence of any. Knows
numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


def tail_p(values: ArrayLike, largest: ArrayLike, n: int) -> Array:
    """(1 + how many of n benign values reach each value) / (n + 1), of a crowd of which only the
    largest values are kept; 1 for a value below all that are kept, if any were left out.

    Split-conformal: at or below α at most a share α of the time for a value exchangeable with the
    crowd (Vovk, Gammerman and Shafer 2005; Papadopoulos et al. 2002). Raises ValueError where more
    values are kept than there are.

    >>> tail_p([9.0, 2.5, 0.0], [1.0, 2.0, 3.0], n=99).round(3).tolist()
    [0.01, 0.02, 1.0]
    """
    kept = np.sort(np.asarray(largest, dtype=np.float64))
    if len(kept) > n:
        raise ValueError("more values are kept than there are")
    x = np.asarray(values, dtype=np.float64)
    reached = len(kept) - np.searchsorted(kept, x, side="left")
    p = (1.0 + reached) / (n + 1.0)
    unknown = (reached == len(kept)) & (len(kept) < n)
    return np.asarray(np.where(unknown, 1.0, p), dtype=np.float64)


def benjamini_hochberg(
    p_values: ArrayLike, level: float, weights: ArrayLike | None = None
) -> Flags:
    """Which of the p-values may be told so that at most a share ``level`` of what is told is false,
    on average (Benjamini and Hochberg 1995, *JRSS B* 57).

    ``weights`` counts how many hypotheses each p-value stands for (accounts of one unit share
    theirs). Valid for independent p-values and for positively dependent ones, as conformal p-values
    against one crowd are (Bates et al. 2023, *Annals of Statistics* 51, arXiv 2104.08279).

    >>> benjamini_hochberg([0.001, 0.02, 0.8], 0.05).tolist()
    [True, True, False]
    """
    p = np.asarray(p_values, dtype=np.float64)
    if not len(p):
        return np.zeros(0, dtype=bool)
    w = np.ones(len(p)) if weights is None else np.asarray(weights, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    # Of equal p-values all count before any is compared.
    told = np.cumsum(w[order])
    last = np.searchsorted(p[order], p[order], side="right") - 1
    good = p[order] <= level * told[last] / w.sum()
    limit = p[order][good].max() if good.any() else -1.0
    return np.asarray(p <= limit, dtype=bool)
