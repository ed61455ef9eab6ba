"""What an ordinary audit adds to a report: what asking until it is enough came to."""

from __future__ import annotations

from typing import ClassVar, Literal

from auditor.evidence.records import ReportSection
from fingerprints.records import Record


class SequentialRow(Record):
    """One vendor's bets: ``rate`` is the mean share of rival vendors below it on the suspect's
    answers, 0 to 1.

    ``more``: it is more like the vendor than all ``strangers`` stored strangers and than nineteen
    in twenty untaught models of the calibration; ``stranger`` is that rate. ``less``: it is less
    like it than nine in ten taught models (``taught``). The p-values hold however often one looked,
    and are raised for the number of vendors. ``after`` counts prompts until the decision.
    """

    vendor: str
    rate: float
    stranger: float
    strangers: int
    taught: float | None
    p_more: float
    p_less: float | None
    decision: Literal["more", "less", "open"]
    after: int | None


class SequentialSection(ReportSection):
    """What asking until it is enough came to: ``asked`` of ``planned`` questions, bets on
    ``prompts`` of them.

    ``alpha`` bounds the chance of any false decision among the vendors. Likeness is decided here,
    not teaching.
    """

    key: ClassVar[str] = "sequential"

    alpha: float
    planned: int
    asked: int
    stopped: bool
    prompts: int
    calibration: str | None
    rows: tuple[SequentialRow, ...]
