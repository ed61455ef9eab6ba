"""Exact p-values by relabelling within prompts: which answers are the endpoint's is shuffled,
prompt by prompt.

Where both sides answer from one distribution every labelling of a prompt's answers is as likely as
the true one, whatever that distribution is and however the prompts differ. Knows arrays; knows no
text.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from detectors.measurement import Null

Array = NDArray[np.float64]
# With the true labelling among them p is a whole number of thousandths.
ROUNDS = 999
# Labellings of one statistic are summed in other orders, and differ in their last bits.
_TIE = 1e-9


def labellings(
    sizes: Sequence[tuple[int, int]], rounds: int = ROUNDS, seed: int = 0
) -> list[Array]:
    """For each prompt of (endpoint's, reference's) answers its labellings, (rounds + 1, answers): 1
    marks the endpoint's.

    Row 0 is the true one, the endpoint's answers first. Deterministic for a seed.
    """
    rng = np.random.default_rng(seed)
    out = []
    for endpoint, reference in sizes:
        true = np.concatenate([np.ones(endpoint), np.zeros(reference)])
        shuffled = rng.permuted(np.tile(true, (rounds, 1)), axis=1)
        out.append(np.vstack([true, shuffled]))
    return out


def exact_p(statistics: Array) -> float:
    """(1 + how many of B relabelled statistics reach the true one, row 0) / (B + 1); large
    statistics count.

    >>> exact_p(np.array([3.0, 1.0, 2.0, 0.5]))
    0.25
    """
    return float((1 + (statistics[1:] >= statistics[0] - _TIE).sum()) / len(statistics))


def two_sided_p(statistics: Array) -> float:
    """The same for statistics that are telling at either end: the distance from the relabelled
    mean counts."""
    return exact_p(np.abs(statistics - statistics[1:].mean()))


def null_of(statistics: Array, p: float) -> Null:
    """What relabelling makes of the statistic: its spread, and the p-value of the true
    labelling."""
    shuffled = statistics[1:]
    return Null(
        n=len(shuffled),
        mean=float(shuffled.mean()),
        sd=float(shuffled.std(ddof=1)),
        quantiles=tuple(
            (name, float(np.quantile(shuffled, q)))
            for name, q in (("0.50", 0.5), ("0.95", 0.95), ("0.99", 0.99))
        ),
        at_least=round(p * len(statistics)) - 1,
        p=p,
        population="the same answers with their labels shuffled within each prompt",
        unit="relabellings",
    )
