"""A comparison of weights starts without the libraries that it does not ask."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[4]
HEAVY = ("sklearn", "scipy.stats", "scipy.optimize", "torch", "transformers", "faiss")


def test_the_command_loads_no_library_of_other_audits() -> None:
    code = f"import sys, auditor.commands.lineage; print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
