"""A third party's kind of subject, really installed, in every role: suspect, base, teacher, stored
model, service, policy, shadow and closed lineage."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.audits.compare.sources import named_sources
from auditor.audits.lineage.run import is_closed, named
from auditor.audits.report.bundle import load_bundle
from auditor.cli import run
from fingerprints.errors import UsageProblem
from fingerprints.store import FingerprintStore
from fingerprints.transcript import load_transcript
from tests.fingerprints.subjects.tiny import tiny_checkpoint
from tests.toy_plugin import install

FAST = ["--probes", "identity:2,style:24", "--max-tokens", "8"]


@pytest.fixture(scope="module", autouse=True)
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that the plug-in is installed in, on the path of this process."""
    folder = install(tmp_path_factory.mktemp("plugin") / "site")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield folder


@pytest.fixture(scope="module")
def store(site: Path) -> str:
    folder = site.parent / "teachers"
    for name in ("lamb", "goat"):
        made = ["--name", name, "--vendor", f"maker of {name}", "--store", str(folder), *FAST]
        assert run(["store", "add", f"toy:{name}", *made]) == 0
    return str(folder)


def dry(capsys: pytest.CaptureFixture[str], *command: str) -> dict[str, object]:
    capsys.readouterr()
    assert run([*command, "--dry-run", "--json"]) == 0
    told: dict[str, object] = json.loads(capsys.readouterr().out)
    return told


def test_it_is_probed_by_another_process_that_finds_it_installed(
    site: Path, tmp_path: Path
) -> None:
    root = Path(__file__).resolve().parents[2]
    command = ["probe", "toy:lamb,mood=calm", "--out", str(tmp_path / "said.jsonl"), *FAST]
    done = subprocess.run(
        [sys.executable, "-m", "auditor", *command],
        env={**os.environ, "PYTHONPATH": f"{root}{os.pathsep}{site}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert load_transcript(tmp_path / "said.jsonl").header.spec == "toy:lamb,mood=calm"


@pytest.mark.parametrize("suspect", ["toy:ewe", "plain:ewe, and more"])
def test_it_is_a_suspect_and_a_base(store: str, tmp_path: Path, suspect: str) -> None:
    out = tmp_path / "report"
    made = ["audit", suspect, "--base", "toy:ram", "--store", store, "--out", str(out), *FAST]
    assert run(made) == 0
    told = load_bundle(out)
    assert told.subject.spec == suspect
    assert told.base is not None
    assert told.base.spec == "toy:ram"
    assert {c.name for c in told.candidates} == {"lamb", "goat"}
    assert not any(c.same_weights for c in told.candidates)


def test_a_dry_run_takes_its_size_from_the_plug_in(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = dry(capsys, "audit", "toy:ewe", "--base", "plain:ram", "--store", store, *FAST)
    estimate, base = told["estimate"], told["base"]
    assert isinstance(estimate, dict)
    assert isinstance(base, dict)
    assert estimate["basis"].startswith("2 M parameters")
    assert base["questions"] == estimate["questions"] > 0


def test_a_flag_that_its_kind_does_not_know_is_refused_for_it_and_only_for_it(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made = ["audit", "toy:ewe", "--store", store, "--dtype", "float32", "--dry-run", *FAST]
    assert run(made) == 2
    assert "not for toy: subjects" in capsys.readouterr().err


def test_it_is_opened_as_a_stored_teacher_and_said_to_give_no_likelihoods(
    store: str, tmp_path: Path
) -> None:
    out = tmp_path / "report"
    made = ["audit", "toy:ewe", "--store", store, "--out", str(out), *FAST]
    made += [
        "--detectors",
        "mirrored_likelihood",
        "--teacher",
        "lamb=toy:lamb",
        "--base",
        "toy:ram",
    ]
    assert run(made) == 0
    assert any("likelihoods" in s.reason for s in load_bundle(out).skipped)


def test_it_is_both_sides_of_a_service(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = ["--questions", "24", "--samples", "2"]
    costs = dry(capsys, "service", "toy:lamb", "toy:goat", *few)["costs"]
    assert isinstance(costs, dict)
    assert costs["endpoint"]["basis"].startswith("2 M parameters")
    out = tmp_path / "service"
    made = ["service", "toy:lamb", "toy:goat", "--out", str(out), *few]
    assert run(made) == 0
    assert load_bundle(out).subject.spec == "toy:goat"


def test_it_is_asked_by_a_policy_audit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = ["policy", "toy:lamb", "plain:goat", "--topics", "protest", "--languages", "en"]
    assert set(dry(capsys, *made)["estimates"]) == {"hosted", "local"}  # type: ignore[call-overload]
    assert run([*made, "--out", str(tmp_path / "policy")]) == 0


def test_it_is_a_suspect_and_a_teacher_of_shadows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = tiny_checkpoint(tmp_path / "base")
    made = ["shadow", "--suspect", "toy:ewe", "--base", f"hf:{base}", "--size", "tiny"]
    made += ["--out", str(tmp_path / "out"), "--teachers"]
    told = dry(capsys, *made, "lamb=toy:lamb,mood=calm,goat=plain:goat")
    plan = told["plan"]
    assert isinstance(plan, dict)
    assert [t["spec"] for t in plan["teachers"]] == ["toy:lamb,mood=calm", "plain:goat"]


def test_shadows_are_not_trained_from_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = [
        "shadow",
        "--suspect",
        "toy:ewe",
        "--base",
        "toy:ram",
        "--teachers",
        "toy:lamb",
        "--dry-run",
    ]
    assert run([*made, "--out", str(tmp_path / "out")]) == 2
    assert "the base has none to open" in capsys.readouterr().err


def test_it_is_closed_to_lineage_and_no_model_to_compare(store: str) -> None:
    assert is_closed("toy:lamb")
    assert is_closed("plain:lamb")
    assert not is_closed("hf:org/name")
    assert named("toy:lamb,mood=calm") == ("lamb", "toy:lamb,mood=calm")
    with (
        FingerprintStore.open(Path(store), read_only=True) as opened,
        pytest.raises(UsageProblem, match="asks no model"),
    ):
        named_sources(["toy:lamb,mood=calm"], opened)


def test_it_is_stored(store: str) -> None:
    with FingerprintStore.open(Path(store), read_only=True) as opened:
        assert [t.name for t in opened.teachers()] == ["goat", "lamb"]
