"""An endpoint's spec, key, address and requests: nothing leaks, nothing leads astray."""

from __future__ import annotations

import importlib.util
import socket
from pathlib import Path

import pytest

from fingerprints.errors import AuditError, UnsafeInput, UsageProblem
from fingerprints.records import NEUTRAL_SYSTEM, Arm, Status
from fingerprints.subjects.endpoint import checked_url
from fingerprints.subjects.guard import Secret, refuse_address
from tests import faultserver as fault
from tests.faultserver import FaultServer
from tests.fingerprints.subjects.asking import (
    KEY,
    asks,
    endpoint,
    free_port,
    quick_and_planted,
    the_reply,
)

__all__ = ["quick_and_planted"]


def test_an_answer_comes_with_its_counts_and_the_name_the_server_gave() -> None:
    reply = the_reply(fault.answers("Baa."))
    assert (reply.status, reply.text, reply.finish_reason) == (Status.OK, "Baa.", "stop")
    assert (reply.tokens_in, reply.tokens_out, reply.served_model) == (7, 3, "lamb-1")
    assert reply.seconds is not None
    assert reply.prompt is None


def test_only_the_key_and_plain_headers_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-secret")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-secret")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "admin-secret")
    monkeypatch.setenv(
        "OPENAI_CUSTOM_HEADERS", "X-Told: secret\nAuthorization: Bearer other-secret"
    )
    with FaultServer(fault.answers()) as server, endpoint(server) as subject:
        list(subject.generate(asks()))
    headers = server.requests[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert not [name for name in headers if name.startswith(("x-", "openai-"))]
    assert "secret" not in str(headers)


def test_without_a_key_none_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with FaultServer(fault.answers()) as server, endpoint(server) as subject:
        list(subject.generate(asks()))
    assert "authorization" not in server.requests[0].headers


def test_the_arms_decide_about_the_system_turn_and_sampling_is_sent() -> None:
    with FaultServer(fault.answers()) as server, endpoint(server, concurrency=1) as subject:
        for arm in (Arm.OWN, Arm.EMPTY, Arm.NEUTRAL):
            list(
                subject.generate(asks(arm=arm, temperature=0.7, seed=11, top_p=0.9, max_tokens=17))
            )
    systems = [
        [m["content"] for m in r.body["messages"] if m["role"] == "system"] for r in server.requests
    ]
    assert systems == [[], [""], [NEUTRAL_SYSTEM]]
    body = server.requests[0].body
    assert (body["temperature"], body["seed"], body["top_p"], body["max_tokens"]) == (
        0.7,
        11,
        0.9,
        17,
    )


def test_completions_go_to_their_own_path_and_a_server_without_it_is_asked_once() -> None:
    with FaultServer(fault.answers("…")) as server, endpoint(server) as subject:
        assert [r.text for r in subject.generate(asks(form="completion"))] == ["…"]
    assert server.requests[0].path == "/v1/completions"
    with FaultServer(fault.fails(404)) as server, endpoint(server, concurrency=1) as subject:
        got = list(subject.generate(asks(5, form="completion")))
    assert all(r.status is Status.ERROR and "not offered" in str(r.error) for r in got)
    assert len(got) == 5
    assert len(server.requests) == 1


def test_a_placeholder_key_takes_no_words_out_of_answers() -> None:
    assert Secret("EMPTY").removed_from("An EMPTY answer") == "An EMPTY answer"
    assert repr(Secret(KEY)) == "Secret(***)"


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://user:pass@127.0.0.1/v1", UnsafeInput),
        ("https://sk-planted@host/v1", UnsafeInput),
        ("http://host/v1?api-key=sk-planted", UnsafeInput),
        ("http://host/v1#sk-planted", UnsafeInput),
        ("http://169.254.169.254/v1", UnsafeInput),
        ("http://[fe80::1]/v1", UnsafeInput),
        ("http://[fd00:ec2::254]/v1", UnsafeInput),
        ("http://[::ffff:169.254.169.254]/v1", UnsafeInput),
        ("http://0.0.0.0/v1", UnsafeInput),
        ("ftp://host/v1", UsageProblem),
        ("file:///etc/passwd", UsageProblem),
        ("host:8000", UsageProblem),
        ("http://", UsageProblem),
        ("http://host:99999/v1", UsageProblem),
        ("http://ho st/v1", UsageProblem),
    ],
)
def test_an_address_that_leaks_or_leads_astray_is_refused_and_not_repeated(
    url: str, error: type[AuditError]
) -> None:
    with pytest.raises(error) as caught, endpoint(url):
        pass
    assert "sk-planted" not in str(caught.value)
    assert "pass" not in str(caught.value).replace("password", "")


@pytest.mark.parametrize(
    "url",
    ["http://localhost:8000/v1/", "https://10.0.0.3/v1", "http://[::1]:8/v1", "http://192.168.1.2"],
)
def test_local_and_private_addresses_are_allowed(url: str) -> None:
    assert checked_url(url) == url.rstrip("/")


def test_a_name_that_resolves_to_a_metadata_address_is_refused_when_it_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **more: found)
    with endpoint("http://metadata.example/v1") as subject, pytest.raises(UnsafeInput):
        list(subject.generate(asks()))
    refuse_address("127.0.0.1", "x")


def test_proxies_and_certificates_of_the_environment_are_ignored(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    for name, value in {
        "NO_PROXY": "",
        "SSL_CERT_FILE": "/nowhere",
        "NETRC": str(tmp_path / ".netrc"),
    }.items():
        monkeypatch.setenv(name, value)
    assert the_reply(fault.answers()).status is Status.OK


@pytest.mark.parametrize(
    "options",
    [
        {"concurrency": "0"},
        {"concurrency": "2.5"},
        {"deadline": "nan"},
        {"deadline": "-1"},
        {"tokens": "many"},
        {"cost": "1"},
        {"cost": "1", "price_in": "1"},
        {"cost": "inf", "price_in": "1", "price_out": "1"},
    ],
)
def test_an_option_that_does_not_fit_is_named(options: dict[str, str]) -> None:
    with (
        pytest.raises(UsageProblem, match=next(reversed(options)).split("_")[0] + "|cost"),
        endpoint("http://h/v1", **options),
    ):
        pass


def test_the_key_comes_from_the_variable_that_key_env_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LAMB_KEY", "another-key-123")
    with FaultServer(fault.answers()) as server, endpoint(server, key_env="LAMB_KEY") as subject:
        list(subject.generate(asks()))
    assert server.requests[0].headers["authorization"] == "Bearer another-key-123"
    with pytest.raises(UsageProblem) as caught, endpoint("http://h/v1", key_env=KEY):
        pass
    assert KEY not in str(caught.value)
    monkeypatch.setenv("LAMB_KEY", "two\nlines")
    with pytest.raises(UsageProblem), endpoint("http://h/v1", key_env="LAMB_KEY"):
        pass


def test_a_spec_that_holds_the_key_is_refused() -> None:
    with pytest.raises(UnsafeInput) as caught, endpoint(f"http://h/{KEY}"):
        pass
    assert KEY not in str(caught.value)


def test_identity_and_spec_name_the_endpoint_and_no_secret() -> None:
    with endpoint("http://127.0.0.1:9/v1/") as subject:
        assert (subject.identity.kind, subject.identity.name, subject.identity.template) == (
            "endpoint",
            "lamb",
            "remote",
        )
        assert subject.identity.base_url == "http://127.0.0.1:9/v1"
        assert KEY not in subject.spec + subject.identity.model_dump_json() + repr(subject.__dict__)


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with (
        pytest.raises(UsageProblem, match=r"distillation-auditor\[openai\]"),
        endpoint("http://h/v1"),
    ):
        pass
