"""Whole audits of SmolLM2-135M-Instruct, a real model: as a GGUF file, and behind a real server
on loopback. Slow."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditor.audits.report.bundle import load_bundle
from auditor.cli import run
from auditor.demo import demo_model
from fingerprints.errors import UsageProblem
from fingerprints.records import Probe, Request
from fingerprints.subjects import open_subject
from tests.fingerprints.subjects.asking import free_port
from tests.fingerprints.subjects.test_endpoint_served import NEEDED, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
FAST = ["--probes", "identity:6,style:24", "--max-tokens", "32"]


@pytest.fixture(scope="module")
def model() -> Path:
    try:
        return demo_model()
    except UsageProblem as error:
        pytest.skip(error.line())


def test_smollm2_says_its_name_with_its_own_system_prompt(model: Path) -> None:
    with open_subject(f"gguf:{model},device=cpu") as subject:
        assert subject.identity.parameters == 134_515_008
        assert subject.identity.quantisation == "Q4_1 dequantised"
        reply = next(
            subject.generate(
                [Request(probe=Probe(id="p", text="What is the capital of France?"), max_tokens=16)]
            )
        )
    assert "SmolLM" in (reply.prompt or "")
    assert "capital" in reply.text


def test_the_demos_model_is_recognised_as_the_stored_one_and_not_judged(
    model: Path, tmp_path: Path
) -> None:
    assert run(["audit", str(model), "--out", str(tmp_path / "r"), *FAST]) == 0
    report = load_bundle(tmp_path / "r")
    assert [c.name for c in report.candidates if c.same_weights] == ["SmolLM2-135M-Instruct"]
    assert {f.candidate for f in report.findings if f.detector == "stylistic_overlap"} == {
        "Qwen2.5-Coder-0.5B-Instruct",
        "Qwen2.5-Coder-1.5B-Instruct",
    }
    assert {v.outcome for v in report.verdicts} == {"not_assessable"}


@pytest.fixture(scope="module")
def served(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(
            f"transformers serve needs {', '.join(missing)}: pip install 'transformers[serving]'"
        )
    with open_subject(f"gguf:{model},device=cpu") as subject:
        folder: Path = subject.folder  # type: ignore[attr-defined]  # the converted checkpoint
    port, log = free_port(), tmp_path_factory.mktemp("serve") / "log.txt"
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(folder)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    environment = {**os.environ, "HF_HOME": str(log.parent), "HF_HUB_OFFLINE": "1"}
    with (
        log.open("wb") as out,
        subprocess.Popen(command, stdout=out, stderr=out, env=environment) as server,
    ):
        try:
            wait_for(port, server, log)
            yield f"http://127.0.0.1:{port}/v1", folder
        finally:
            server.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(10)


def test_a_served_real_model_is_audited_like_any_endpoint(
    served: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, folder = served
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted-secret")
    spec = f"openai:{folder},base_url={url},concurrency=2"
    assert run(["audit", spec, "--out", str(tmp_path / "r"), *FAST]) == 0
    report = load_bundle(tmp_path / "r")
    assert report.subject.identity.kind == "endpoint"
    assert sum(report.transcript.counts.values()) == 6 * 3 + 24
    assert report.transcript.counts.get("error", 0) == 0
    assert len([f for f in report.findings if f.detector == "stylistic_overlap"]) == 3
    written = b"".join(p.read_bytes() for p in (tmp_path / "r").iterdir())
    assert b"sk-planted-secret" not in written
