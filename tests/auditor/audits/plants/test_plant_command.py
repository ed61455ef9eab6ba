"""`auditor plant`: from the lot to the verdict, with tiny real models; and nothing secret in a
report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from auditor.audits.plants.dealt import MOST_TOLD
from auditor.audits.plants.records import PlantSection
from auditor.audits.report.bundle import load_bundle
from auditor.audits.report.file import schema
from auditor.cli import run
from detectors.text.habits import bank
from fingerprints.plants import HABITS, WATERMARKS
from fingerprints.transcript import load_transcript
from tests.auditor.audits.plants.planted import Garden, answered, grow
from tests.auditor.rescoring import judged_again
from tests.recordings import write_jsonl

TOOLS = ["--null-keys", "12", "--max-tokens", "90", "--temperature", "1"]


@pytest.fixture(scope="module")
def garden(tmp_path_factory: pytest.TempPathFactory) -> Garden:
    return grow(tmp_path_factory.mktemp("garden"))


def report_on(garden: Garden, suspect: Path | str, out: Path, *more: str) -> dict[str, Any]:
    """The report on a suspect; nothing secret stands in its folder."""
    spec = f"hf:{suspect},dtype=float32" if isinstance(suspect, Path) else suspect
    flags = ["--plant", str(garden.plant), "--probes", str(garden.probes), "--out", str(out)]
    assert run(["plant", "test", spec, *flags, *TOOLS, *more]) == 0
    key = str(WATERMARKS.read(garden.plant / "sealed.json", print).key)
    for file in out.iterdir():
        assert key not in file.read_text("utf-8")
    report: dict[str, Any] = json.loads((out / "report.json").read_text("utf-8"))
    jsonschema.validate(report, schema())
    return report


def test_a_student_of_marked_answers_is_found_and_its_base_is_not(
    garden: Garden, tmp_path: Path
) -> None:
    forced = ["--marked", str(garden.marked)]
    base = f"hf:{garden.base},dtype=float32"
    report = report_on(garden, garden.student, tmp_path / "student", *forced, "--base", base)
    verdict = report["verdicts"][0]
    assert (verdict["outcome"], verdict["log10_lr"], verdict["cap"]) == ("supported", None, None)
    assert verdict["exact"]["design"] == "watermark"
    assert verdict["p_value"] <= 0.001
    assert report["answers"][0]["conclusion"] == "supported"
    assert "Who trained it" in report["answers"][0]["does_not_say"]
    ways = {t["way"]: t for t in report["plant"]["green"]}
    assert ways["forced"]["rose"]
    untrained = report_on(garden, garden.base, tmp_path / "base", *forced)
    assert untrained["verdicts"][0]["outcome"] == "inconclusive"
    assert untrained["verdicts"][0]["p_value"] > 0.001


def test_a_report_is_judged_again_from_what_was_recorded(garden: Garden, tmp_path: Path) -> None:
    forced = ["--marked", str(garden.marked)]
    first = report_on(garden, garden.student, tmp_path / "one", *forced)
    assert judged_again(tmp_path / "one") == []
    choices = ["--choices", str(tmp_path / "one" / "choices.json")]
    transcript = str(tmp_path / "one" / "transcript.jsonl")
    again = report_on(garden, transcript, tmp_path / "two", *forced, *choices)
    assert again["verdicts"] == first["verdicts"]
    assert again["findings"] == first["findings"]
    # Both say how: the one from its own choices, the other from those that it was given.
    assert "--choices report/choices.json" in first["reproduce"][1]
    # Other folders of this machine are not told.
    assert all("--choices '…/choices.json'" in command for command in again["reproduce"])
    assert str(tmp_path) not in json.dumps(again["reproduce"])


def test_what_a_test_has_no_use_for_is_told_and_not_passed_over(
    garden: Garden, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = passed_on(garden, tmp_path / "service.jsonl")
    report = report_on(garden, spec, tmp_path / "r", "--marked", str(garden.marked), "--retired")
    told = [s for s in report["skipped"] if s["code"] == "not_scored"]
    assert "weights are open" in told[0]["reason"]
    assert not any("choices.json" in command for command in report["reproduce"])
    base = ["--base", f"hf:{garden.base}", "--plant", str(garden.plant)]
    for more in ([], ["--dry-run"], ["--marked", str(garden.marked), "--choices", "c.json"]):
        out = ["--out", str(tmp_path / "r2")]
        assert run(["plant", "test", spec, *base, *out, *more]) == 2
        assert "behind marked answers" in capsys.readouterr().err


def test_the_marked_teacher_itself_is_no_suspect(
    garden: Garden, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--plant", str(garden.plant), "--out", str(tmp_path / "r")]
    assert run(["plant", "test", str(garden.marked), *flags]) == 2
    assert "asked under this plant's own key" in capsys.readouterr().err


def test_the_marked_teacher_is_no_suspect_either_where_its_thinking_was_cut(
    garden: Garden, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = load_transcript(garden.marked)
    backend = f"{said.identity.backend} + budget forcing (thinking 8)"
    path = tmp_path / "forced.jsonl"
    # Without its footer, which is a digest of what is changed here.
    rows = garden.marked.read_text("utf-8").splitlines(keepends=True)[:-1]
    path.write_text("".join(rows).replace(said.identity.backend, backend))
    assert load_transcript(path).identity.backend == backend
    flags = ["--plant", str(garden.plant), "--out", str(tmp_path / "r")]
    assert run(["plant", "test", str(path), *flags]) == 2
    assert "asked under this plant's own key" in capsys.readouterr().err


def passed_on(garden: Garden, path: Path) -> str:
    """The teacher's marked answers as somebody's service gave them."""
    said = load_transcript(garden.marked)
    rows = [(said.probes[r.probe_id].text, r.text) for r in said.replies if r.readable]
    return str(write_jsonl(path, rows, "service"))


def test_answers_that_may_be_passed_on_support_nothing(garden: Garden, tmp_path: Path) -> None:
    spec = passed_on(garden, tmp_path / "service.jsonl")
    report = report_on(garden, spec, tmp_path / "r")
    verdict = report["verdicts"][0]
    assert verdict["exact"]["p_value"] < 1e-10
    assert (verdict["outcome"], verdict["reason_code"]) == ("inconclusive", "passed_on")
    assert "may be that model's own" in report["answers"][0]["answer"]
    retired = report_on(garden, spec, tmp_path / "r2", "--retired")
    assert retired["verdicts"][0]["outcome"] == "supported"
    assert any("looks marked answers up" in a for a in retired["alternatives"])


def test_unused_keys_are_tried_beside_the_real_one(garden: Garden, tmp_path: Path) -> None:
    report = report_on(garden, passed_on(garden, tmp_path / "s.jsonl"), tmp_path / "r", "--retired")
    null = report["findings"][0]["null"]
    assert (null["n"], null["unit"], null["at_least"]) == (12, "keys", 0)
    assert 0.2 < null["mean"] < 0.3


def test_unmarked_answers_as_marked_ones_are_refused(
    garden: Garden, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = write_jsonl(tmp_path / "plain.jsonl", [(f"q {i}", "word " * i) for i in range(9)])
    flags = ["--plant", str(garden.plant), "--marked", str(plain), "--out", str(tmp_path / "r")]
    asked = ["--probes", str(garden.probes), "--max-tokens", "8"]
    assert run(["plant", "test", f"hf:{garden.base}", *flags, *asked]) == 3
    assert "don't carry the watermark" in capsys.readouterr().err


def test_too_few_tokens_say_how_many_are_needed(garden: Garden, tmp_path: Path) -> None:
    few = write_jsonl(tmp_path / "few.jsonl", [("why", "because of the quick fox")])
    report = report_on(garden, str(few), tmp_path / "r", "--retired")
    assert report["verdicts"][0]["outcome"] == "not_assessable"
    assert "are needed" in report["skipped"][0]["reason"]


def test_a_sealed_file_of_another_plant_fails_verification(
    garden: Garden, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    teacher = f"hf:{garden.plant.parent / 'teacher'},dtype=float32"
    assert run(["plant", "watermark", teacher, "--out", str(tmp_path / "other")]) == 0
    assert run(["plant", "verify", str(garden.plant)]) == 0
    other = ["--sealed", str(tmp_path / "other" / "sealed.json")]
    assert run(["plant", "verify", str(garden.plant), *other]) == 8
    out = ["--out", str(tmp_path / "r")]
    test = ["plant", "test", str(garden.base), "--plant", str(garden.plant), *other, *out]
    assert run(test) == 8
    assert "committed to" in capsys.readouterr().err
    assert run(["plant", "watermark", teacher, "--out", str(tmp_path / "other")]) == 3


def habits(tmp_path: Path, n: int = 30) -> tuple[Path, dict[str, tuple[str, ...]]]:
    """A plant of habits for so many accounts, and what each was dealt."""
    accounts = tmp_path / "accounts.txt"
    accounts.write_text("".join(f"acct-{i}\n" for i in range(n)))
    out = tmp_path / "habits"
    flags = ["--accounts", str(accounts), "--out", str(out), "--start", "2026-01-01"]
    assert run(["plant", "habit", *flags, "--windows", "8"]) == 0
    sealed = HABITS.read(out / "sealed.json", print)
    return out, {a.account: a.habits for a in sealed.assigned}


def test_the_account_whose_habits_a_suspect_has_is_found(tmp_path: Path) -> None:
    plant, dealt = habits(tmp_path)
    suspect = answered(tmp_path / "suspect.jsonl", [bank()[h] for h in dealt["acct-17"]])
    flags = ["--plant", str(plant), "--retired", "--out", str(tmp_path / "r")]
    assert run(["plant", "test", str(suspect), *flags, "--expect", "0.1"]) == 0
    report = load_bundle(tmp_path / "r")
    assert judged_again(tmp_path / "r") == []
    best = report.verdicts[0]
    assert best.candidate == "account acct-17"
    section = report.section(PlantSection)
    assert section is not None
    assert section.power is not None
    shown = {a.account for a in section.accounts if a.habits}
    supported = {v.candidate for v in report.verdicts if v.outcome == "supported"}
    assert supported == {f"account {a}" for a in shown}
    assert supported == {"account acct-17"}
    # What was dealt to the others stays sealed.
    assert told(tmp_path / "r", dealt) == shown


def told(folder: Path, dealt: dict[str, tuple[str, ...]]) -> set[str]:
    """The accounts whose dealt habits stand in a report."""
    text = json.dumps(json.loads((folder / "report.json").read_text("utf-8")))
    return {account for account, h in dealt.items() if json.dumps(list(h)) in text}


def test_habits_that_may_be_passed_on_stay_sealed(tmp_path: Path) -> None:
    plant, dealt = habits(tmp_path)
    suspect = answered(tmp_path / "suspect.jsonl", [bank()[h] for h in dealt["acct-17"]])
    flags = ["--plant", str(plant), "--out", str(tmp_path / "r")]
    assert run(["plant", "test", str(suspect), *flags]) == 0
    report = load_bundle(tmp_path / "r")
    best = report.verdicts[0]
    assert (best.candidate, best.reason_code) == ("account acct-17", "passed_on")
    assert told(tmp_path / "r", dealt) == set()
    assert not any(f.exhibits for f in report.findings)


def test_an_innocent_suspect_fits_nobody(tmp_path: Path) -> None:
    plant, _ = habits(tmp_path, 60)
    suspect = answered(tmp_path / "suspect.jsonl", [bank()["on-balance"]])
    flags = ["--plant", str(plant), "--retired", "--out", str(tmp_path / "r"), "--expect", "0.2"]
    assert run(["plant", "test", str(suspect), *flags]) == 0
    report = load_bundle(tmp_path / "r")
    assert len(report.verdicts) == MOST_TOLD < 60
    assert {v.outcome for v in report.verdicts} <= {"not_supported", "inconclusive"}
    assert any("All 60 accounts were tested" in line for line in report.limits)


def test_what_a_gateway_adds_goes_round_by_days(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant, dealt = habits(tmp_path, 3)
    serving = json.loads((plant / "serving.json").read_text())
    for day, window in (("2026-01-01", 0), ("2026-01-08", 7), ("2026-01-09", 0)):
        capsys.readouterr()
        asked = ["plant", "addition", "acct-2", "--plant", str(plant), "--day", day]
        assert run(asked) == 0
        said = capsys.readouterr().out.strip()
        assert said == bank()[dealt["acct-2"][window]].addition
        assert said == serving["additions"]["acct-2"][window]
    early = ["plant", "addition", "acct-2", "--plant", str(plant), "--day", "2025-12-31"]
    assert run(early) == 2
    assert run(["plant", "addition", "acct-9", "--plant", str(plant)]) == 2


@pytest.mark.parametrize(
    ("lines", "flags", "code"),
    [
        ("a\nb\na\n", [], 3),
        ("", [], 3),
        ("x" * 300, [], 3),
        ("a\nb\n", ["--windows", "1"], 2),
    ],
)
def test_accounts_that_cant_be_dealt_to_are_refused(
    tmp_path: Path, lines: str, flags: list[str], code: int
) -> None:
    accounts = tmp_path / "accounts.txt"
    accounts.write_text(lines)
    out = tmp_path / "p"
    assert run(["plant", "habit", "--accounts", str(accounts), "--out", str(out), *flags]) == code
    assert not (out / "sealed.json").exists()


def test_dry_runs_show_a_plan_without_a_key(
    garden: Garden, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--plant", str(garden.plant), "--dry-run", "--json"]
    capsys.readouterr()
    assert run(["plant", "test", f"hf:{garden.base}", *flags]) == 0
    told = capsys.readouterr().out
    assert json.loads(told)["plan"]["null_keys"] == 200
    assert str(WATERMARKS.read(garden.plant / "sealed.json", print).key) not in told


def test_few_answers_give_no_verdict_on_habits(tmp_path: Path) -> None:
    plant, _ = habits(tmp_path, 3)
    suspect = answered(tmp_path / "suspect.jsonl", [bank()["on-balance"]], n=12)
    flags = ["--plant", str(plant), "--out", str(tmp_path / "r")]
    assert run(["plant", "test", str(suspect), *flags]) == 0
    report = load_bundle(tmp_path / "r")
    assert [v.outcome for v in report.verdicts] == ["not_assessable"]
