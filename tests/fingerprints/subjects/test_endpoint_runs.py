"""Whole runs against an endpoint: interrupted and resumed, within a budget, with no secret
written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fingerprints.collect import collect
from fingerprints.errors import Incomplete
from fingerprints.records import Sampling, Status
from fingerprints.subjects.budget import Budget, Use, estimate, sane_count, worst_case
from fingerprints.transcript import load_transcript
from tests import faultserver as fault
from tests.faultserver import FaultServer
from tests.fingerprints.subjects.asking import (
    KEY,
    SPELLINGS,
    asks,
    endpoint,
    probe_set,
    quick_and_planted,
)

__all__ = ["quick_and_planted"]


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_run_interrupted_half_way_and_resumed_asks_nothing_answered_twice(
    tmp_path: Path, concurrency: int
) -> None:
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


def turns_away(*places: int) -> fault.Behaviour:
    """Rejects these questions, whenever they are asked, and answers the others."""
    bad = {f"Question {i}?" for i in places}

    def behave(exchange: fault.Exchange, body: dict[str, Any]) -> None:
        asked = body["messages"][-1]["content"]
        (fault.fails(400, "against our policy") if asked in bad else fault.echoes())(exchange, body)

    return behave


@pytest.mark.parametrize("concurrency", [1, 4])
def test_questions_that_are_always_rejected_are_recorded_and_never_asked_again(
    tmp_path: Path, concurrency: int
) -> None:
    path = tmp_path / "t.jsonl"
    with FaultServer(turns_away(0, 7)) as server:
        for _ in range(2):
            with endpoint(server, concurrency=concurrency) as subject:
                whole = collect(subject, [probe_set(10)], Sampling(), path)
    assert len(server.requests) == 10
    assert whole.complete
    assert {r.probe_id: r.status for r in whole.replies if r.status is not Status.OK} == {
        "s/0": Status.REJECTED,
        "s/7": Status.REJECTED,
    }


def test_more_rejections_than_a_fifth_stop_in_one_line_and_are_asked_again_once_the_endpoint_is_mended(
    tmp_path: Path,
) -> None:
    path = tmp_path / "t.jsonl"
    with FaultServer(turns_away(1, 2, 3)) as server, endpoint(server, concurrency=1) as subject:
        with pytest.raises(Incomplete, match="3 of 10 questions were rejected") as caught:
            collect(subject, [probe_set(10)], Sampling(), path)
        assert caught.value.exit_code == 6
        assert "against our policy" in caught.value.line()
        assert "\n" not in caught.value.line()
        assert len(server.requests) == 4
        server.script = (fault.echoes(),)
        whole = collect(subject, [probe_set(10)], Sampling(), path)
    assert whole.complete
    assert {r.status for r in whole.replies} == {Status.OK}
    assert sorted(r.prompt for r in server.requests[4:]) == sorted(
        f"Question {i}?" for i in range(1, 10)
    )


def test_an_endpoint_that_rejects_everything_is_left_after_five_calls(tmp_path: Path) -> None:
    with (
        FaultServer(fault.fails(422, "no such option")) as server,
        endpoint(server, concurrency=1) as subject,
    ):
        for _ in range(2):
            with pytest.raises(Incomplete, match="5 of 100 questions were rejected"):
                collect(subject, [probe_set(100)], Sampling(), tmp_path / "t.jsonl")
        assert len(server.requests) == 10


def test_the_planted_key_is_in_no_byte_written(tmp_path: Path) -> None:
    script = [fault.echoes_key(form) for form in SPELLINGS.values()] + [
        fault.echoes_key(str, 500),
        fault.echoes(),
    ]
    with FaultServer(*script) as server, endpoint(server) as subject:
        collect(subject, [probe_set(12)], Sampling(), tmp_path / "t.jsonl")
    written = (tmp_path / "t.jsonl").read_text()
    for form in SPELLINGS.values():
        assert form(KEY)[4:-4] not in written
    assert KEY[3:] not in written


def test_a_change_of_the_served_model_is_an_event(tmp_path: Path) -> None:
    with (
        FaultServer(fault.answers(), fault.answers(model="wolf-2")) as server,
        endpoint(server, name="lamb-1", concurrency=1) as subject,
    ):
        transcript = collect(subject, [probe_set(4)], Sampling(), tmp_path / "t.jsonl")
    assert [e.kind for e in transcript.events] == ["drift", "other_model"]
    assert "'wolf-2'" in transcript.events[1].detail


def test_bursts_of_errors_lose_no_answer(tmp_path: Path) -> None:
    script = [(fault.fails(503), fault.hangs_up(), fault.answers())[i % 3] for i in range(300)]
    with FaultServer(*script) as server, endpoint(server, concurrency=8) as subject:
        transcript = collect(subject, [probe_set(60)], Sampling(), tmp_path / "t.jsonl")
    assert transcript.counts().get("ok", 0) >= 48
    assert len(transcript.replies) == 60


def test_the_token_budget_stops_before_the_call_that_could_pass_it(tmp_path: Path) -> None:
    with (
        FaultServer(fault.echoes()) as server,
        endpoint(server, tokens=1000, concurrency=4) as subject,
    ):
        with pytest.raises(Incomplete, match="budget of 1,000 tokens") as caught:
            collect(subject, [probe_set(500)], Sampling(max_tokens=100), tmp_path / "t.jsonl")
        assert caught.value.exit_code == 6
        assert str(caught.value.next_step).endswith("to resume")
        spent = subject.budget.spent
    kept = load_transcript(tmp_path / "t.jsonl").counts()["ok"]
    assert kept == len(server.requests) > 20
    assert 800 < spent.read + spent.written <= 1000


def test_lies_about_usage_do_not_stretch_the_budget() -> None:
    for usage in (
        {"prompt_tokens": 0, "completion_tokens": 0},
        {"prompt_tokens": -9, "completion_tokens": -9},
        None,
    ):
        with (
            FaultServer(fault.answers("words " * 40, usage=usage)) as server,
            endpoint(server, tokens=1000) as subject,
        ):
            stopped = pytest.raises(Incomplete)
            with stopped:
                list(subject.generate(asks(200, max_tokens=100)))
        assert len(server.requests) < 17


def test_the_cost_budget_stops_too_and_says_what_was_spent() -> None:
    with (
        FaultServer(fault.echoes()) as server,
        endpoint(server, cost=0.001, price_in=1, price_out=4) as subject,
    ):
        with pytest.raises(Incomplete, match=r"a cost of 0\.001"):
            list(subject.generate(asks(500, max_tokens=50)))
        assert 0 < subject.budget.price(subject.budget.spent) <= 0.001
    assert server.requests


def test_a_budget_for_less_than_one_call_sends_none() -> None:
    with (
        FaultServer(fault.echoes()) as server,
        endpoint(server, tokens=50) as subject,
        pytest.raises(Incomplete),
    ):
        list(subject.generate(asks()))
    assert not server.requests


@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500), st.booleans()), max_size=30),
    st.integers(1, 5000),
)
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
