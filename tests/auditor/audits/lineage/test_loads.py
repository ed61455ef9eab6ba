"""A comparison of weights starts without the libraries that it does not ask, and with no more
threads than help it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from auditor.audits.lineage import run
from tests.auditor.audits.lineage.relatives import base

ROOT = Path(__file__).parents[4]
HEAVY = ("sklearn", "scipy.stats", "scipy.optimize", "torch", "transformers", "faiss")


def test_the_command_loads_no_library_of_other_audits() -> None:
    code = f"import sys, auditor.commands.lineage; print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("narrow", [True, False])
def test_small_products_are_made_by_one_thread_and_large_ones_by_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, narrow: bool
) -> None:
    model, seen, judged = base(tmp_path / "base"), [], run.judged

    def threads() -> set[int]:
        return {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}

    def looked(*given: Any) -> Any:
        seen.append(threads())
        return judged(*given)

    monkeypatch.setattr(run, "judged", looked)
    if not narrow:
        monkeypatch.setattr(run, "NARROW", 1)
    with threadpool_limits(limits=2, user_api="blas"):
        run.lineages(str(model), [str(model)])
        assert threads() == {2}
    assert seen == [{1} if narrow else {2}]
