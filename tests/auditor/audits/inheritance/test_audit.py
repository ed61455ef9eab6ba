"""Whole audits of a tiny real checkpoint: asked, killed, resumed, judged; the model itself is
recognised in the store."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor import audit
from auditor.audits.inheritance.glance import NOBODY, glance
from auditor.audits.inheritance.plan import Plan
from auditor.audits.report.bundle import load_bundle
from auditor.cli import run
from auditor.evidence.records import Report
from fingerprints.store import FingerprintStore
from fingerprints.transcript import load_transcript
from tests.fingerprints.subjects.tiny import tiny_checkpoint
from tests.recordings import recorded

PROBES = "identity:3,style:24"
FAST = ["--probes", PROBES, "--max-tokens", "12", "--dtype", "float32"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("model") / "tiny", seed=1)


@pytest.fixture(scope="module")
def store(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the suspect itself and two other tiny models, asked by the command line."""
    folder = tmp_path_factory.mktemp("store")
    for seed, name in ((1, "itself"), (2, "second"), (3, "third")):
        where = model if name == "itself" else tiny_checkpoint(folder / name, seed=seed)
        made = [
            "--name",
            name,
            "--vendor",
            f"maker-{seed}",
            "--store",
            str(folder / "teachers"),
            *FAST,
        ]
        assert run(["store", "add", str(where), *made]) == 0
    return folder / "teachers"


@pytest.fixture(scope="module")
def report(
    model: Path, store: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Report, Path]:
    out = tmp_path_factory.mktemp("out") / "report"
    assert run(["audit", str(model), "--store", str(store), "--out", str(out), *FAST]) == 0
    return load_bundle(out), out


def test_a_checkpoint_is_asked_in_three_arms_and_every_attempt_is_counted(
    report: tuple[Report, Path],
) -> None:
    told, out = report
    asked = 3 * 3 + 24
    assert sum(told.transcript.counts.values()) == asked
    transcript = load_transcript(out / "transcript.jsonl")
    assert {r.arm.value for r in transcript.readable("identity/")} <= {"own", "empty", "neutral"}
    assert told.transcript.sha256 == transcript.digest()
    assert told.subject.identity.weights_sha256


def test_the_model_itself_is_recognised_by_its_weights_and_not_judged_as_a_student(
    report: tuple[Report, Path],
) -> None:
    told, _ = report
    same = [c for c in told.candidates if c.same_weights]
    assert [c.name for c in same] == ["itself"]
    assert same[0].n_identical >= 20
    assert not [f for f in told.findings if f.candidate == "itself"]
    assert any("it is that model" in s.reason for s in told.skipped if s.candidate == "itself")
    lineage = next(a for a in told.answers if a.question == "lineage")
    assert "byte-identical" in lineage.answer


def test_every_candidate_has_a_finding_or_a_reason_from_every_detector(
    report: tuple[Report, Path],
) -> None:
    told, _ = report
    for detector in ("self_identification", "stylistic_overlap"):
        seen = {f.candidate for f in told.findings if f.detector == detector} - {None}
        why = {s.candidate for s in told.skipped if s.detector == detector} - {None}
        assert seen | why == {"itself", "second", "third"}
        assert not seen & why


def test_every_number_has_its_n_and_says_that_it_is_uncalibrated(
    report: tuple[Report, Path],
) -> None:
    told, out = report
    assert all(f.n > 0 and f.n_unit for f in told.findings)
    assert all(v.outcome == "not_assessable" and v.words is None for v in told.verdicts)
    assert "uncalibrated" in (out / "report.html").read_text("utf-8").lower()


def test_no_path_of_the_auditors_machine_but_the_spec_reaches_the_report(
    report: tuple[Report, Path], store: Path
) -> None:
    told, _ = report
    text = told.model_dump_json(exclude={"plan", "subject", "reproduce", "store"})
    assert str(store.parent) not in text


def test_a_killed_audit_goes_on_where_it_stopped(model: Path, store: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    command = [
        sys.executable,
        "-m",
        "auditor",
        "audit",
        f"{model},batch=1",
        "--store",
        str(store),
        "--out",
        str(out),
        *FAST,
    ]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    journal = out / "transcript.jsonl"
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline and (
        not journal.exists() or journal.read_bytes().count(b'"type":"reply"') < 3
    ):
        assert child.poll() is None, "the audit ended before it could be killed"
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    kept = load_transcript(journal).replies
    assert len(kept) >= 3
    assert not (out / "report.json").exists()
    assert run([*command[3:]]) == 0
    assert set(kept) <= set(load_transcript(journal).replies)
    assert load_transcript(journal).complete


@pytest.fixture
def _heeding() -> Iterator[None]:
    """Ctrl-C means something to what is started: a shell that runs tests in the background has
    it ignored by everybody."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_heeding")
def test_ctrl_c_and_sigterm_keep_what_was_answered(
    model: Path, store: Path, tmp_path: Path
) -> None:
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        out = tmp_path / number.name
        command = [
            sys.executable,
            "-m",
            "auditor",
            "audit",
            f"{model},batch=1",
            "--store",
            str(store),
            "--out",
            str(out),
            *FAST[2:],
            "--probes",
            "identity:3,style:120",  # long enough to be interrupted on a machine that looks late
        ]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        journal = out / "transcript.jsonl"
        while child.poll() is None and (
            not journal.exists() or journal.read_bytes().count(b'"type":"reply"') < 2
        ):
            time.sleep(0.01)
        child.send_signal(number)
        told = child.communicate(timeout=60)[1]
        assert child.returncode == code, told
        assert "what was finished is kept" in told
        assert load_transcript(journal).replies


def test_a_plan_whose_paths_are_not_there_from_here_says_so_and_runs_where_they_are(
    model: Path,
    store: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(model.parent)
    (tmp_path / "plan.yaml").write_text(
        Plan.make({"suspect": f"./{model.name}", "store": str(store)}).to_yaml()
    )
    assert run(["audit", model.name, "--dtype", "float32", "--dry-run"]) == 0
    assert f"suspect: hf:./{model.name},dtype=float32" in capsys.readouterr().out, "no hub id"
    again = ["audit", "--plan", str(tmp_path / "plan.yaml"), "--out", str(tmp_path / "r")]
    assert run([*again, "--dry-run"]) == 0
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    for other in ([], ["--base", "recording:said.jsonl,model=x"]):
        assert run([*again, *other, "--dry-run"]) == 3
        told = capsys.readouterr().err
        assert f"not there from here, {tmp_path}" in told
        assert "the folder in which the audit was run first" in told
    assert not (tmp_path / "r").exists()
    assert run([*again, str(model), "--dry-run"]) == 0, "a flag wins over the plan"


def test_the_python_api_does_the_same_in_three_lines(
    model: Path, store: Path, tmp_path: Path
) -> None:
    told = audit(
        f"hf:{model},dtype=float32",
        out=tmp_path / "r",
        store=str(store),
        probes=PROBES,
        sampling={"max_tokens": 12},
    )
    assert told.answers[0].question == "inheritance"
    assert json.loads((tmp_path / "r" / "report.json").read_text())["id"] == told.id


def test_an_interrupted_store_add_is_resumed_and_leaves_nothing_behind(
    model: Path, tmp_path: Path
) -> None:
    where = ["--name", "x", "--store", str(tmp_path / "s"), *FAST]
    assert run(["store", "add", str(model), *where]) == 0
    assert [p.name for p in tmp_path.iterdir()] == ["s"]
    with FingerprintStore.open(tmp_path / "s", read_only=True) as opened:
        assert opened.teacher("x").n_answers == 3 * 3 + 24


def test_a_store_without_another_model_is_told_and_not_judged(model: Path, tmp_path: Path) -> None:
    with FingerprintStore.create(tmp_path / "empty"):
        pass
    assert (
        run(
            [
                "audit",
                str(model),
                "--store",
                str(tmp_path / "empty"),
                "--out",
                str(tmp_path / "r"),
                *FAST,
            ]
        )
        == 0
    )
    told = load_bundle(tmp_path / "r")
    assert {f.candidate for f in told.findings} == {None}
    assert {s.reason for s in told.skipped} == {"the store holds no other model to compare with"}
    line = next(line for line in glance(told).lines if line.question == "inheritance")
    assert (line.status, line.told) == ("inconclusive", (NOBODY,))


def test_candidates_can_be_chosen(tmp_path: Path) -> None:
    with FingerprintStore.create(tmp_path / "s") as opened:
        for name in ("alpha", "beta", "gamma"):
            opened.add(recorded(tmp_path, name), name=name, vendor=name)
    from tests.recordings import answers_of, write_jsonl

    suspect = write_jsonl(tmp_path / "a.jsonl", answers_of("alpha", seed=5))
    arguments = [
        "audit",
        str(suspect),
        "--store",
        str(tmp_path / "s"),
        "--candidate",
        "beta",
        "--out",
        str(tmp_path / "r"),
    ]
    assert run(arguments) == 0
    assert [c.name for c in load_bundle(tmp_path / "r").candidates] == ["beta"]
