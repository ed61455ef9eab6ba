"""`auditor control show`: what one control learned, or what a whole cohort of them did."""

from __future__ import annotations

from pathlib import Path

import click

from auditor.commands.documents import PAGE, in_format, show_document
from auditor.commands.options import AS_JSON
from auditor.controls.cards.card import CARD, read_card
from auditor.controls.cards.card_document import card_document
from auditor.controls.cards.cohort_document import cohort_document
from auditor.controls.cards.cohort_view import overview
from auditor.controls.cards.courses import read_courses
from auditor.controls.cohort import load_cohort
from auditor.reporting.document import Document
from fingerprints.errors import MalformedInput


@click.command(short_help="Print a control's data card, or cohorts side by side.")
@click.argument("folder", metavar="DIR")
@PAGE
@in_format
@AS_JSON
def show(folder: str, page: str | None, form: str, as_json: bool) -> int:
    """Print a control's data card: what it learned from whom, what it cost, and what changed; or a
    cohort's, side by side.

    DIR is a control's folder, or a folder of several (a ladder's, or checkpoints of known history
    with a lineage.json each).

    \b
    Examples:
      auditor control show controls/a
      auditor control show controls/a --json
      auditor control show cohort --html cohort.html
    """
    path = Path(folder)
    document = shown_card(path) if (path / CARD).is_file() else _shown_cohort(path)
    show_document(document, form, as_json, page)
    return 0


def shown_card(folder: Path) -> Document:
    """The card in a control's folder. Raises MalformedInput for a journal beside it that is
    none."""
    return card_document(read_card(folder), read_courses(folder))


def _shown_cohort(folder: Path) -> Document:
    try:
        return cohort_document(overview(folder.resolve().name, load_cohort(folder)))
    except MalformedInput as error:
        if error.where == str(folder) and folder.is_dir():
            read_card(folder)
        raise
