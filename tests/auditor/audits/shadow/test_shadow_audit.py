"""Whole shadow audits in a small world: suspects whose teacher is known, a kill, a budget, and
what lies in the folder."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import yaml

from auditor.audits.report.bundle import load_bundle
from auditor.audits.shadow.audit import DECISION, REPORT, SHADOWS, shadow_audit
from auditor.audits.shadow.budget import Purse, Spent
from auditor.audits.shadow.growing import BRIEF_TOKENS
from auditor.audits.shadow.plan import ShadowPlan, make_shadow_plan
from auditor.cli import run
from auditor.controls.cohort import load_cohort
from auditor.evidence.records import Report
from fingerprints.errors import MalformedInput
from fingerprints.transcript import load_transcript
from tests.auditor.audits.shadow.small import EXAMPLES, base, recipe_file, student, teacher
from tests.auditor.rescoring import judged_again
from tests.tree import ROOT

SEEDS = 4
TEACHERS = ("alpha", "beta", "gamma")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("shadow-world")
    patch = pytest.MonkeyPatch()
    patch.setenv("AUDITOR_CACHE", str(home / "cache"))
    base(home)
    student(home, "taught", "alpha", f"hf:{home / 'base' / 'student'}", 7)
    student(home, "untaught", "plain", f"hf:{home / 'base' / 'student'}", 8)
    return home


def plan(world: Path, suspect: str, **more: object) -> ShadowPlan:
    choices = {
        "recipe": str(recipe_file(world)),
        "n": EXAMPLES,
        "seeds": SEEDS,
        "probes": "style:20",
        "max_tokens": 32,
        **more,
    }
    teachers = [teacher(world, manner) for manner in TEACHERS]
    return make_shadow_plan(
        f"hf:{world / suspect / 'student'}",
        teachers,
        f"hf:{world / 'base' / 'student'}",
        "tiny",
        **choices,
    )


def flags(world: Path, suspect: str, out: Path) -> list[str]:
    return [
        "shadow",
        "--suspect",
        f"hf:{world / suspect / 'student'}",
        "--base",
        f"hf:{world / 'base' / 'student'}",
        "--teachers",
        ",".join(teacher(world, manner) for manner in TEACHERS),
        "--recipe",
        str(recipe_file(world)),
        "--size",
        "tiny",
        "--seeds",
        str(SEEDS),
        "--n",
        str(EXAMPLES),
        "--probes",
        "style:20",
        "--max-tokens",
        "32",
        "--out",
        str(out),
    ]


def outcomes(report: Report) -> dict[str | None, str]:
    return {v.candidate: v.outcome for v in report.verdicts}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_killed_audit_goes_on_and_supports_the_teacher_alone(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = world / "audit"
    child = subprocess.Popen(
        [sys.executable, "-m", "auditor", *flags(world, "taught", out), "--jobs", "2"], cwd=ROOT
    )
    while child.poll() is None and len(list((out / SHADOWS).glob("*/card.json"))) < 2:
        time.sleep(0.05)
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    early = {p: p.stat().st_mtime_ns for p in (out / SHADOWS).glob("*/student/*.safetensors")}
    assert early
    assert run([*flags(world, "taught", out), "--fail-on", "weak", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert {v["candidate"] for v in report["verdicts"] if v["outcome"] == "supported"} == {"alpha"}
    assert all(v["log10_lr"] < 0 for v in report["verdicts"] if v["candidate"] != "alpha")
    assert report["answers"][0]["conclusion"] == "supported"
    assert report["calibration"]["error_rates"][0]["n_h1"] == 3 * SEEDS
    assert {p: p.stat().st_mtime_ns for p in early} == early, "a finished shadow was trained again"

    briefly = [load_transcript(p) for p in (out / SHADOWS).glob("*/evaluation/after.jsonl")]
    assert len(briefly) == SEEDS * 6
    assert all(
        (r.tokens_out or 0) <= BRIEF_TOKENS for t in briefly for r in t.readable("held-out/")
    )

    # What lies there is an ordinary cohort and an ordinary bundle.
    cohort = load_cohort(out / SHADOWS)
    assert len(cohort) == 1 + SEEDS * 6
    assert Counter(m.teachers for m in cohort) == {
        (): 1 + 3 * SEEDS,
        **{(name,): SEEDS for name in TEACHERS},
    }
    kept = load_bundle(out / REPORT)
    assert kept.base is not None
    assert (kept.base.origin, kept.plan["decided"]["seeds"]) == ("user", SEEDS)
    assert kept.findings[0].calibration == f"shadows {cohort.digest()[:16]}"

    # Another suspect of the same base needs its own folder, and takes the shadows along.
    assert run(flags(world, "untaught", out)) == 3
    assert "another shadow audit" in capsys.readouterr().err
    assert run([*again(world, "untaught", out, world / "other"), "--json"]) == 0
    other = json.loads(capsys.readouterr().out)
    assert "supported" not in {v["outcome"] for v in other["verdicts"]}
    assert other["calibration"]["name"] == report["calibration"]["name"]
    assert not (world / "other" / SHADOWS).exists()
    assert run([*again(world, "taught", out, world / "once-more"), "--json"]) == 0
    once_more = json.loads(capsys.readouterr().out)
    told = [{v["candidate"]: v["log10_lr"] for v in r["verdicts"]} for r in (report, once_more)]
    assert told[0] == told[1]
    shadow = next(p.parent for p in (out / SHADOWS).glob("alpha*/student/config.json"))
    assert (
        run(
            [
                "shadow",
                "--suspect",
                f"hf:{shadow}",
                "--shadows",
                str(out),
                "--out",
                str(world / "itself"),
            ]
        )
        == 2
    )
    assert "is the shadow" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_suspect_that_no_candidate_taught_is_supported_for_nobody(world: Path) -> None:
    report = shadow_audit(plan(world, "untaught"), world / "null")
    assert "supported" not in outcomes(report).values()
    assert report.answers[0].conclusion in ("none_of_the_candidates", "inconclusive")


def again(world: Path, suspect: str, home: Path, out: Path) -> list[str]:
    return [
        "shadow",
        "--suspect",
        f"hf:{world / suspect / 'student'}",
        "--shadows",
        str(home),
        "--out",
        str(out),
    ]


@pytest.mark.timeout(120)
def test_another_suspect_takes_the_shadows_of_a_finished_audit_and_nothing_is_trained(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = world / "brief"
    assert run([*again(world, "untaught", home, world / "b"), "--dry-run"]) == 2
    assert "holds no shadow audit" in capsys.readouterr().err
    limited = plan(world, "taught", budget_minutes=600.0, seeds=2)
    home.mkdir()
    (home / "plan.yaml").write_text(limited.to_yaml())
    assert run(again(world, "untaught", home, world / "b")) == 2
    assert "is not finished" in capsys.readouterr().err
    Purse.open(limited, home, Spent(seconds=1, tokens=1, trained=True)).put(
        "x", Spent(seconds=36_060, tokens=1, trained=True)
    )
    first = shadow_audit(limited, home)
    held = {p: p.stat().st_mtime_ns for p in home.rglob("*") if p.is_file()}

    assert run([*again(world, "untaught", home, world / "b"), "--seeds", "3"]) == 2
    assert "leave out --seeds" in capsys.readouterr().err
    assert run([*again(world, "untaught", home, world / "b"), "--dry-run"]) == 0
    assert "nothing is trained" in capsys.readouterr().out
    assert run([*again(world, "not-there", home, world / "b")]) == 3
    capsys.readouterr()
    assert run([*again(world, "untaught", home, world / "b"), "--json"]) == 0, (
        "a mistyped suspect leaves the folder free"
    )
    report = json.loads(capsys.readouterr().out)
    assert judged_again(home / "report") == judged_again(world / "b" / "report") == []
    assert [c["name"] for c in report["candidates"]] == list(TEACHERS)
    assert report["plan"]["shadows"] == f"…/{home.name}", "no report names a folder of the machine"
    assert yaml.safe_load((world / "b" / "plan.yaml").read_text())["shadows"] == str(home)
    assert "--shadows" in report["reproduce"][0]
    assert any("for an earlier audit" in limit for limit in report["limits"])
    assert report["base"]["origin"] == "shadows", "nobody named the base of this suspect"
    assert any("was assumed and not observed" in limit for limit in report["limits"])
    assert any("named by the user" in limit for limit in first.limits)
    spent = [limit for limit in first.limits if "budget was spent" in limit]
    assert spent
    assert spent[0] in report["limits"]
    assert not (world / "b" / SHADOWS).exists()
    assert {p: p.stat().st_mtime_ns for p in home.rglob("*") if p.is_file()} == held
    # An audit that took its shadows from another one names that one.
    assert run([*again(world, "taught", world / "b", world / "c"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["plan"]["shadows"] == f"…/{home.name}"
    assert yaml.safe_load((world / "c" / "plan.yaml").read_text())["shadows"] == str(home)


def spent_out(world: Path, out: Path) -> Report:
    """An audit of which an earlier run has left a minute less than nothing: the base itself is
    still asked, and no shadow is trained."""
    limited = plan(world, "taught", budget_minutes=600.0, seeds=2)
    out.mkdir()
    (out / "plan.yaml").write_text(limited.to_yaml())
    Purse.open(limited, out, Spent(seconds=1, tokens=1, trained=True)).put(
        "x", Spent(seconds=36_060, tokens=1, trained=True)
    )
    return shadow_audit(limited, out)


@pytest.mark.timeout(120)
def test_a_spent_budget_ends_the_audit_with_what_there_is(world: Path) -> None:
    out = world / "limited"
    report = spent_out(world, out)
    assert set(outcomes(report).values()) == {"not_assessable"}
    assert any("12 shadows could be made" in limit for limit in report.limits)
    assert [m.name for m in load_cohort(out / SHADOWS)] == ["untrained-base0"]
    assert load_bundle(out / REPORT).verdicts == report.verdicts


@pytest.mark.timeout(120)
def test_a_decision_that_was_damaged_is_one_line(world: Path) -> None:
    out = world / "damaged"
    spent_out(world, out)
    (out / DECISION).write_text("{")
    with pytest.raises(MalformedInput, match="decision"):
        shadow_audit(plan(world, "taught", budget_minutes=600.0, seeds=2), out)
