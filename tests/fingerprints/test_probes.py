"""The bundled probe sets keep their promises, and bad ones are refused in one line."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from fingerprints.errors import AuditError, MalformedInput, UsageProblem
from fingerprints.probes import bundled_probe_sets, load_probe_set, parse_probe_set, reference
from fingerprints.records import Arm, Probe, ProbeSet

VENDOR_WORDS = (
    "chatgpt",
    "openai",
    "claude",
    "anthropic",
    "gemini",
    "qwen",
    "alibaba",
    "llama",
    "mistral",
    "deepseek",
    "gpt",
)


def sets() -> dict[str, ProbeSet]:
    return {name: load_probe_set(name) for name in bundled_probe_sets()}


def test_seven_sets_are_bundled_with_unique_ids_and_no_two_probes_alike() -> None:
    loaded = sets()
    assert set(loaded) == {
        "identity",
        "leading",
        "style",
        "choices",
        "openings",
        "policy",
        "service",
    }
    ids = [p.id for s in loaded.values() for p in s.probes]
    assert len(ids) == len(set(ids))
    for name, probe_set in loaded.items():
        assert all(p.id.startswith(f"{name}/") for p in probe_set.probes)
        digests = Counter(p.prompt_sha256() for p in probe_set.probes)
        assert not [d for d, n in digests.items() if n > 1], name
        assert probe_set.licence == "Apache-2.0"


def test_identity_asks_in_many_languages_and_three_arms_and_names_no_vendor() -> None:
    identity = load_probe_set("identity")
    languages = Counter(p.language for p in identity.probes)
    assert len(identity.probes) >= 40
    assert len(languages) >= 8
    assert {"ar", "zh"} <= set(languages)
    assert identity.arms == (Arm.OWN, Arm.EMPTY, Arm.NEUTRAL)
    assert len({p.cluster for p in identity.probes}) >= 16
    assert not [p.id for p in identity.probes for w in VENDOR_WORDS if w in p.text.lower()]


def test_leading_names_one_vendor_a_probe_and_treats_vendors_alike() -> None:
    counts = Counter(p.vendor for p in load_probe_set("leading").probes)
    assert None not in counts
    assert len(counts) >= 10
    assert len(set(counts.values())) == 1


@pytest.mark.parametrize(
    ("name", "least"),
    [("style", 200), ("choices", 150), ("openings", 300), ("policy", 80), ("service", 64)],
)
def test_sets_are_as_large_as_promised(name: str, least: int) -> None:
    assert len(load_probe_set(name).probes) >= least


def test_a_head_of_style_is_a_balanced_sample() -> None:
    topics = Counter(p.topic for p in load_probe_set("style").head(48).probes)
    assert len(topics) >= 10
    assert max(topics.values()) <= 8


def test_right_answers_of_choices_stand_at_every_place_alike() -> None:
    probes = load_probe_set("choices").probes
    places = Counter(p.options.index(p.answer or "") for p in probes)
    assert set(places) == {0, 1, 2, 3}
    assert max(places.values()) < 1.4 * min(places.values())


def test_no_jurisdiction_dominates_the_policy_set() -> None:
    counts = Counter(
        p.jurisdiction for p in load_probe_set("policy").probes if p.jurisdiction != "none"
    )
    assert len(counts) >= 10
    assert max(counts.values()) <= 0.15 * sum(counts.values())


def test_openings_end_where_a_word_may_follow() -> None:
    probes = load_probe_set("openings").probes
    assert {p.form for p in probes} == {"completion"}
    assert not [p.id for p in probes if p.text != p.text.rstrip()]


def test_a_reference_names_the_set_without_its_text() -> None:
    style = load_probe_set("style")
    assert reference(style).sha256 == style.digest()
    assert reference(style.head(3)).n == 3
    assert reference(style.head(9).head(3)).sha256 == style.digest()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "name: x",
        "name: x\nversion: '1'\nprobes: [{id: a}]",
        "a: [b",
        "probes: [1]",
        "name: X Y\nversion: '1'\nprobes: []",
        "!!python/object/apply:os.system ['true']",
    ],
)
def test_a_bad_probe_set_is_one_line(text: str) -> None:
    with pytest.raises(MalformedInput) as caught:
        parse_probe_set(text, "bad.yaml")
    assert "bad.yaml" in caught.value.line()
    assert "\n" not in caught.value.line()


def test_an_unknown_name_and_a_missing_file_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="no probe set is called"):
        load_probe_set("nonsense")
    with pytest.raises(MalformedInput, match="can't be read"):
        load_probe_set(str(tmp_path / "none.yaml"))


def test_a_users_own_set_is_read_from_yaml(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nversion: '2'\nprobes:\n- {id: mine/1, text: 'Hello?'}\n")
    assert load_probe_set(str(path)).probes[0].text == "Hello?"
    assert issubclass(MalformedInput, AuditError)


SHIPPED = {
    "choices": "87f74a7871567e717eea584419362ccc034bcd317814d0a9fb42478c4599aa2e",
    "identity": "65b967eeeee4a8c58c8fa9549f47622b7e55b8dfade5293a131fb2a482b8dcd3",
    "leading": "73eabad0afd7cec242891b295a81d8d74025647a711a6ff833709ae593071d1a",
    "openings": "9816d6a5f58a5063d47c8e83b99269733d4f516efc2134d76814003f3b4397e1",
    "policy": "b69a8d6d28cf3e4368f9df676bcb695978d8c382cf40b0197db86894d2a2034e",
    "service": "c7d12a78c7447324a1224aedd45408057d3be84345250abd53947c2538a8a14d",
    "style": "6e6d35b06763af2b4542ce4471782b98c0262ed50baf85d5de228e6ce0962b13",
}
"""Digests of the sets as they were before a set named its kind: transcripts and calibrations quote
them."""


def test_every_shipped_set_names_its_kind_and_its_digest_is_that_of_before() -> None:
    for name, probe_set in sets().items():
        assert {p.kind for p in probe_set.probes} == {name}
        assert reference(probe_set).sha256 == SHIPPED[name]
        assert all("kind" not in p.model_dump() for p in probe_set.probes)


def test_a_users_set_names_its_kind_and_a_probe_may_name_another() -> None:
    text = (
        'name: mine\nversion: "1"\nkind: identity\nprobes:\n'
        "  - {id: a, text: Describe yourself}\n  - {id: b, text: Write, kind: style}\n"
    )
    named, other = parse_probe_set(text, "mine.yaml").probes
    assert (named.kind, named.shows_style) == ("identity", False)
    assert (other.kind, other.shows_style) == ("style", True)
    again = Probe.model_validate_json(named.model_dump_json())
    assert (again, again.digest()) == (named, named.digest())
    assert named.digest() != Probe(id="a", text="Describe yourself").digest()


def test_probes_recorded_before_they_had_kinds_have_that_of_the_set_in_their_id() -> None:
    old = {i: Probe(id=i, text="?") for i in ("identity/x", "named/1", "identity", "alpaca/7")}
    assert [p.kind for p in old.values()] == ["identity", "named", "style", "style"]
    assert [p.shows_style for p in old.values()] == [False, True, True, True]
    choice = Probe(id="mine/1", text="?", form="choice", options=("a", "b"), answer="a")
    assert (choice.kind, choice.shows_style) == ("choices", False)
