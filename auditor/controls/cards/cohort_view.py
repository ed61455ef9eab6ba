"""A cohort arranged for reading: a row a control, its changes, and the ledger of all.

Page, terminal and JSON share it. Knows lineages and cards; knows no format.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auditor.controls.cards.card import CARD, Card, read_card
from auditor.controls.cards.card_view import headline
from auditor.controls.cohort import Cohort, Member
from auditor.controls.evaluation.figure import PairedFigure
from auditor.controls.teaching.ledger import Ledger, ledger_of
from fingerprints.records import Record

CHANGED = {"bits", "claims", "retention"}


class ControlRow(Record):
    """One control: its labels, the last loss, and the changes of three figures; None where there
    is no card or figure."""

    name: str
    role: str
    method: str
    teachers: tuple[str, ...]
    dose: float | None
    seed: int | None
    base: str
    evasions: tuple[str, ...]
    first_loss: float | None
    last_loss: float | None
    bits: PairedFigure | None
    claims: PairedFigure | None
    retention: PairedFigure | None

    def told(self) -> dict[str, Any]:
        """The row as JSON values."""
        return {
            **self.model_dump(mode="json", exclude=CHANGED),
            "change": self.model_dump(mode="json", include=CHANGED),
        }


@dataclass(frozen=True)
class Overview:
    """All rows of a cohort, those without a teacher first, and the ledger of those that have a
    card, a row a control."""

    name: str
    cohort_sha256: str
    rows: tuple[ControlRow, ...]
    ledger: Ledger
    carded: int

    def told(self) -> dict[str, Any]:
        """The overview as JSON values."""
        return {
            "cohort_sha256": self.cohort_sha256,
            "members": [row.told() for row in self.rows],
            "ledger": self.ledger.model_dump(mode="json"),
        }


def overview(name: str, cohort: Cohort) -> Overview:
    """Reads the cards that there are. Raises MalformedInput for a card that is none."""
    cards = {m.name: read_card(m.folder) if (m.folder / CARD).is_file() else None for m in cohort}
    rows = sorted((_row(m, cards[m.name]) for m in cohort), key=_order)
    costs = [
        c.ledger.total.model_copy(update={"name": key}) for key, c in cards.items() if c is not None
    ]
    return Overview(name, cohort.digest(), tuple(rows), ledger_of(costs), len(costs))


def _order(row: ControlRow) -> tuple[Any, ...]:
    return (
        row.base,
        bool(row.teachers),
        row.teachers,
        row.dose or 0.0,
        row.evasions,
        row.seed or 0,
        row.name,
    )


def _row(member: Member, card: Card | None) -> ControlRow:
    lineage = member.lineage
    bits, claims, retention = (None, None, None) if card is None else headline(card)
    named = lineage.base.name if lineage.base is not None else lineage.base_spec
    return ControlRow(
        name=member.name,
        role=lineage.role,
        method=lineage.method,
        teachers=member.teachers,
        dose=lineage.dose,
        seed=lineage.seed,
        base=named or "unknown",
        evasions=lineage.evasions,
        first_loss=None if card is None else card.first_loss,
        last_loss=None if card is None else card.last_loss,
        bits=bits,
        claims=claims,
        retention=retention,
    )
