"""An audit says which single piece carries its verdicts: a detector, a set of prompts, a lineage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from auditor.audits.inheritance.audit import audit
from auditor.audits.inheritance.plan import Plan
from auditor.audits.inheritance.sensitivity import prompt_sets
from auditor.audits.report.document import report_document
from auditor.audits.report.sensitivity import hanging, sensitivity_section, sentences
from auditor.calibration.record import Calibration, write_calibration
from auditor.cli import run
from auditor.evidence.records import Report
from auditor.reporting import markdown
from fingerprints.transcript import Transcript
from tests.auditor.calibration.conftest import calibration, rows
from tests.auditor.calibration.population import NAMES, PROMPTS, student, write_store
from tests.auditor.calibration.population import write_transcript as write

__all__ = ["calibration", "rows"]
pytestmark = pytest.mark.timeout(400)  # the population is measured once, on a busy machine slowly


def second_half(said: Transcript) -> list[str]:
    return sorted(said.probes)[PROMPTS // 2 :]


def probe_file(folder: Path, said: Transcript) -> Path:
    """A set of prompts that holds the second half of what the suspect was asked."""
    probes = [said.probes[i].model_dump(mode="json") for i in second_half(said)]
    path = folder / "half.yaml"
    path.write_text(yaml.safe_dump({"name": "half", "version": "1", "probes": probes}), "utf-8")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, calibration: Calibration) -> Path:
    folder = tmp_path_factory.mktemp("sensitivity")
    write_store(folder / "store")
    write_calibration(folder / "calibration.json", calibration)
    write(folder / "suspect.jsonl", student(777, 3))
    return folder


@pytest.fixture(scope="module")
def report(folder: Path) -> Report:
    return audit(
        str(folder / "suspect.jsonl"),
        folder / "report",
        store=str(folder / "store"),
        calibration=str(folder / "calibration.json"),
        detectors=NAMES,
        probes=f"{probe_file(folder, student(777, 3))}",
    )


def test_every_piece_that_counts_is_left_out_once(report: Report) -> None:
    found = report.sensitivity
    assert found is not None
    assert found.detectors == tuple(sorted(NAMES))
    assert set(found.prompts) == {"half", "recorded"}
    assert len(found.lineages) == 36
    weighed = {v.candidate for v in report.verdicts if v.assessed}
    assert weighed == {r.candidate for r in found.rows}
    assert all(len([r for r in found.of(c) if r.kind == "detector"]) == 2 for c in weighed)


def test_without_a_set_of_prompts_it_is_the_audit_of_the_others(
    folder: Path, report: Report, tmp_path: Path
) -> None:
    """The calibration begins at forty prompts: half of them are too few, and nobody guesses."""
    found = report.sensitivity
    assert found is not None
    rows = [r for r in found.rows if r.kind == "prompts"]
    assert {(r.outcome, r.reason_code) for r in rows} == {("not_assessable", "too_few_prompts")}
    said = student(777, 3)
    assert prompt_sets(plan(folder).probe_sets(), said) == {
        "half": frozenset(second_half(said)),
        "recorded": frozenset(said.probes) - frozenset(second_half(said)),
    }


def plan(folder: Path) -> Plan:
    probes = [{"set": str(folder / "half.yaml")}]
    return Plan.make({"suspect": str(folder / "suspect.jsonl"), "probes": probes})


def test_a_verdict_that_hangs_on_one_piece_is_said_to(report: Report) -> None:
    found = report.sensitivity
    assert found is not None
    taught = next(v for v in report.verdicts if v.candidate == "vendor:vendor-3")
    assert taught.outcome == "supported"
    (told,) = sentences(found, [taught])
    n = len([r for r in found.of(taught.candidate) if r.changes])
    assert told.startswith(f"vendor-3: supported, and it hangs on each of {n} pieces: without the")
    assert "without the prompts half nothing would be left to weigh" in told
    assert told in hanging(report)
    assert told in markdown.render(report_document(report))
    shown = next(iter(sensitivity_section(report)))
    assert shown.title == "Sensitivity"


def test_a_verdict_that_stands_is_said_to_stand(report: Report) -> None:
    found = report.sensitivity
    assert found is not None
    taught = next(v for v in report.verdicts if v.candidate == "vendor:vendor-3")
    one = found.model_copy(update={"rows": found.of(taught.candidate)[:1]})
    assert "hangs on one piece" in sentences(one, [taught])[0] or not one.rows[0].changes
    steady = found.model_copy(
        update={"rows": tuple(r for r in found.rows if not r.changes), "prompts": ("half",)}
    )
    assert sentences(steady, [taught]) == (
        "vendor-3: supported, and it stays so with any one of 2 detectors and 36 lineages left"
        " out.",
    )


def test_it_is_judged_again_with_the_rest(folder: Path, report: Report) -> None:
    assert run(["verify", str(folder / "report"), "--rescore", "--json"]) == 8  # not sealed
    value = json.loads((folder / "report" / "report.json").read_text("utf-8"))
    assert value["sensitivity"]["detectors"] == sorted(NAMES)


def test_without_a_calibration_there_is_none(folder: Path, tmp_path: Path) -> None:
    told = audit(
        str(folder / "suspect.jsonl"),
        tmp_path / "report",
        store=str(folder / "store"),
        calibration="none",
        detectors=NAMES,
    )
    assert told.sensitivity is None
    assert not list(sensitivity_section(told))
