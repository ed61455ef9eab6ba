"""Lineage first: what is known of weights, base and maker ends an inquiry into answers before it
begins, and what isn't known is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from auditor import audit
from auditor.audits.inheritance.base_model import Base
from auditor.audits.inheritance.kinship import kinship
from auditor.audits.inheritance.plan import Plan
from auditor.audits.lineage.within import Within, lineage_within
from auditor.evidence.kinship import Kin
from auditor.evidence.records import Candidate, Report
from detectors.base import Teacher
from fingerprints.records import Identity
from fingerprints.transcript import Header, Transcript
from fingerprints.weights.card import DeclaredLineage
from tests.auditor.calibration.population import (
    student,
    teachers,
    write_store,
    write_transcript,
)
from tests.auditor.evidence.test_groups import stored
from tests.fingerprints.subjects.tiny import tiny_checkpoint

CANDIDATES = (
    stored("llama-3-70b", "Meta", "meta"),
    stored("gpt-x", "OpenAI"),
    stored("acme-1", "Acme Labs"),
    stored("Qwen-72B", ""),
)
META, OPENAI, ACME = "vendor:meta", "vendor:openai", "vendor:acme labs"


def who(name: str = "suspect", **fields: Any) -> Identity:
    return Identity(kind="checkpoint", name=name, **fields)


def found(
    suspect: Identity | None = None,
    base: Base | None = None,
    within: Within | None = None,
    vendor: str = "",
    candidates: tuple[Candidate, ...] = CANDIDATES,
) -> Kin:
    plan = Plan.make({"suspect": "x.jsonl", "vendor": vendor})
    return kinship(plan, suspect or who(), base, within or Within(), candidates)


def codes(kin: Kin) -> dict[str, list[str]]:
    return {group: [t.kinship for t in ties] for group, ties in kin.ties.items()}


def based(name: str, vendor: str = "", spec: str | None = None, weights: str = "") -> Base:
    said = Transcript(Header(spec=name, identity=who(name, weights_sha256=weights or None)), {}, ())
    return Base(Teacher(name, vendor, "", said), "user", spec)


def test_nothing_is_known_of_a_stranger_and_that_is_told() -> None:
    kin = found()
    assert (dict(kin.ties), kin.open, kin.hints) == ({}, ("base", "maker"), ())
    assert kin.unknown


def test_equal_weights_and_adapters_on_them_are_kin() -> None:
    assert codes(found(who(weights_sha256="meta"))) == {META: ["same_weights"]}
    assert codes(found(who(weights_sha256="meta", adapter_sha256="l"))) == {
        META: ["shared_weights"]
    }
    adapted = (stored("tuned", "Acme Labs", "w", "one"),)
    beside = who(weights_sha256="w", adapter_sha256="two")
    assert codes(found(beside, candidates=adapted)) == {ACME: ["shared_weights"]}


@pytest.mark.parametrize(
    ("vendor", "group"),
    [
        *(("Meta", META), ("llama", META), ("acme labs", ACME), ("Alibaba", "Qwen-72B")),
        *(("OpenAI Inc.", OPENAI), ("open ai", OPENAI), ("Acme Labs, Ltd.", ACME)),
        *(("Alibaba Inc", "Qwen-72B"),),
    ],
)
def test_the_users_word_on_the_maker_makes_its_own_models_kin(vendor: str, group: str) -> None:
    kin = found(vendor=vendor)
    assert codes(kin) == {group: ["own_maker"]}
    assert kin.open == ("base",)


@pytest.mark.parametrize(
    "base",
    [
        based("meta-llama/Meta-Llama-3-8B"),
        based("base", "META"),
        based("base", spec="hf:./models/llama-2-7b,dtype=float32"),
        based("llama-3-70b"),
    ],
)
def test_any_base_of_a_maker_is_kin_tuned_or_not_by_the_store_or_by_its_name(base: Base) -> None:
    kin = found(base=base)
    assert codes(kin) == {META: ["base"]}
    assert kin.open == ("maker",)
    assert "as given by the user" in kin.of(META)[0].told
    assert kin.only_given(META)
    assert kin.given == ("base",)


def test_a_base_that_answers_like_a_stored_model_is_that_model_whatever_it_is_called() -> None:
    plan = Plan.make({"suspect": "x.jsonl"})
    base = based("{0} llama-2-7b")  # a name of strangers is no pattern to be filled in
    kin = kinship(plan, who(), base, Within(), CANDIDATES, base_answers=("gpt-x",))
    assert codes(kin) == {META: ["base"], OPENAI: ["same_answers"]}
    told = "{0} llama-2-7b, as given by the user, are those of gpt-x word for word"
    assert kin.of(OPENAI)[0].told.endswith(told)
    assert kin.only_given(OPENAI)


def test_a_makers_name_that_nobody_has_is_asked_about() -> None:
    (hint,) = found(vendor="Opnai").hints
    assert "did you mean OpenAI?" in hint
    assert found(vendor="Acme-Labs", candidates=CANDIDATES[:1]).hints == ()
    assert found(vendor="OpenAI").hints == ()


def test_a_base_that_tells_nobody_apart_leaves_it_open_whose_it_is() -> None:
    kin = found(base=based("my-base"), vendor="Somebody")
    assert (dict(kin.ties), kin.open) == ({}, ("base",))


def test_what_the_files_declare_is_kin_but_a_models_own_name_is_a_hint_alone() -> None:
    cited = Within(declared=DeclaredLineage(base_models=("Qwen/Qwen2-7B",)))
    assert codes(found(within=cited)) == {"Qwen-72B": ["declared"]}
    kept = Within(declared=DeclaredLineage(name_or_path="meta-llama/Llama-2-7b-hf"))
    assert codes(found(within=kept)) == {META: ["declared"]}
    own = Within(declared=DeclaredLineage(name_or_path="someone/gpt-4-alpaca"))
    kin = found(who("gpt-4-alpaca"), within=own)
    assert dict(kin.ties) == {}
    assert any("goes by the name" in hint and "OpenAI" in hint for hint in kin.hints)


def test_an_equal_tokenizer_is_a_hint_and_no_reason_to_refuse() -> None:
    with_tokenizer = tuple(
        c.model_copy(update={"identity": c.identity.model_copy(update={"tokenizer_sha256": "t"})})
        if c.name == "acme-1"
        else c
        for c in CANDIDATES
    )
    kin = found(who(tokenizer_sha256="t"), candidates=with_tokenizer)
    assert dict(kin.ties) == {}
    (hint,) = kin.hints
    assert "tokenizer of acme-1" in hint


def test_a_folder_on_the_users_machine_names_nobodys_maker() -> None:
    assert dict(found(base=based("base", spec="hf:/home/claude/meta/run-5/base")).ties) == {}


def test_weights_that_derive_from_a_makers_base_are_kin(tmp_path: Path) -> None:
    from tests.auditor.audits.lineage.relatives import nudged

    made = tiny_checkpoint(tmp_path / "llama-3-tiny", seed=1, num_hidden_layers=3)
    tuned = nudged(made, tmp_path / "tuned", 0.2)
    within = lineage_within(str(tuned), [str(made)])
    kin = found(within=within)
    assert codes(kin) == {META: ["compared_weights"]}
    assert kin.open == ("maker",)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("recorded")
    path = write_transcript(folder / "suspect.jsonl", student(777, 3))
    return path, write_store(folder / "store")


def audited(recorded: tuple[Path, Path], out: Path, **choices: Any) -> Report:
    path, store = recorded
    plain = {"detectors": ["stylistic_overlap"], "calibration": "none"}
    return audit(str(path), out, store=str(store), **{**plain, **choices})


def test_a_report_says_what_it_does_not_know_of_base_and_maker(
    recorded: tuple[Path, Path], tmp_path: Path
) -> None:
    told = audited(recorded, tmp_path / "r")
    assert any("who made it are not known" in limit for limit in told.limits)
    known = audited(recorded, tmp_path / "s", vendor="vendor-3")
    assert not any("who made it are not known" in limit for limit in known.limits)
    codes = {v.candidate: v.reason_code for v in known.verdicts}
    assert codes["vendor:vendor-3"] == "not_separable_from_lineage"
    assert set(codes.values()) == {"not_separable_from_lineage", "uncalibrated"}
    answer = known.answers[0]
    assert answer.conclusion == "not_assessable"
    assert "Not separable from lineage: vendor-3, with which the suspect shares" in answer.answer
    assert "as given by the user" in answer.answer
    assert "it is known that" not in answer.answer
    assert any("maker is as given by the user, and unchecked" in limit for limit in known.limits)


def test_a_recorded_base_that_is_a_stored_models_answers_is_noticed(
    recorded: tuple[Path, Path], tmp_path: Path
) -> None:
    copied = teachers()[2]
    base = write_transcript(tmp_path / "harmless.jsonl", copied.transcript)
    told = audited(recorded, tmp_path / "r", base=str(base))
    (verdict,) = (v for v in told.verdicts if v.candidate == f"vendor:{copied.vendor}")
    assert verdict.outcome == "not_assessable"
    assert "same_answers" in verdict.kinship
    assert "word for word" in verdict.reason
    assert "as given by the user" in told.answers[0].answer
    assert "of which it is known" not in told.answers[0].answer


@pytest.mark.parametrize(
    ("shared", "identical", "tied"), [(269, 269, True), (269, 200, False), (9, 9, False)]
)
def test_answers_that_are_nearly_all_the_same_are_a_models_own(
    shared: int, identical: int, tied: bool
) -> None:
    copied = CANDIDATES[1].model_copy(update={"n_shared": shared, "n_identical": identical})
    kin = found(candidates=(CANDIDATES[0], copied))
    assert codes(kin) == ({OPENAI: ["same_answers"]} if tied else {})
    assert not tied or "word for word" in kin.of(OPENAI)[0].told
