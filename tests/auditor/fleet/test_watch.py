"""Endpoints are watched: a change is told once, in three ways; a kill, a dead endpoint and a clock that
goes back cost nothing."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from auditor.cli import run
from auditor.commands.watch import wait_first
from auditor.fleet.plan import read_fleet
from auditor.fleet.telling import ATOM, FEED, feed, post
from auditor.fleet.watch_files import (
    STATE,
    OpenLook,
    WatchedChange,
    WatchState,
    open_file,
    open_look,
    state_file,
)
from auditor.fleet.watching import look, needed, watched
from fingerprints.errors import Incomplete, MalformedInput, UnsafeInput, UsageProblem
from tests.auditor.fleet.fleets import Inline, answers, suspect, written
from tests.faultserver import Behaviour, Exchange, FaultServer, completion, fails, sends

WORDS = (("red", "green", "blue", "grey"), ("north", "south", "east", "west"))


def drawn(words: Sequence[str], body: dict[str, Any]) -> str:
    """Three of the words, drawn by question and seed alone: whose answers are ranked how must not
    hang on which of several calls under way comes first, nor on the address."""
    asked = f"{body['messages'][-1]['content']} {body['seed']}"
    lot = hashlib.sha256(asked.encode()).digest()
    return " ".join(words[byte % len(words)] for byte in lot[:3])


def speaks(voice: Callable[[int], int]) -> Behaviour:
    """Call n answers three words of the voice ``voice(n)``, which must be one for a whole look."""
    calls = itertools.count()

    def behave(exchange: Exchange, body: dict[str, Any]) -> None:
        text = drawn(WORDS[voice(next(calls))], body)
        exchange.send(200, json.dumps(completion(text)).encode())

    return behave


def served(tmp_path: Path, server: FaultServer) -> Path:
    spec = f"openai:m,base_url={server.url}"
    return written(tmp_path, [{"name": "served", "spec": spec}], [answers("bundled")])


def looked(path: Path, times: int = 1, alpha: float = 0.05) -> WatchState:
    for _ in range(times):
        plan, out = read_fleet(path), path.parent / "out"
        with open_look(watched(plan, path), out) as begun:
            (state,) = look(plan, path, out, Inline(), alpha, begun)
    return state


FIRST, EACH = 24 * 8, 24


def test_a_change_of_the_model_is_seen_and_the_test_begins_anew(tmp_path: Path) -> None:
    with FaultServer(speaks(lambda n: int(n >= FIRST + 2 * EACH))) as server:
        path = served(tmp_path, server)
        quiet = looked(path, 3)
        assert (quiet.looks, quiet.changes) == (3, ())
        assert len(server.requests) == FIRST + 2 * EACH
        found = looked(path)
        assert [c.what for c in found.changes] == ["answers"]
        assert found.changes[0].look == 4
        assert (found.test, found.baseline, found.p) == (2, 5, ())
        again = looked(path, 3)
    assert again.changes == found.changes
    assert len(again.p) == 2


def late(n: int, behaves: Behaviour) -> Behaviour:
    """Every n-th call is kept back, so that others which were begun later overtake it."""
    calls = itertools.count()

    def behave(exchange: Exchange, body: dict[str, Any]) -> None:
        if next(calls) % n == 0:
            exchange.stopped(0.01)
        behaves(exchange, body)

    return behave


def test_neither_the_address_nor_the_order_of_the_calls_moves_a_rank(tmp_path: Path) -> None:
    """Else what these tests see of a change would hang on the port that they were dealt."""
    found = []
    for n in (2, 3):
        with FaultServer(late(n, speaks(lambda _: 0))) as server:
            (home := tmp_path / str(n)).mkdir()
            found.append((server.url, looked(served(home, server), 2).p))
    (one, first), (other, second) = found
    assert one != other
    assert first == second
    assert len(first) == 1
    assert len(first[0]) == EACH


def test_a_look_that_was_killed_goes_on_and_asks_nothing_twice(tmp_path: Path) -> None:
    with FaultServer(speaks(lambda n: 0)) as server:
        path = served(tmp_path, server)
        whole = looked(path, 2)
        asked = len(server.requests)
        # As if killed between the last answer and the state: only the state is older.
        older = whole.model_copy(update={"looks": 1, "p": (), "log10_e": 0.0})
        file = state_file(path.parent / "out", "served")
        file.write_text(older.model_dump_json(), "utf-8")
        resumed = looked(path)
        assert len(server.requests) == asked
    assert resumed.p == whole.p
    assert resumed.log10_e == whole.log10_e


def test_whoever_was_looked_at_before_a_kill_is_not_asked_for_another_look(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Killed when the change of one endpoint was written down, before it was told."""
    voice = speaks(lambda n: int(n >= 2 * (FIRST + EACH)))
    with FaultServer(voice) as server:
        spec = f"openai:m,base_url={server.url}"
        both = [{"name": "one", "spec": spec}, {"name": "two", "spec": spec}]
        path = written(tmp_path, both, [answers("bundled")])
        command = ["watch", str(path), "--out", str(tmp_path / "out"), "--once", "--jobs", "1"]
        assert [run(command), run(command)] == [0, 0]
        older = {name: state_file(tmp_path / "out", name).read_bytes() for name in ("one", "two")}
        capfd.readouterr()
        assert run([*command, "--json"]) == 1
        first = [c["suspect"] for c in json.loads(capfd.readouterr().out)["changes"]]
        assert first == ["one", "two"]
        asked = len(server.requests)
        # As it was when the state of the first had been written.
        state_file(tmp_path / "out", "two").write_bytes(older["two"])
        half = OpenLook(looks={"one": 2, "two": 2}, known={"one": 0, "two": 0})
        open_file(tmp_path / "out").write_text(half.model_dump_json(), "utf-8")
        capfd.readouterr()
        assert run([*command, "--json"]) == 1
        told = json.loads(capfd.readouterr().out)
        assert [c["suspect"] for c in told["changes"]] == first
        assert {s["suspect"]: s["looks"] for s in told["states"]} == {"one": 3, "two": 3}
        assert len(server.requests) == asked
        assert not open_file(tmp_path / "out").exists()


def test_a_damaged_state_is_told_left_as_it_is_and_stops_no_other(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with FaultServer(speaks(lambda n: 0)) as server:
        spec = f"openai:m,base_url={server.url}"
        both = [{"name": name, "spec": spec} for name in ("one", "two")]
        path, out = written(tmp_path, both, [answers("bundled")]), tmp_path / "out"
        command = ["watch", str(path), "--out", str(out), "--once", "--jobs", "1"]
        assert run(command) == 0
        file = state_file(out, "one")
        whole = file.read_bytes()
        file.write_text("{", "utf-8")
        capfd.readouterr()
        assert run(command) == 6
        told = capfd.readouterr().err
        assert "one: not asked: not the state of a watch" in told
        assert "1 of 2 endpoints looked at" in told
        assert "move it away" in told
        assert len(server.requests) == 2 * FIRST + EACH
        assert file.read_text("utf-8") == "{"
        # Put back, it is compared with what was heard before.
        file.write_bytes(whole)
        assert run(command) == 0
    looks = {name: STATE.read(state_file(out, name)).looks for name in ("one", "two")}
    assert looks == {"one": 2, "two": 3}


def names(*served: str) -> Callable[[Exchange, dict[str, Any]], None]:
    """Answers alike under one name after the other."""
    calls = itertools.count()

    def behave(exchange: Exchange, body: dict[str, Any]) -> None:
        told = completion(drawn(WORDS[0], body), model=served[next(calls) % len(served)])
        exchange.send(200, json.dumps(told).encode())

    return behave


def test_a_router_that_tells_its_models_is_told_as_one_and_is_no_change(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with FaultServer(names("large", "small")) as server:
        path = served(tmp_path, server)
        command = ["watch", str(path), "--out", str(tmp_path / "out"), "--once"]
        assert run(command) == 0
        assert "several names in turn" in capfd.readouterr().out
        assert [run(command), run(command)] == [0, 0]
        assert "turn" not in capfd.readouterr().out
    state = STATE.read(state_file(tmp_path / "out", "served"))
    assert [(c.what, c.after) for c in state.changes] == [("turns", ("large", "small"))]
    assert len(state.p) == 2


def test_a_router_that_keeps_to_one_model_for_a_while_is_a_change_of_answers(
    tmp_path: Path,
) -> None:
    """It tells no names: the look that the other model answered is told."""
    with FaultServer(speaks(lambda n: int(FIRST + EACH <= n < FIRST + 2 * EACH))) as server:
        state = looked(served(tmp_path, server), 3)
    assert [(c.what, c.look) for c in state.changes] == [("answers", 3)]


def test_answers_that_repeat_are_told_and_bet_on_all_the_same(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """As out of a cache: what a change means then is said with it."""
    calls = itertools.count()

    def cached(exchange: Exchange, body: dict[str, Any]) -> None:
        asked = body["messages"][-1]["content"]
        text = f"{len(asked)} {'new' if next(calls) >= FIRST + 2 * EACH else 'old'}"
        exchange.send(200, json.dumps(completion(text)).encode())

    with FaultServer(cached) as server:
        path = served(tmp_path, server)
        command = ["watch", str(path), "--out", str(tmp_path / "out"), "--once"]
        assert run(command) == 0
        assert "can't be told" in capfd.readouterr().out
        assert [run(command), run(command)] == [0, 0]
        assert "repeat" not in capfd.readouterr().out
        assert run([*command, "--until-change"]) == 1
        assert "cache" in capfd.readouterr().out
    state = STATE.read(state_file(tmp_path / "out", "served"))
    assert [(c.what, c.repeated) for c in state.changes] == [("repeats", False), ("answers", True)]


def test_an_endpoint_that_is_gone_keeps_its_state_and_is_no_change(tmp_path: Path) -> None:
    script = [speaks(lambda n: 0)]
    with FaultServer(*script) as server:
        path = served(tmp_path, server)
        before = looked(path, 2)
        server.script = (fails(401),)
        gone = looked(path)
        assert (gone.exit_code, gone.looks, gone.p) == (6, before.looks, before.p)
        assert gone.problem
        server.script = tuple(script)
        back = looked(path)
    assert (back.looks, back.problem, back.changes) == (3, "", ())


def test_the_command_tells_a_change_in_every_way(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        FaultServer(speaks(lambda n: int(n >= FIRST + EACH))) as server,
        FaultServer(fails(500), sends(b"")) as hook,
    ):
        monkeypatch.setenv("AUDITOR_WATCH_WEBHOOK", f"{hook.url}/changed?key=hidden")
        path = served(tmp_path, server)
        command = ["watch", str(path), "--out", str(tmp_path / "out"), "--once", "--allow-private"]
        assert [run(command), run(command)] == [0, 0]
        assert not hook.requests
        capfd.readouterr()
        assert run([*command, "--json"]) == 1
        told = capfd.readouterr()
        assert [c["what"] for c in json.loads(told.out)["changes"]] == ["answers"]
        assert "hidden" not in told.out + told.err
        # The hook refused it: it is sent at the next look, and then no more.
        assert [run(command), run(command)] == [0, 0]
    sent = [request.body for request in hook.requests]
    assert len(sent) == 2
    assert sent[0] == sent[1]
    assert (sent[0]["suspect"], sent[0]["what"]) == ("served", "answers")
    assert server.url not in json.dumps(sent)
    root = ElementTree.parse(tmp_path / "out" / FEED).getroot()
    assert [e.tag for e in root].count(f"{{{ATOM}}}entry") == 1


def test_a_private_address_is_refused_unless_that_is_said() -> None:
    with FaultServer(sends(b"")) as hook:
        with pytest.raises(UnsafeInput, match="private"):
            post(f"{hook.url}/x", {}, allow_private=False)
        assert not hook.requests
        post(f"{hook.url}/x", {"a": 1}, allow_private=True)
        assert [r.body for r in hook.requests] == [{"a": 1}]


def test_a_webhook_that_leads_elsewhere_is_not_followed() -> None:
    with FaultServer(sends(b"", 307, Location="http://127.0.0.1:1/")) as hook:
        with pytest.raises(Incomplete, match="status 307"):
            post(hook.url, {}, allow_private=True)
        assert len(hook.requests) == 1


def test_a_feed_spells_out_what_is_hostile_in_a_name() -> None:
    names = ("</title><script>", "\x00\x1b[31m")
    change = WatchedChange(
        what="name", suspect="s", look=2, made="2026-11-30T00:00:00Z", before=names, after=names
    )
    state = WatchState(suspect="s", spec_sha256="", changes=(change,))
    told = feed("spring", [state])
    assert told == feed("spring", [state])
    assert b"<script>" not in told
    assert ElementTree.fromstring(told).tag == f"{{{ATOM}}}feed"


def test_false_alarms_of_all_endpoints_and_tests_share_one_alpha() -> None:
    shares = [10.0 ** -needed(0.05, 3, test) for _ in range(3) for test in range(1, 2000)]
    assert sum(shares) <= 0.05
    assert sum(shares) > 0.049


def test_a_clock_that_goes_back_brings_neither_a_storm_nor_silence() -> None:
    assert wait_first(last=10_000.0, now=5_000.0, every=600.0) == 600.0
    assert wait_first(last=10_000.0, now=10_100.0, every=600.0) == 500.0
    assert wait_first(last=10_000.0, now=99_000.0, every=600.0) == 0.0


def test_a_plan_without_endpoints_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, [suspect(tmp_path, "spoken")], [answers("bundled")])
    with pytest.raises(MalformedInput, match="none of them is an endpoint"):
        looked(path)


def test_another_address_in_the_plan_is_another_baseline(tmp_path: Path) -> None:
    with FaultServer(speaks(lambda n: 0)) as one, FaultServer(speaks(lambda n: 1)) as other:
        looked(served(tmp_path, one), 2)
        state = looked(served(tmp_path, other), 2)
    assert [c.what for c in state.changes] == ["spec"]
    assert (state.test, len(state.p)) == (2, 1)
    file = state_file(tmp_path / "out", "served")
    assert STATE.read(file) == state


def test_a_half_look_of_another_address_is_not_gone_on_with(tmp_path: Path) -> None:
    """The endpoint dies in the middle of a look and comes back at another address."""
    healthy = [speaks(lambda n: 0)] * (FIRST + 3)
    with FaultServer(*healthy, fails(401)) as one, FaultServer(speaks(lambda n: 1)) as other:
        looked(served(tmp_path, one))
        assert looked(served(tmp_path, one)).problem
        moved = looked(served(tmp_path, other))
        assert (moved.problem, [c.what for c in moved.changes]) == ("", ["spec"])
        assert len(other.requests) == FIRST


@pytest.mark.parametrize(
    "url",
    ["http://x:99999/", "http://[::1", "http://127.0.0.1/\u00e4", "http:///x"],
)
def test_a_webhook_that_is_no_address_is_told_without_repeating_it(url: str) -> None:
    with pytest.raises(UsageProblem, match="no http or https address"):
        post(url, {}, allow_private=True)


def test_a_webhook_whose_name_can_not_be_is_not_sent() -> None:
    with pytest.raises(Incomplete, match="UnicodeError"):
        post(f"http://{'a' * 70}.example/", {}, allow_private=False)


@pytest.mark.parametrize(
    "host",
    ["[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::7f00:1]", "[fec0::1]"],
)
def test_a_private_address_in_a_wrapping_is_refused(host: str) -> None:
    with pytest.raises(UnsafeInput, match="private"):
        post(f"http://{host}:1/", {}, allow_private=False)


@pytest.mark.parametrize("host", ["169.254.169.254", "224.0.0.1"])
def test_a_metadata_service_is_never_told(host: str) -> None:
    with pytest.raises(UnsafeInput, match="link-local"):
        post(f"http://{host}:1/", {}, allow_private=True)


@pytest.mark.parametrize("every", ["999999d", "0h", "1"])
def test_a_time_between_looks_that_can_not_be_waited_is_refused(tmp_path: Path, every: str) -> None:
    command = ["watch", str(tmp_path / "fleet.yaml"), "--every", every]
    assert run([*command, "--out", str(tmp_path / "out")]) == 2
