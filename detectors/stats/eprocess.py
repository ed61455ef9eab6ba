"""Evidence that may be looked at after every answer: a bet against chance whose winnings bound the
false alarms.

Knows a stream of numbers in [0, 1], one per question; knows neither questions nor models. Several
answers to one question are one number, their mean: the bet is fair only if each number is new.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Side = Literal["above", "below"]
LARGEST_BET = 0.5


@dataclass(frozen=True)
class EProcess:
    """A gambler's capital against "given all before, the next number's mean is at most ``mean``"
    (or at least, ``below``).

    K_n = Π(1 + λ_i·(x_i − m)), the capital of a bettor who starts with one and chooses λ_i before
    x_i is seen. Under the hypothesis it is a supermartingale, so whenever one stops, P(K ever
    reaches 1/α) ≤ α (Ville's inequality): asking may go on for as long as one likes and end
    whenever one likes. λ_i follows aGRAPA, the approximately growth-optimal plug-in, cut to half of
    what could ruin the bettor (Waudby-Smith and Ramdas 2023, *JRSS B*, arXiv 2010.09686).

    ``mean`` in (0, 1) must not depend on the numbers. ``log10_capital`` is the evidence so far and
    ``log10_best`` the most that it ever was. A value, not a counter: `after` returns the next one.
    Deterministic.

    >>> process = EProcess(mean=0.5)
    >>> for answer in [1.0] * 12:
    ...     process = process.after(answer)
    >>> process.rejects(alpha=0.05)
    True
    """

    mean: float
    side: Side = "above"
    n: int = 0
    log10_capital: float = 0.0
    log10_best: float = 0.0
    total: float = 0.0
    squares: float = 0.0

    def __post_init__(self) -> None:
        """Refuses a mean at the edge, where no bet is possible, and an unknown side."""
        if not 0 < self.mean < 1 or self.side not in ("above", "below"):
            raise ValueError(
                "the mean under the hypothesis lies between 0 and 1, and the side is 'above' or"
                " 'below'"
            )

    def bet(self) -> float:
        """λ for the next number, in [0, ½/m], from those before it alone."""
        m = self.mean if self.side == "above" else 1 - self.mean
        return float(_bets(np.float64(self.total), np.float64(self.squares), self.n, m))

    def after(self, x: float) -> Self:
        """The process after one more number. Raises ValueError for a number outside [0, 1]."""
        if not 0 <= x <= 1:
            raise ValueError("an e-process needs numbers between 0 and 1")
        turned, m = (x, self.mean) if self.side == "above" else (1 - x, 1 - self.mean)
        capital = self.log10_capital + float(np.log10(1 + self.bet() * (turned - m)))
        mean_so_far = (0.5 + self.total + turned) / (self.n + 2)
        return replace(
            self,
            n=self.n + 1,
            log10_capital=capital,
            log10_best=max(self.log10_best, capital),
            total=self.total + turned,
            squares=self.squares + (turned - mean_so_far) ** 2,
        )

    def rejects(self, alpha: float) -> bool:
        """Whether the capital has ever reached 1/α; at most a share α of true hypotheses ever
        get there."""
        if not 0 < alpha < 1:
            raise ValueError("alpha lies between 0 and 1")
        return self.log10_best >= -float(np.log10(alpha))

    @property
    def p_value(self) -> float:
        """The anytime-valid p-value, 1 / the best capital so far, in (0, 1]; it never rises
        again."""
        return float(10.0**-self.log10_best)


def log10_capital(numbers: ArrayLike, mean: float, side: Side = "above") -> Array:
    """log10 K_n after each of the numbers, (…, n): many streams at once, as `EProcess` computes
    one."""
    x = np.asarray(numbers, dtype=np.float64)
    if x.size == 0 or not ((x >= 0) & (x <= 1)).all() or not 0 < mean < 1:
        raise ValueError("an e-process needs numbers between 0 and 1, and a mean between them")
    x, m = (x, mean) if side == "above" else (1 - x, 1 - mean)
    total, squares = np.zeros(x.shape[:-1]), np.zeros(x.shape[:-1])
    out = np.empty_like(x)
    for i in range(x.shape[-1]):
        out[..., i] = np.log10(1 + _bets(total, squares, i, m) * (x[..., i] - m))
        total = total + x[..., i]
        squares = squares + (x[..., i] - (0.5 + total) / (i + 2)) ** 2
    return np.cumsum(out, axis=-1)


def _bets(total: Array | np.float64, squares: Array | np.float64, n: int, m: float) -> Array:
    """aGRAPA: (μ̂ − m)/(σ̂² + (μ̂ − m)²), with μ̂ and σ̂² of the numbers seen and one of ½
    (variance ¼) that was not."""
    lead = (0.5 + total) / (n + 1) - m
    return np.asarray(np.clip(lead / ((0.25 + squares) / (n + 1) + lead**2), 0.0, LARGEST_BET / m))
