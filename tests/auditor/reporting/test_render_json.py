"""report.json: canonical bytes, the shipped schema, and refusals on the way back."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from auditor.audits.report.file import load_report, schema
from auditor.errors import MalformedInput
from auditor.evidence.records import SCHEMA
from auditor.reporting.json import pretty
from tests.auditor.reporting.example import in_json as render
from tests.auditor.reporting.example import report
from tests.auditor.reporting.regenerate import SCHEMA_FILE, golden

PROMISED = {
    "findings": {
        "question",
        "detector",
        "candidate",
        "value",
        "n",
        "interval",
        "log10_lr",
        "cap",
        "words",
        "exhibits",
    }
    | {"calibration"},
    "skipped": {"question", "detector", "candidate", "reason"},
    "verdicts": {
        "question",
        "candidate",
        "outcome",
        "log10_lr",
        "interval",
        "cap",
        "words",
        "p_value",
        "n_controls",
    },
}


def test_the_shipped_schema_is_the_one_that_the_records_make() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == pretty(schema())


@pytest.mark.parametrize("name", ["uncalibrated", "calibrated"])
def test_golden_reports_fit_the_shipped_schema(name: str) -> None:
    shipped = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(shipped)
    value = json.loads(golden(name, "json").read_text(encoding="utf-8"))
    jsonschema.validate(value, shipped, cls=jsonschema.Draft202012Validator)
    value["findings"][0]["n"] = "sixty"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value, shipped, cls=jsonschema.Draft202012Validator)


def test_the_names_that_other_programs_read_are_there() -> None:
    value = json.loads(render(report(calibrated=True)))
    assert value["schema"] == SCHEMA
    assert {"subject", "plan", "limits"} <= set(value)
    assert {"spec", "identity"} <= set(value["subject"])
    for part, names in PROMISED.items():
        assert names <= set(value[part][0]), part


def test_uncalibrated_findings_have_nulls_and_not_numbers() -> None:
    for finding in json.loads(render(report()))["findings"]:
        assert [finding[k] for k in ("log10_lr", "cap", "words", "calibration")] == [None] * 4


def test_json_is_sorted_indented_utf8_with_a_final_newline() -> None:
    text = render(report())
    assert text == json.dumps(json.loads(text), sort_keys=True, indent=2, ensure_ascii=False) + "\n"
    assert "العربية" in text


def test_a_number_that_is_not_finite_is_never_written() -> None:
    first = report().findings[0].model_copy(update={"value": float("nan")})
    with pytest.raises(ValueError, match="not JSON compliant"):
        render(report().model_copy(update={"findings": (first,)}))


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(render(report(calibrated=True)), encoding="utf-8")
    assert load_report(path) == report(calibrated=True)


def mutate(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(render(report())) | changes), encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "is not JSON"),
        (b"\xff\xfe\x00", "is not JSON"),
        (b"[" * 200_000, "is not JSON"),
        (b'{"schema": NaN}', "NaN is not a JSON number"),
        (b'{"schema": 1, "schema": 2}', "a key stands twice"),
        (b"[]", "is not a report"),
        (b'{"schema": "https://example.org/report-9.json"}', "this version can't read"),
        (b'{"schema": "\x1b[2J"}', "is not JSON"),
    ],
)
def test_a_file_that_is_no_report_is_refused_in_one_clean_line(
    tmp_path: Path, content: bytes, what: str
) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(content)
    with pytest.raises(MalformedInput) as caught:
        load_report(path)
    line = caught.value.line()
    assert what in line
    assert "report.json" in line
    assert "\n" not in line
    assert "\x1b" not in line


def test_a_field_that_does_not_fit_is_named(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    mutate(
        path, verdicts=[{"question": "inheritance", "candidate": None, "outcome": "guilty as sin"}]
    )
    with pytest.raises(MalformedInput, match=r"verdicts\.0\.outcome"):
        load_report(path)
    mutate(path, extra=1)
    with pytest.raises(MalformedInput, match="extra"):
        load_report(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(MalformedInput, match="no such file"):
            load_report(path)
