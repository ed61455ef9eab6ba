"""A real server of a real, tiny model, asked over HTTP: greedy answers are those that the model
gives here."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from fingerprints.collect import collect
from fingerprints.records import NEUTRAL_SYSTEM, Arm, Probe, ProbeSet, Request, Sampling, Status
from tests.fingerprints.subjects.asking import endpoint, free_port
from tests.fingerprints.subjects.tiny import tiny_checkpoint, tiny_model, tiny_tokenizer

pytestmark = pytest.mark.slow
NEEDED = ("fastapi", "uvicorn", "starlette", "opentelemetry", "openai")
STARTS_WITHIN = 90.0


def wait_for(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < ends and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.2)
    pytest.fail(f"the server did not start: {log.read_text()[-800:]}")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(
            f"transformers serve needs {', '.join(missing)}: pip install 'transformers[serving]'"
        )
    folder, port = tmp_path_factory.mktemp("served"), free_port()
    tiny_checkpoint(folder / "tiny")
    command = [sys.executable, "-m", "transformers.cli.transformers", "serve", str(folder / "tiny")]
    command += ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    log = folder / "log.txt"
    environment = {
        **os.environ,
        "HF_HOME": str(folder),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }
    with (
        log.open("wb") as out,
        subprocess.Popen(command, stdout=out, stderr=out, env=environment) as server,
    ):
        try:
            wait_for(port, server, log)
            yield f"http://127.0.0.1:{port}/v1", folder / "tiny"
        finally:
            server.terminate()


def here(messages: list[dict[str, str]] | str, length: int) -> str:
    tokenizer = tiny_tokenizer()
    text = (
        messages
        if isinstance(messages, str)
        else tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    )
    ids = tokenizer(text, return_tensors="pt").input_ids
    with torch.no_grad():
        out = tiny_model().generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=length,
            do_sample=False,
            pad_token_id=0,
        )
    return str(tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True))


@pytest.mark.parametrize("arm", [Arm.OWN, Arm.NEUTRAL])
def test_greedy_chat_answers_are_those_of_the_model_itself(
    served: tuple[str, Path], arm: Arm
) -> None:
    url, folder = served
    request = Request(probe=Probe(id="p", text="who made the river?"), arm=arm, max_tokens=12)
    with endpoint(url, name=str(folder)) as subject:
        (reply,) = subject.generate([request])
    system = [] if arm is Arm.OWN else [{"role": "system", "content": NEUTRAL_SYSTEM}]
    assert reply.text == here([*system, {"role": "user", "content": "who made the river?"}], 12)
    assert reply.status in (Status.OK, Status.TRUNCATED)
    assert (reply.tokens_out or 0) <= 12


def test_completions_are_those_of_the_model_itself(served: tuple[str, Path]) -> None:
    url, folder = served
    with endpoint(url, name=str(folder)) as subject:
        (reply,) = subject.generate(
            [Request(probe=Probe(id="p", text="which bird", form="completion"), max_tokens=8)]
        )
    assert reply.text == here("which bird", 8)


def test_a_whole_set_is_collected_twice_with_the_same_digest(
    served: tuple[str, Path], tmp_path: Path
) -> None:
    url, folder = served
    probes = ProbeSet(
        name="s",
        version="1",
        max_tokens=8,
        probes=tuple(Probe(id=f"s/{i}", text=f"bird {i}?") for i in range(6)),
    )
    digests = set()
    for name in ("a", "b"):
        with endpoint(url, name=str(folder)) as subject:
            digests.add(collect(subject, [probes], Sampling(), tmp_path / name).digest())
    assert len(digests) == 1
