"""An endpoint asked against a server that misbehaves by script: no hang, no leak, no answer made up, none asked twice."""

from __future__ import annotations

import base64
import contextlib
import email.utils
import importlib.util
import json
import resource
import socket
import time
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fingerprints.collect import collect
from fingerprints.errors import AuditError, Incomplete, UnsafeInput, UsageProblem
from fingerprints.records import NEUTRAL_SYSTEM, Arm, Probe, ProbeSet, Reply, Request, Sampling, Status
from fingerprints.subjects import parse_spec
from fingerprints.subjects.addresses import refuse_address
from fingerprints.subjects.answers import reply_from
from fingerprints.subjects.budget import Budget, Use, estimate, sane_count, worst_case
from fingerprints.subjects.endpoint import checked_url, open_endpoint
from fingerprints.subjects.secret import Secret
from fingerprints.transcript import load_transcript
from tests import faultserver as fault
from tests.faultserver import FaultServer

remote = pytest.importorskip("fingerprints.subjects.remote", reason="the extra 'openai' is not installed")

KEY = "sk-planted/7f+3Q=x9Zc"


@pytest.fixture(autouse=True)
def quick_and_planted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setattr(remote, "FIRST_WAIT", 0.01)


@contextlib.contextmanager
def endpoint(server: FaultServer | str, **options: Any) -> Iterator[Any]:
    url = server if isinstance(server, str) else server.url
    spec = ",".join(["openai:lamb", f"base_url={url}", *(f"{k}={v}" for k, v in options.items())])
    with open_endpoint(parse_spec(spec)) as subject:
        yield subject


def asks(n: int = 1, **more: Any) -> list[Request]:
    form = more.pop("form", "chat")
    return [Request(probe=Probe(id=f"p{i}", text=f"Question {i}?", form=form), **more) for i in range(n)]


def replies(*script: fault.Behaviour, n: int = 1, form: str = "chat", **options: Any) -> list[Reply]:
    with FaultServer(*script) as server, endpoint(server, **options) as subject:
        return list(subject.generate(asks(n, form=form)))


def the_reply(*script: fault.Behaviour, **options: Any) -> Reply:
    (reply,) = replies(*script, **options)
    return reply


def test_an_answer_comes_with_its_counts_and_the_name_the_server_gave() -> None:
    reply = the_reply(fault.answers("Baa."))
    assert (reply.status, reply.text, reply.finish_reason) == (Status.OK, "Baa.", "stop")
    assert (reply.tokens_in, reply.tokens_out, reply.served_model) == (7, 3, "lamb-1")
    assert reply.seconds is not None
    assert reply.prompt is None


def test_only_the_key_and_plain_headers_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-secret")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-secret")
    with FaultServer(fault.answers()) as server, endpoint(server) as subject:
        list(subject.generate(asks()))
    headers = server.requests[0].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert not [name for name in headers if name.startswith(("x-", "openai-"))]


def test_without_a_key_none_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with FaultServer(fault.answers()) as server, endpoint(server) as subject:
        list(subject.generate(asks()))
    assert "authorization" not in server.requests[0].headers


def test_the_arms_decide_about_the_system_turn_and_sampling_is_sent() -> None:
    with FaultServer(fault.answers()) as server, endpoint(server, concurrency=1) as subject:
        for arm in (Arm.OWN, Arm.EMPTY, Arm.NEUTRAL):
            list(subject.generate(asks(arm=arm, temperature=0.7, seed=11, top_p=0.9, max_tokens=17)))
    systems = [[m["content"] for m in r.body["messages"] if m["role"] == "system"] for r in server.requests]
    assert systems == [[], [""], [NEUTRAL_SYSTEM]]
    body = server.requests[0].body
    assert (body["temperature"], body["seed"], body["top_p"], body["max_tokens"]) == (0.7, 11, 0.9, 17)


def test_completions_go_to_their_own_path_and_a_server_without_it_is_asked_once() -> None:
    with FaultServer(fault.answers("…")) as server, endpoint(server) as subject:
        assert [r.text for r in subject.generate(asks(form="completion"))] == ["…"]
    assert server.requests[0].path == "/v1/completions"
    with FaultServer(fault.fails(404)) as server, endpoint(server, concurrency=1) as subject:
        got = list(subject.generate(asks(5, form="completion")))
    assert all(r.status is Status.ERROR and "not offered" in str(r.error) for r in got)
    assert len(got) == 5
    assert len(server.requests) == 1


RETRIED: dict[str, fault.Behaviour] = {
    "429": fault.fails(429),
    "429 soon": fault.fails(429, Retry_After="0"),
    "429 negative": fault.fails(429, Retry_After="-5"),
    "429 garbage": fault.fails(429, Retry_After="soon"),
    "429 past": fault.fails(429, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"),
    "500": fault.fails(500),
    "502 html": fault.sends(b"<html>bad gateway</html>", 502),
    "503 nested": fault.sends(b"[" * 100_000, 503),
    "504": fault.fails(504),
    "hang-up": fault.hangs_up(),
    "cut": fault.cuts(),
    "chunked cut": fault.cuts(chunked=True),
    "cut gzip": fault.gzipped(b"{}" * 50, cut=5),
    "lying gzip": fault.sends(b"{}", Content_Encoding="gzip"),
}


@pytest.mark.parametrize("name", sorted(RETRIED))
def test_passing_troubles_are_retried_and_counted(name: str) -> None:
    with FaultServer(RETRIED[name], RETRIED[name], fault.answers()) as server, endpoint(server) as subject:
        (reply,) = subject.generate(asks())
        assert (subject.counts.calls, subject.counts.retries) == (3, 2)
    assert reply.status is Status.OK
    assert len({json.dumps(r.body) for r in server.requests}) == 1


@pytest.mark.parametrize("name", ["429", "503 nested", "hang-up", "cut"])
def test_retries_end_after_five_and_leave_a_counted_error(name: str) -> None:
    with FaultServer(RETRIED[name]) as server, endpoint(server) as subject:
        (reply,) = subject.generate(asks())
    assert reply.status is Status.ERROR
    assert len(server.requests) == 6


def test_an_answer_is_never_asked_again_for_what_it_says() -> None:
    for behaviour in (fault.answers(""), fault.answers("I can't help with that."), fault.sends(b"<html>"), fault.sends(b"{}")):
        with FaultServer(behaviour) as server, endpoint(server) as subject:
            list(subject.generate(asks()))
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [("7", 7, 7), ("0", 0, 0), ("999999999", 120, 120), ("inf", 120, 120), ("1e400", 120, 120), (None, 0.25, 0.5)],
)
def test_retry_after_is_obeyed_up_to_two_minutes(header: str | None, low: float, high: float) -> None:
    assert low <= remote.pause(0, header, 0.5) <= high


@pytest.mark.parametrize("header", ["-1", "nan", "soon", "", "Wed, 21 Oct 2015 07:28:00 GMT", "9" * 400 + " GMT", "\x00"])
def test_a_senseless_retry_after_counts_as_none(header: str) -> None:
    assert 0 < remote.pause(0, header, 0.5) <= 0.5
    assert 0 < remote.pause(30, header, 0.5) <= 20


def test_a_retry_after_date_is_waited_for() -> None:
    assert 20 < remote.pause(0, email.utils.formatdate(time.time() + 30, usegmt=True)) <= 31


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 422])
def test_a_refusal_stops_at_once_with_exit_6(status: int) -> None:
    with FaultServer(fault.fails(status, f"wrong \x1b[31m {KEY}")) as server, endpoint(server, concurrency=1) as subject:
        with pytest.raises(Incomplete, match=f"HTTP {status}") as caught:
            list(subject.generate(asks(5)))
        assert caught.value.exit_code == 6
    assert len(server.requests) == 1
    assert KEY not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_refused_connection_and_an_unknown_name_are_told_by_host_and_port() -> None:
    port = free_port()
    with (
        endpoint(f"http://127.0.0.1:{port}/v1") as subject,
        pytest.raises(Incomplete, match=f"127.0.0.1:{port} can't be reached"),
    ):
        list(subject.generate(asks()))
    with endpoint("http://nowhere.invalid:81/v1") as subject, pytest.raises(Incomplete, match=r"nowhere\.invalid:81"):
        list(subject.generate(asks()))


def test_a_server_that_speaks_no_tls_is_told_by_host_and_port() -> None:
    with FaultServer(fault.answers()) as server, endpoint(server.url.replace("http:", "https:")) as subject:
        told = pytest.raises(Incomplete, match=f"127.0.0.1:{server.port}")
        with told:
            list(subject.generate(asks()))


@pytest.mark.parametrize(
    "behaviour",
    [fault.dribbles(), fault.dribbles(in_headers=True), fault.hangs(), fault.hangs(headers=True)],
    ids=["dribbles", "dribbles headers", "hangs", "hangs after headers"],
)
def test_the_deadline_fires_whatever_the_server_dribbles(behaviour: fault.Behaviour) -> None:
    begun = time.monotonic()
    reply = the_reply(behaviour, deadline=0.8)
    assert reply.status is Status.ERROR
    assert "within 0.8 s" in str(reply.error)
    assert 0.8 <= time.monotonic() - begun < 1.4


def test_an_interruption_ends_hanging_calls_quickly() -> None:
    with FaultServer(fault.answers(), fault.hangs()) as server, endpoint(server, concurrency=3) as subject:
        stream = subject.generate(asks(8))
        next(stream)
        begun = time.monotonic()
        stream.close()
        assert time.monotonic() - begun < 1.0


def test_a_packed_bomb_and_a_flood_are_stopped_in_little_memory() -> None:
    the_reply(fault.answers())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for behaviour in (fault.bomb(300), fault.plain(64)):
        reply = the_reply(behaviour)
        assert reply.status is Status.ERROR
        assert "larger than 8,388,608" in str(reply.error)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 64 << 10  # KiB; the server's own packed bomb and its chunks are among them


def test_huge_headers_are_an_error() -> None:
    assert the_reply(fault.sends(b"{}", X_Long="x" * 200_000)).status is Status.ERROR


BAD_BODIES: dict[str, bytes] = {
    "html": b"<html><body>maintenance</body></html>",
    "empty": b"",
    "null": b"null",
    "list": b"[]",
    "object": b"{}",
    "number": b"3",
    "null choices": b'{"choices": null}',
    "no choices": b'{"choices": []}',
    "odd choice": b'{"choices": ["x"]}',
    "no message": b'{"choices": [{"finish_reason": "stop"}]}',
    "list content": json.dumps(fault.completion(["a"])).encode(),
    "number content": json.dumps(fault.completion(3)).encode(),
    "odd finish": json.dumps(fault.completion("a", finish=3)).encode(),
    "cut": json.dumps(fault.completion()).encode()[:-9],
    "nan": json.dumps(fault.completion(x=float("nan"))).encode(),
    "twice": b'{"choices": [], "choices": []}',
    "nesting": b"[" * 100_000,
    "nested objects": b'{"a":' * 100_000,
    "digits": b'{"created": ' + b"9" * 5000 + b"}",
    "latin-1": b'{"model": "\xe9"}',
    "utf-16": "{}".encode("utf-16"),
}


@pytest.mark.parametrize("name", sorted(BAD_BODIES))
def test_what_is_no_answer_becomes_an_error_with_a_reason(name: str) -> None:
    reply = the_reply(fault.sends(BAD_BODIES[name]))
    assert reply.status is Status.ERROR
    assert reply.text == ""
    assert str(reply.error).startswith("not an answer: ")


def test_a_missing_finish_reason_is_incomplete_a_long_answer_truncated_and_nothing_empty() -> None:
    assert the_reply(fault.answers("Baa", finish=None)).status is Status.ERROR
    assert "incomplete" in str(the_reply(fault.answers("Baa", finish=None)).error)
    assert the_reply(fault.answers("Baa", finish="length")).status is Status.TRUNCATED
    assert the_reply(fault.answers(" \n")).status is Status.EMPTY
    assert the_reply(fault.answers(None)).status is Status.EMPTY


def test_strange_characters_survive_and_can_be_stored() -> None:
    body = json.dumps(fault.completion("a\0b\u2028c")).encode().replace(b"Baa", b"")
    assert the_reply(fault.sends(b"\xef\xbb\xbf" + body)).text == "a\0b\u2028c"
    reply = the_reply(fault.answers("a\ud800b", model="\udfff"))
    assert reply.text == "a?b"
    assert reply.model_dump_json()


@pytest.mark.parametrize("lie", [-3, 10**12, "7", 3.5, True, None, [1]])
def test_a_lie_about_usage_is_not_recorded(lie: Any) -> None:
    reply = the_reply(fault.answers("Baa.", usage={"prompt_tokens": lie, "completion_tokens": lie}))
    assert reply.status is Status.OK
    assert (reply.tokens_in, reply.tokens_out) == (None, None)
    assert the_reply(fault.answers(usage=lie)).status is Status.OK


def test_more_choices_than_asked_give_the_first() -> None:
    two = fault.completion("first")["choices"] + fault.completion("second")["choices"]
    assert the_reply(fault.answers(choices=two)).text == "first"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_and_the_key_not_sent_on(status: int) -> None:
    with FaultServer(fault.answers()) as other, FaultServer(fault.redirects(f"{other.url}/x", status)) as server:
        for to in (f"{other.url}/chat/completions", f"{server.url}/x", "http://169.254.169.254/latest"):
            server.script = (fault.redirects(to, status),)
            with endpoint(server) as subject, pytest.raises(UnsafeInput) as caught:
                list(subject.generate(asks()))
            assert caught.value.exit_code == 4
        assert not other.requests
        assert len(server.requests) == 3


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


@pytest.mark.parametrize("spelling", sorted(SPELLINGS))
def test_an_echoed_key_is_removed_from_every_field(spelling: str) -> None:
    form = SPELLINGS[spelling]
    stored = the_reply(fault.echoes_key(form)).model_dump_json()
    assert "[key removed]" in stored
    assert form(KEY)[4:-4] not in stored
    with pytest.raises(Incomplete) as caught:
        the_reply(fault.echoes_key(form, 401))
    assert form(KEY)[4:-4] not in str(caught.value)
    assert form(KEY)[4:-4] not in str(the_reply(fault.echoes_key(form, 503)).error)


def test_a_placeholder_key_takes_no_words_out_of_answers() -> None:
    assert Secret("EMPTY").removed_from("An EMPTY answer") == "An EMPTY answer"
    assert repr(Secret(KEY)) == "Secret(***)"


def probe_set(n: int) -> ProbeSet:
    return ProbeSet(name="s", version="1", probes=tuple(Probe(id=f"s/{i}", text=f"Question {i}?") for i in range(n)))


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_run_interrupted_half_way_and_resumed_asks_nothing_answered_twice(tmp_path: Path, concurrency: int) -> None:
    path, probes = tmp_path / "t.jsonl", [probe_set(20)]

    def interrupt(done: int, n: int) -> None:
        if done == 10:
            raise KeyboardInterrupt

    with FaultServer(fault.fails(429, f"slow down {KEY}"), fault.echoes()) as server:
        with endpoint(server, concurrency=concurrency) as subject, pytest.raises(KeyboardInterrupt):
            collect(subject, probes, Sampling(), path, interrupt)
        half = load_transcript(path)
        kept = {half.probes[r.probe_id].text for r in half.replies}
        assert len(kept) == 10
        assert not half.complete
        before = len(server.requests)
        with endpoint(server, concurrency=concurrency) as subject:
            whole = collect(subject, probes, Sampling(), path)
    resumed = [r.prompt for r in server.requests[before:]]
    assert sorted(resumed) == sorted(set(resumed))
    assert not kept & set(resumed)
    assert whole.complete
    assert {(whole.probes[r.probe_id].text, r.text) for r in whole.replies} == {
        (f"Question {i}?", f"re: Question {i}?") for i in range(20)
    }


def test_the_planted_key_is_in_no_byte_written(tmp_path: Path) -> None:
    script = [fault.echoes_key(form) for form in SPELLINGS.values()] + [fault.echoes_key(str, 500), fault.echoes()]
    with FaultServer(*script) as server, endpoint(server) as subject:
        collect(subject, [probe_set(12)], Sampling(), tmp_path / "t.jsonl")
    written = (tmp_path / "t.jsonl").read_text()
    for form in SPELLINGS.values():
        assert form(KEY)[4:-4] not in written
    assert KEY[3:] not in written


def test_a_change_of_the_served_model_is_an_event(tmp_path: Path) -> None:
    with FaultServer(fault.answers(), fault.answers(model="wolf-2")) as server, endpoint(server) as subject:
        transcript = collect(subject, [probe_set(4)], Sampling(), tmp_path / "t.jsonl")
    assert [e.kind for e in transcript.events] == ["drift"]


def test_bursts_of_errors_lose_no_answer(tmp_path: Path) -> None:
    script = [(fault.fails(503), fault.hangs_up(), fault.answers())[i % 3] for i in range(300)]
    with FaultServer(*script) as server, endpoint(server, concurrency=8) as subject:
        transcript = collect(subject, [probe_set(60)], Sampling(), tmp_path / "t.jsonl")
    assert transcript.counts().get("ok", 0) >= 48
    assert len(transcript.replies) == 60


def test_the_token_budget_stops_before_the_call_that_could_pass_it(tmp_path: Path) -> None:
    with FaultServer(fault.echoes()) as server, endpoint(server, tokens=1000, concurrency=4) as subject:
        with pytest.raises(Incomplete, match="budget of 1,000 tokens") as caught:
            collect(subject, [probe_set(500)], Sampling(max_tokens=100), tmp_path / "t.jsonl")
        assert caught.value.exit_code == 6
        spent = subject.budget.spent
    kept = load_transcript(tmp_path / "t.jsonl").counts()["ok"]
    assert kept == len(server.requests) > 20
    assert 800 < spent.read + spent.written <= 1000


def test_lies_about_usage_do_not_stretch_the_budget() -> None:
    for usage in ({"prompt_tokens": 0, "completion_tokens": 0}, {"prompt_tokens": -9, "completion_tokens": -9}, None):
        with FaultServer(fault.answers("words " * 40, usage=usage)) as server, endpoint(server, tokens=1000) as subject:
            stopped = pytest.raises(Incomplete)
            with stopped:
                list(subject.generate(asks(200, max_tokens=100)))
        assert len(server.requests) < 17


def test_the_cost_budget_stops_too_and_says_what_was_spent() -> None:
    with FaultServer(fault.echoes()) as server, endpoint(server, cost=0.001, price_in=1, price_out=4) as subject:
        with pytest.raises(Incomplete, match=r"a cost of 0\.001"):
            list(subject.generate(asks(500, max_tokens=50)))
        assert 0 < subject.budget.price(subject.budget.spent) <= 0.001
    assert server.requests


def test_a_budget_for_less_than_one_call_sends_none() -> None:
    with FaultServer(fault.echoes()) as server, endpoint(server, tokens=50) as subject, pytest.raises(Incomplete):
        list(subject.generate(asks()))
    assert not server.requests


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500), st.booleans()), max_size=30), st.integers(1, 5000))
def test_a_budget_is_never_passed_when_no_call_takes_more_than_its_worst_case(
    calls: list[tuple[int, int, bool]], cap: int
) -> None:
    budget, flying = Budget(tokens=cap), list[Use]()
    for read, written, settle in calls:
        worst = Use(read, written)
        if budget.fits(worst):
            budget.promise(worst)
            flying.append(worst)
        if settle and flying:
            done = flying.pop()
            budget.settle(done, Use(done.read // 2, done.written))
        assert budget.spent.read + budget.spent.written <= cap


def test_counts_are_bounded_by_the_worst_case() -> None:
    (request,) = asks()
    assert worst_case(request).written == 256
    assert worst_case(request).read >= estimate(request.probe.text)
    assert [sane_count(n) for n in (0, 5, -1, True, 10**9, "5")] == [0, 5, None, None, None, None]


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
def test_an_address_that_leaks_or_leads_astray_is_refused_and_not_repeated(url: str, error: type[AuditError]) -> None:
    with pytest.raises(error) as caught, endpoint(url):
        pass
    assert "sk-planted" not in str(caught.value)
    assert "pass" not in str(caught.value).replace("password", "")


@pytest.mark.parametrize("url", ["http://localhost:8000/v1/", "https://10.0.0.3/v1", "http://[::1]:8/v1", "http://192.168.1.2"])
def test_local_and_private_addresses_are_allowed(url: str) -> None:
    assert checked_url(url) == url.rstrip("/")


def test_a_name_that_resolves_to_a_metadata_address_is_refused_when_it_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 80))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **more: found)
    with endpoint("http://metadata.example/v1") as subject, pytest.raises(UnsafeInput):
        list(subject.generate(asks()))
    refuse_address("127.0.0.1", "x")


def test_proxies_and_certificates_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    for name, value in {"NO_PROXY": "", "SSL_CERT_FILE": "/nowhere", "NETRC": str(tmp_path / ".netrc")}.items():
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
    with pytest.raises(UsageProblem, match=next(reversed(options)).split("_")[0] + "|cost"), endpoint("http://h/v1", **options):
        pass


def test_the_key_comes_from_the_variable_that_key_env_names(monkeypatch: pytest.MonkeyPatch) -> None:
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
        assert (subject.identity.kind, subject.identity.name, subject.identity.template) == ("endpoint", "lamb", "remote")
        assert subject.identity.base_url == "http://127.0.0.1:9/v1"
        assert KEY not in subject.spec + subject.identity.model_dump_json() + repr(subject.__dict__)


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageProblem, match=r"distillation-auditor\[openai\]"), endpoint("http://h/v1"):
        pass


@settings(max_examples=150, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["choices", "message", "content", "finish_reason", "usage", "model", "text", "refusal"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_no_json_value_ends_in_a_traceback(value: Any) -> None:
    (request,) = asks()
    reply = reply_from(request, json.dumps({"choices": [value], "usage": value, "model": value}).encode(), 0.1)
    assert reply.key == request.key
    assert reply.model_dump_json()
