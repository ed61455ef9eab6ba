"""Services that speak other than OpenAI's chat: asked as strictly as they ask for it, answered
alike, and no key gets out."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import hmac
import json
import os
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fingerprints.adjustments import Adjustment
from fingerprints.collect import collect
from fingerprints.errors import AuditError, Incomplete, UnsafeInput, UsageProblem
from fingerprints.records import NEUTRAL_SYSTEM, Arm, Message, Probe, Request, Sampling, Status
from fingerprints.subjects import open_subject
from fingerprints.subjects.apis.anthropic import AnthropicMessages
from tests import faultserver as fault
from tests import strict
from tests.faultserver import Behaviour, FaultServer
from tests.fingerprints.subjects.asking import asks, probe_set, quick_and_planted

__all__ = ["quick_and_planted"]

KEY = "sk-of-another/service+9Q=x"
DEPLOYED = "/openai/deployments/lamb/chat/completions?api-version=2024-10-21"
ARN = "us.maker.lamb-1:0"
CONVERSE = f"/model/{urllib.parse.quote(ARN, safe='')}/converse"
KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY")
KEYS += ("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT", "AWS_REGION", "AWS_DEFAULT_REGION")
KEYS += ("AWS_BEARER_TOKEN_BEDROCK", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
KEYS += ("AWS_SESSION_TOKEN",)


@dataclass(frozen=True)
class Service:
    """One service: how its spec is written, where its key stands, how it behaves, and what it
    tells of itself."""

    spec: str
    variable: str
    served: str | None
    behaves: Any
    root: str = ""

    def behaviour(self, *refusing: strict.Refusal) -> Behaviour:
        found: Behaviour = self.behaves(*refusing)
        return found

    def at(self, server: FaultServer, *more: str) -> str:
        base = f"base_url=http://127.0.0.1:{server.port}{self.root}"
        return ",".join((self.spec, base, *more))


SERVICES: dict[str, Service] = {
    "openai": Service(
        "openai:lamb", "OPENAI_API_KEY", "lamb", lambda *r: strict.chat(*r, key=KEY), "/v1"
    ),
    "responses": Service(
        "responses:lamb", "OPENAI_API_KEY", "lamb", lambda *r: strict.responses(*r, key=KEY), "/v1"
    ),
    "anthropic": Service(
        "anthropic:lamb",
        "ANTHROPIC_API_KEY",
        "lamb-20260101",
        lambda *r: strict.messages(*r, key=KEY),
    ),
    "gemini": Service(
        "gemini:lamb-2.0",
        "GEMINI_API_KEY",
        "lamb-2.0-001",
        lambda *r: strict.gemini(*r, key=KEY, model="lamb-2.0"),
        "/v1beta",
    ),
    "azure, by version": Service(
        "azure:lamb,api_version=2024-10-21",
        "AZURE_OPENAI_API_KEY",
        "lamb-1",
        lambda *r: strict.azure(*r, key=KEY, path=DEPLOYED),
    ),
    "azure": Service(
        "azure:lamb",
        "AZURE_OPENAI_API_KEY",
        "lamb-1",
        lambda *r: strict.azure(*r, key=KEY, path="/openai/v1/chat/completions"),
    ),
    "bedrock": Service(
        f"bedrock:{ARN},region=us-east-1",
        "AWS_BEARER_TOKEN_BEDROCK",
        None,
        lambda *r: strict.converse(*r, headers={"authorization": f"Bearer {KEY}"}, path=CONVERSE),
    ),
}
THINKING = {"responses", "anthropic", "gemini", "bedrock"}


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Service:
    found = SERVICES[request.param]
    monkeypatch.setenv(found.variable, KEY)
    return found


@contextlib.contextmanager
def served(service: Service, *script: Behaviour) -> Iterator[tuple[FaultServer, Any]]:
    with (
        FaultServer(*(script or (service.behaviour(),))) as server,
        open_subject(service.at(server, "concurrency=1")) as subject,
    ):
        yield server, subject


def test_every_service_answers_in_every_arm_with_thoughts_apart(service: Service) -> None:
    with served(service) as (server, subject):
        said = [
            reply
            for arm in (Arm.OWN, Arm.EMPTY, Arm.NEUTRAL)
            for reply in subject.generate(asks(arm=arm))
        ]
    assert [(r.status, r.text, r.finish_reason.casefold()) for r in said] == [
        (
            Status.OK,
            "re: Question 0?",
            "completed" if "responses" in service.spec else ends(service),
        )
    ] * 3
    assert {r.thoughts for r in said} == {"Hm." if service.spec.split(":")[0] in THINKING else ""}
    assert {(r.tokens_in, r.tokens_out) for r in said} == {(7, 3)}
    assert {r.served_model for r in said} == {service.served}
    neutral = json.dumps(server.requests[2].body)
    assert NEUTRAL_SYSTEM in neutral
    assert NEUTRAL_SYSTEM not in json.dumps(server.requests[0].body)
    assert len(server.requests) == 3, "nothing had to be negotiated"


def ends(service: Service) -> str:
    scheme = service.spec.partition(":")[0]
    return "end_turn" if scheme in ("anthropic", "bedrock") else "stop"


def test_earlier_turns_stand_before_the_question_in_their_order(service: Service) -> None:
    history = (
        Message(role="user", content="Hi"),
        Message(role="assistant", content="Hello."),
    )
    probe = Probe(id="p", text="And now?", history=history)
    with served(service) as (server, subject):
        (reply,) = subject.generate([Request(probe=probe, arm=Arm.NEUTRAL)])
    assert reply.text == "re: And now?"
    sent = json.dumps(server.requests[0].body)
    places = [sent.index(text) for text in ("Hi", "Hello.", "And now?")]
    assert places == sorted(places)


def test_drawing_is_asked_for_in_each_services_words_and_a_missing_seed_is_said(
    service: Service,
) -> None:
    with served(service) as (server, subject):
        (reply,) = subject.generate(asks(temperature=0.7, top_p=0.5, seed=11, max_tokens=40))
    body = server.requests[0].body
    sent = {**body, **body.get("generationConfig", {}), **body.get("inferenceConfig", {})}
    assert sent["temperature"] == 0.7
    assert sent.get("top_p", sent.get("topP")) == 0.5
    assert 40 in (
        sent.get(n) for n in ("max_tokens", "max_output_tokens", "maxOutputTokens", "maxTokens")
    )
    assert ("seed" in sent) != (Adjustment.NO_SEED in reply.adjusted)


def test_a_top_p_of_one_is_asked_for_too_since_the_default_may_be_another(
    service: Service,
) -> None:
    told = "`temperature` and `top_p` cannot both be specified for this model."

    def given(body: Mapping[str, Any]) -> Any:
        sent = {**body, **body.get("generationConfig", {}), **body.get("inferenceConfig", {})}
        return sent.get("top_p", sent.get("topP"))

    def refuses(body: Mapping[str, Any]) -> tuple[int, Any] | None:
        error = {"error": {"message": told}, "message": told}
        return None if given(body) is None else (400, error)

    with served(service) as (server, subject):
        (reply,) = subject.generate(asks(temperature=0.7))
    assert given(server.requests[0].body) == 1
    assert Adjustment.SERVER_TOP_P not in reply.adjusted
    with served(service, service.behaviour(refuses)) as (server, subject):
        (reply,) = subject.generate(asks(temperature=0.7))
    assert given(server.requests[1].body) is None
    assert Adjustment.SERVER_TOP_P in reply.adjusted


@pytest.mark.parametrize("top_p", [1.0, 0.5])
def test_only_where_the_default_is_known_a_top_p_of_one_goes_without_saying(top_p: float) -> None:
    (request,) = asks(temperature=0.7, top_p=top_p)
    api = AnthropicMessages("https://api.anthropic.com")
    sent = api.call("lamb", request, api.manners)
    assert sent.body.get("top_p", 1.0) == top_p
    assert sent.adjusted == (Adjustment.NO_SEED,)


def test_a_model_that_refuses_the_temperature_is_asked_without_it(service: Service) -> None:
    told = "`temperature` is deprecated for this model."

    def refuses(body: Mapping[str, Any]) -> tuple[int, Any] | None:
        given = {**body, **body.get("generationConfig", {}), **body.get("inferenceConfig", {})}
        error = {"error": {"message": told}, "message": told}
        return (400, error) if "temperature" in given else None

    with served(service, service.behaviour(refuses)) as (server, subject):
        said = list(subject.generate(asks(2)))
    assert [r.adjusted for r in said] == [(Adjustment.SERVER_TEMPERATURE,)] * 2
    assert len(server.requests) == 3


def test_a_model_without_a_system_turn_gets_its_text_before_the_question(
    service: Service,
) -> None:
    told = "Developer instruction is not enabled for this model; it doesn't support system messages"

    def refuses(body: Mapping[str, Any]) -> tuple[int, Any] | None:
        roles = [turn.get("role") for turn in body.get("messages", ())]
        there = {"system", "instructions", "systemInstruction"} & body.keys() or "system" in roles
        return (400, {"error": {"message": told}, "message": told}) if there else None

    with served(service, service.behaviour(refuses)) as (_, subject):
        (reply,) = subject.generate(asks(arm=Arm.NEUTRAL))
    assert reply.text == f"re: {NEUTRAL_SYSTEM}\n\nQuestion 0?"
    assert reply.adjusted == (Adjustment.SYSTEM_IN_QUESTION,)


def test_a_bare_text_is_gone_on_with_only_where_that_is_offered(service: Service) -> None:
    with served(service, fault.answers("…")) as (server, subject):
        (reply,) = subject.generate(asks(form="completion"))
    offered = service.spec.startswith(("openai", "azure"))
    assert (reply.status is Status.OK) == offered
    assert len(server.requests) == offered


def test_a_wrong_key_ends_the_run_and_is_in_no_byte(
    service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wrong = "sk-wrong/planted+77QQ"
    monkeypatch.setenv(service.variable, wrong)

    def echoes(exchange: fault.Exchange, body: dict[str, Any]) -> None:
        fault.fails(401, f"wrong headers: {dict(exchange.headers)}")(exchange, body)

    path = tmp_path / "t.jsonl"
    with served(service, echoes) as (_, subject):
        with pytest.raises(Incomplete, match="key_env=") as caught:
            collect(subject, [probe_set(3)], Sampling(), path)
        shown = subject.spec + subject.identity.model_dump_json() + repr(subject.__dict__)
    assert wrong not in caught.value.line() + shown + path.read_text()


def test_limits_of_rate_are_waited_for_and_nothing_is_asked_twice(
    service: Service, tmp_path: Path
) -> None:
    busy = fault.fails(429, "slow down", Retry_After="0")
    script = (busy, service.behaviour(), busy, service.behaviour())
    with served(service, *script) as (server, subject):
        whole = collect(subject, [probe_set(4)], Sampling(), tmp_path / "t.jsonl")
        sent = len(server.requests)
        again = collect(subject, [probe_set(4)], Sampling(), tmp_path / "t.jsonl")
    assert whole.complete
    assert len(server.requests) == sent == 6
    assert again.digest() == whole.digest()


def test_the_kind_of_service_belongs_to_the_identity(service: Service, tmp_path: Path) -> None:
    with served(service) as (_, subject):
        identity = subject.identity
    assert identity.kind == "endpoint"
    assert identity.name == service.spec.partition(":")[2].partition(",")[0]
    assert (identity.backend == "") == service.spec.startswith("openai")


CUT_ANSWERS: dict[str, dict[str, Any]] = {
    "responses": {
        "status": "incomplete",
        "incomplete_details": {"reason": "max_output_tokens"},
        "output": [{"type": "message", "content": [{"type": "output_text", "text": "Baa"}]}],
    },
    "anthropic": {"content": [{"type": "text", "text": "Baa"}], "stop_reason": "max_tokens"},
    "gemini": {
        "candidates": [{"content": {"parts": [{"text": "Baa"}]}, "finishReason": "MAX_TOKENS"}]
    },
    "bedrock": {
        "output": {"message": {"content": [{"text": "Baa"}]}},
        "stopReason": "max_tokens",
    },
}
NO_ANSWERS: dict[str, list[dict[str, Any]]] = {
    "responses": [
        {"status": "in_progress", "output": []},
        {"status": "failed", "output": [], "error": {"message": "no"}},
        {"output": [3]},
        {"output": [{"type": "message", "content": [{"type": "output_text", "text": 3}]}]},
    ],
    "anthropic": [
        {"content": [{"type": "text", "text": "half"}], "stop_reason": None},
        {"content": "text", "stop_reason": "end_turn"},
        {"content": [3], "stop_reason": "end_turn"},
        {"type": "error", "error": {"message": "overloaded"}},
    ],
    "gemini": [
        {},
        {"candidates": []},
        {"candidates": [{"content": {"parts": [{"text": "half"}]}}]},
        {"candidates": [{"content": {"parts": [{"text": 3}]}, "finishReason": "STOP"}]},
    ],
    "bedrock": [
        {"output": {"message": {"content": [{"text": "half"}]}}},
        {"output": 3, "stopReason": "end_turn"},
        {"output": {"message": {"content": [{"text": [1]}]}}, "stopReason": "end_turn"},
    ],
}
BLOCKED: dict[str, dict[str, Any]] = {
    "gemini": {"promptFeedback": {"blockReason": "SAFETY"}},
    "gemini, answer": {"candidates": [{"finishReason": "SAFETY"}]},
    "bedrock": {
        "output": {"message": {"content": [{"text": "Sorry, our policy."}]}},
        "stopReason": "guardrail_intervened",
    },
}


def reply_to(name: str, body: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    service = SERVICES[name]
    monkeypatch.setenv(service.variable, KEY)
    with served(service, fault.sends(json.dumps(body).encode())) as (_, subject):
        (reply,) = subject.generate(asks())
    return reply


@pytest.mark.parametrize("name", CUT_ANSWERS)
def test_an_answer_that_was_cut_is_truncated(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reply = reply_to(name, CUT_ANSWERS[name], monkeypatch)
    assert (reply.status, reply.text) == (Status.TRUNCATED, "Baa")


@pytest.mark.parametrize(
    ("name", "body"), [(name, body) for name, bodies in NO_ANSWERS.items() for body in bodies]
)
def test_what_is_no_whole_answer_is_an_error_with_a_reason(
    name: str, body: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply = reply_to(name, body, monkeypatch)
    assert reply.status is Status.ERROR
    assert reply.error


@pytest.mark.parametrize("name", BLOCKED)
def test_what_a_filter_stopped_is_rejected_and_its_words_are_nobodys(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply = reply_to(name.partition(",")[0], BLOCKED[name], monkeypatch)
    assert reply.status is Status.REJECTED
    assert not reply.readable


def test_the_first_answers_cap_is_as_high_as_the_service_wants_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service = SERVICES["responses"]
    monkeypatch.setenv(service.variable, KEY)
    with served(service) as (server, subject):
        (reply,) = subject.generate(asks(max_tokens=4))
    assert server.requests[0].body["max_output_tokens"] == 16
    assert server.requests[0].body["store"] is False
    assert reply.adjusted == (Adjustment.LONGER_ANSWER,)


@pytest.mark.parametrize(("tokens", "status"), [(256, Status.TRUNCATED), (255, Status.OK)])
def test_an_answer_as_long_as_its_cap_was_cut_whatever_the_server_calls_it(
    tokens: int, status: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    """llama.cpp's server says "completed" of what it cut, and LiteLLM's gateway "end_turn"."""
    parts = [{"type": "output_text", "text": "Baa"}]
    body: dict[str, Any] = {"status": "completed", "usage": {"output_tokens": tokens}}
    body["output"] = [{"type": "message", "content": parts}]
    assert reply_to("responses", body, monkeypatch).status is status
    body = {"stop_reason": "end_turn", "usage": {"output_tokens": tokens}}
    body["content"] = [{"type": "text", "text": "Baa"}]
    assert reply_to("anthropic", body, monkeypatch).status is status


WITHOUT_KEYS: tuple[tuple[str, type[AuditError], str], ...] = (
    ("anthropic:lamb", UsageProblem, "export ANTHROPIC_API_KEY"),
    ("gemini:lamb", UsageProblem, "export GEMINI_API_KEY"),
    ("azure:lamb", UsageProblem, "AZURE_OPENAI_ENDPOINT"),
    ("bedrock:lamb", UsageProblem, "region="),
    ("bedrock:lamb,region=nowhere", UsageProblem, "region="),
    ("bedrock:lamb,region=us-east-1", UsageProblem, "export AWS_BEARER_TOKEN_BEDROCK"),
    ("anthropic:lamb,key_env=NOT_SET_AT_ALL", UsageProblem, "key_env="),
    ("anthropic:lamb,base_url=https://api.example/v1/messages", UsageProblem, "take the last part"),
    ("openai:lamb,base_url=http://h/v1/chat/completions", UsageProblem, "take the last part"),
    ("openai:lamb,base_url=http://bücher.example/v1", UsageProblem, "xn--"),
    ("openai:lamb,thoughts=-1", UsageProblem, "thoughts="),
)


@pytest.mark.parametrize(("spec", "error", "step"), WITHOUT_KEYS)
def test_what_is_missing_is_one_line_with_the_next_step(
    spec: str, error: type[AuditError], step: str
) -> None:
    with pytest.raises(error) as caught:
        open_subject(spec)
    assert step in caught.value.line()


def test_an_address_of_azure_may_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://flock.openai.azure.com/")
    with open_subject("azure:lamb") as subject:
        assert subject.identity.base_url == "https://flock.openai.azure.com"


def test_a_key_within_a_spec_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    with pytest.raises(UnsafeInput) as caught:
        open_subject(f"anthropic:lamb,base_url=http://h/{KEY}")
    assert KEY not in caught.value.line()


def _signature(secret: str, date: str, request: fault.Received, signed: list[str]) -> str:
    """The signature of version 4 as Amazon's reference describes it, written down a second time."""
    path = "/".join(urllib.parse.quote(part, safe="") for part in request.path.split("/"))
    headers = "".join(f"{name}:{request.headers[name].strip()}\n" for name in signed)
    sent = json.dumps(request.body).encode()
    canonical = "\n".join(
        ("POST", path, "", headers, ";".join(signed), hashlib.sha256(sent).hexdigest())
    )
    scope = f"{date[:8]}/us-east-1/bedrock/aws4_request"
    told = "\n".join(
        ("AWS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest())
    )
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, told.encode(), "sha256").hex()


def test_calls_with_keys_of_aws_are_signed_as_its_reference_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("botocore", reason="the extra 'bedrock' is not installed")
    access, secret, session = "AKIAPLANTEDLAMB00", "planted/secret+of=aws99", "session/planted+1234"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", access)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    monkeypatch.setenv("AWS_SESSION_TOKEN", session)
    told = f"who are you, {access}, {secret}, {session}?"
    script = (strict.converse(headers={}, path=CONVERSE), fault.fails(403, told))
    with FaultServer(*script) as server:
        base = f"base_url=http://127.0.0.1:{server.port}"
        with open_subject(f"bedrock:{ARN},region=us-east-1,{base},concurrency=1") as subject:
            (reply,) = subject.generate(asks())
            with pytest.raises(Incomplete) as caught:
                list(subject.generate(asks()))
            shown = repr(subject.__dict__)
    assert reply.status is Status.OK
    request = server.requests[0]
    word, _, rest = request.headers["authorization"].partition(" ")
    told_of = dict(part.strip().split("=", 1) for part in rest.split(","))
    date = request.headers["x-amz-date"]
    assert word == "AWS4-HMAC-SHA256"
    assert told_of["Credential"] == f"{access}/{date[:8]}/us-east-1/bedrock/aws4_request"
    now = datetime.datetime.now(datetime.UTC)
    stamped = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
    assert abs((now - stamped).total_seconds()) < 60
    signed = told_of["SignedHeaders"].split(";")
    assert {"host", "content-type", "x-amz-date", "x-amz-security-token"} <= set(signed)
    assert told_of["Signature"] == _signature(secret, date, request, signed)
    for planted in (access, secret, session):
        assert planted not in caught.value.line() + shown


def test_half_a_pair_of_keys_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAPLANTEDLAMB00")
    with pytest.raises(UsageProblem, match="export both"):
        open_subject("bedrock:lamb,region=us-east-1")


def test_no_key_of_one_service_goes_to_another(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "AZURE_OPENAI_API_KEY"):
        monkeypatch.setenv(name, f"planted-key-of-{name}")
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "planted-key-of-bedrock")
    for service in SERVICES.values():
        with served(service, fault.fails(400)) as (server, subject):
            list(subject.generate(asks()))
        sent = [v for r in server.requests for v in r.headers.values() if "planted" in v]
        own = os.environ[service.variable]
        assert sent
        assert all(own in value for value in sent)
