"""Real servers of a real, tiny model, asked in every way that they know: the answers are the same.

llama.cpp's server comes with xllamacpp; a gateway of LiteLLM is tried where ``AUDITOR_LITELLM``
names its command (in an environment of its own, never the project's).
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from fingerprints.records import Arm, Probe, Reply, Request, Status
from fingerprints.subjects import open_subject
from tests.auditor.test_real_models import model
from tests.fingerprints.subjects.asking import free_port

__all__ = ["model"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
KEY = "sk-local-0123456789"
STARTS_WITHIN = 300.0
ASKED = Probe(id="rivers", text="Name three rivers, and tell me about each of them at length.")
SERVER = """
import sys, time, xllamacpp
p = xllamacpp.CommonParams()
p.model.path, p.hostnames, p.port = sys.argv[1], ["127.0.0.1"], int(sys.argv[2])
p.n_ctx, p.n_parallel, p.cpuparams.n_threads = 2048, 2, 1
held = xllamacpp.Server(p)
time.sleep(3600)
"""


@contextlib.contextmanager
def running(command: list[str], log: Path, url: str) -> Iterator[None]:
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as server:
        try:
            _wait(server, url, log)
            yield
        finally:
            server.kill()


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    ends = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < ends and server.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5) as told:
            if told.status == 200:
                return
        time.sleep(0.5)
    pytest.fail(f"it did not start: {log.read_text()[-800:]}")


@pytest.fixture(scope="module")
def llama(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    pytest.importorskip("xllamacpp", reason="llama.cpp's server is not installed")
    folder, port = tmp_path_factory.mktemp("llama"), free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-c", SERVER, str(model), str(port)]
    with running(command, folder / "log", f"{url}/health"):
        yield url


@pytest.fixture(scope="module")
def gateway(llama: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    command = os.environ.get("AUDITOR_LITELLM")
    if command is None:
        pytest.skip("AUDITOR_LITELLM names no command")
    folder, port = tmp_path_factory.mktemp("gateway"), free_port()
    behind = {"model": "openai/lamb", "api_base": f"{llama}/v1", "api_key": "none"}
    held = {
        "model_list": [{"model_name": "lamb", "litellm_params": behind}],
        "general_settings": {"master_key": KEY},
    }
    (folder / "gateway.yaml").write_text(yaml.safe_dump(held))
    url, config = f"http://127.0.0.1:{port}", str(folder / "gateway.yaml")
    started = [command, "--config", config, "--host", "127.0.0.1", "--port", str(port)]
    with running(started, folder / "log", f"{url}/health/liveliness"):
        yield url


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI", "ANTHROPIC", "GEMINI", "AZURE_OPENAI"):
        monkeypatch.setenv(f"{name}_API_KEY", KEY)


def said(spec: str) -> dict[Arm, Reply]:
    with open_subject(f"{spec},concurrency=1") as subject:
        return {
            arm: reply
            for arm in (Arm.OWN, Arm.NEUTRAL)
            for reply in subject.generate([Request(probe=ASKED, arm=arm, max_tokens=16)])
        }


def check(specs: list[str]) -> None:
    """Every way of asking gets the same greedy answer in each arm, cut at the same place."""
    first, *others = (said(spec) for spec in specs)
    assert {r.status for r in first.values()} <= {Status.OK, Status.TRUNCATED}, first
    assert first[Arm.OWN].status is Status.TRUNCATED, first
    assert first[Arm.OWN].text != first[Arm.NEUTRAL].text
    for other in others:
        assert {a: (r.status, r.text) for a, r in other.items()} == {
            a: (r.status, r.text) for a, r in first.items()
        }


def test_llama_cpp_answers_alike_to_chat_messages_and_responses(llama: str) -> None:
    check(
        [
            f"openai:lamb,base_url={llama}/v1",
            f"anthropic:lamb,base_url={llama}",
            f"responses:lamb,base_url={llama}/v1",
        ]
    )


def test_a_gateway_answers_alike_in_the_words_of_five_services(gateway: str) -> None:
    check(
        [
            f"openai:lamb,base_url={gateway}/v1",
            f"anthropic:lamb,base_url={gateway}",
            f"responses:lamb,base_url={gateway}/v1",
            f"gemini:lamb,base_url={gateway}/v1beta",
            f"azure:lamb,base_url={gateway},api_version=2024-10-21",
        ]
    )
