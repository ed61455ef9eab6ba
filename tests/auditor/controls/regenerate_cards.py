"""Rewrites the golden pages of cards and cohorts: python -m tests.auditor.controls.regenerate_cards"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from auditor.controls.card_page import card_page
from auditor.controls.cohort import load_cohort
from auditor.controls.cohort_page import cohort_page
from auditor.controls.cohort_view import overview
from tests.auditor.controls.cards import card, cohort, courses

GOLDEN = Path(__file__).parents[2] / "golden"


def main() -> None:
    """Writes them all."""
    (GOLDEN / "card-1.html").write_text(card_page(card(), courses()), encoding="utf-8", newline="\n")
    with TemporaryDirectory() as folder:
        found = overview("cohort", load_cohort(cohort(Path(folder))))
    (GOLDEN / "cohort-1.html").write_text(cohort_page(found), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
