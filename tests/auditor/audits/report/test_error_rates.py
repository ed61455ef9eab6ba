"""How often verdicts are wrong is told as it was counted, and what was not counted isn't told."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from auditor.audits.report.error_rates import error_rates, in_words
from auditor.calibration.figures import error_rate, figures_of
from auditor.calibration.record import shipped_calibrations
from auditor.calibration.rows import MeasuredRow
from auditor.evidence.error_rates import CalibrationSection, ErrorRate, OutcomeCounts
from auditor.reporting import markdown
from auditor.reporting.document import Document, name
from tests.auditor.reporting.example import report


def row(suspect: str, group: str, candidate: str, label: Literal[0, 1]) -> MeasuredRow:
    return MeasuredRow(
        suspect=suspect,
        group=group,
        start="",
        level="vendor",
        candidate=candidate,
        label=label,
        size=50,
        sources=(),
    )


HELD = (
    # Two models of one lineage, one of them found: the lineage is.
    (row("a1", "a", "vendor:x", 1), 1.2),
    (row("a2", "a", "vendor:x", 1), 0.4),
    (row("b", "b", "vendor:x", 1), 0.9),
    (row("c", "c", "vendor:x", 1), -1.0),
    (row("a1", "a", "vendor:y", 0), -1.5),
    (row("b", "b", "vendor:y", 0), 1.0),
    (row("d", "d", "vendor:x", 0), 1.4),
    (row("d", "d", "vendor:y", 0), 2.0),
    (row("e", "e", "vendor:x", 0), 0.99),
)


def rate() -> ErrorRate:
    rows, held = zip(*HELD, strict=True)
    (found,) = figures_of(rows, np.array(held), "lineage", facets=False)
    return error_rate(found)


def test_lineages_and_pairs_are_counted_at_the_level_of_a_verdict() -> None:
    told = rate().outcomes
    assert told is not None
    assert (told.found.lineages, told.found.of) == (1, 3)
    assert (told.cleared.lineages, told.cleared.of) == (1, 3)
    assert (told.false_alarms.lineages, told.false_alarms.of) == (2, 4)
    assert (told.pairs, told.pairs_supported, told.pairs_not_supported) == (5, 3, 1)
    assert told.found.interval == pytest.approx((0.0084, 0.9057), abs=1e-3)


def test_a_report_says_in_words_what_verdicts_find_and_whom_they_accuse() -> None:
    (sentence,) = in_words((rate(),))
    assert "at 50 prompts: of 3 lineages that a maker had taught, 1 (1 to 91 %) were" in sentence
    assert "1 (1 to 91 %) were wrongly not supported" in sentence
    assert "Of 5 pairs of a model and a maker that had not taught it 3 were wrongly" in sentence
    section = report(calibrated=True).calibration
    assert section is not None
    page = shown(section)
    assert "9 of 18 (0.260 to 0.740)" in page
    assert "0 of 130 pairs; lineages 0 of 26 (0.000 to 0.130)" in page


def test_rates_of_before_outcomes_were_counted_are_read_and_have_a_dash_there() -> None:
    old = rate().model_dump(mode="json")
    del old["outcomes"]
    read = ErrorRate.model_validate(old)
    assert read.outcomes is None
    assert list(in_words((read,))) == []
    section = report(calibrated=True).calibration
    assert section is not None
    page = shown(section.model_copy(update={"error_rates": (read,)}))
    assert "| – |" in page
    assert "How often such verdicts are wrong" not in page


def test_what_the_shipped_calibrations_would_have_said_is_what_the_readme_says() -> None:
    found: dict[str, OutcomeCounts] = {}
    for made in shipped_calibrations():
        largest = max(f.size for f in made.figures)
        first = next(f for f in made.figures if f.size == largest and f.facet == "all")
        assert first.outcomes is not None
        found[made.name] = first.outcomes
    english, japanese = found["english-2023"], found["japanese-2025"]
    assert (english.found.lineages, english.found.of) == (11, 21)
    assert (english.pairs_supported, english.pairs) == (0, 462)
    assert english.cleared.lineages == 0
    assert (japanese.found.lineages, japanese.found.of) == (7, 16)
    assert (japanese.pairs_supported, japanese.pairs) == (21, 2986)


def shown(section: CalibrationSection) -> str:
    made = error_rates(section)
    return markdown.render(
        Document("k", ("t",), name("s"), (), sections=(made,), record=dict, note="n")
    )
