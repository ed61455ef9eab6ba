"""Is what comes still like what came before? A test of exchangeability that may be looked at for as
long as one likes: conformal p-values, and gamblers who begin to bet at every look.

Knows likenesses and numbers; knows no answer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.stats.eprocess import log10_capital

Array = NDArray[np.float64]
LOOKS = 20
"""For how many looks a gambler bets before the winnings are put away: a change is seen in the first
few looks after it, or in none."""


def strangeness_p(likeness: ArrayLike, chance: float) -> float:
    """The smoothed conformal p-value, in [0, 1], of the last of n things, of which ``likeness`` is
    (n, n) and symmetric: small where it is less like the others than they are like each other.

    ``chance`` in [0, 1], drawn at random and not by the things, breaks ties. Where the n came in an
    order that could as well have been any other, p is uniform, and independent of the p-values of
    the shorter beginnings (Vovk, Gammerman and Shafer 2005, *Algorithmic Learning in a Random
    World*, section 8.1).

    >>> strangeness_p([[1, 1, 0], [1, 1, 0], [0, 0, 1]], 0.5)
    0.16666666666666666
    """
    alike = np.asarray(likeness, dtype=np.float64)
    n = len(alike)
    if alike.shape != (n, n) or n < 2 or not 0 <= chance <= 1:
        raise ValueError("a likeness of two or more things, and a chance between 0 and 1")
    # Rounded: sums in another order must not break a tie.
    strange = np.round(-(alike.sum(axis=1) - np.diag(alike)) / (n - 1), 9)
    return float(((strange > strange[-1]).sum() + chance * (strange == strange[-1]).sum()) / n)


def log10_mixed_capital(looks: Sequence[Sequence[float]]) -> Array:
    """log10 of the capital after each look, (looks,), of gamblers who bet that p-values are small.

    ``looks`` are the p-values of each. One gambler begins at each look j with a share 1/(j(j + 1))
    of a fortune of one, bets for `LOOKS` looks as `log10_capital` does, and keeps what is left; the
    shares sum to one, and who hasn't begun still holds his. So the whole is a martingale where the
    p-values are uniform given all before, P(it ever reaches 1/a) <= a (Ville's inequality), and a
    change that comes late is found nearly as soon as an early one: a bettor who had seen a thousand
    ordinary looks would be slow to believe it (e-detectors: Shin, Ramdas and Rinaldo 2022, arXiv
    2203.03532).
    """
    n = len(looks)
    ends = np.cumsum([len(look) for look in looks])
    held = np.zeros((n, n))
    for j in range(n):
        mine = [p for look in looks[j : j + LOOKS] for p in look]
        if mine:
            won = log10_capital(mine, 0.5, "below")
            for k in range(j, n):
                until = min(ends[min(k, j + LOOKS - 1)], ends[-1]) - (ends[j - 1] if j else 0)
                held[j, k] = won[until - 1] if until else 0.0
    shares = np.array([1 / (j * (j + 1)) for j in range(1, n + 1)])
    out = np.empty(n)
    for k in range(n):
        begun = shares[: k + 1] * 10.0 ** np.minimum(held[: k + 1, k], 300)
        # 1/(k+2) is what all who begin later hold: the rest of the sum of the shares.
        out[k] = np.log10(begun.sum() + 1 / (k + 2))
    return out
