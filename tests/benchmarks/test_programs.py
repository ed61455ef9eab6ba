"""Each benchmark is a program that tells what it does without any data."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.benchmarks.bench_same_base import main

FILES = sorted(Path(__file__).parent.glob("bench_*.py"))


def test_every_benchmark_reads_its_arguments() -> None:
    # Read as text: importing all of them takes half a minute.
    texts = {path.name: path.read_text("utf-8") for path in FILES}
    parsers = ("@click.command(", "@click.group(", "argparse.ArgumentParser(")
    assert [name for name, text in texts.items() if not any(p in text for p in parsers)] == []


def test_the_benchmark_of_one_base_has_a_help_page_that_needs_no_data(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AUDITOR_BENCH_DATA", raising=False)
    told = CliRunner().invoke(main, ["--help"])
    assert told.exit_code == 0
    assert "Usage:" in told.output
