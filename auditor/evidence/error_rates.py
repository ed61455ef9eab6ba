"""How the calibration that weighed a report did on models of known history that it was not fitted
on.

Records only; counts nothing.
"""

from __future__ import annotations

from itertools import pairwise
from math import isfinite
from typing import Literal

from pydantic import model_validator

from fingerprints.records import Record


class OutcomeCount(Record):
    """In how many lineages an outcome was reached for any candidate, of how many; interval
    Clopper-Pearson, 95 %."""

    lineages: int
    of: int
    interval: tuple[float, float]


class OutcomeCounts(Record):
    """What verdicts would have said of models of known history by their held-out ratios alone.

    "supported" is a log10 LR of 1 or more, "not_supported" of -1 or less: a verdict's interval and
    the other candidates can make it say either less often, never more. ``found`` and ``cleared``
    count lineages that the candidate taught and whose pair with it was supported, or (wrongly) not
    supported; ``false_alarms`` lineages of which a pair with a candidate that did not teach it was
    supported. ``pairs`` counts all pairs of a model and a candidate that did not teach it,
    ``pairs_supported`` and ``pairs_not_supported`` those of them at these outcomes.
    """

    found: OutcomeCount
    cleared: OutcomeCount
    false_alarms: OutcomeCount
    pairs: int
    pairs_supported: int
    pairs_not_supported: int


class ErrorRate(Record):
    """How the calibration did on models that it was not fitted on, at the number of prompts that it
    was used at.

    ``scheme`` says what was left out as a whole. Counts are of independent lineages; intervals are
    95 %. ``found`` is the share of taught models above 95 % of the untaught, which is not what a
    verdict asks: ``outcomes`` are counted at that level, None in reports and calibrations of before
    they were.
    """

    level: Literal["model", "vendor"]
    scheme: str
    prompts: int
    n_h1: int
    n_h2: int
    cllr: float
    cllr_interval: tuple[float, float]
    auc: float
    auc_interval: tuple[float, float]
    found: float
    found_interval: tuple[float, float]
    false_support: float
    false_support_interval: tuple[float, float]
    outcomes: OutcomeCounts | None = None


class HeldOutRatios(Record):
    """Where the log10 LRs of a calibration's own two populations lie, of models that were left out:
    the share of each between two neighbouring ``edges``, which rise.

    ``taught``: pairs of a model and the candidate that taught it; ``untaught``: of one that did
    not. What lies beyond the ends counts to them.
    """

    prompts: int
    edges: tuple[float, ...]
    taught: tuple[float, ...]
    untaught: tuple[float, ...]

    @model_validator(mode="after")
    def _fit(self) -> HeldOutRatios:
        """Raises ValueError for edges that fall, and shares that do not lie between them."""
        # Edges of a narrow span are equal once they are rounded.
        rising = all(a <= b for a, b in pairwise(self.edges)) and all(map(isfinite, self.edges))
        if len(self.edges) < 2 or not rising:
            raise ValueError("edges are two or more finite numbers that do not fall")
        for shares in (self.taught, self.untaught):
            if len(shares) != len(self.edges) - 1 or not all(0 <= s <= 1 for s in shares):
                raise ValueError("a share from 0 to 1 stands between each two edges")
        return self


class CalibrationSection(Record):
    """Which calibration weighed the findings, the population that it holds for, its error rates,
    and how this case differs.

    ``held_out`` is None in reports of before it was told, and where nothing could be left out.
    ``distance`` lists in words where the case lies outside of that population; empty where no
    difference was seen.
    """

    name: str
    sha256: str
    about: str
    created: str
    error_rates: tuple[ErrorRate, ...] = ()
    held_out: HeldOutRatios | None = None
    distance: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
