"""The data card of a control: what it imitates, what it learned from whom, what it cost and what
changed. A record; `card_document` makes the pages of it.

Holds numbers and names, never an answer's text. Knows the records; computes nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from auditor.controls.cards.migration import migrated
from auditor.controls.cards.rewards import RewardTold
from auditor.controls.curation.curate import CurationReport
from auditor.controls.evaluation.figure import PairedFigure
from auditor.controls.lineage import Lineage
from auditor.controls.recipe import Recipe
from auditor.controls.teaching.ledger import Ledger
from auditor.controls.teaching.teach import SourceReport
from fingerprints.record_files import RecordFile
from fingerprints.records import Record

CARD, TEXT, PAGE = "card.json", "card.md", "card.html"


class Card(Record):
    """All that a reader of a control wants to know; ``card.md`` and ``card.html`` are views of it.

    Losses are in nats a token. ``rewards`` is there where no teacher spoke but a reward; the losses
    are then those of the warm-up, None without one.
    """

    format: Literal["card/1"] = "card/1"
    recipe: Recipe
    lineage: Lineage
    curation: CurationReport
    sources: tuple[SourceReport, ...]
    held_out: int
    steps: int
    learned_tokens: int
    truncated: int
    left_out: int
    counts: dict[str, int] = Field(default_factory=dict)
    first_loss: float | None
    last_loss: float | None
    device: str
    precision: str
    ledger: Ledger
    figures: tuple[PairedFigure, ...]
    rewards: RewardTold | None = None


def read_card(folder: Path) -> Card:
    """The card in a control's folder. Raises MalformedInput where it is missing or none."""
    return _FILE.read(folder / CARD)


_FILE = RecordFile(
    Card,
    "not a card",
    "train the control with `auditor control train`",
    absent="no finished control is here",
    migrate=migrated,
)
