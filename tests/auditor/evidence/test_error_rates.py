"""Where left-out ratios lie: what can't be drawn is no record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from auditor.audits.report.document import report_document
from auditor.audits.report.file import load_report
from auditor.errors import MalformedInput
from auditor.reporting import html
from auditor.reporting import json as as_json
from tests.auditor.reporting.example import report


def written(at: Path, **held_out: Any) -> Path:
    """A report whose left-out ratios are these."""
    value = json.loads(as_json.render(report_document(report(calibrated=True))))
    value["calibration"]["held_out"] |= held_out
    at.write_text(json.dumps(value), "utf-8")
    return at


@pytest.mark.parametrize(
    "held_out",
    [
        {"edges": []},
        {"edges": [0.0], "taught": [], "untaught": []},
        {"edges": [0.0, 1.0]},
        {"edges": [1.2, 0.6, 0.0, -0.6, -1.2]},
        {"taught": [0.5, 0.5]},
        {"untaught": [0.5, 0.5, 0.5, -0.5]},
    ],
)
def test_a_report_whose_populations_can_not_be_drawn_is_refused_and_no_page_breaks(
    held_out: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(MalformedInput, match="does not fit its schema"):
        load_report(written(tmp_path / "report.json", **held_out))


def test_edges_that_rounding_made_equal_are_drawn(tmp_path: Path) -> None:
    path = written(tmp_path / "report.json", edges=[0.0, 0.0, 0.001, 0.001, 0.001])
    assert "known to have learned from it" in html.render(report_document(load_report(path)))
