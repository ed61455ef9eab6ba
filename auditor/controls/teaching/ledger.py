"""What a control cost: answers, tokens, seconds, known prices, estimated energy.

Counts every answer that was asked for, those that were later rejected too, at what it took when it
was given (an answer from the cache counts again). Knows numbers; knows no model.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Self

from pydantic import model_validator

from fingerprints.records import Record, Reply

WATTS = {"cpu": 65.0, "cuda": 350.0, "mps": 30.0}
"""Assumed draw of a whole device at work: a desktop processor's, a data-centre GPU's, a laptop
chip's usual rating."""
ENERGY_BASIS = (
    "estimate: seconds × an assumed draw of 65 W (processor), 350 W (CUDA) or 30 W (Apple); nothing"
    " was metered"
)


class LedgerRow(Record):
    """One source of cost. None: unknown, as a recording's tokens or an endpoint's energy."""

    name: str
    answers: int = 0
    failed: int = 0
    tokens_in: int | None = None
    tokens_out: int | None = None
    seconds: float | None = None
    cost: float | None = None
    energy_wh_estimate: float | None = None


NUMBERS = ("tokens_in", "tokens_out", "seconds", "cost", "energy_wh_estimate")


class Ledger(Record):
    """Rows and their total; a total that isn't the sum of its rows is refused.

    What a row doesn't know counts as nothing in the total, which is None where no row knows it.
    """

    rows: tuple[LedgerRow, ...] = ()
    total: LedgerRow
    energy_basis: str = ENERGY_BASIS

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        meant = total_of(self.rows)
        for name in ("answers", "failed", *NUMBERS):
            one, other = getattr(meant, name), getattr(self.total, name)
            if (one is None) != (other is None) or (
                one is not None and not math.isclose(one, other, abs_tol=1e-6)
            ):
                raise ValueError(f"the ledger doesn't add up: {name}")
        return self


def total_of(rows: Sequence[LedgerRow]) -> LedgerRow:
    """The sum of rows, under the name ``total``."""
    sums = {name: _sum(getattr(row, name) for row in rows) for name in NUMBERS}
    answers, failed = sum(row.answers for row in rows), sum(row.failed for row in rows)
    return LedgerRow.model_validate({"name": "total", "answers": answers, "failed": failed, **sums})


def ledger_of(rows: Iterable[LedgerRow]) -> Ledger:
    """A ledger of rows with their total."""
    held = tuple(rows)
    return Ledger(rows=held, total=total_of(held))


def answers_row(
    name: str,
    replies: Sequence[Reply],
    device: str,
    price_in: float | None = None,
    price_out: float | None = None,
) -> LedgerRow:
    """What one source's answers took. Prices are per million tokens; no cost without both."""
    tokens_in, tokens_out = _sum(r.tokens_in for r in replies), _sum(r.tokens_out for r in replies)
    seconds = _sum(r.seconds for r in replies)
    cost: float | None = None
    if (
        price_in is not None
        and price_out is not None
        and tokens_in is not None
        and tokens_out is not None
    ):
        cost = round((tokens_in * price_in + tokens_out * price_out) / 1e6, 6)
    return LedgerRow(
        name=name,
        answers=sum(r.readable for r in replies),
        failed=sum(not r.readable for r in replies),
        tokens_in=None if tokens_in is None else int(tokens_in),
        tokens_out=None if tokens_out is None else int(tokens_out),
        seconds=None if seconds is None else round(seconds, 3),
        cost=cost,
        energy_wh_estimate=energy(seconds, device),
    )


def energy(seconds: float | None, device: str) -> float | None:
    """Watt-hours by the device's assumed draw; None where seconds or device are unknown."""
    watts = WATTS.get(device)
    return None if seconds is None or watts is None else round(seconds * watts / 3600, 6)


def _sum(values: Iterable[float | int | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
