"""A renderer of a third party, installed as a distribution: it renders a report and a card, and
knows neither."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from auditor.controls.cards.card_document import write_card
from tests.auditor.controls.cards.cards import card

GOLDEN = Path(__file__).parents[2] / "golden"
OUTLINE = """
from auditor.reporting.document import Document, plain, sections

def outline(document: Document) -> str:
    heads = [s.title for s in sections(document, "full")]
    return "\\n".join([plain(document.title), *(f"* {head}" for head in heads)])
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of installed packages that holds one distribution with a renderer."""
    site = tmp_path / "site"
    info = site / "outline_renderer-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "outline_renderer.py").write_text(OUTLINE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outline-renderer\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[auditor.renderers]\noutline = outline_renderer:outline\n"
    )
    return site


def told(site: Path, *argv: str) -> list[str]:
    path = os.pathsep.join([str(site), str(Path(__file__).parents[3])])
    command = [sys.executable, "-m", "auditor", *argv, "--format", "outline"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


def test_an_installed_renderer_renders_a_report(site: Path) -> None:
    lines = told(site, "report", str(GOLDEN / "report-1-calibrated.json"))
    assert lines[0] == "Provenance audit of river-3b-instruct"
    assert {"* Answers", "* Error rates", "* Candidates", "* Glossary"} <= set(lines)


def test_the_same_renderer_renders_a_card(site: Path, tmp_path: Path) -> None:
    write_card(tmp_path, card())
    lines = told(site, "control", "show", str(tmp_path))
    assert lines[0] == "Control example"
    assert {"* Before and after", "* Training", "* Costs"} <= set(lines)
