"""The calibration that ships, on simulated traffic that took no part in it."""

from __future__ import annotations

import json
from pathlib import Path

from auditor.audits.logs.benign import load_calibration, write_calibration
from auditor.audits.logs.plan import LogInput, ScanPlan
from auditor.audits.logs.run import scan
from auditor.labs.traffic.settings import load_settings
from auditor.labs.traffic.simulate import simulate
from detectors.extraction.calibration import BenignTraffic


def test_it_says_that_it_is_simulated_and_is_large_enough_to_find_one_account() -> None:
    shipped = load_calibration(None)
    assert shipped.simulated
    # One of a thousand judged accounts, alone, is found at a level of 5 % by p <= 5e-5.
    assert shipped.floor < 5.1e-5


def test_a_calibration_is_written_one_line_a_field_and_read_as_it_was(tmp_path: Path) -> None:
    shipped = load_calibration(None)
    write_calibration(tmp_path / "again.json", shipped)
    assert load_calibration(tmp_path / "again.json") == shipped
    lines = (tmp_path / "again.json").read_text("utf-8").splitlines()
    assert len(lines) == len(BenignTraffic.model_fields) + 2


def test_a_hydra_and_a_single_account_are_found_and_nobody_else(tmp_path: Path) -> None:
    simulate(load_settings("small"), 3, tmp_path)
    found = scan(ScanPlan(log=LogInput((str(tmp_path / "log.parquet"),))))
    lines = (tmp_path / "truth.jsonl").read_text("utf-8").splitlines()
    truth = {row["account"]: row["campaign"] for row in map(json.loads, lines) if row["rows"]}
    listed = {account.account for account in found.listed if account.status == "found"}
    assert listed == {account for account, campaign in truth.items() if campaign}
