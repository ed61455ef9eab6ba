"""What tests of endpoints share: a planted key, short waits, and ways to ask a fault server."""

from __future__ import annotations

import base64
import contextlib
import socket
import urllib.parse
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fingerprints.records import Probe, ProbeSet, Reply, Request
from fingerprints.subjects import parse_spec
from fingerprints.subjects.endpoint import open_endpoint
from tests import faultserver as fault
from tests.faultserver import FaultServer

remote = pytest.importorskip(
    "fingerprints.subjects.remote", reason="the extra 'openai' is not installed"
)

KEY = "sk-planted/7f+3Q=x9Zc"


@pytest.fixture(autouse=True)
def quick_and_planted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr(remote, "FIRST_WAIT", 0.01)


@contextlib.contextmanager
def endpoint(server: FaultServer | str, name: str = "lamb", **options: Any) -> Iterator[Any]:
    url = server if isinstance(server, str) else server.url
    spec = ",".join(
        [f"openai:{name}", f"base_url={url}", *(f"{k}={v}" for k, v in options.items())]
    )
    with open_endpoint(parse_spec(spec)) as subject:
        yield subject


def asks(n: int = 1, **more: Any) -> list[Request]:
    form = more.pop("form", "chat")
    return [
        Request(probe=Probe(id=f"p{i}", text=f"Question {i}?", form=form), **more) for i in range(n)
    ]


def replies(
    *script: fault.Behaviour, n: int = 1, form: str = "chat", **options: Any
) -> list[Reply]:
    with FaultServer(*script) as server, endpoint(server, **options) as subject:
        return list(subject.generate(asks(n, form=form)))


def the_reply(*script: fault.Behaviour, **options: Any) -> Reply:
    (reply,) = replies(*script, **options)
    return reply


def base64_after(prefix: str) -> Callable[[str], str]:
    return lambda key: base64.b64encode((prefix + key).encode()).decode()


SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": lambda key: key,
    "url": lambda key: urllib.parse.quote(key, safe=""),
    "base64": base64_after(""),
    "base64 of header": base64_after("Bearer "),
    "base64 after 1": base64_after("x"),
    "url-safe": lambda key: base64.urlsafe_b64encode(key.encode()).decode(),
}


def probe_set(n: int) -> ProbeSet:
    return ProbeSet(
        name="s",
        version="1",
        probes=tuple(Probe(id=f"s/{i}", text=f"Question {i}?") for i in range(n)),
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
