"""The table of kinds: every kind keeps its promises, and a new one needs nothing but its own module
and a row, or an installed plug-in."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from auditor.audits import kinds
from auditor.audits.plan import AuditPlan
from auditor.audits.report.bundle import bundle_names, load_bundle, ready_folder, write_bundle
from auditor.audits.report.file import load_report, schema
from auditor.cli import run
from auditor.commands.table import TABLE
from auditor.errors import MalformedInput
from auditor.evidence.kinds import Kind, all_kinds, placed_at, sections_of
from auditor.evidence.records import Report, ReportSection
from tests.auditor.audits.toy import KIND, ToyPlan, ToySection, toy_audit


@pytest.fixture
def _listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy as one more row of the table."""
    monkeypatch.setattr(kinds, "KINDS", (*kinds.KINDS, KIND))


@pytest.fixture
def _installed(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy as an installed plug-in."""
    site = tmp_path_factory.mktemp("site")
    about = site / "toy-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[auditor.audits]\ntoy = tests.auditor.audits.toy:KIND\n"
    )
    monkeypatch.syspath_prepend(site)


@pytest.mark.parametrize("kind", kinds.KINDS, ids=lambda k: k.name)
def test_every_kind_declares_what_is_there(kind: Kind) -> None:
    plan = placed_at(kind.plan)
    assert issubclass(plan, AuditPlan)
    assert plan.command in TABLE
    assert plan.model_fields["format"].default.endswith("/1")
    for key, place in kind.sections.items():
        record = placed_at(place)
        assert issubclass(record, ReportSection)
        assert record.key == key
    # A section that nobody arranges is told by the headline alone.
    assert set(kind.arranged) <= set(kind.sections)
    assert all(Path(name).name == name for name in kind.files)


def test_no_two_kinds_share_a_name_or_a_section() -> None:
    keys = [key for kind in kinds.KINDS for key in kind.sections]
    assert len(set(keys)) == len(keys)
    assert not set(keys) & set(Report.model_fields)
    assert len({kind.name for kind in kinds.KINDS}) == len(kinds.KINDS)


@pytest.mark.parametrize("how", ["_listed", "_installed"])
def test_a_new_kind_gets_plan_report_bundle_schema_and_reading(
    how: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    request.getfixturevalue(how)
    plan = ToyPlan.make({"suspect": "answers.jsonl", "words": 9})
    report = toy_audit(plan)
    out = tmp_path / "report"
    out.mkdir()
    (out / "counts.jsonl").write_text("")
    ready_folder(out)
    write_bundle(report, None, plan.to_yaml(), out)
    assert ToyPlan.read(out / "plan.yaml") == plan
    assert load_bundle(out) == report
    assert load_bundle(out).section(ToySection) == ToySection(counted=9, said=("one", "two"))
    value = json.loads((out / "report.json").read_text("utf-8"))
    assert value["toy"] == {"counted": 9, "said": ["one", "two"]}
    jsonschema.validate(value, schema(), cls=jsonschema.Draft202012Validator)
    value["toy"]["counted"] = "many"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value, schema(), cls=jsonschema.Draft202012Validator)
    (out / "report.json").write_text(json.dumps(value))
    with pytest.raises(MalformedInput, match=r"'toy\.counted'"):
        load_report(out / "report.json")
    assert {kind.name for kind in all_kinds()} >= {"toy", "service"}
    assert "counts.jsonl" in bundle_names()


@pytest.mark.usefixtures("_listed")
def test_a_new_kind_is_rendered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = ToyPlan(suspect="answers.jsonl", words=9)
    write_bundle(toy_audit(plan), None, plan.to_yaml(), tmp_path)
    assert "It counted 9 words." in (tmp_path / "report.html").read_text("utf-8")
    for format in ("markdown", "terminal"):
        assert run(["report", str(tmp_path), "--format", format, "--full"]) == 0
        assert "It counted 9 words." in capsys.readouterr().out


def test_without_the_kind_its_reports_are_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as listed:
        listed.setattr(kinds, "KINDS", (*kinds.KINDS, KIND))
        plan = ToyPlan(suspect="answers.jsonl")
        write_bundle(toy_audit(plan), None, plan.to_yaml(), tmp_path)
    with pytest.raises(MalformedInput, match="toy"):
        load_bundle(tmp_path)


def test_sections_of_our_own_are_null_where_absent_and_a_plug_ins_is_left_out(
    request: pytest.FixtureRequest,
) -> None:
    request.getfixturevalue("_installed")
    told = toy_audit(ToyPlan(suspect="x")).model_copy(update={"sections": {}})
    value = told.model_dump(mode="json", by_alias=True)
    assert all(value[key] is None for key in sections_of(kinds.KINDS))
    assert "toy" not in value
