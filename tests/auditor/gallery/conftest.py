"""A folder of reports as a gallery finds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.audits.report.document import report_document
from auditor.reporting import json as as_json
from tests.auditor.reporting.example import exact_report, report


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four reports, one of which can't be read, and one more behind a link."""
    root = tmp_path_factory.mktemp("reports")
    made = {
        "a/calibrated": report(calibrated=True),
        "a/uncalibrated": report(),
        "b": exact_report(),
    }
    for place, told in made.items():
        (root / place).mkdir(parents=True)
        (root / place / "report.json").write_text(as_json.render(report_document(told)), "utf-8")
    (root / "broken").mkdir()
    (root / "broken" / "report.json").write_text('{"schema": "<script>alert(1)</script>"}')
    outside = tmp_path_factory.mktemp("outside")
    (outside / "report.json").write_text((root / "b" / "report.json").read_text("utf-8"), "utf-8")
    (root / "linked").symlink_to(outside)
    (root / "c").mkdir()
    (root / "c" / "report.json").symlink_to(outside / "report.json")
    return root
