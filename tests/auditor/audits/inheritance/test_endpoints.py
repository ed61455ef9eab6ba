"""An ordinary audit of an endpoint that takes questions another way than planned, under another
model's name: the terminal and the report say so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from auditor.cli import run
from tests import strict
from tests.faultserver import Behaviour, Exchange, FaultServer, fails

pytest.importorskip("httpx2", reason="the extra 'openai' is not installed")
KEY = "sk-planted/of+the=endpoint"


def kimi() -> Behaviour:
    """Refuses temperature and system role, thinks aloud, and answers as another model."""

    def refuses(body: Any) -> tuple[int, Any] | None:
        if "temperature" in body:
            return 400, strict.openai_error("invalid temperature: only 1 is allowed")
        if body["messages"][0]["role"] == "system":
            return 400, strict.openai_error("System role not supported")
        return None

    whole = strict.chat(refuses, key=KEY, model="kimi-k2")

    def behave(exchange: Exchange, body: dict[str, Any]) -> None:
        if exchange.headers["authorization"] != f"Bearer {KEY}":
            return fails(401)(exchange, body)
        return whole(exchange, body)

    return behave


def test_what_was_asked_otherwise_and_another_name_are_told_on_the_terminal_and_in_the_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("COLUMNS", "200")
    out = tmp_path / "report"
    asked = ["--probes", "identity:4,style:2", "--calibration", "none", "--out", str(out)]
    with FaultServer(kimi()) as server:
        assert run(["audit", f"openai:lamb,base_url={server.url}", *asked]) == 0
    assert "asked for 'lamb', the endpoint answers as 'kimi-k2'" in capsys.readouterr().err
    assert run(["report", str(out), "--full"]) == 0
    terminal = " ".join(capsys.readouterr().out.split())
    report = json.loads((out / "report.json").read_text())
    assert report["transcript"]["adjusted"] == {"server_temperature": 14, "system_in_question": 8}
    assert report["transcript"]["counts"] == {"ok": 14}
    page = (out / "report.html").read_text()
    for told in (
        "asked for 'lamb', the endpoint answers as 'kimi-k2'",
        "answers are drawn at its own default",
        "its text stands before the question",
    ):
        assert told in terminal
        assert told.replace("'", "&#39;") in page or told in page
    service = next(a for a in report["answers"] if a["question"] == "service")
    assert "answers as 'kimi-k2'" in service["answer"]
    for file in out.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes()


def test_probe_tells_it_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    out = str(tmp_path / "t.jsonl")
    with FaultServer(kimi()) as server:
        spec = f"openai:lamb,base_url={server.url}"
        assert run(["probe", spec, "--out", out, "--probes", "identity:2", "--json"]) == 0
    told = capsys.readouterr()
    assert {e["kind"] for e in json.loads(told.out)["events"]} == {"negotiated", "other_model"}
    assert "other model: asked for 'lamb'" in told.err
