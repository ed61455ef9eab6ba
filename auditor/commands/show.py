"""`auditor control show`: what one control learned, or what a whole cohort of them did."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from auditor.commands.options import AS_JSON
from auditor.console import put, put_json, say
from auditor.controls.cards.card import CARD, Card, read_card
from auditor.controls.cards.card_page import card_page
from auditor.controls.cards.card_terminal import card_text, cohort_text
from auditor.controls.cards.cohort_page import cohort_page
from auditor.controls.cards.cohort_view import overview
from auditor.controls.cards.courses import read_courses
from auditor.controls.cohort import load_cohort
from auditor.reporting.rows import coloured
from fingerprints.durable import replacing
from fingerprints.errors import MalformedInput


@click.command(short_help="Print a control's data card, or cohorts side by side.")
@click.argument("folder", metavar="DIR")
@click.option(
    "--html", "page", metavar="FILE", help="Write the page with its plots to FILE besides."
)
@AS_JSON
def show(folder: str, page: str | None, as_json: bool) -> int:
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
    if (path / CARD).is_file():
        _show_card(path, page, as_json)
    else:
        _show_cohort(path, page, as_json)
    return 0


def tell_card(card: Card, folder: Path, as_json: bool) -> None:
    """Prints a card on stdout: for a terminal, or as JSON. Raises MalformedInput for a journal
    beside it that is none."""
    if as_json:
        put_json(card.model_dump(mode="json"))
    else:
        put(
            card_text(
                card,
                read_courses(folder),
                colour=coloured(sys.stdout),
                encoding=sys.stdout.encoding or "utf-8",
            )
        )


def _show_card(folder: Path, page: str | None, as_json: bool) -> None:
    card = read_card(folder)
    tell_card(card, folder, as_json)
    if page is not None:
        _write(Path(page), card_page(card, read_courses(folder)))


def _show_cohort(folder: Path, page: str | None, as_json: bool) -> None:
    try:
        found = overview(folder.resolve().name, load_cohort(folder))
    except MalformedInput as error:
        if error.where == str(folder) and folder.is_dir():
            read_card(folder)
        raise
    if as_json:
        put_json(found.told())
    else:
        put(
            cohort_text(found, colour=coloured(sys.stdout), encoding=sys.stdout.encoding or "utf-8")
        )
    if page is not None:
        _write(Path(page), cohort_page(found))


def _write(path: Path, text: str) -> None:
    with replacing(path) as file:
        file.write(text.encode("utf-8"))
    say(f"written: {path}")
