"""From coin serving to evidence: a loopback service, its log, commitments, harvest."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auditor.audits.report.bundle import load_bundle
from auditor.cli import run
from fingerprints.coin import FORMAT, CoinLog, CoinServing, Event, Receive, Scope, Send, read_rows
from tests.auditor.audits.harvest.parrots import sentence, suspect

PROMPTS = 60


class Teacher:
    """A chat service: sentences by chance, and longer first ones, which no coin minds."""

    calls = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = json.loads((await receive())["body"])
        self.calls += 1
        text = sentence(np.random.default_rng(self.calls), 18 if self.calls % 4 == 1 else 12)
        choice = {"message": {"content": text}, "finish_reason": "stop"}
        told = json.dumps({"model": body["model"], "choices": [choice]}).encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": told})


def ask(app: Any, prompt: str) -> str:
    """One request over the app's own protocol; the answer."""
    body = {"model": "m", "messages": [{"role": "user", "content": prompt}], "temperature": 0.9}
    sent: list[Event] = []

    async def receive() -> Event:
        return {"type": "http.request", "body": json.dumps(body).encode(), "more_body": False}

    async def send(event: Event) -> None:
        sent.append(event)

    scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": []}
    asyncio.run(app(scope, receive, send))
    return str(json.loads(sent[1]["body"])["choices"][0]["message"]["content"])


@pytest.fixture
def served(tmp_path: Path) -> tuple[Path, list[dict[str, Any]]]:
    """A coin log, and what its customers got."""
    log = CoinLog(tmp_path / "coin.jsonl", m=3)
    app = CoinServing(Teacher(), log, account=lambda scope: "a-1")
    told = [f"Tell me about number {i}." for i in range(PROMPTS)]
    rows = [{"prompt": p, "answer": ask(app, p)} for p in told]
    log.close()
    return log.path, rows


def test_from_coin_to_evidence(
    served: tuple[Path, list[dict[str, Any]]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    log, rows = served
    given = tmp_path / "commitments.jsonl"
    assert run(["twins", "commit", str(log), "--out", str(given), "--today"]) == 0
    assert run(["twins", "verify", str(log), "--commitments", str(given), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.partition("\n")[2])
    assert (told["verified"], told["entries"], sum(told["coins"])) == (True, PROMPTS, PROMPTS)
    harvest = ["--twins", str(log), "--commitments", str(given)]
    for name, learned, outcome in (("t", 0.6, "supported"), ("i", 0.0, "inconclusive")):
        who = suspect(tmp_path / f"{name}.jsonl", rows, learned)
        out = tmp_path / f"out-{name}"
        assert run(["harvest", str(who), *harvest, "--out", str(out)]) == 0
        (verdict,) = load_bundle(out).verdicts
        assert verdict.outcome == outcome
        assert verdict.exact is not None
        assert verdict.exact.design == "coin"
        assert verdict.exact.by_design
        salt = next(read_rows(log, FORMAT))["salt"]
        kept = [p.read_text("utf-8") for p in out.iterdir()]
        assert not any(salt in text for text in kept)


def test_a_log_that_was_changed_afterwards_is_refused_with_8(
    served: tuple[Path, list[dict[str, Any]]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    log, rows = served
    given = tmp_path / "commitments.jsonl"
    assert run(["twins", "commit", str(log), "--out", str(given), "--today"]) == 0
    lines = log.read_text("utf-8").splitlines()
    entry = json.loads(lines[5])
    entry["index"] = (entry["index"] + 1) % 4
    changed = tmp_path / "changed.jsonl"
    changed.write_text("\n".join([*lines[:5], json.dumps(entry), *lines[6:]]) + "\n", "utf-8")
    who = suspect(tmp_path / "t.jsonl", rows, 0.6)
    capsys.readouterr()
    assert run(["twins", "verify", str(changed), "--commitments", str(given)]) == 8
    assert entry["salt"] not in capsys.readouterr().err
    harvest = ["harvest", str(who), "--twins", str(changed), "--out", str(tmp_path / "out")]
    assert run([*harvest, "--commitments", str(given)]) == 8
    assert not (tmp_path / "out" / "report.json").exists()
    assert run(harvest) == 2
    assert run([*harvest, "--commitments", str(given), "--log", str(log)]) == 2
    assert run(["twins", "verify", str(given), "--commitments", str(given)]) == 3
    assert run(["twins", "verify", str(log), "--commitments", str(log)]) == 3
    bare = tmp_path / "bare.jsonl"
    bare.write_text('{"n":1}\n')
    assert run(["twins", "commit", str(log), "--out", str(bare)]) == 3
    assert bare.read_text() == '{"n":1}\n'
    timeless = tmp_path / "timeless.jsonl"
    timeless.write_text("\n".join([lines[0], json.dumps({**entry, "time": 7})]) + "\n")
    assert run(["twins", "verify", str(timeless), "--commitments", str(given)]) == 3


def test_a_day_that_is_not_over_is_not_committed_to_and_a_commitment_never_changes(
    served: tuple[Path, list[dict[str, Any]]], tmp_path: Path
) -> None:
    log, _ = served
    given = tmp_path / "commitments.jsonl"
    assert run(["twins", "commit", str(log), "--out", str(given)]) == 0
    assert given.read_text() == ""
    assert run(["twins", "commit", str(log), "--out", str(given), "--today"]) == 0
    first = given.read_text()
    CoinLog(log, m=3).add("p", [{"text": str(i), "finish": "stop"} for i in range(4)], 0)
    assert run(["twins", "commit", str(log), "--out", str(given), "--today"]) == 0
    assert given.read_text() == first
    assert run(["twins", "verify", str(log), "--commitments", str(given)]) == 8


@pytest.mark.parametrize("group", ["twins", "plant"])
def test_the_library_is_written_once(group: str, tmp_path: Path) -> None:
    assert run([group, "coin", "--out", str(tmp_path / "lib")]) == 0
    names = {p.name for p in (tmp_path / "lib").iterdir()}
    assert names == {"coin.py", "example_app.py"}
    for path in (tmp_path / "lib").iterdir():
        compile(path.read_text("utf-8"), path.name, "exec")
    assert run([group, "coin", "--out", str(tmp_path / "lib")]) == 3
