"""Is it another model, looked at after every question? A bet that may be ended whenever one likes.

Pairs of fresh answers, one of either side, are told apart by a witness that was learned on the
pairs before; the winnings of a gambler on these payoffs bound the false alarms however often one
looks. Knows texts; draws no verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors.base import Bar, Case, Chart, Detector, Measurement, Need, NotMeasured, Table
from detectors.service.repeated import Asked, asked_in, repeats
from detectors.service.witness import MOST_PAIRS, payoffs_of
from detectors.stats.eprocess import log10_capital
from detectors.stats.intervals import clustered_mean

Array = NDArray[np.float64]
MARKS = (4, 8, 16, 32, 64, 128, 256)


@dataclass(frozen=True)
class Bets:
    """The bet on a service, question by question: payoffs of each one's pairs, and log10 of the
    capital after it, (n,)."""

    payoffs: tuple[Array, ...]
    log10_capital: Array

    @property
    def log10_best(self) -> float:
        """The most that the capital ever was, at least its start of one."""
        return max(0.0, float(self.log10_capital.max(initial=0.0)))

    @property
    def p_value(self) -> float:
        """The anytime-valid p-value, in (0, 1]."""
        return float(10.0**-self.log10_best)

    def decided(self, alpha: float) -> int | None:
        """After how many questions the capital first reached 1/alpha; None where it never did."""
        reached = np.flatnonzero(self.log10_capital >= -np.log10(alpha))
        return int(reached[0]) + 1 if len(reached) else None


def bets_on(asked: Sequence[Asked]) -> Bets:
    """The bet on prompts in asking order, up to sixteen pairs of each.

    If both sides answer a prompt from one distribution, a pair's two answers may change places,
    which turns its payoff's sign; so its mean given all before is 0, the capital is a
    supermartingale, and P(it ever reaches 1/α) ≤ α (Ville's inequality). The stake is
    `detectors.stats.eprocess`'s. Where all of a prompt's answers of a side are the same (greedy)
    only one pair counts.
    """
    once = repeats(asked)
    # The same two answers once more are no new evidence.
    payoffs = payoffs_of(asked, 1 if once else MOST_PAIRS)
    flat = np.concatenate(payoffs) if payoffs else np.zeros(0)
    if not len(flat):
        return Bets((), np.zeros(0))
    ends = np.cumsum([len(p) for p in payoffs]) - 1
    return Bets(tuple(payoffs), log10_capital((1 + flat) / 2, 0.5)[ends])


class SequentialEquality(Detector):
    """log10 of the largest capital of a gambler who bets that the endpoint is not the claimed
    model; 0 or more.

    Higher: more evidence of a difference; 2 is reached at most once in a hundred services that are
    what they claim, however often one looks. Deterministic.
    """

    name: ClassVar[str] = "sequential_equality"
    question: ClassVar = "service"
    asks: ClassVar[str] = (
        "Looked at after every question:"
        " do endpoint and claimed model answer from one distribution?"
    )
    needs: ClassVar = (Need.REPEATED, Need.TEACHER)
    source: ClassVar[str] = (
        "two-sample testing by betting (Shekhar, Ramdas 2021, arXiv 2112.09162; Podkopaev, Ramdas"
        " 2023, arXiv 2305.00143)"
    )
    blind_spots: ClassVar[tuple[str, ...]] = (
        "a difference that the witness can't learn from a few dozen pairs",
        (
            "the price of looking often: a test of fixed size needs fewer answers for the same"
            " small difference"
        ),
        "another temperature, system prompt or template differs like another model",
    )

    def _measure(self, case: Case) -> Measurement | NotMeasured:
        asked = asked_in(case)
        if isinstance(asked, NotMeasured):
            return asked
        bets = bets_on(asked)
        means = [float(p.mean()) for p in bets.payoffs]
        estimate = clustered_mean(means, [a.probe.cluster for a in asked])
        pairs = sum(len(p) for p in bets.payoffs)
        return Measurement(
            metric="log10 of the largest capital",
            metric_id="log10_largest_capital",
            value=bets.log10_best,
            n=len(asked),
            n_unit="prompts",
            counts_prompts=True,
            direction="higher: more evidence that the answers are of another distribution; 0: none",
            summary=(
                f"After {len(asked)} questions and {pairs} pairs a bet of 1 on a difference has at"
                f" best become {10**bets.log10_best:.3g}: p {bets.p_value:.3g} at any time. Mean"
                f" payoff {estimate.value:+.3f} a question (95 % {estimate.low:+.3f} to"
                f" {estimate.high:+.3f})."
            ),
            tables=(_by_question(bets),),
            charts=(_course(bets),),
        )


def _marks(n: int) -> list[int]:
    return [m for m in MARKS if m < n] + [n]


def _by_question(bets: Bets) -> Table:
    rows = tuple(
        (
            m,
            round(float(bets.log10_capital[m - 1]), 3),
            float(f"{10.0 ** -max(0.0, bets.log10_capital[:m].max()):.3g}"),
        )
        for m in _marks(len(bets.log10_capital))
    )
    return Table(
        title="The bet as it went on",
        columns=("questions", "log10 capital", "p until here"),
        rows=rows,
        caption="p holds at any of these looks, and at all of them together.",
    )


def _course(bets: Bets) -> Chart:
    bars = [
        Bar(label=f"after {m}", value=float(bets.log10_capital[m - 1]))
        for m in _marks(len(bets.log10_capital))
    ]
    return Chart(
        kind="dots",
        title="Capital of the bet on a difference",
        x_label="log10 capital",
        bars=tuple(bars),
        reference=2.0,
        reference_label="1 in 100",
        caption="To the right of the line: once in a hundred services that are what they claim.",
    )
