"""Calibrations of the old format: read by ids, with the very numbers that they always had."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from auditor.calibration.migration import IDS, migrated
from auditor.calibration.record import SHIPPED as SHIPPED_NAMES
from auditor.calibration.record import Calibration, read_calibration, write_calibration
from fingerprints.errors import MalformedInput

ROOT = Path(__file__).parents[3]
OLD = ROOT / "tests" / "golden" / "calibration-1.json"
THEN = ROOT / "tests" / "golden" / "calibration-2-small-controls.json"
SHIPPED = ROOT / "auditor" / "calibration" / "shipped"


def old() -> dict[str, Any]:
    value: dict[str, Any] = json.loads(OLD.read_text(encoding="utf-8"))
    return value


def test_a_calibration_of_the_old_format_opens_with_ids_for_sentences() -> None:
    read = read_calibration(OLD)
    assert read.format == "calibration/2"
    assert [f.metric_ids for f in read.fitted] == [{"movement": "movement_standardised"}] * 4


def test_it_is_the_one_of_then_and_nothing_but_the_names_of_metrics_has_moved() -> None:
    shipped = read_calibration(THEN)
    assert read_calibration(OLD) == shipped
    now, then = json.loads(THEN.read_text(encoding="utf-8")), old()
    for fit in (*now["fitted"], *then["fitted"]):
        assert (fit.pop("metrics", None) is None) is not (fit.pop("metric_ids", None) is None)
    assert (then.pop("format"), now.pop("format")) == ("calibration/1", "calibration/2")
    assert now == then


@pytest.mark.parametrize("name", SHIPPED_NAMES)
def test_what_is_shipped_is_what_is_written_now(name: str, tmp_path: Path) -> None:
    path = SHIPPED / f"{name}.json"
    write_calibration(tmp_path / "again.json", read_calibration(path))
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()


def test_a_sentence_of_a_plug_in_gets_the_id_of_a_detector_with_one_number() -> None:
    value = old()
    value["fitted"][0]["metrics"] = {"movement": "what a plug-in counts"}
    read = Calibration.model_validate(migrated(value))
    assert read.fitted[0].metric_ids == {"movement": ""}


@pytest.mark.parametrize(
    "value",
    [
        [],
        "calibration/1",
        {"format": "calibration/1"},
        {"format": "calibration/1", "fitted": 7},
        {"format": "calibration/1", "fitted": [7, {"metrics": 3}, {"metrics": {"a": []}}]},
        {"format": "calibration/3", "fitted": []},
    ],
)
def test_what_is_no_calibration_stays_none(value: object, tmp_path: Path) -> None:
    path = tmp_path / "odd.json"
    path.write_text(json.dumps(value), encoding="utf-8")
    with pytest.raises(MalformedInput, match="not a calibration"):
        read_calibration(path)


def test_every_id_that_is_read_is_one_that_a_detector_writes() -> None:
    written = {
        node.value
        for path in (ROOT / "detectors").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    spelled = {i for i in IDS.values() if not i.startswith("author_score_over_")}
    assert spelled <= written
    assert all(re.fullmatch(r"[a-z0-9_]+", i) for i in IDS.values())
