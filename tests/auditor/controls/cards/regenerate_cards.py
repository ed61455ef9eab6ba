"""Rewrites the golden pages of cards and cohorts: python -m
tests.auditor.controls.cards.regenerate_cards"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from auditor.controls.cards.card_document import card_document
from auditor.controls.cards.cohort_document import cohort_document
from auditor.controls.cards.cohort_view import overview
from auditor.controls.cohort import load_cohort
from auditor.reporting import html
from tests.auditor.controls.cards.cards import card, cohort, courses

GOLDEN = Path(__file__).parents[3] / "golden"


def main() -> None:
    """Writes them all."""
    (GOLDEN / "card-1.html").write_text(
        html.render(card_document(card(), courses())), encoding="utf-8", newline="\n"
    )
    with TemporaryDirectory() as folder:
        found = overview("cohort", load_cohort(cohort(Path(folder))))
    (GOLDEN / "cohort-1.html").write_text(
        html.render(cohort_document(found)), encoding="utf-8", newline="\n"
    )


if __name__ == "__main__":
    main()
