"""A plan that was registered before the suspect is asked: deviations are listed, each of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auditor.audits.report.bundle import load_bundle
from auditor.audits.report.document import report_document
from auditor.cli import run
from auditor.code import PACKAGES
from auditor.reporting import html
from auditor.reporting.json import pretty
from auditor.sealing.deviating import listed_again
from auditor.sealing.keys import new_key
from auditor.sealing.register import plan_in, read_registration
from fingerprints.errors import MalformedInput, VerificationFailed
from tests.recordings import answers_of, stored, write_jsonl


@pytest.fixture
def registered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a plan, its registration and the key."""
    monkeypatch.chdir(tmp_path)
    suspect = write_jsonl(tmp_path / "suspect.jsonl", answers_of("beta", seed=9))
    stored(tmp_path)
    (tmp_path / "plan.yaml").write_text(
        f"format: plan/1\nsuspect: {suspect.name}\nstore: teachers\ncalibration: none\n"
    )
    new_key(tmp_path / "key")
    flags = ["--key", "key", "--operator", "A. Examiner"]
    assert run(["plan", "register", "plan.yaml", *flags]) == 0
    return tmp_path


def audited(*flags: str) -> dict[str, Any]:
    audit = ["audit", "--plan", "plan.yaml", "--registered", "registration.json", "--out", "r"]
    assert run([*audit, *flags]) == 0
    told: dict[str, Any] = json.loads(Path("r/report.json").read_text())["custody"]
    return told


def test_an_audit_as_registered_lists_no_deviation_and_says_so(registered: Path) -> None:
    told = audited("--operator", "B. Auditor")
    assert told["operator"] == "B. Auditor"
    assert told["registration"]["by"] == "A. Examiner"
    assert told["registration"]["deviations"] == []
    assert told["registration"]["asked"] == "unknown"  # answers that others recorded
    page = Path("r/report.html").read_text("utf-8")
    assert "Deviations from the registered plan: none." in page
    assert run(["seal", "r", "--key", "key"]) == 0
    assert run(["verify", "r", "--key", "key.pub", "--rescore"]) == 0


def test_every_deviation_is_listed_with_both_values(registered: Path) -> None:
    told = audited("--detectors", "stylistic_overlap", "--vendor", "Somebody")
    found = {d["field"]: (d["registered"], d["run"]) for d in told["registration"]["deviations"]}
    assert found["plan.detectors"][1] == '["stylistic_overlap"]'
    assert found["plan.vendor"] == ('""', '"Somebody"')
    assert len(found) == 2


def test_another_store_under_the_same_name_is_a_deviation(registered: Path) -> None:
    import shutil

    shutil.rmtree(registered / "teachers")
    (registered / "again").mkdir()
    stored(registered / "again", seed=4).rename(registered / "teachers")
    told = audited()
    assert [d["field"] for d in told["registration"]["deviations"]] == ["store"]


def test_thresholds_and_code_are_registered_too(
    registered: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from auditor.sealing import register

    monkeypatch.setattr(register, "SUPPORTED", 0.5)
    monkeypatch.setattr(register, "codes", lambda: dict.fromkeys(PACKAGES, "0" * 64))
    fields = {d["field"] for d in audited()["registration"]["deviations"]}
    assert fields == {
        "thresholds.supported",
        "code.auditor",
        "code.detectors",
        "code.fingerprints",
    }


def test_a_changed_registration_is_refused_before_anybody_is_asked(
    registered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = registered / "registration.json"
    told = json.loads(path.read_text())
    signature = told["chain"][0]["envelope"]["signatures"][0]
    signature["sig"] = "A" * 86 + "=="
    path.write_text(json.dumps(told))
    with pytest.raises(VerificationFailed):
        read_registration(path)
    audit = ["audit", "--plan", "plan.yaml", "--registered", str(path), "--out", "r"]
    assert run(audit) == 8
    assert not Path("r").exists()
    path.write_text("{}")
    with pytest.raises(MalformedInput):
        read_registration(path)
    assert run(audit) == 3


def test_another_registration_put_beside_a_report_is_told(
    registered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    audited()
    assert run(["plan", "register", "plan.yaml", "--key", "key", "--out", "other.json"]) == 0
    Path("r/registration.json").write_bytes(Path("other.json").read_bytes())
    assert run(["seal", "r", "--key", "key"]) == 0
    capsys.readouterr()
    assert run(["verify", "r", "--key", "key.pub"]) == 8
    assert "registration.json: it is not the registration" in capsys.readouterr().out


def test_a_file_that_is_there_is_not_written_over(registered: Path) -> None:
    assert run(["plan", "register", "plan.yaml", "--key", "key"]) == 2


def resealed(change: Callable[[dict[str, Any]], None]) -> None:
    """The report with another custody, its page made anew, sealed by its forger."""
    path = Path("r/report.json")
    value = json.loads(path.read_text("utf-8"))
    change(value["custody"]["registration"])
    path.write_text(pretty(value), "utf-8")
    Path("r/report.html").write_bytes(html.render(report_document(load_bundle(Path("r")))).encode())
    Path("r/attestation.json").unlink(missing_ok=True)
    assert run(["seal", "r", "--key", "key"]) == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told.update(deviations=[]),
        lambda told: told.update(registered="2020-01-01T00:00:00Z"),
        lambda told: told.update(by="C. Court"),
        lambda told: told["deviations"].pop(),
    ],
)
def test_a_report_can_not_tell_of_its_registration_what_that_does_not_say(
    registered: Path, change: Callable[[dict[str, Any]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    audited("--detectors", "stylistic_overlap", "--vendor", "Somebody")
    resealed(lambda told: None)
    assert run(["verify", "r", "--key", "key.pub"]) == 0
    resealed(change)
    capsys.readouterr()
    assert run(["verify", "r", "--key", "key.pub"]) == 8
    assert "report.json: custody: it is not the registration" in capsys.readouterr().out


def test_a_deviation_that_is_not_the_plans_can_not_be_left_out_either(
    registered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(registered / "teachers")
    (registered / "again").mkdir()
    stored(registered / "again", seed=4).rename(registered / "teachers")
    assert [d["field"] for d in audited()["registration"]["deviations"]] == ["store"]
    resealed(lambda told: None)
    assert run(["verify", "r", "--key", "key.pub"]) == 0
    resealed(lambda told: told.update(deviations=[]))
    capsys.readouterr()
    assert run(["verify", "r", "--key", "key.pub"]) == 8
    assert "the deviations are not those that the report lists" in capsys.readouterr().out


def test_what_the_audit_ran_with_is_the_reports_word_and_not_todays_store(registered: Path) -> None:
    """Models that are added later make no deviation of an audit that had none."""
    assert audited()["registration"]["deviations"] == []
    made, report = read_registration(Path("r/registration.json")), load_bundle(Path("r"))
    shutil.rmtree(registered / "teachers")
    assert listed_again(made, plan_in(Path("r/plan.yaml")), report) == ((), ())


def test_code_that_a_report_does_not_name_is_said_to_be_unchecked(registered: Path) -> None:
    audited()
    made, report = read_registration(Path("r/registration.json")), load_bundle(Path("r"))
    assert report.custody is not None
    silent = report.model_copy(update={"custody": report.custody.model_copy(update={"code": {}})})
    plan = plan_in(Path("r/plan.yaml"))
    assert listed_again(made, plan, silent) == ((), ("code", "thresholds"))
    other = report.custody.model_copy(update={"code": dict.fromkeys(PACKAGES, "0" * 64)})
    found, untold = listed_again(made, plan, report.model_copy(update={"custody": other}))
    assert {d.field for d in found} == {f"code.{p}" for p in PACKAGES}
    assert untold == ("thresholds",)


def test_who_registered_and_whether_it_was_stamped_is_told(
    registered: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    audited()
    assert run(["seal", "r", "--key", "key"]) == 0
    capsys.readouterr()
    assert run(["verify", "r", "--key", "key.pub"]) == 0
    said = capsys.readouterr()
    assert "(trusted), the registration" in said.out
    assert "machine's word (the registration)" in said.err
    shutil.move("r", "elsewhere")
    assert run(["verify", "elsewhere", "--key", "key.pub"]) == 0
