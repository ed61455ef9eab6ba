"""Evidence that may be looked at after every answer: a bet against chance whose winnings bound the
false alarms.

Knows a stream of numbers in [0, 1], one per question; knows neither questions nor models. Several
answers to one question are one number, their mean: the bet is fair only if each number is new.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Side = Literal["above", "below"]
LARGEST_BET = 0.5
"""As a share of 1/mean, the bet of which one number could take all."""


def log10_capital(numbers: ArrayLike, mean: float, side: Side = "above") -> Array:
    """log10 K_n after each of the numbers, (…, n): many streams at once.

    A gambler's capital against "given all before, the next number's mean is at most ``mean``" (or
    at least, ``below``): K_n = Π(1 + λ_i·(x_i − m)), of a bettor who starts with one and chooses
    λ_i before x_i is seen. Under the hypothesis it is a supermartingale, so whenever one stops,
    P(K ever reaches 1/α) ≤ α (Ville's inequality): asking may go on for as long as one likes and
    end whenever one likes, and 1 / the best capital so far is a p-value. λ_i follows aGRAPA, the
    approximately growth-optimal plug-in, cut to half of what could ruin the bettor (Waudby-Smith
    and Ramdas 2023, *JRSS B*, arXiv 2010.09686).

    ``mean`` in (0, 1) must not depend on the numbers. Deterministic. Raises ValueError for numbers
    outside [0, 1] and a mean at the edge, where no bet is possible.

    >>> bool(log10_capital([1.0] * 12, mean=0.5).max() >= -np.log10(0.05))
    True
    """
    x = np.asarray(numbers, dtype=np.float64)
    if x.size == 0 or not ((x >= 0) & (x <= 1)).all() or not 0 < mean < 1:
        raise ValueError("an e-process needs numbers between 0 and 1, and a mean between them")
    # Below a mean is above it in the mirror.
    x, m = (x, mean) if side == "above" else (1 - x, 1 - mean)
    total, squares = np.zeros(x.shape[:-1]), np.zeros(x.shape[:-1])
    out = np.empty_like(x)
    for i in range(x.shape[-1]):
        # The bet first, from what was seen before: one that knew this number would win always.
        out[..., i] = np.log10(1 + _bets(total, squares, i, m) * (x[..., i] - m))
        total = total + x[..., i]
        squares = squares + (x[..., i] - (0.5 + total) / (i + 2)) ** 2
    return np.cumsum(out, axis=-1)


def _bets(total: Array | np.float64, squares: Array | np.float64, n: int, m: float) -> Array:
    """aGRAPA: (μ̂ − m)/(σ̂² + (μ̂ − m)²), with μ̂ and σ̂² of the numbers seen and one of ½
    (variance ¼) that was not."""
    lead = (0.5 + total) / (n + 1) - m
    return np.asarray(np.clip(lead / ((0.25 + squares) / (n + 1) + lead**2), 0.0, LARGEST_BET / m))
