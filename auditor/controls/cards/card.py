"""The data card of a control: what it imitates, what it learned from whom, what it cost and what
changed. JSON, Markdown, HTML.

Holds numbers and names, never an answer's text. Knows the records; computes nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from auditor.controls.cards.card_document import card_document
from auditor.controls.cards.courses import read_courses
from auditor.controls.curation.curate import CurationReport
from auditor.controls.evaluation.evaluate import PairedFigure
from auditor.controls.lineage import Lineage
from auditor.controls.recipe import Recipe
from auditor.controls.teaching.ledger import Ledger
from auditor.controls.teaching.teach import SourceReport
from auditor.labs.rewards.reward_told import RewardTold
from auditor.reporting import html, markdown
from fingerprints.durable import replacing
from fingerprints.errors import MalformedInput
from fingerprints.records import Record

CARD, TEXT, PAGE = "card.json", "card.md", "card.html"
LARGEST_FILE = 16_000_000


class Card(Record):
    """Everything that a reader of a control wants to know; ``card.md`` and ``card.html`` are views
    of it.

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


def write_card(folder: Path, card: Card) -> None:
    """Writes ``card.md``, ``card.html``, then ``card.json``, each whole or not at all.

    They draw the training from the journals in the folder. Raises MalformedInput for a journal
    that is none.
    """
    told = json.dumps(card.model_dump(mode="json"), ensure_ascii=False, indent=2)
    document = card_document(card, read_courses(folder))
    views = ((TEXT, markdown.render(document)), (PAGE, html.render(document)))
    for name, text in (*views, (CARD, told + "\n")):
        with replacing(folder / name) as file:
            file.write(text.encode("utf-8"))


def read_card(folder: Path) -> Card:
    """The card in a control's folder. Raises MalformedInput where it is missing or none."""
    path = folder / CARD
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise MalformedInput(
                f"larger than {LARGEST_FILE:,} bytes",
                where=path,
                next_step="train the control again",
            )
        return Card.model_validate_json(path.read_bytes())
    except OSError as error:
        raise MalformedInput(
            "no finished control is here",
            where=path,
            next_step="train it with `auditor control train`",
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise MalformedInput(
            f"not a card: {place}: {first['msg']}", where=path, next_step="train the control again"
        ) from error
