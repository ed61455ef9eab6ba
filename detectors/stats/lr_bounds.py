"""How strong a likelihood ratio the validation data can carry, in either direction.

Two limits for each direction, and the stricter one holds. Knows log10 likelihood ratios and numbers
of models; knows no word.
"""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import ConfigDict, Field, model_validator

from detectors.stats.grouping import finite, mass_at_least
from fingerprints.records import Record

Array = NDArray[np.float64]
Support = Annotated[float, Field(ge=0.0)]
Against = Annotated[float, Field(le=0.0)]


class Bounds(Record):
    """The span of log10 likelihood ratios that may be reported, zero within it, and where its ends
    come from.

    ``elub_*`` are the empirical bounds (`elub`), ``models_*`` those from the numbers of independent
    models (`model_cap`); ``low`` and ``high`` are the stricter of the two. ``n_h1`` and ``n_h2``
    count models under either proposition.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    elub_low: Against
    elub_high: Support
    models_low: Against
    models_high: Support
    n_h1: Annotated[int, Field(ge=1)]
    n_h2: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def _models_explain_the_cap(self) -> Self:
        told = (self.models_low, self.models_high)
        if not np.allclose(told, model_cap(self.n_h1, self.n_h2), rtol=0, atol=1e-6):
            raise ValueError(
                "the bounds by number of models do not follow from the numbers of models"
            )
        return self

    @property
    def low(self) -> float:
        """The strongest support for H2 that may be reported, 0 or less."""
        return max(self.elub_low, self.models_low)

    @property
    def high(self) -> float:
        """The strongest support for H1 that may be reported, 0 or more."""
        return min(self.elub_high, self.models_high)

    def clip(self, log10_lr: ArrayLike) -> Array:
        """log10 likelihood ratios drawn into the span."""
        return np.clip(np.asarray(log10_lr, dtype=np.float64), self.low, self.high)


def model_cap(n_h1: int, n_h2: int) -> tuple[float, float]:
    """−log10(n_h1 + 1) and log10(n_h2 + 1): what so many independent models of either kind can
    carry at most.

    Support for H1 says that a score is rare under H2, and n models show no rarity below 1 in n + 1:
    nine models without the property carry a ratio of ten. Support for H2 is limited by the models
    of H1 likewise.

    >>> model_cap(99, 9)
    (-2.0, 1.0)
    """
    if n_h1 < 1 or n_h2 < 1:
        raise ValueError("each proposition needs a model")
    return -float(np.log10(n_h1 + 1)), float(np.log10(n_h2 + 1))


def elub(
    h1: ArrayLike,
    h2: ArrayLike,
    shares_h1: ArrayLike | None = None,
    shares_h2: ArrayLike | None = None,
) -> tuple[float, float]:
    """The empirical lower and upper bound of a set of log10 LRs (Vergeer, van Es, de Jongh,
    Alberink and Stoel 2016, *Science & Justice* 56, 482-491), itself in log10: (0 or less, 0 or
    more).

    Someone who decides at the threshold t pays, in expectation, P(LR < t | H1) + t·P(LR ≥ t | H2);
    who ignores the evidence pays min(1, t). The bounds are the widest span of t around 1 within
    which the LRs never cost more than ignoring them, after one consequential misleading model has
    been added under either proposition. They never exceed the values seen. ``shares`` weigh rows so
    that a model counts once; their sums are the numbers of models. LRs should be held out.
    """
    one, two = finite(h1), finite(h2)
    w_one = np.ones_like(one) if shares_h1 is None else finite(shares_h1, len(one))
    w_two = np.ones_like(two) if shares_h2 is None else finite(shares_h2, len(two))
    return 0.0 - _reach(-two, -one, w_two, w_one), _reach(one, two, w_one, w_two)


def _reach(one: Array, two: Array, w_one: Array, w_two: Array) -> float:
    """The largest log10 t above 0 up to which t ≤ P(LR ≥ t | H1) / P(LR ≥ t | H2) holds without a
    gap.

    The two rates change only at values that occur, so it is enough to walk along these.
    """
    edges = np.unique(np.concatenate([one, two]))
    edges = edges[edges > 0]
    hits = mass_at_least(one, w_one, edges) / (w_one.sum() + 1)
    alarms = (mass_at_least(two, w_two, edges) + 1) / (w_two.sum() + 1)
    start = 0.0
    for edge, hit, alarm in zip(edges, hits, alarms, strict=True):
        limit = np.log10(hit / alarm) if hit > 0 else -np.inf
        if limit < edge:
            return float(max(start, limit))
        start = float(edge)
    return start


def bounds(
    h1: ArrayLike,
    h2: ArrayLike,
    shares_h1: ArrayLike,
    shares_h2: ArrayLike,
    models: tuple[int, int],
) -> Bounds:
    """Both limits for held-out log10 LRs of ``models`` independent models under (H1, H2); rows
    are weighted by shares."""
    empirical = elub(h1, h2, shares_h1, shares_h2)
    counted = model_cap(*models)
    return Bounds(
        elub_low=empirical[0],
        elub_high=empirical[1],
        models_low=counted[0],
        models_high=counted[1],
        n_h1=models[0],
        n_h2=models[1],
    )
