"""`auditor calibrate` as a person meets it: a cohort in, a file with error rates out, an audit
that uses it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from auditor.calibration.document import calibration_document
from auditor.calibration.record import (
    Calibration,
    read_calibration,
    shipped_calibrations,
    write_calibration,
)
from auditor.cli import run
from auditor.reporting import html, terminal
from fingerprints.errors import MalformedInput
from tests.auditor.calibration.population import (
    PROMPTS,
    student,
    write_cohort,
    write_store,
    write_transcript,
)

pytestmark = pytest.mark.timeout(400)  # the population is measured once, on a busy machine slowly


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_store(tmp_path_factory.mktemp("store") / "teachers")


def test_a_cohort_becomes_a_calibration_and_an_audit_uses_it(
    store: Path, calibration: Calibration, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cohort, out, page = (
        write_cohort(tmp_path / "cohort"),
        tmp_path / "made.json",
        tmp_path / "made.html",
    )
    flags = [
        "--store",
        str(store),
        "--detectors",
        "neighbours",
        "--prompts",
        str(PROMPTS),
        "--about",
        "invented authors",
    ]
    assert run(["calibrate", str(cohort), *flags, "--out", str(out), "--html", str(page)]) == 0
    told = capsys.readouterr().out
    assert "Cllr" in told
    assert "lineage" in told
    made = read_calibration(out)
    assert (made.name, made.population.about) == ("cohort", "invented authors")
    assert {f.level for f in made.fitted} == {"vendor"}
    assert "Tippett curves" in page.read_text("utf-8")
    assert 'class="reference"' in page.read_text("utf-8")  # even odds

    suspect = write_transcript(tmp_path / "suspect.jsonl", student(777, 3))
    audit = [
        "audit",
        str(suspect),
        "--store",
        str(store),
        "--out",
        str(tmp_path / "report"),
        "--detectors",
        "neighbours",
    ]
    assert run([*audit, "--calibration", str(out)]) == 0
    report = json.loads((tmp_path / "report" / "report.json").read_text("utf-8"))
    told_of = {v["candidate"]: v for v in report["verdicts"]}
    assert told_of["vendor:vendor-3"]["log10_lr"] > 0.5
    assert told_of["vendor:vendor-3"]["calibration"] == "cohort"
    assert report["calibration"]["error_rates"]
    assert report["answers"][0]["conclusion"] in ("supported", "inconclusive")
    assert "Error rates" in (tmp_path / "report" / "report.html").read_text("utf-8")
    assert run([*audit, "--calibration", "none", "--force"]) == 0
    report = json.loads((tmp_path / "report" / "report.json").read_text("utf-8"))
    assert report["calibration"] is None
    assert {v["outcome"] for v in report["verdicts"]} == {"not_assessable"}


def test_a_calibration_is_read_back_as_it_was_written(
    calibration: Calibration, tmp_path: Path
) -> None:
    write_calibration(tmp_path / "c.json", calibration)
    again = read_calibration(tmp_path / "c.json")
    assert again == calibration
    assert again.digest() == calibration.digest()


def test_what_was_written_can_be_shown_again(
    calibration: Calibration, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_calibration(tmp_path / "c.json", calibration)
    assert run(["calibrate", "--show", str(tmp_path / "c.json"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["name"] == "authors"


@pytest.mark.parametrize("width", [40, 80, 160])
def test_it_fits_a_terminal_of_any_width(calibration: Calibration, width: int) -> None:
    assert all(
        len(line) <= width
        for line in terminal.render(calibration_document(calibration), width=width).splitlines()
    )


def test_a_page_holds_every_figure_and_nothing_active(calibration: Calibration) -> None:
    page = html.render(calibration_document(calibration))
    assert "<script" not in page
    assert "style=" not in page
    assert page == html.render(calibration_document(calibration))
    assert page.count("<polyline") == 2 + 3


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "not JSON"),
        ("[]", "not a calibration"),
        ('{"format": "calibration/9"}', "not a calibration"),
    ],
)
def test_a_file_that_is_no_calibration_is_one_line(text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(text, "utf-8")
    with pytest.raises(MalformedInput, match=told):
        read_calibration(path)
    assert run(["calibrate", "--show", str(path)]) == 3


def test_bad_input_is_one_line(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cohort = write_cohort(tmp_path / "cohort")
    lone = tmp_path / "lone"
    (lone / "x").mkdir(parents=True)
    (lone / "x" / "lineage.json").write_text(
        '{"name": "x", "role": "negative", "method": "sft"}', "utf-8"
    )
    cases = [
        ([], 2, "Missing argument 'COHORT'"),
        ([str(tmp_path / "no")], 3, "no such folder"),
        ([str(lone), "--store", str(store)], 3, "no member of the cohort has a transcript"),
        (
            [str(cohort), "--store", str(store), "--prompts", "5"],
            2,
            "not a list of numbers from 20 on",
        ),
        ([str(cohort), "--store", str(store), "--detectors", "nobody"], 2, "nobody"),
        ([str(cohort)], 3, "no member learned from a stored model"),
    ]
    for args, code, told in cases:
        assert run(["calibrate", *args, "--out", str(tmp_path / "out.json")]) == code
        captured = capsys.readouterr().err.strip().splitlines()
        assert told in captured[-1], captured
    assert not (tmp_path / "out.json").exists()


def test_what_ships_can_be_read_and_tells_its_population() -> None:
    for made in shipped_calibrations():
        assert made.population.about
        assert made.fitted
        assert made.figures
