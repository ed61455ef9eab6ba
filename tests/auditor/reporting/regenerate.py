"""Rewrites the golden files and the shipped JSON Schema: python -m
tests.auditor.reporting.regenerate"""

from __future__ import annotations

from pathlib import Path

from auditor.audits.report.file import schema
from auditor.reporting.json import pretty
from tests.auditor.reporting.example import EXAMPLES
from tests.auditor.reporting.example import rendered as render

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden"
SCHEMA_FILE = ROOT / "auditor" / "schemas" / "report-1.json"
SUFFIX = {"json": "json", "html": "html", "markdown": "md"}


def golden(name: str, format: str) -> Path:
    """Where the golden file of a report and a format lies."""
    return GOLDEN / f"report-1-{name}.{SUFFIX[format]}"


def main() -> None:
    """Writes them all."""
    SCHEMA_FILE.write_text(pretty(schema()), encoding="utf-8")
    for name, made in EXAMPLES.items():
        for format in SUFFIX:
            golden(name, format).write_text(render(made(), format), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
