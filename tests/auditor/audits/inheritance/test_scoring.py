"""Scores are collected by those who can be opened, kept, resumed, copied; and tiny students are
traced by likelihood."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.audits.report.bundle import load_bundle
from auditor.cli import run
from auditor.evidence.records import Finding, Report
from fingerprints.scores import ScoreReading
from tests.auditor.likelihood_models import Family, grow

BOTH = ("--detectors", "mirrored_likelihood,cross_likelihood")


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Family:
    return grow(tmp_path_factory.mktemp("family"))


def _args(family: Family, out: Path, *more: str) -> list[str]:
    fixed = ["--store", str(family.store), "--probes", str(family.probes), "--dtype", "float32"]
    return [
        "audit",
        str(family.students["alpha"]),
        "--out",
        str(out),
        *fixed,
        "--base",
        str(family.base),
        *BOTH,
        *more,
    ]


@pytest.fixture(scope="module")
def audited(family: Family, tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Path]:
    """A student of alpha's first run; models that learned alpha's second run and beta's are open
    as live teachers."""
    out = tmp_path_factory.mktemp("out") / "report"
    live = (f"--teacher=beta={family.students['beta']}", f"--teacher=alpha={family.other_alpha}")
    assert run(_args(family, out, *live)) == 0
    return load_bundle(out), out


def _of(report: Report, detector: str) -> dict[str | None, Finding]:
    return {f.candidate: f for f in report.findings if f.detector == detector}


def test_the_student_moved_towards_its_own_teachers_stored_texts(
    audited: tuple[Report, Path],
) -> None:
    found = _of(audited[0], "mirrored_likelihood")
    assert set(found) == {"alpha", "beta", "gamma", "delta"}
    assert found["alpha"].rank is not None
    assert found["alpha"].rank.position == 1
    assert found["alpha"].interval is not None
    assert found["alpha"].interval[0] > 0
    assert all(found[name].value < found["alpha"].value / 2 for name in ("beta", "gamma", "delta"))


def test_a_live_teacher_finds_its_students_answers_likelier_than_the_bases(
    audited: tuple[Report, Path],
) -> None:
    report, _ = audited
    found = _of(report, "cross_likelihood")
    assert set(found) == {"alpha", "beta"}
    assert found["alpha"].value > 0 > found["beta"].value
    reasons = {s.candidate: s.reason for s in report.skipped if s.detector == "cross_likelihood"}
    assert "--teacher" in reasons["gamma"]


def test_the_report_says_who_scored_with_digests(audited: tuple[Report, Path]) -> None:
    report, out = audited
    assert report.scores is not None
    assert [s.name for s in report.scores.scorers] == [
        "base",
        "suspect",
        "teacher:alpha",
        "teacher:beta",
    ]
    assert (
        report.scores.scorers[1].identity.weights_sha256 == report.subject.identity.weights_sha256
    )
    assert report.scores.sha256 == ScoreReading().read(out / "scores.jsonl").scores().digest()
    assert "Who found texts likely" in (out / "report.html").read_text("utf-8")


def test_cut_scores_are_resumed_to_the_same_figures(
    audited: tuple[Report, Path], family: Family, tmp_path: Path
) -> None:
    report, out = audited
    for name in ("transcript.jsonl", "base.jsonl"):
        (tmp_path / name).write_bytes((out / name).read_bytes())
    whole = (out / "scores.jsonl").read_bytes()
    (tmp_path / "scores.jsonl").write_bytes(whole[: len(whole) // 2])
    assert run(["audit", "--plan", str(out / "plan.yaml"), "--out", str(tmp_path)]) == 0
    again = _of(load_bundle(tmp_path), "mirrored_likelihood")
    for name, finding in _of(report, "mirrored_likelihood").items():
        assert again[name].value == pytest.approx(finding.value, abs=1e-4)


def test_the_judgement_is_repeated_from_records_alone(
    audited: tuple[Report, Path], family: Family, tmp_path: Path
) -> None:
    report, out = audited
    records = [
        "--base",
        str(out / "base.jsonl"),
        "--scores",
        str(out / "scores.jsonl"),
        "--store",
        str(family.store),
    ]
    args = [
        "audit",
        str(out / "transcript.jsonl"),
        *records,
        "--out",
        str(tmp_path / "again"),
        *BOTH,
    ]
    assert run(args) == 0
    assert _of(load_bundle(tmp_path / "again"), "mirrored_likelihood") == _of(
        report, "mirrored_likelihood"
    )


def test_scores_that_nobody_can_give_are_reasons(
    family: Family, audited: tuple[Report, Path], tmp_path: Path
) -> None:
    _, out = audited
    args = [
        "audit",
        str(out / "transcript.jsonl"),
        "--base",
        str(family.base),
        "--store",
        str(family.store),
    ]
    assert run([*args, "--out", str(tmp_path / "r"), *BOTH]) == 0
    report = load_bundle(tmp_path / "r")
    assert not report.findings
    assert {s.reason for s in report.skipped if s.detector == "mirrored_likelihood"} == {
        "the suspect is open only as a checkpoint, which gives no likelihoods"
    }


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--teacher", "nobody=hf:org/name"), "no other model of that name"),
        (("--teacher", "nobody"), "NAME=SPEC"),
        (
            ("--detectors", "quirks", "--scores", "s.jsonl"),
            "none of the chosen detectors reads likelihoods",
        ),
    ],
)
def test_flags_that_can_do_nothing_are_refused(
    family: Family,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    flags: tuple[str, ...],
    told: str,
) -> None:
    assert run(_args(family, tmp_path / "r", "--max-tokens", "2", *flags)) == 2
    assert told in capsys.readouterr().err
