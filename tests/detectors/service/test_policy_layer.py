"""Who declines what: in front of the model, in the weights, everywhere; twins, clusters, and
alarms where nothing differs."""

from __future__ import annotations

import random

import pytest

from detectors.base import Case, Measurement, NotMeasured, Teacher
from detectors.exhibits.policy import ComparedDeclines, three_way
from detectors.registry import load_detector
from detectors.service.policy_layer import PolicyLayer
from detectors.service.policy_pairs import HeardReply, groups_of, heard, is_twin, pairs_of, tally
from fingerprints.records import Arm, Probe, Reply, Status
from fingerprints.transcript import Header, Transcript
from tests.auditor.audits.policy.example import questions, said, service, speaker, weights
from tests.detectors.strangers import said as answered


def compared(hosted: Transcript, local: Transcript) -> ComparedDeclines:
    found = PolicyLayer().compared(Case(hosted, Teacher("local", "", "", local)))
    assert isinstance(found, ComparedDeclines)
    return found


def test_the_registry_loads_it_as_a_question_of_the_service() -> None:
    found = load_detector("policy_layer")
    assert isinstance(found, PolicyLayer)
    assert found.question == "service"


def test_filter_weights_and_neither_are_told_apart_by_topic() -> None:
    found = compared(speaker("s", service), speaker("w", weights))
    by = {g.name: g.conclusion for g in found.topics}
    assert by["elections"] == "in_front"
    assert by["copyright"] == "in_both"
    assert {v for k, v in by.items() if k not in ("elections", "copyright", "protest")} == {
        "in_neither"
    }
    assert found.twins is not None
    assert found.twins.first == found.twins.second == 0
    assert (found.everything.first_only, found.everything.second_only) == (13, 0)


def test_a_service_that_declines_twins_too_is_no_topical_filter() -> None:
    found = compared(
        speaker("s", lambda p: "refuses" if p.topic == "fiction" else ""),
        speaker("w", lambda p: ""),
    )
    assert {g.name: g.conclusion for g in found.topics}["fiction"] == "everything"


def test_the_reverse_is_told_as_the_reverse() -> None:
    found = compared(
        speaker("s", lambda p: ""), speaker("w", lambda p: "refuses" if p.topic == "drugs" else "")
    )
    assert {g.name: g.conclusion for g in found.topics}["drugs"] == "at_home_only"
    assert found.everything.gap.high < 0


def test_a_filter_on_one_language_is_found_by_language() -> None:
    found = compared(
        speaker("s", lambda p: "filtered" if p.language == "zh" and not is_twin(p) else ""),
        speaker("w", lambda p: ""),
    )
    by = {g.name: g.conclusion for g in found.languages}
    assert by.pop("zh") == "in_front"
    assert set(by.values()) == {"in_neither"}


def test_silence_counts_neither_way() -> None:
    found = compared(
        speaker("s", lambda p: "empty" if p.topic == "drugs" else ""), speaker("w", lambda p: "")
    )
    assert "drugs" not in {g.name for g in found.topics}
    assert found.silent == (24, 0)
    assert found.everything.first_only == 0


def taken(rate: float, dice: random.Random) -> dict[str, HeardReply]:
    """Somebody who declines any question at a rate."""
    silent = Reply(probe_id="policy/x", arm=Arm.OWN, status=Status.OK, text="x")
    return {
        p.id: HeardReply(p, ("refused" if dice.random() < rate else "answered",), silent)
        for p in questions()
    }


def test_equal_rates_of_refusal_raise_no_more_alarms_than_promised() -> None:
    dice = random.Random(0)
    alarms = topics = 0
    for i in range(30):
        rate = (0.1, 0.3, 0.5)[i % 3]
        pairs = pairs_of(taken(rate, dice), taken(rate, dice))
        found = tally([p for p in pairs if not p.twin])
        assert found is not None
        alarms += found.p <= 0.05
        topics += any(
            g.conclusion in ("in_front", "at_home_only", "everything")
            for g in groups_of(pairs, lambda p: p.topic)
        )
    assert alarms <= 5  # 30 at 5 %: over 5 happens less than once in a hundred
    assert topics <= 5


def test_most_samples_decide_and_intervals_count_questions() -> None:
    probe = Probe(id="policy/a", question="a", topic="t", language="en", text="?")
    no = "I'm sorry, but I can't help with that."
    texts = [no, "It was in 1989 that it happened.", no]
    replies = tuple(
        Reply(probe_id=probe.id, arm=Arm.OWN, sample=i, status=Status.OK, text=t)
        for i, t in enumerate(texts)
    )
    header = Header(spec="x", identity=answered([], [], "x").identity)
    assert next(iter(heard(Transcript(header, {probe.id: probe}, replies)).values())).declined
    whole = compared(speaker("s", service), speaker("w", weights)).everything
    assert (whole.n, whole.gap.clusters) == (156, 78)


def test_too_few_pairs_are_said() -> None:
    few = answered([Probe(id="policy/1", text="Why?")], ["Because it rained."], "x")
    found = PolicyLayer().measure(Case(few, Teacher("local", "", "", few)))
    assert isinstance(found, NotMeasured)
    assert "only 1 sensitive question" in found.reason


def test_the_measurement_holds_what_the_comparison_found() -> None:
    found = PolicyLayer().measure(
        Case(speaker("s", service), Teacher("local", "", "", speaker("w", weights)))
    )
    assert isinstance(found, Measurement)
    assert found.value == pytest.approx(13 / 156)
    assert found.n == 78
    assert {b.label for b in found.charts[0].bars if b.strong} == {"elections"}
    assert len(found.exhibits) % 2 == 0
    assert [e.weight for e in found.exhibits] == sorted(
        (e.weight for e in found.exhibits), reverse=True
    )


def test_three_models_stand_side_by_side() -> None:
    all_three = said()
    table = three_way(
        all_three["hosted"], {"weights": all_three["local"], "student": all_three["also"]}
    )
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["elections"] == (12, 12, 0, 6)
    assert rows["harmless twins"][1:] == (0, 0, 0)
