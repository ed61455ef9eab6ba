"""A recording of a million rows is read in the memory of a few: what it holds does not grow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tree import ROOT

LIMIT, GROWTH = 300 << 20, 24 << 20
READ = """
import re, sys
from pathlib import Path
from fingerprints.recordings.reading import AnswerReader

# Of this program alone: what getrusage tells begins with the peak of whoever began it.
peak = lambda: int(re.search("VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024
reader, early = AnswerReader(Path(sys.argv[1])), 0
for n, row in enumerate(reader.rows(), 1):
    if n == int(sys.argv[2]) // 10:
        early = peak()
print(n, early, peak())
"""


def written(path: Path, rows: int) -> Path:
    """So many answers, each another one."""
    said = "an answer of some length, as short answers of chat models are, number "
    with path.open("w", encoding="utf-8") as file:
        for i in range(rows):
            row = {"prompt": f"Question {i}?", "response": f"{said}{i}", "model": "m"}
            file.write(json.dumps(row) + "\n")
    return path


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "rows", [50_000, pytest.param(1_000_000, marks=pytest.mark.slow)], ids=["few", "million"]
)
def test_rows_are_read_one_by_one_however_many(rows: int, tmp_path: Path) -> None:
    path = written(tmp_path / "answers.jsonl", rows)
    command = [sys.executable, "-c", READ, str(path), str(rows)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    read, early, peak = map(int, done.stdout.split())
    assert read == rows
    assert peak < LIMIT
    assert peak - early < GROWTH
