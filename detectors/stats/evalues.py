"""e-values: evidence whose mean is at most one where nothing happened, so that 1/e bounds the false
alarms however often one looked.

Knows numbers; knows no question.
"""

from __future__ import annotations

import math

SERIES = 1e-3
"""Below this distance of p from 1 the formula cancels and its series is used."""


def log10_e_of_p(p: float) -> float:
    """log10 of the mixed calibrator (1 − p + p·ln p)/(p·ln² p) of a p-value in (0, 1]: the mean
    over κ in (0, 1) of κ·p^(κ−1), an e-value whatever the test (Vovk and Wang 2021, *Annals of
    Statistics* 49(3), arXiv 1912.06116).

    Falls in p, from a half (log10 −0.30) at p = 1. Raises ValueError for a p outside (0, 1].

    >>> round(log10_e_of_p(0.001), 2), round(log10_e_of_p(1.0), 2)
    (1.32, -0.3)
    """
    if not 0 < p <= 1:
        raise ValueError("an e-value is made of a p-value above 0 and at most 1")
    x = -math.log(p)
    if x < SERIES:  # (e^x − 1 − x)/x² = 1/2 + x/6 + …
        return math.log10(0.5 + x / 6 + x * x / 24)
    # (1 − p + p·ln p)/p = e^x − 1 − x: as a logarithm it does not overflow.
    return (x + math.log1p(-(1 + x) * p) - 2 * math.log(x)) / math.log(10)
