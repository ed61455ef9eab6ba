"""Short codes as people read them, and long lists told shortly."""

from __future__ import annotations

import pytest

from auditor.audits.report import view
from auditor.evidence.records import Skipped
from auditor.reporting import labels
from detectors.base import Bar, Cell, Chart, Table
from fingerprints.records import Arm
from tests.auditor.reporting.example import rendered as render
from tests.auditor.reporting.example import report


def table(columns: tuple[str, ...], *rows: tuple[Cell, ...]) -> Table:
    return Table(title="t", columns=columns, rows=rows)


def test_every_arm_has_words() -> None:
    assert set(labels.ARMS) == {a.value for a in Arm}


def test_groups_of_a_chart_are_put_into_words_only_where_all_are_arms() -> None:
    bars = tuple(Bar(label="x", value=1.0, group=g) for g in ("own", "empty"))
    made = Chart(kind="dots", title="t", x_label="x", bars=bars)
    assert [b.group for b in labels.chart(made).bars] == [
        "its own system prompt",
        "empty system prompt",
    ]
    vendors = made.model_copy(update={"bars": (*bars, Bar(label="x", value=1.0, group="hillside"))})
    assert labels.chart(vendors) == vendors


def test_arms_intervals_and_ranks_of_a_table_are_put_into_words() -> None:
    made = labels.table(
        table(("arm", "rate", "low", "high", "rank", "of"), ("own", 0.25, 0.0, 0.5, 2, 12))
    )
    assert made.columns == ("asked with", "rate", "low to high", "rank")
    assert made.rows == (("its own system prompt", 0.25, "(0.000 to 0.500)", "2 of 12"),)
    assert labels.numeric(made) == {1}


def test_a_table_whose_rows_do_not_fit_its_columns_is_left_alone() -> None:
    made = table(("rate", "low", "high"), (0.25, 0.0))
    assert labels.table(made) == made


def test_a_gap_in_an_interval_or_a_rank_is_shown_as_one() -> None:
    made = labels.table(table(("low", "high", "rank", "of"), (None, 0.5, None, 12)))
    assert made.rows == (("–", "–"),)


def test_a_strangers_word_in_the_column_of_arms_stays_a_strangers() -> None:
    cell = labels.table(table(("arm",), ("<b>",))).rows[0][0]
    assert cell == "<b>"
    assert not isinstance(cell, labels.Shown)


@pytest.mark.parametrize("format", ["html", "markdown"])
def test_exhibits_tell_their_system_prompt_in_words(format: str) -> None:
    text = render(report(), format)
    for expected in ("its own system prompt", "empty system prompt", "neutral system prompt"):
        assert expected in text


def test_skipped_detectors_are_grouped_by_detector_and_reason() -> None:
    rows = [
        Skipped(question="inheritance", detector="d", candidate=c, reason="r")
        for c in ("a", "b", "c", "d", None)
    ]
    other = Skipped(question="inheritance", detector="d", candidate=None, reason="other")
    first, second = view.unmeasured([*rows, other])
    assert first.who == "4 candidates (a, b, c and 1 more) and the suspect alone"
    assert second.who == ""


def test_findings_are_grouped_with_the_suspect_alone_first_and_then_by_rank() -> None:
    found = view.by_detector(reversed(report().findings))
    assert [(g.detector, g.alone) for g in found] == [
        ("answer_drift", True),
        ("stylistic_overlap", False),
        ("self_identification", False),
    ]
    assert [f.rank.position for f in found[2].findings if f.rank] == [1, 2, 3]


def test_verdicts_with_a_weight_are_never_told_as_one() -> None:
    weighed = report(calibrated=True).verdicts
    assert view.unanimous(report().verdicts) == "not_assessable"
    assert view.unanimous(weighed) is None
    assert view.unanimous(weighed[:1]) is None
    assert view.unanimous(()) is None


def test_the_numbers_of_a_column_share_their_decimals_unless_a_small_one_would_lose_its_digits() -> (
    None
):
    made = table(
        ("a", "b", "c", "d"), (95.15, 95.15, 7, "x"), (7.45, 0.012, 8, "y"), (0.0, None, None, None)
    )
    assert labels.decimals(made) == (2, None, None, None)
