"""Serving by a logged coin: the middleware as an ASGI app, the log, its commitments."""

from __future__ import annotations

import asyncio
import json
import os
import stat
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fingerprints.coin import (
    FORMAT,
    CoinLog,
    CoinProblem,
    CoinServing,
    Event,
    Receive,
    Scope,
    Send,
    commitment,
    entry_digest,
    problems,
    read_rows,
)

PATH = "/v1/chat/completions"


class Service:
    """A chat service as an ASGI app: another answer every time, and failures on demand."""

    def __init__(self, fails_at: int | None = None) -> None:
        self.asked = 0
        self.fails_at = fails_at

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        event = await receive()
        body = event["body"]
        assert not event["more_body"]
        self.asked += 1
        failed = self.asked == self.fails_at
        choice = {"message": {"content": f"answer {self.asked}"}, "finish_reason": "stop"}
        told = {"model": "teacher", "choices": [choice], "echo": len(body)}
        raw = json.dumps({"error": "no"} if failed else told).encode()
        await send({"type": "http.response.start", "status": 500 if failed else 200, "headers": []})
        await send({"type": "http.response.body", "body": raw[:9], "more_body": True})
        await send({"type": "http.response.body", "body": raw[9:], "more_body": False})


def served(app: Any, body: Any, path: str = PATH, method: str = "POST") -> tuple[int, bytes]:
    """What comes back for one request, its body in two parts."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    parts = [
        {"type": "http.request", "body": raw[:5], "more_body": True},
        {"type": "http.request", "body": raw[5:], "more_body": False},
    ]
    if path != PATH:
        parts = [{"type": "http.request", "body": raw, "more_body": False}]
    sent: list[Event] = []

    async def receive() -> Event:
        return parts.pop(0)

    async def send(event: Event) -> None:
        sent.append(event)

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [(b"authorization", b"Bearer sk-secret")],
    }
    asyncio.run(app(scope, receive, send))
    return int(sent[0]["status"]), b"".join(e.get("body", b"") for e in sent[1:])


def chat(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "teacher", "messages": [{"role": "user", "content": text}], **more}


def entries(path: Path) -> list[dict[str, Any]]:
    return list(read_rows(path, FORMAT))


def test_one_of_four_answers_is_served_and_all_are_logged(tmp_path: Path) -> None:
    service, log = Service(), CoinLog(tmp_path / "coin.jsonl", m=3)
    app = CoinServing(service, log)
    status, body = served(app, chat("Hello?", temperature=0.7, max_tokens=9))
    assert status == 200
    (entry,) = entries(log.path)
    texts = [c["text"] for c in entry["candidates"]]
    assert texts == ["answer 1", "answer 2", "answer 3", "answer 4"]
    assert json.loads(body)["choices"][0]["message"]["content"] == texts[entry["index"]]
    assert entry["asked"] == {"model": "teacher", "temperature": 0.7, "max_tokens": 9}
    assert entry["prompt"] == [{"role": "user", "content": "Hello?"}]
    assert "sk-secret" not in log.path.read_text()
    assert len(entry["account"]) == 16
    assert service.asked == 4


def test_the_log_is_its_owners_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        CoinLog(tmp_path / "coin.jsonl").close()
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "coin.jsonl").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "body",
    [
        chat("x", stream=True),
        chat("x", n=2),
        chat("x", temperature=0),
        {"prompt": "x"},
        b"not JSON",
        [1],
    ],
)
def test_what_no_coin_can_serve_goes_through_once_and_unlogged(tmp_path: Path, body: Any) -> None:
    service, log = Service(), CoinLog(tmp_path / "coin.jsonl")
    status, _ = served(CoinServing(service, log), body)
    assert (status, service.asked, entries(log.path)) == (200, 1, [])


def test_other_addresses_are_not_touched(tmp_path: Path) -> None:
    service, log = Service(), CoinLog(tmp_path / "coin.jsonl")
    assert served(CoinServing(service, log), chat("x"), path="/other")[0] == 200
    assert (service.asked, entries(log.path)) == (1, [])


@pytest.mark.parametrize("fails_at", [1, 2, 4])
def test_a_failed_candidate_leaves_the_request_unlogged_whatever_the_coin(
    tmp_path: Path, fails_at: int
) -> None:
    log = CoinLog(tmp_path / "coin.jsonl")
    status, _ = served(CoinServing(Service(fails_at), log), chat("x"))
    assert status == (500 if fails_at == 1 else 200)
    assert entries(log.path) == []


def test_the_coin_is_fair_and_knows_no_answer(tmp_path: Path) -> None:
    log = CoinLog(tmp_path / "coin.jsonl", m=3)
    counts = Counter(log.toss() for _ in range(4000))
    assert set(counts) == {0, 1, 2, 3}
    assert max(abs(c - 1000) for c in counts.values()) < 5 * np.sqrt(4000 * 0.25 * 0.75)


def three_days(path: Path) -> list[dict[str, Any]]:
    log = CoinLog(path, m=1)
    for i in range(6):
        log.add(f"p{i}", [{"text": f"a{i}", "finish": ""}, {"text": f"b{i}", "finish": ""}], i % 2)
    log.close()
    held = entries(path)
    return [{**e, "time": f"2026-11-0{1 + i // 2}T00:00:00Z"} for i, e in enumerate(held)]


def test_commitments_fit_the_log_and_nothing_else(tmp_path: Path) -> None:
    held = three_days(tmp_path / "coin.jsonl")
    given = [commitment(f"2026-11-0{d}", held) for d in (1, 2, 3)]
    assert problems(held, given) == []
    assert problems(held, given[:2]) == [("2026-11-03", "no commitment")]
    turned = [{**held[0], "index": 1 - held[0]["index"]}, *held[1:]]
    reworded = [{**held[0], "candidates": held[0]["candidates"][::-1]}, *held[1:]]
    salted = [{**held[0], "salt": "00"}, *held[1:]]
    swapped = [held[1], held[0], *held[2:]]
    for changed in (turned, reworded, salted, swapped):
        assert [day for day, _ in problems(changed, given)] == ["2026-11-01"]
    assert problems(held[1:], given) == [("2026-11-01", "1 entries, 2 committed")]
    assert len(problems([], given)) == 3
    # Whoever changes the log and commits anew has given away two, and the first still stands.
    anew = commitment("2026-11-01", turned)
    for both in ([*given, anew], [anew, *given]):
        assert [day for day, _ in problems(turned, both)] == ["2026-11-01"]
    with pytest.raises(CoinProblem, match="no text"):
        entry_digest({**held[0], "time": 7})


def test_a_commitment_tells_nothing_that_could_be_guessed(tmp_path: Path) -> None:
    one, other = (three_days(tmp_path / f"{i}.jsonl") for i in range(2))
    salts = {e["salt"] for e in [*one, *other]}
    assert len(salts) == 12
    assert all(len(s) == 64 for s in salts)
    day = "2026-11-01"
    assert commitment(day, one)["sha256"] != commitment(day, other)["sha256"]


@pytest.mark.parametrize(
    "text", ["{}x\n", '{"type":"entry"\n', '["a"]\n', '{"format":"twins/1"}\n']
)
def test_a_file_of_something_else_is_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "coin.jsonl"
    path.write_text('{"type":"header","format":"coin/1","m":1}\n' + text)
    with pytest.raises(CoinProblem, match="line 2"):
        entries(path)


def test_candidates_must_be_as_many_as_the_log_says(tmp_path: Path) -> None:
    log = CoinLog(tmp_path / "coin.jsonl", m=2)
    with pytest.raises(CoinProblem, match="1 candidates"):
        log.add("p", [{"text": "a"}], 0)
    with pytest.raises(CoinProblem, match="names none"):
        log.add("p", [{"text": "a"}] * 3, 3)
    with pytest.raises(CoinProblem, match="at least one"):
        CoinLog(tmp_path / "none.jsonl", m=0)


def test_a_log_that_would_be_spoilt_is_not_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "coin.jsonl"
    three_days(path)
    whole = path.read_bytes()
    CoinLog(path, m=1).close()
    for spoilt, m, why in (
        (whole, 2, "another m"),
        (whole[:-9], 1, "half an entry"),
        (b'{"account":"a"}\n', 1, "something else"),
        (b"text", 1, "something else"),
    ):
        path.write_bytes(spoilt)
        with pytest.raises(CoinProblem, match=why):
            CoinLog(path, m=m)
        assert path.read_bytes() == spoilt


def test_the_library_needs_nothing_but_python() -> None:
    import ast
    import sys

    import fingerprints.coin as coin

    names = [
        (n.module or "") if isinstance(n, ast.ImportFrom) else n.names[0].name
        for n in ast.walk(ast.parse(Path(coin.__file__).read_text("utf-8")))
        if isinstance(n, ast.Import | ast.ImportFrom)
    ]
    assert all(name.split(".")[0] in sys.stdlib_module_names for name in names)
