"""An endpoint asked against a server that misbehaves by script: no hang, no leak, no answer made
up."""

from __future__ import annotations

import email.utils
import json
import resource
import shutil
import ssl
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from fingerprints.errors import Incomplete
from fingerprints.records import Status
from fingerprints.subjects.remote import AGAIN, HARMLESS
from tests import faultserver as fault
from tests.faultserver import FaultServer
from tests.fingerprints.subjects.asking import (
    KEY,
    asks,
    endpoint,
    free_port,
    quick_and_planted,
    remote,
    the_reply,
)

__all__ = ["quick_and_planted"]


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
    with (
        FaultServer(RETRIED[name], RETRIED[name], fault.answers()) as server,
        endpoint(server) as subject,
    ):
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
    for behaviour in (
        fault.answers(""),
        fault.answers("I can't help with that."),
        fault.sends(b"<html>"),
        fault.sends(b"{}"),
    ):
        with FaultServer(behaviour) as server, endpoint(server) as subject:
            list(subject.generate(asks()))
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [
        ("7", 7, 7),
        ("0", 0, 0),
        ("999999999", 120, 120),
        ("inf", 120, 120),
        ("1e400", 120, 120),
        (None, 0.25, 0.5),
    ],
)
def test_retry_after_is_obeyed_up_to_two_minutes(
    header: str | None, low: float, high: float
) -> None:
    assert low <= remote.pause(0, header, 0.5) <= high


@pytest.mark.parametrize(
    "header", ["-1", "nan", "soon", "", "Wed, 21 Oct 2015 07:28:00 GMT", "9" * 400 + " GMT", "\x00"]
)
def test_a_senseless_retry_after_counts_as_none(header: str) -> None:
    assert 0 < remote.pause(0, header, 0.5) <= 0.5
    assert 0 < remote.pause(30, header, 0.5) <= 20


def test_a_retry_after_date_is_waited_for() -> None:
    assert 20 < remote.pause(0, email.utils.formatdate(time.time() + 30, usegmt=True)) <= 31


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_question_that_is_turned_away_is_a_reply_and_the_next_one_is_asked(status: int) -> None:
    script = [fault.answers(), fault.fails(status, f"against our policy {KEY}"), fault.answers()]
    with FaultServer(*script) as server, endpoint(server, concurrency=1) as subject:
        said = list(subject.generate(asks(3)))
    assert [r.status for r in said] == [Status.OK, Status.REJECTED, Status.OK]
    assert str(said[1].error).startswith(f"rejected: HTTP {status} against our policy")
    assert KEY not in str(said[1].error)
    assert not said[1].readable
    assert len(server.requests) == 3, "a rejection isn't tried again"


FILTERS: tuple[dict[str, Any], ...] = (
    {"error": {"message": "no", "code": "content_filter"}},
    {"error": {"message": "no", "code": 403, "type": "content_policy_violation"}},
    {"error": {"message": "Your input was flagged by our moderation", "code": 403}},
    {"detail": "内容安全"},
)


@pytest.mark.parametrize("body", FILTERS)
def test_a_filter_that_answers_403_turns_away_the_question_and_not_the_caller(
    body: dict[str, Any],
) -> None:
    script = [fault.answers(), fault.sends(json.dumps(body).encode(), 403), fault.answers()]
    with FaultServer(*script) as server, endpoint(server, concurrency=1) as subject:
        said = list(subject.generate(asks(3)))
    assert [r.status for r in said] == [Status.OK, Status.REJECTED, Status.OK]
    assert str(said[1].error).startswith("rejected: HTTP 403 ")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Forbidden</html>",
        b'{"error": {"message": "no access to lamb", "code": "denied"}}',
    ],
)
def test_403_without_a_word_of_a_filter_ends_the_run(body: bytes) -> None:
    told = pytest.raises(Incomplete, match="HTTP 403")
    with (
        FaultServer(fault.sends(body, 403)) as server,
        endpoint(server, concurrency=1) as subject,
        told,
    ):
        list(subject.generate(asks(5)))
    assert [r.body["messages"][-1]["content"] for r in server.requests][1:] == [HARMLESS]


def test_a_firewall_s_page_turns_away_the_question_where_a_harmless_one_is_answered() -> None:
    page = fault.sends(b"<html>Forbidden</html>", 403)
    script = [page, fault.answers(), fault.answers(), page, fault.answers()]
    with FaultServer(*script) as server, endpoint(server, concurrency=1) as subject:
        said = list(subject.generate(asks(3)))
    assert [r.status for r in said] == [Status.REJECTED, Status.OK, Status.REJECTED]
    assert "HTTP 403" in str(said[0].error)
    assert "a harmless question right after was answered" in str(said[0].error)
    assert [r.body["messages"][-1]["content"] == HARMLESS for r in server.requests] == [
        False,
        True,
        False,
        False,
        True,
    ]


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_a_refusal_stops_at_once_with_exit_6(status: int) -> None:
    with (
        FaultServer(fault.fails(status, f"wrong \x1b[31m {KEY}")) as server,
        endpoint(server, concurrency=1) as subject,
    ):
        with pytest.raises(Incomplete, match=f"HTTP {status}") as caught:
            list(subject.generate(asks(5)))
        assert caught.value.exit_code == 6
    assert len(server.requests) == 1 + (status == 403), (
        "after a bare 403 a harmless question is asked, once"
    )
    assert KEY not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_refused_connection_and_an_unknown_name_are_told_by_host_and_port() -> None:
    port = free_port()
    with (
        endpoint(f"http://127.0.0.1:{port}/v1") as subject,
        pytest.raises(Incomplete, match=f"127.0.0.1:{port} can't be reached") as caught,
    ):
        list(subject.generate(asks()))
    assert caught.value.next_step == "check base_url and that the server runs, then " + AGAIN
    with (
        endpoint("http://nowhere.invalid:81/v1") as subject,
        pytest.raises(Incomplete, match=r"nowhere\.invalid:81"),
    ):
        list(subject.generate(asks()))


def test_a_server_that_speaks_no_tls_is_told_by_host_and_port() -> None:
    with (
        FaultServer(fault.answers()) as server,
        endpoint(server.url.replace("http:", "https:")) as subject,
    ):
        told = pytest.raises(Incomplete, match=f"127.0.0.1:{server.port}")
        with told:
            list(subject.generate(asks()))


@pytest.mark.skipif(
    shutil.which("openssl") is None, reason="no openssl command to make a certificate with"
)
def test_a_certificate_that_nobody_signed_is_refused_and_the_key_kept(tmp_path: Path) -> None:
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ]
    made += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    made += ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")]
    subprocess.run(made, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with FaultServer(fault.answers(), tls=context) as server, endpoint(server) as subject:
        told = pytest.raises(
            Incomplete, match=f"127.0.0.1:{server.port} can't be reached: .*certificate"
        )
        with told:
            list(subject.generate(asks()))
    assert not server.requests


@pytest.mark.parametrize(
    "behaviour",
    [fault.dribbles(), fault.dribbles(in_headers=True), fault.hangs(), fault.hangs(headers=True)],
    ids=["dribbles", "dribbles headers", "hangs", "hangs after headers"],
)
def test_the_deadline_fires_whatever_the_server_dribbles(behaviour: fault.Behaviour) -> None:
    reply = the_reply(behaviour, deadline=0.8)
    assert reply.status is Status.ERROR
    assert "within 0.8 s" in str(reply.error)
    assert reply.seconds is not None
    assert 0.8 <= reply.seconds < 1.3  # a tenth over the deadline, and what a busy machine adds


def test_an_interruption_ends_hanging_calls_quickly() -> None:
    with (
        FaultServer(fault.answers(), fault.hangs()) as server,
        endpoint(server, concurrency=3) as subject,
    ):
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
