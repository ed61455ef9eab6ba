"""The fault matrix of docs/faults.md names tests that exist; and faults that belong to no module."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from auditor.audits.inheritance.audit import audit
from auditor.sealing.keys import file_signer, new_key
from auditor.sealing.seal import seal_report
from auditor.sealing.signing import Signing
from fingerprints.transcript import load_transcript
from tests.recordings import answers_of, stored, write_jsonl

ROOT = Path(__file__).parents[1]
ROW = re.compile(r"^\| ([A-H]\d+) \| ([^|]+) \| ([^|]+) \|$", re.M)


def rows() -> list[tuple[str, str, str]]:
    return ROW.findall((ROOT / "docs" / "faults.md").read_text("utf-8"))


def test_the_matrix_has_115_faults_each_with_a_test_or_a_reason() -> None:
    told = rows()
    assert len({number for number, _, _ in told}) == len(told) == 115
    assert all(fault.strip() and cell.strip() for _, fault, cell in told)


def test_every_test_that_the_matrix_names_exists() -> None:
    named = {t for _, _, cell in rows() for t in re.findall(r"`([\w/]+\.py::\w+)`", cell)}
    assert len(named) > 120
    for place in sorted(named):
        path, _, name = place.partition("::")
        text = (ROOT / "tests" / path).read_text("utf-8")
        assert re.search(rf"^def {name}\(", text, re.M), place


def test_a_clock_that_goes_backwards_changes_no_answer_and_no_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suspect = write_jsonl(tmp_path / "suspect.jsonl", answers_of("beta", seed=9))
    store = str(stored(tmp_path))
    before = audit(str(suspect), tmp_path / "a", store=store, calibration="none")
    # From beyond 2038 back, an hour at every look.
    seconds = itertools.count(2**32, -3600)
    monkeypatch.setattr(time, "time", lambda: float(next(seconds)))
    after = audit(str(suspect), tmp_path / "b", store=store, calibration="none")
    assert after.id == before.id
    assert after.findings == before.findings
    one, two = (load_transcript(tmp_path / d / "transcript.jsonl") for d in "ab")
    assert one.digest() == two.digest()
    assert two.complete


def test_without_assertions_a_tampering_is_found_all_the_same(tmp_path: Path) -> None:
    suspect = write_jsonl(tmp_path / "suspect.jsonl", answers_of("beta", seed=9))
    report = tmp_path / "r"
    audit(str(suspect), report, store=str(stored(tmp_path)), calibration="none")
    new_key(tmp_path / "key")
    seal_report(report, Signing(file_signer(tmp_path / "key")))

    def verified() -> int:
        words = ["verify", str(report), "--key", str(tmp_path / "key.pub")]
        return subprocess.run(
            [sys.executable, "-O", "-m", "auditor", *words],
            cwd=ROOT,
            capture_output=True,
            check=False,
        ).returncode

    assert verified() == 0
    plan = report / "plan.yaml"
    plan.write_text(plan.read_text("utf-8") + "# more\n", "utf-8")
    assert verified() == 8
